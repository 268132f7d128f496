package encode

import (
	"maps"
	"slices"

	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
)

// VRF names the number of a VRF.
type VRF struct {
	ID   uint32
	Name string
}

// Exported counts what a destination's encoder has made, of which some may not have been sent.
type Exported struct {
	Octets    uint64 // of datagrams
	Datagrams uint64
	Records   uint64 // of flows
}

func (x *Exported) add(octets, records uint64) {
	x.Octets += octets
	x.Datagrams++
	x.Records += records
}

// table is options data: a template, of one format or the other, and its records.
type table struct {
	id      uint16
	usual   bool // nothing changes but by Options.Sampling: a change waits for the next refresh
	varies  bool // its one record is the statistics, which are put into its place
	v9      nsv9.Template
	ipfix   ipfix.Template
	records [][]byte
}

// tables are the options that a destination is told, in the order of their ids but for those of sampling, which come first.
func tables(o *Options, in dialect) (ts []table) {
	add := func(t table) {
		if t.id = t.v9.ID; in.ipfix {
			t.id = t.ipfix.ID
		}
		ts = append(ts, t)
	}
	if o.Sampling > 0 {
		add(samplers(o.Sampling, in))
		add(rates(o.Sampling, in))
	}
	if len(o.Interfaces) > 0 {
		t := table{v9: nsv9.InterfaceTemplate(), ipfix: ipfix.InterfaceTemplate()}
		for _, i := range o.Interfaces {
			var b [nsv9.InterfaceRecordLen]byte
			(&nsv9.Interface{Index: i.Index, Name: i.Name, Description: i.Description}).Put(&b)
			t.records = append(t.records, b[:])
		}
		add(t)
	}
	if len(o.VRFs) > 0 {
		t := table{v9: nsv9.VRFTemplate(), ipfix: ipfix.VRFTemplate()}
		for _, v := range o.VRFs {
			var b [nsv9.VRFRecordLen]byte
			(&nsv9.VRF{ID: v.ID, Name: v.Name}).Put(&b)
			record := b[:]
			if in.ipfix {
				record = b[len(b)-ipfix.VRFRecordLen:] // without the system
			}
			t.records = append(t.records, record)
		}
		add(t)
	}
	if o.Statistics {
		add(table{varies: true, v9: nsv9.StatisticsTemplate(), ipfix: ipfix.StatisticsTemplate(), records: [][]byte{make([]byte, nsv9.StatisticsRecordLen)}})
	}
	return ts
}

// samplers tells the rate to collectors that go by the sampler a flow names.
func samplers(sampling uint32, in dialect) table {
	t := table{usual: true, v9: nsv9.SamplerTemplate(), ipfix: ipfix.SelectorTemplate()}
	if in.ipfix {
		var b [ipfix.SelectorRecordLen]byte
		(&ipfix.Selector{ID: samplerID, Algorithm: ipfix.RandomNOutOfN, Size: 1, Population: sampling}).Put(&b)
		t.records = [][]byte{b[:]}
		return t
	}
	var b [nsv9.SamplerRecordLen]byte
	(&nsv9.Sampler{ID: samplerID, Mode: nsv9.SamplerRandom, Interval: sampling, Name: "random-packets"}).Put(&b)
	t.records = [][]byte{b[:]}
	return t
}

// rates tells the rate once more, to collectors that don't understand samplers: pmacct knows no elements 309 and 310, and has no
// sampler for IPv6 flows of version 9, whose template names none.
func rates(sampling uint32, in dialect) table {
	t := table{usual: true, v9: nsv9.SamplingTemplate(), ipfix: ipfix.SamplingTemplate()}
	if in.ipfix {
		var b [ipfix.SamplingRecordLen]byte
		(&ipfix.Sampling{ID: samplerID, Interval: 1, Space: sampling - 1}).Put(&b)
		t.records = [][]byte{b[:]}
		return t
	}
	var b [nsv9.SamplingRecordLen]byte
	(&nsv9.Sampling{Interval: sampling, Algorithm: nsv9.SamplerRandom}).Put(&b)
	t.records = [][]byte{b[:]}
	return t
}

// flowKeyTable tells which fields of each template tell flows apart.
func flowKeyTable(keys map[uint16]uint64) table {
	t := table{id: ipfix.FlowKeysTemplateID, ipfix: ipfix.FlowKeysTemplate()}
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		var b [ipfix.FlowKeysRecordLen]byte
		(&ipfix.FlowKeys{Template: id, Fields: keys[id]}).Put(&b)
		t.records = append(t.records, b[:])
	}
	return t
}

// carrierKeys are the keys of the forms.
func carrierKeys(by []carrier) map[uint16]uint64 {
	keys := map[uint16]uint64{}
	for i := range by {
		addKeys(keys, by[i].form, by[i].ipv6)
	}
	return keys
}

// addKeys adds the keys of forms, of which some may be nil.
func addKeys[F any](keys map[uint16]uint64, forms ...*form[F]) {
	for _, f := range forms {
		if f != nil {
			keys[f.template.ID] = f.keys
		}
	}
}

// tell appends what another table must differ in to be sent at once.
func (t *table) tell(told []byte) []byte {
	if t.usual {
		return told
	}
	told = append(told, byte(t.id>>8), byte(t.id))
	for _, r := range t.records {
		if t.varies {
			break
		}
		told = append(told, r...)
	}
	return told
}

// addTables adds the options.
func (e *templated) addTables(b *Batch) error {
	for i := range e.tables {
		t := &e.tables[i]
		err := e.datagram.head(t)
		if err != nil && e.datagram.isFull(err) {
			if err = e.another(b); err == nil {
				err = e.datagram.head(t)
			}
		}
		if err != nil {
			return err
		}
		if err := e.fillTable(b, t); err != nil {
			return err
		}
	}
	return nil
}

// fillTable adds the records of a table.
func (e *templated) fillTable(b *Batch, t *table) error {
	for _, r := range t.records {
		to, err := e.nextOption(b, t.id, len(r))
		if err != nil {
			return err
		}
		copy(to, r)
		if t.varies {
			e.putStatistics((*[nsv9.StatisticsRecordLen]byte)(to))
		}
	}
	return nil
}

// statistics is the table of these.
func (e *templated) statistics() *table {
	return &e.tables[slices.IndexFunc(e.tables, func(t table) bool { return t.varies })]
}

// putStatistics tells what went before the open datagram.
func (e *templated) putStatistics(to *[nsv9.StatisticsRecordLen]byte) {
	x := &e.cursor.Exported
	s := nsv9.Statistics{Bytes: x.Octets, Datagrams: x.Datagrams, Flows: x.Records}
	if e.dialect.ipfix {
		s.System = e.options.SourceID // there it is the observation domain
	}
	s.Put(to)
}

// nextOption is next for a record of options, which may be all that a datagram has.
func (e *templated) nextOption(b *Batch, id uint16, length int) ([]byte, error) {
	if e.data == id {
		if to := e.datagram.Next(); to != nil {
			return to, nil
		}
		if err := e.another(b); err != nil {
			return nil, err
		}
	}
	err := e.datagram.OpenData(id, length)
	if err != nil && e.datagram.isFull(err) {
		if err = e.another(b); err == nil {
			err = e.datagram.OpenData(id, length)
		}
	}
	if err != nil {
		return nil, err
	}
	e.data = id
	return e.datagram.Next(), nil
}
