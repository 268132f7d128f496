// Package collect is what a monitor may keep of a flow's packets beside its key and counters (spec section 8.2): fields of
// the first packet, and the extremes of lengths and TTLs. All of it is merged in any order with the same result.
package collect

import (
	"bytes"
	"encoding/binary"
	"math"

	"netstream/schemas/columns"
	"netstream/schemas/key"
)

// Values are what was collected of a set of packets.
type Values struct {
	First                key.Wide // the collected fields of the first packet
	FirstTime            int64    // when that was, ns since the epoch
	MinLength, MaxLength uint32   // bytes as the monitor counts them
	MinTTL, MaxTTL       uint8
}

// Packet are the values of one packet.
func Packet(first key.Wide, at int64, length uint32, ttl uint8) Values {
	return Values{First: first, FirstTime: at, MinLength: length, MaxLength: length, MinTTL: ttl, MaxTTL: ttl}
}

// Add adds the values of another set. Of packets with one time stamp, that with the lesser fields counts as the first.
func (v *Values) Add(o *Values) {
	if o.FirstTime < v.FirstTime || o.FirstTime == v.FirstTime && o.First.Compare(v.First) < 0 {
		v.First, v.FirstTime = o.First, o.FirstTime
	}
	v.MinLength, v.MaxLength = min(v.MinLength, o.MinLength), max(v.MaxLength, o.MaxLength)
	v.MinTTL, v.MaxTTL = min(v.MinTTL, o.MinTTL), max(v.MaxTTL, o.MaxTTL)
}

// AppendBytes appends the canonical form to dst, big-endian: the first packet's fields as a wide key, least and greatest
// length, least and greatest TTL. FirstTime is left out: of a flow it is the time when the flow began.
func (v *Values) AppendBytes(dst []byte) []byte {
	dst = v.First.AppendBytes(dst)
	dst = binary.BigEndian.AppendUint32(dst, v.MinLength)
	dst = binary.BigEndian.AppendUint32(dst, v.MaxLength)
	return append(dst, v.MinTTL, v.MaxTTL)
}

// Compare orders values by their canonical form.
func (v *Values) Compare(o *Values) int {
	return bytes.Compare(v.AppendBytes(nil), o.AppendBytes(nil))
}

// none are the values of no packet, which Add leaves as they are in the other: the extremes of a row without values.
var none = Values{FirstTime: math.MaxInt64, MinLength: math.MaxUint32, MinTTL: math.MaxUint8}

// Columns holds values, a slice a field. All are empty when no row has any; in a row without any the least length is over
// the greatest.
type Columns struct {
	First                *key.WideColumns
	FirstTime            []int64
	MinLength, MaxLength []uint32
	MinTTL, MaxTTL       []uint8
}

// NewColumns makes empty columns.
func NewColumns() Columns { return Columns{First: key.NewWideColumns("first_")} }

// Append adds values as row n; nil is a row without any.
func (c *Columns) Append(n int, v *Values) {
	if len(c.FirstTime) == 0 && v == nil {
		return
	}
	for len(c.FirstTime) < n {
		c.append(&none)
	}
	if v == nil {
		v = &none
	}
	c.append(v)
}

func (c *Columns) append(v *Values) {
	c.First.Append(v.First)
	c.FirstTime = append(c.FirstTime, v.FirstTime)
	c.MinLength = append(c.MinLength, v.MinLength)
	c.MaxLength = append(c.MaxLength, v.MaxLength)
	c.MinTTL = append(c.MinTTL, v.MinTTL)
	c.MaxTTL = append(c.MaxTTL, v.MaxTTL)
}

// Present tells whether the columns were sent.
func (c *Columns) Present() bool { return len(c.FirstTime) > 0 }

// Has tells whether row i has values.
func (c *Columns) Has(i int) bool { return c.Present() && c.MinLength[i] <= c.MaxLength[i] }

// Complete tells whether the columns that come together are all present or all absent.
func (c *Columns) Complete() bool {
	n := len(c.FirstTime)
	return len(c.MinLength) == n && len(c.MaxLength) == n && len(c.MinTTL) == n && len(c.MaxTTL) == n
}

// Read puts row i, which has values, into v.
func (c *Columns) Read(i int, v *Values) {
	c.First.Read(i, &v.First)
	v.FirstTime, v.MinLength, v.MaxLength = c.FirstTime[i], c.MinLength[i], c.MaxLength[i]
	v.MinTTL, v.MaxTTL = c.MinTTL[i], c.MaxTTL[i]
}

// Reset empties the columns and keeps their memory.
func (c *Columns) Reset() {
	c.First.Reset()
	c.FirstTime, c.MinLength, c.MaxLength = c.FirstTime[:0], c.MinLength[:0], c.MaxLength[:0]
	c.MinTTL, c.MaxTTL = c.MinTTL[:0], c.MaxTTL[:0]
}

// Columns lists the columns under their names.
func (c *Columns) Columns() []columns.Column {
	return append(c.First.Columns(),
		columns.Optional("first_time", &c.FirstTime),
		columns.Optional("min_length", &c.MinLength), columns.Optional("max_length", &c.MaxLength),
		columns.Optional("min_ttl", &c.MinTTL), columns.Optional("max_ttl", &c.MaxTTL))
}
