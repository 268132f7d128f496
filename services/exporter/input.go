package exporter

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"netstream/pipeline/bus"
	"netstream/schemas/flow"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/encode"
)

// input holds the flows of the message that was read last, which it aliases.
type input struct {
	encode.Flows
	header   string               // of the monitors
	monitors []monitor.Definition // what the flows' monitors count through
	changed  bool                 // they are others than those of the message before
	seen     []string             // schemas of the message
	books    bool                 // the ledger is read, for shard and ended
	ledger   ledger.Rows
	shard    int      // that the message is of
	ended    []string // sources that have ended on it
}

func newInput(books bool) *input {
	return &input{books: books, Flows: encode.Flows{IPv4: flow.NewIPv4(), IPv6: flow.NewIPv6(), Wide: flow.NewWide()}}
}

// read takes the flows out of a message. The ledger in it, which counts the stages before, is asked for ends of sources alone.
func (in *input) read(m *bus.Message) error {
	parts, err := message.Parts(m.Header, m.Body, flow.SchemaIPv4, flow.SchemaIPv6, flow.SchemaWide, ledger.Schema)
	if err != nil {
		return err
	}
	in.IPv4.Reset()
	in.IPv6.Reset()
	in.Wide.Reset()
	in.seen, in.ended = in.seen[:0], in.ended[:0]
	for _, p := range parts {
		if slices.Contains(in.seen, p.Schema) {
			return fmt.Errorf("%w: two streams of %s", message.ErrBody, p.Schema)
		}
		in.seen = append(in.seen, p.Schema)
		switch p.Schema {
		case flow.SchemaIPv4:
			err = p.Read(in.IPv4.Columns())
		case flow.SchemaIPv6:
			err = p.Read(in.IPv6.Columns())
		case flow.SchemaWide:
			err = p.Read(in.Wide.Columns())
		case ledger.Schema:
			err = in.readBooks(m, p)
		}
		if err != nil {
			return err
		}
	}
	if err := in.define(m.Header); err != nil {
		return err
	}
	in.Sources = m.Header.List(message.Sources)
	sources, monitors := len(in.Sources), len(in.monitors)
	return cmp.Or(in.IPv4.Check(sources, monitors), in.IPv6.Check(sources, monitors), in.Wide.Check(sources, monitors))
}

// readBooks finds the sources that have ended.
func (in *input) readBooks(m *bus.Message, p message.Part) (err error) {
	if !in.books {
		return nil
	}
	if in.shard, err = strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]); err != nil {
		return fmt.Errorf("%w: subject %s has no flow shard at its end", message.ErrHeader, m.Subject)
	}
	in.ledger.Reset()
	if err := p.Read(in.ledger.Columns()); err != nil {
		return err
	}
	for i := range in.ledger.Len() {
		if e := in.ledger.At(i); e.Hop == ledger.Ager && e.Name == ledger.Ended {
			in.ended = append(in.ended, e.Source)
		}
	}
	return nil
}

// forCache is the message as the aggregation wants it.
func (in *input) forCache() *aggregate.Flows {
	return &aggregate.Flows{Sources: in.Sources, IPv4: in.IPv4, IPv6: in.IPv6, Wide: in.Wide, Routes: in.Routes, Shard: in.shard, Ended: in.ended}
}

// cover moves a clock to the flows.
func (in *input) cover(c *clock.Clock) {
	if in.Len() > 0 {
		c.Cover(in.times())
	}
}

// define reads the definitions of the monitors, unless they are those of the message before.
func (in *input) define(h message.Header) error {
	header := h.Get(message.Monitors)
	if in.changed = header != in.header; !in.changed {
		return nil
	}
	ds, err := monitor.ParseList(h.List(message.Monitors))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", message.ErrHeader, message.Monitors, err)
	}
	in.header, in.monitors = header, ds
	return nil
}

// times are when the earliest flow began and the latest one ended, ns since 1970. There is at least one flow.
func (in *input) times() (first, last int64) {
	firsts := [...][]int64{in.IPv4.First, in.IPv6.First, in.Wide.First}
	lasts := [...][]int64{in.IPv4.Last, in.IPv6.Last, in.Wide.Last}
	started := false
	for i := range firsts {
		if len(firsts[i]) == 0 {
			continue
		}
		f, l := slices.Min(firsts[i]), slices.Max(lasts[i])
		if !started {
			first, last, started = f, l, true
		}
		first, last = min(first, f), max(last, l)
	}
	return first, last
}
