// Package encode cuts the flows of one message into datagrams of a NetStream version. It reads no clock and no network:
// what comes out is a function of the flows, the options and the cursor.
//
//	flows, clock, cursor -> Encoder -> Batch (datagrams, tallies) and the next cursor
package encode

import (
	"netstream/pipeline/filter"
	"netstream/pipeline/interfaces"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/routing"
)

// Flows are the flows of one message.
type Flows struct {
	Sources []string // their names
	IPv4    *flow.Rows[key.IPv4]
	IPv6    *flow.Rows[key.IPv6]
	Wide    *flow.Rows[key.Wide] // of all other kinds

	Routes     *routing.Table        // to the addresses; nil: none is known
	Aggregates []aggregate.Aggregate // that ended with the message
}

// Len is the number of flows, without aggregates.
func (f *Flows) Len() int { return f.IPv4.Len() + f.IPv6.Len() + f.Wide.Len() }

// Monitor is a monitor of the flows, as a destination sees it.
type Monitor struct {
	monitor.Definition
	Wanted bool
	Why    Reason // its flows aren't wanted
}

// Cursor is what an encoder carries from one message to the next.
type Cursor struct {
	Sequence uint32 // of the next datagram: datagrams sent before in version 9, records in version 5 and IPFIX
	// Of formats with templates:
	Left uint32 // datagrams to send before the templates are due again
	At   int64  // header time of the last templates, s since 1970
	Set  uint64 // which templates and options those were beside the ones that are always there; 0 for none

	Exported Exported // so far, by formats with templates

	Modes [aggregate.Modes]uint32 // version 8, in place of Sequence: of each mode, which count for themselves
}

// Options of an encoder.
type Options struct {
	SourceID uint32         // observation domain; version 5: engine type * 256 + engine id
	Limit    int            // bytes of a datagram; at least MinLimit
	Filter   *filter.Filter // which flows are wanted; nil: all
	Share    *Share         // which of these; nil: all
	Sampling uint32         // announce that one packet in that many was taken, at random; 0 announces nothing

	// Options data of version 9 and IPFIX, sent with the templates.
	Interfaces []interfaces.Interface // names of these
	VRFs       []VRF                  // and of these
	Statistics bool                   // what was exported so far
	FlowKeys   bool                   // IPFIX: which fields of a template tell flows apart

	Widths    Widths // of fields of version 9 and IPFIX
	EndReason bool   // version 9: records tell why a flow ended, as those of IPFIX do anyway

	// Modes are those whose aggregates are sent. With any, no flows are.
	Modes []aggregate.Mode

	// Routes says that flows come with routes, so that IPFIX has fields for them; the other formats always have.
	Routes bool

	// Templates are repeated after so many datagrams or seconds, whichever comes first.
	RefreshDatagrams uint32
	RefreshSeconds   int64

	Introduce bool // batches get a Batch.Introduction
	Once      bool // … and templates are nowhere else
}

// MinLimit is the smallest Options.Limit: each template fits, and each record.
const MinLimit = 512

// Encoder makes datagrams of one format for one destination. It isn't safe for use by several goroutines.
type Encoder interface {
	// Define tells the monitors that the flows from now on point to; it comes before the first flows.
	Define([]Monitor)
	// Encode replaces what the batch holds by the datagrams of those of the flows that are wanted; the others are counted as
	// not carried. The clock covers the times of all.
	Encode(b *Batch, now *clock.Clock, flows *Flows) error
	// Cursor is where the encoder stands behind what it has encoded.
	Cursor() Cursor
}
