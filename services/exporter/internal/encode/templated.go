package encode

import (
	"hash/fnv"
	"slices"

	"netstream/schemas/wire/nsv9"
)

// samplerID is the number under which flows name the sampler that the options announce.
const samplerID = 1

// templated is what the encoders of formats with templates share: when templates are due, and that datagrams are filled one
// after another.
type templated struct {
	options  Options
	cursor   Cursor
	dialect  dialect
	datagram datagram
	secs     int64  // header time, s since 1970
	open     bool   // a datagram is begun
	data     uint16 // template of the open data set, 0: none

	choice   choice
	carriers []carrier // by monitor
	more     int       // templates of the carriers
	counter  int       // bytes of counters in forms
	unusual  []byte    // those that are always there, as on the wire, if settings changed them
	tuple    int       // longest record of those
	tables   []table   // of options, which follow the templates
	set      uint64    // Cursor.Set of these and of the templates
	ahead    uint32    // by how much the sequence goes on in an introduction
	longest  int       // record of all
	wide     wideFlow
}

// datagram is what is being filled.
type datagram interface {
	begin(buf []byte, limit int, sequence uint32) error
	introduce() error             // adds the templates that are always there when templates are due
	define(more []*nsv9.Template) // which templates else there are from now on
	template(i int) error         // adds one of these
	head(*table) error            // adds the template of a table
	isFull(error) bool            // whether an error says that there is no room
	units() uint32                // by how much the sequence goes on
	OpenData(template uint16, recordLen int) error
	Next() []byte
	Len() int
	Finish() []byte
}

func newTemplated(o Options, at Cursor, in dialect, d datagram) templated {
	at.Left = min(at.Left, o.RefreshDatagrams-1) // the setting may have changed
	return templated{
		options: o, cursor: at, dialect: in, datagram: d, choice: choice{filter: o.Filter, share: o.Share},
		counter: in.counter(), tuple: nsv9.IPv6RecordLen, tables: tables(&o, in),
	}
}

// Cursor is where the encoder stands.
func (e *templated) Cursor() Cursor { return e.cursor }

// Define implements Encoder.
func (e *templated) Define(monitors []Monitor) {
	e.choice.monitors = monitors
	var more []*nsv9.Template
	e.carriers, more = carriers(monitors, e.dialect)
	e.defineTemplates(more, carrierKeys(e.carriers))
}

// defineTemplates says which templates there are beside those that are always there, and which of their fields are keys.
func (e *templated) defineTemplates(more []*nsv9.Template, keys map[uint16]uint64) {
	e.datagram.define(more)
	if e.tables = tables(&e.options, e.dialect); e.options.FlowKeys && e.dialect.ipfix {
		e.tables = append(e.tables, flowKeyTable(keys))
	}
	e.more, e.set, e.longest = len(more), 0, e.tuple
	told := slices.Clone(e.unusual)
	for _, t := range more {
		told = t.Append(told)
		n, _ := t.RecordLen()
		e.longest = max(e.longest, n)
	}
	for i := range e.tables {
		told = e.tables[i].tell(told)
	}
	if len(told) > 0 {
		set := fnv.New64a()
		set.Write(told)
		e.set = set.Sum64()
	}
}

// next is the place for the next record of a template, in the open datagram or a new one.
func (e *templated) next(b *Batch, template uint16, length int) ([]byte, error) {
	for {
		fresh := !e.open
		if fresh {
			if err := e.begin(b); err != nil {
				return nil, err
			}
		}
		if e.data != template {
			err := e.datagram.OpenData(template, length)
			if err != nil && e.datagram.isFull(err) && !fresh {
				e.finish(b)
				continue
			}
			if err != nil {
				return nil, err
			}
			e.data = template
		}
		if to := e.datagram.Next(); to != nil {
			return to, nil
		}
		e.finish(b)
	}
}

// begin starts a datagram, with the templates if they are due.
func (e *templated) begin(b *Batch) error {
	if err := e.start(b); err != nil {
		return err
	}
	if e.options.Once && !e.options.Statistics {
		return nil
	}
	if !e.due() {
		e.cursor.Left--
		return nil
	}
	e.cursor.Left, e.cursor.At, e.cursor.Set = e.options.RefreshDatagrams-1, e.secs, e.set
	if e.options.Once { // the templates are known, the statistics aren't
		return e.fillTable(b, e.statistics())
	}
	if err := e.introduceAll(b); err != nil {
		return err
	}
	const setHead, padding = 4, 3
	if e.options.Limit-e.datagram.Len() < setHead+e.longest+padding {
		return e.another(b)
	}
	return nil
}

// introduceAll adds all templates, and the options. Where they fill the datagram, it is ended and another one begun.
func (e *templated) introduceAll(b *Batch) error {
	if err := e.datagram.introduce(); err != nil {
		return err
	}
	if err := e.defineMore(b); err != nil {
		return err
	}
	return e.addTables(b)
}

// due tells whether the next datagram has templates.
func (e *templated) due() bool {
	return e.cursor.Left == 0 || e.secs >= e.cursor.At+e.options.RefreshSeconds || e.cursor.Set != e.set
}

// defineMore adds the templates of the carriers.
func (e *templated) defineMore(b *Batch) error {
	for i := range e.more {
		err := e.datagram.template(i)
		if err != nil && e.datagram.isFull(err) {
			if err = e.another(b); err == nil {
				err = e.datagram.template(i)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start starts an empty datagram.
func (e *templated) start(b *Batch) error {
	e.open, e.data = true, 0
	return e.datagram.begin(b.buf, e.options.Limit, e.cursor.Sequence)
}

// another ends the datagram and starts an empty one.
func (e *templated) another(b *Batch) error {
	e.finish(b)
	return e.start(b)
}

// finish ends the datagram, if one is open.
func (e *templated) finish(b *Batch) {
	if !e.open {
		return
	}
	e.cursor.Exported.add(uint64(e.datagram.Len()), b.open.Records)
	b.close(e.datagram.Finish())
	e.cursor.Sequence += e.datagram.units()
	e.open, e.data = false, 0
}
