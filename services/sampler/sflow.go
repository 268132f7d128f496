package sampler

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"netstream/pipeline/config"
	"netstream/services/sampler/internal/sflow"
)

// SFlow is the configuration of sFlow as an input. Without an address there is none.
type SFlow struct {
	Listen   string `yaml:"listen" doc:"host:port to receive sFlow 5 on over UDP, such as 127.0.0.1:6343; empty: off"`
	Agents   int    `yaml:"agents" doc:"agents, each a source of its own, that are listened to; 1 to 4096"`
	Overload string `yaml:"overload" doc:"when the bus is too slow: thin takes fewer packets, each standing for more; drop drops; wait stops reading until the socket is full"`
}

func defaultSFlow() SFlow { return SFlow{Agents: 256, Overload: OverloadThin} }

// Validate reports all problems.
func (c SFlow) Validate() error {
	var ps config.Problems
	if c.Listen != "" {
		_, port, err := net.SplitHostPort(c.Listen)
		if err == nil {
			_, err = net.LookupPort("udp", port)
		}
		if err != nil || port == "" {
			ps.Addf("listen", c.Listen, "host:port such as 127.0.0.1:6343, or empty")
		}
	}
	if c.Agents < 1 || c.Agents > 4096 {
		ps.Addf("agents", c.Agents, "1 to 4096")
	}
	if !validOverload(c.Overload) {
		ps.Addf("overload", c.Overload, "thin, drop or wait")
	}
	return ps.Err()
}

// SFlow publishes what agents sample, each agent as a live source, until ctx ends. Their packets are all taken: sampling,
// and overrides of it, are for what the sampler sees itself.
func (s *Service) SFlow(ctx context.Context) error {
	c := s.cfg.SFlow
	listener, err := sflow.Listen(c.Listen, c.Agents, s.sflow, s.log)
	if err != nil {
		return fmt.Errorf("sFlow: %w; set sampler.sflow.listen to a free address", err)
	}
	s.log.Info("sFlow is received", "address", listener.Address())
	all := *s
	all.cfg.Sampling, all.cfg.Overrides = Sampling{Mode: SamplingOff}, nil
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return listener.Run(ctx, func(a *sflow.Agent) {
			g.Go(func() error { return all.Live(ctx, a.Name(), a, c.Overload) })
		})
	})
	return g.Wait()
}
