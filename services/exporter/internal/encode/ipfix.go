package encode

import (
	"errors"
	"slices"

	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/routing"
)

// IPFIX makes messages of IPFIX, each a datagram, with the ids of version 9's templates.
type IPFIX struct {
	templated
	message ipfixMessage
	seeds   [][]uint64 // of the hashes of flows, by source and monitor
	routes  *routing.Table
	row4    flow.Row[key.IPv4]
	row6    flow.Row[key.IPv6]
}

// NewIPFIX makes an encoder that goes on at a cursor.
func NewIPFIX(o Options, at Cursor) *IPFIX {
	e := &IPFIX{message: newIPFIXMessage(&o)}
	e.templated = newTemplated(o, at, newDialect(&o, true), &e.message)
	return e
}

// Define implements Encoder.
func (e *IPFIX) Define(monitors []Monitor) {
	e.templated.Define(monitors)
	e.seeds = nil
}

// Encode implements Encoder.
func (e *IPFIX) Encode(b *Batch, now *clock.Clock, flows *Flows) error {
	b.Reset()
	e.message.header.ExportTime = now.UnixSecs()
	e.secs = int64(now.UnixSecs())
	if err := e.introduce(b); err != nil {
		return err
	}
	e.seed(flows.Sources)
	e.routes = flows.Routes
	w := &e.wide
	for i := range flows.IPv4.Len() {
		if !choose(&e.choice, b, flows.IPv4, i, &e.row4) {
			continue
		}
		k := &e.row4.Key
		w.Row = under(k.Wide(), &e.row4)
		if err := e.flow(b, k.Hash(e.seeds[w.Source][w.Monitor])); err != nil {
			return err
		}
	}
	for i := range flows.IPv6.Len() {
		if !choose(&e.choice, b, flows.IPv6, i, &e.row6) {
			continue
		}
		k := &e.row6.Key
		w.Row = under(k.Wide(), &e.row6)
		if err := e.flow(b, k.Hash(e.seeds[w.Source][w.Monitor])); err != nil {
			return err
		}
	}
	for i := range flows.Wide.Len() {
		if !choose(&e.choice, b, flows.Wide, i, &w.Row) {
			continue
		}
		if err := e.flow(b, w.Key.Hash(e.seeds[w.Source][w.Monitor])); err != nil {
			return err
		}
	}
	e.finish(b)
	return nil
}

// seed prepares the hashes of the flows of these sources.
func (e *IPFIX) seed(sources []string) {
	if e.seeds != nil && slices.Equal(sources, e.choice.sources) {
		return
	}
	e.choice.sources = slices.Clone(sources)
	e.seeds = make([][]uint64, len(sources))
	for i, s := range sources {
		for j := range e.choice.monitors {
			e.seeds[i] = append(e.seeds[i], key.FlowSeed(s, e.choice.monitors[j].Name))
		}
	}
}

// flow adds the record of the flow in e.wide.
func (e *IPFIX) flow(b *Batch, hash uint64) error {
	w := &e.wide
	w.id = flow.ID(hash, w.First)
	w.first, w.last = clock.Millis(w.First), clock.Millis(w.Last)
	if e.dialect.routes {
		w.from, w.to = e.routes.Of(&w.Key.Src, w.Key.Version), e.routes.Of(&w.Key.Dst, w.Key.Version)
	}
	return e.flowByForm(b, &e.carriers[w.Monitor])
}

// ipfixMessage is a message of IPFIX.
type ipfixMessage struct {
	ipfix.Encoder
	header ipfix.Header
	more   []*ipfix.Template
}

func newIPFIXMessage(o *Options) ipfixMessage {
	return ipfixMessage{header: ipfix.Header{DomainID: o.SourceID}}
}

func (m *ipfixMessage) begin(buf []byte, limit int, sequence uint32) error {
	m.header.Sequence = sequence
	return m.Begin(buf, limit, &m.header)
}

func (m *ipfixMessage) define(more []*nsv9.Template) {
	m.more = nil
	for _, t := range more {
		u := &ipfix.Template{ID: t.ID}
		for _, f := range t.Fields {
			u.Fields = append(u.Fields, ipfix.Field{Type: f.Type, Length: f.Length})
		}
		m.more = append(m.more, u)
	}
}

func (m *ipfixMessage) template(i int) error { return m.Templates(m.more[i]) }

func (m *ipfixMessage) isFull(err error) bool { return errors.Is(err, ipfix.ErrNoRoom) }

// introduce adds nothing: each template belongs to a carrier.
func (m *ipfixMessage) introduce() error { return nil }

func (m *ipfixMessage) head(t *table) error { return m.Templates(&t.ipfix) }

// units is by how much the sequence goes on: IPFIX counts data records, those of options too.
func (m *ipfixMessage) units() uint32 { return uint32(m.Records()) }
