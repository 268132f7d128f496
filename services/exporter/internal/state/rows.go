package state

import (
	"strings"

	"netstream/schemas/columns"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/encode"
)

// clockRows hold the clock, or nothing before the first flow.
type clockRows struct{ boot, now []int64 }

func (r *clockRows) reset() { r.boot, r.now = r.boot[:0], r.now[:0] }

func (r *clockRows) append(c clock.Clock) {
	r.boot, r.now = append(r.boot, c.Boot), append(r.now, c.Now)
}

func (r *clockRows) at(i int) clock.Clock {
	return clock.Clock{Started: true, Boot: r.boot[i], Now: r.now[i]}
}

func (r *clockRows) columns() []columns.Column {
	return []columns.Column{columns.Of("boot", &r.boot), columns.Of("now", &r.now)}
}

// aggregationRows hold what is known of aggregates.
type aggregationRows struct {
	settings     columns.Binary
	since, empty []uint64
	emptyAt      []int64
	routes       columns.Binary
}

func (r *aggregationRows) reset() {
	r.settings.Reset()
	r.routes.Reset()
	r.since, r.empty, r.emptyAt = r.since[:0], r.empty[:0], r.emptyAt[:0]
}

func (r *aggregationRows) append(a *Aggregation, routes string) {
	r.routes.Append([]byte(routes))
	r.settings.Append([]byte(a.Settings))
	r.since, r.empty, r.emptyAt = append(r.since, a.Since), append(r.empty, a.Empty), append(r.emptyAt, a.EmptyAt)
}

func (r *aggregationRows) at(i int) (a Aggregation, routes string) {
	return Aggregation{Settings: string(r.settings.At(i)), Since: r.since[i], Empty: r.empty[i], EmptyAt: r.emptyAt[i]}, string(r.routes.At(i))
}

func (r *aggregationRows) columns() []columns.Column {
	return []columns.Column{columns.Bytes("settings", &r.settings), columns.Of("since", &r.since), columns.Of("empty", &r.empty), columns.Of("empty_at", &r.emptyAt), columns.Bytes("routes", &r.routes)}
}

// destinationRows hold destinations, a slice a field.
type destinationRows struct {
	name                 columns.Binary
	after                []uint64
	port                 []uint16
	sequence, left       []uint32
	templates            []int64
	set                  []uint64
	octets               []uint64 // exported …
	messages, records    []uint64
	modes                [aggregate.Modes][]uint32 // sequences of version 8
	sent, unsent         tallyRows
	notCarried           tallyRows
	datagrams            []uint64
	unsentDatagrams      []uint64
	clamped, wideIndexes []uint64
	wideAS               []uint64
}

func (r *destinationRows) reset() {
	r.name.Reset()
	r.after, r.port = r.after[:0], r.port[:0]
	r.sequence, r.left, r.templates = r.sequence[:0], r.left[:0], r.templates[:0]
	r.set = r.set[:0]
	r.octets, r.messages, r.records = r.octets[:0], r.messages[:0], r.records[:0]
	for m := range r.modes {
		r.modes[m] = r.modes[m][:0]
	}
	for _, t := range r.tallies() {
		t.reset()
	}
	r.datagrams, r.unsentDatagrams = r.datagrams[:0], r.unsentDatagrams[:0]
	r.clamped, r.wideIndexes, r.wideAS = r.clamped[:0], r.wideIndexes[:0], r.wideAS[:0]
}

func (r *destinationRows) tallies() [3]*tallyRows {
	return [3]*tallyRows{&r.sent, &r.notCarried, &r.unsent}
}

func (r *destinationRows) append(d *Destination) {
	r.name.Append([]byte(d.Name))
	r.after, r.port = append(r.after, d.After), append(r.port, d.Port)
	r.sequence, r.left = append(r.sequence, d.Cursor.Sequence), append(r.left, d.Cursor.Left)
	r.templates, r.set = append(r.templates, d.Cursor.At), append(r.set, d.Cursor.Set)
	x := &d.Cursor.Exported
	r.octets, r.messages, r.records = append(r.octets, x.Octets), append(r.messages, x.Datagrams), append(r.records, x.Records)
	for m := range r.modes {
		r.modes[m] = append(r.modes[m], d.Cursor.Modes[m])
	}
	t := &d.Totals
	r.sent.append(t.Sent)
	r.notCarried.append(t.NotCarried)
	r.unsent.append(t.Unsent)
	r.datagrams = append(r.datagrams, t.Datagrams)
	r.unsentDatagrams = append(r.unsentDatagrams, t.UnsentDatagrams)
	r.clamped, r.wideIndexes = append(r.clamped, t.Clamped), append(r.wideIndexes, t.Interfaces)
	r.wideAS = append(r.wideAS, t.WideAS)
}

func (r *destinationRows) at(i int) Destination {
	d := Destination{
		Name: string(r.name.At(i)), After: r.after[i], Port: r.port[i],
		Cursor: encode.Cursor{Sequence: r.sequence[i], Left: r.left[i], At: r.templates[i], Set: columns.At(r.set, i)},
		Totals: Totals{
			Sent: r.sent.at(i), NotCarried: r.notCarried.at(i), Unsent: r.unsent.at(i),
			Datagrams: r.datagrams[i], UnsentDatagrams: r.unsentDatagrams[i],
			Clamped: r.clamped[i], Interfaces: r.wideIndexes[i], WideAS: columns.At(r.wideAS, i),
		},
	}
	d.Cursor.Exported = encode.Exported{Octets: columns.At(r.octets, i), Datagrams: columns.At(r.messages, i), Records: columns.At(r.records, i)}
	for m := range r.modes {
		d.Cursor.Modes[m] = columns.At(r.modes[m], i)
	}
	return d
}

func (r *destinationRows) columns() []columns.Column {
	cols := []columns.Column{
		columns.Bytes("name", &r.name), columns.Of("after", &r.after), columns.Of("port", &r.port),
		columns.Of("sequence", &r.sequence), columns.Of("templates_left", &r.left), columns.Of("templates_at", &r.templates), columns.Optional("templates_set", &r.set),
		columns.Optional("exported_octets", &r.octets), columns.Optional("exported_datagrams", &r.messages), columns.Optional("exported_records", &r.records),
	}
	cols = append(cols, r.sent.columns("sent")...)
	cols = append(cols, r.notCarried.columns("not_carried")...)
	cols = append(cols, r.unsent.columns("unsent")...)
	for m := range r.modes {
		cols = append(cols, columns.Optional("sequence_"+strings.ReplaceAll(aggregate.Mode(m).String(), "-", "_"), &r.modes[m]))
	}
	return append(cols,
		columns.Of("datagrams", &r.datagrams), columns.Of("unsent_datagrams", &r.unsentDatagrams),
		columns.Of("clamped", &r.clamped), columns.Of("wide_interfaces", &r.wideIndexes), columns.Optional("wide_as", &r.wideAS))
}

// tallyRows hold tallies, a slice a field.
type tallyRows struct{ flows, records, packets, bytes []uint64 }

func (r *tallyRows) reset() {
	*r = tallyRows{r.flows[:0], r.records[:0], r.packets[:0], r.bytes[:0]}
}

func (r *tallyRows) append(t encode.Tally) {
	r.flows, r.records = append(r.flows, t.Flows), append(r.records, t.Records)
	r.packets, r.bytes = append(r.packets, t.Packets), append(r.bytes, t.Bytes)
}

func (r *tallyRows) at(i int) encode.Tally {
	return encode.Tally{Flows: r.flows[i], Records: r.records[i], Packets: r.packets[i], Bytes: r.bytes[i]}
}

func (r *tallyRows) columns(prefix string) []columns.Column {
	return []columns.Column{
		columns.Of(prefix+"_flows", &r.flows), columns.Of(prefix+"_records", &r.records),
		columns.Of(prefix+"_packets", &r.packets), columns.Of(prefix+"_bytes", &r.bytes),
	}
}
