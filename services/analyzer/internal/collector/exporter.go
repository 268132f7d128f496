package collector

import (
	"fmt"
	"net/netip"

	"netstream/schemas/ledger"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/audit"
)

// exporter is what is known of one exporter, by its address. All of it moves with the rows and the position.
type exporter struct {
	name      string // its address as text; the name of the source
	source    uint32
	shard     uint16
	sequences map[session]*sequence
	templates map[templateKey]*template
	rates     map[scope]uint32
	parked    []parkedSet
	bytes     int // of the parked sets
	books     map[string]*ledger.Entry
	changed   map[string]bool // parts of the state to be written
}

// session is one stream of datagrams: what sequence numbers and templates belong to.
type session struct {
	Port    uint16 `json:"port"`
	Version uint16 `json:"version"`
	Domain  uint32 `json:"domain"` // v9: source id; v5: engine type and id
}

// templateKey is spec section 10.1: a template belongs to the session that sent it.
type templateKey struct {
	session
	id uint16
}

// template is a compiled one.
type template struct {
	layout *nsv9.Layout
	plan   *nsv9.Plan // nil: options
}

func newExporter(a netip.Addr, shard int) *exporter {
	x := &exporter{
		name: a.String(), shard: uint16(shard), sequences: map[session]*sequence{}, templates: map[templateKey]*template{},
		rates: map[scope]uint32{}, books: map[string]*ledger.Entry{}, changed: map[string]bool{},
	}
	x.book(ledger.Out) // the audit knows a collected source by it, even one without rows
	return x
}

// book is a counter of the exporter in the loss ledger.
func (x *exporter) book(name string) *ledger.Entry {
	e := x.books[name]
	if e == nil {
		e = &ledger.Entry{Source: x.name, Hop: audit.Collector, Shard: x.shard, Name: name}
		x.books[name] = e
	}
	return e
}

// refuse counts what can't be used.
func (d *Decoder) refuse(x *exporter, reason string) {
	x.book(ledger.Drop+reason).Rows++
	d.metrics.Refused.WithLabelValues(reason).Inc()
}

// received is a datagram as it came.
type received struct {
	at   int64 // ns since the epoch
	port uint16
}

// datagram decodes one datagram. It never fails: what can't be used is counted.
func (d *Decoder) datagram(x *exporter, r received, b []byte) {
	x.book(ledger.In).Rows++
	if len(b) < 2 {
		d.refuse(x, ReasonVersion)
		return
	}
	switch version := uint16(b[0])<<8 | uint16(b[1]); version {
	case nsv5.Version:
		d.v5(x, r, b)
	case nsv9.Version:
		d.v9(x, r, b)
	default:
		d.log.Debug("datagram of another version", "exporter", x.name, "version", version)
		d.refuse(x, ReasonVersion)
	}
}

// String names the session in logs.
func (s session) String() string {
	return fmt.Sprintf("port %d version %d domain %d", s.Port, s.Version, s.Domain)
}
