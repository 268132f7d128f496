package encode

import (
	"hash/fnv"

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
	set      uint64    // Cursor.Set of these
	ahead    uint32    // by how much the sequence goes on in an introduction
	longest  int       // record of theirs
	wide     wideFlow
}

// datagram is what is being filled.
type datagram interface {
	begin(buf []byte, limit int, sequence uint32) error
	introduce() error             // adds what is always there when templates are due
	define(more []*nsv9.Template) // which templates else there are from now on
	template(i int) error         // adds one of these
	isFull(error) bool            // whether an error says that there is no room
	units() uint32                // by how much the sequence goes on
	OpenData(template uint16, recordLen int) error
	Next() []byte
	Len() int
	Finish() []byte
}

func newTemplated(o Options, at Cursor, in dialect, d datagram) templated {
	at.Left = min(at.Left, o.RefreshDatagrams-1) // the setting may have changed
	return templated{options: o, cursor: at, dialect: in, datagram: d, choice: choice{filter: o.Filter, share: o.Share}}
}

// Cursor is where the encoder stands.
func (e *templated) Cursor() Cursor { return e.cursor }

// Define implements Encoder.
func (e *templated) Define(monitors []Monitor) {
	e.choice.monitors = monitors
	var more []*nsv9.Template
	e.carriers, more = carriers(monitors, e.dialect)
	e.defineTemplates(more)
}

// defineTemplates says which templates there are beside those that are always there.
func (e *templated) defineTemplates(more []*nsv9.Template) {
	e.datagram.define(more)
	e.more, e.set, e.longest = len(more), 0, 0
	if e.more == 0 {
		return
	}
	set := fnv.New64a()
	for _, t := range more {
		set.Write(t.Append(nil))
		n, _ := t.RecordLen()
		e.longest = max(e.longest, n)
	}
	e.set = set.Sum64()
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
	if e.options.Once {
		return nil
	}
	if !e.due() {
		e.cursor.Left--
		return nil
	}
	e.cursor.Left, e.cursor.At, e.cursor.Set = e.options.RefreshDatagrams-1, e.secs, e.set
	if err := e.datagram.introduce(); err != nil {
		return err
	}
	if err := e.defineMore(b); err != nil {
		return err
	}
	const setHead, padding = 4, 3
	if e.more > 0 && e.options.Limit-e.datagram.Len() < setHead+max(e.longest, nsv9.IPv6RecordLen)+padding {
		e.finish(b)
		return e.start(b)
	}
	return nil
}

// due tells whether the next datagram has templates.
func (e *templated) due() bool {
	return e.cursor.Left == 0 || e.secs >= e.cursor.At+e.options.RefreshSeconds || e.cursor.Set != e.set
}

// defineMore adds the templates of the carriers. Where they fill the datagram, it is ended and another one begun.
func (e *templated) defineMore(b *Batch) error {
	for i := range e.more {
		err := e.datagram.template(i)
		if err != nil && e.datagram.isFull(err) {
			e.finish(b)
			if err = e.start(b); err == nil {
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

// finish ends the datagram, if one is open.
func (e *templated) finish(b *Batch) {
	if !e.open {
		return
	}
	b.close(e.datagram.Finish())
	e.cursor.Sequence += e.datagram.units()
	e.open, e.data = false, 0
}
