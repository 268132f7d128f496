package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/line"
	"netstream/services/exporter"
	"netstream/services/sampler"
)

// lineFlags change the configuration of the line from the command line.
type lineFlags struct {
	exports, formats         []string
	aggregations             []string
	exportRate               int
	sample                   uint32
	packetShards, flowShards int
}

func (f *lineFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringArrayVar(&f.exports, "export", nil, "send NetStream to this `HOST:PORT` too; may be repeated")
	s.StringArrayVar(&f.formats, "format", nil, "v5, v8, v9 or ipfix: once for all --export, or once for each (default v9)")
	s.StringArrayVar(&f.aggregations, "aggregate", nil, "send aggregates of this `mode` to each --export, such as as, protocol-port, prefix or vlan-id, and no flows; may be repeated")
	s.IntVar(&f.exportRate, "export-rate", 0, "`datagrams` sent to each --export in a second at most; 0: no limit")
	s.Uint32Var(&f.sample, "sample", 0, "take one packet of `N`, at random; 1: all")
	s.IntVar(&f.packetShards, "packet-shards", 0, "`number` of flow caches; fixed once the data directory has data")
	s.IntVar(&f.flowShards, "flow-shards", 0, "`number` of agers; fixed once the data directory has data")
	c.RegisterFlagCompletionFunc("format", words(string(exporter.V5), string(exporter.V8), string(exporter.V9), string(exporter.IPFIX)))
	c.RegisterFlagCompletionFunc("aggregate", words(exporter.Modes()...))
}

// err is what is wrong with the flags together.
func (f *lineFlags) err(c *cobra.Command) error {
	if n := len(f.formats); n > 1 && n != len(f.exports) {
		return wrongUsage(c, "%d --format for %d --export: want one for all, or one for each", n, len(f.exports))
	}
	if len(f.formats) > 0 && len(f.exports) == 0 {
		return wrongUsage(c, "--format without --export: where to?")
	}
	if len(f.aggregations) > 0 && len(f.exports) == 0 {
		return wrongUsage(c, "--aggregate without --export: where to?")
	}
	return nil
}

// apply changes what the flags name. Bad values are found with those of the file.
func (f *lineFlags) apply(cfg *line.Config) {
	for _, mode := range f.aggregations {
		if !slices.ContainsFunc(cfg.Exporter.Aggregations, func(a exporter.Aggregation) bool { return a.Mode == mode }) {
			a := exporter.DefaultAggregation()
			a.Mode = mode
			cfg.Exporter.Aggregations = append(cfg.Exporter.Aggregations, a)
		}
	}
	for i, address := range f.exports {
		d := exporter.DefaultDestination()
		d.Address, d.Rate, d.Aggregations = address, f.exportRate, f.aggregations
		switch {
		case i < len(f.formats):
			d.Format = exporter.Format(f.formats[i])
		case len(f.formats) > 0:
			d.Format = exporter.Format(f.formats[0])
		}
		cfg.Exporter.Destinations = append(cfg.Exporter.Destinations, d)
	}
	if f.sample > 1 {
		cfg.Sampler.Sampling.Mode, cfg.Sampler.Sampling.Interval = sampler.PacketRandom, f.sample
		cfg.Exporter.Sampling = f.sample
	} else if f.sample == 1 {
		cfg.Sampler.Sampling.Mode = sampler.SamplingOff
	}
	if f.packetShards != 0 {
		cfg.Layout.PacketShards = f.packetShards
	}
	if f.flowShards != 0 {
		cfg.Layout.FlowShards = f.flowShards
	}
}
