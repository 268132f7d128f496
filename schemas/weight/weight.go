// Package weight keeps the sums that turn sampled packets into estimates with an error bar.
//
// A sampled packet of length l stands for w packets of the population. Then Σw estimates packets and Σw·l bytes, with
// variances Σw(w−1) and Σw(w−1)·l² (spec section 7.4). Unsampled traffic has w = 1: Σw is the packet count, Σw·l the
// byte count and both variances are 0, so the columns are left out.
package weight

import (
	"netstream/schemas/columns"
	"netstream/schemas/uint128"
)

// Sums are the four sums of a set of packets.
type Sums struct {
	Packets    uint64          // Σw
	Bytes      uint64          // Σw·l
	VarPackets uint128.Uint128 // Σw(w−1)
	VarBytes   uint128.Uint128 // Σw(w−1)·l²
}

// Unsampled are the sums of packets that all stand for themselves.
func Unsampled(packets, bytes uint64) Sums { return Sums{Packets: packets, Bytes: bytes} }

// AddPacket adds one packet of weight w and length l bytes.
func (s *Sums) AddPacket(w, l uint32) {
	s.Packets += uint64(w)
	s.Bytes += uint64(w) * uint64(l)
	if w > 1 {
		v := uint64(w) * uint64(w-1)
		s.VarPackets = s.VarPackets.Add(uint128.Uint128{Lo: v})
		s.VarBytes = s.VarBytes.Add(uint128.Mul(v, uint64(l)*uint64(l)))
	}
}

// Add adds the sums of another set.
func (s *Sums) Add(o *Sums) {
	s.Packets += o.Packets
	s.Bytes += o.Bytes
	s.VarPackets = s.VarPackets.Add(o.VarPackets)
	s.VarBytes = s.VarBytes.Add(o.VarBytes)
}

// Columns holds sums, a slice a field. All are empty when every row is unsampled.
type Columns struct {
	Packets, Bytes             []uint64
	VarPacketsHi, VarPacketsLo []uint64
	VarBytesHi, VarBytesLo     []uint64
}

// Append adds a row.
func (c *Columns) Append(s *Sums) {
	c.Packets = append(c.Packets, s.Packets)
	c.Bytes = append(c.Bytes, s.Bytes)
	c.VarPacketsHi = append(c.VarPacketsHi, s.VarPackets.Hi)
	c.VarPacketsLo = append(c.VarPacketsLo, s.VarPackets.Lo)
	c.VarBytesHi = append(c.VarBytesHi, s.VarBytes.Hi)
	c.VarBytesLo = append(c.VarBytesLo, s.VarBytes.Lo)
}

// Read returns the sums of row i, which counted these packets and bytes.
func (c *Columns) Read(i int, packets, bytes uint64) Sums {
	if len(c.Packets) == 0 {
		return Unsampled(packets, bytes)
	}
	return Sums{
		Packets: c.Packets[i], Bytes: c.Bytes[i],
		VarPackets: uint128.Uint128{Hi: c.VarPacketsHi[i], Lo: c.VarPacketsLo[i]},
		VarBytes:   uint128.Uint128{Hi: c.VarBytesHi[i], Lo: c.VarBytesLo[i]},
	}
}

// Present tells whether the columns were sent; all of them or none.
func (c *Columns) Present() bool { return len(c.Packets) > 0 }

// Complete tells whether the columns are all present or all absent.
func (c *Columns) Complete() bool {
	n := len(c.Packets)
	return len(c.Bytes) == n && len(c.VarPacketsHi) == n && len(c.VarPacketsLo) == n && len(c.VarBytesHi) == n && len(c.VarBytesLo) == n
}

// Reset empties the columns and keeps their memory.
func (c *Columns) Reset() {
	*c = Columns{c.Packets[:0], c.Bytes[:0], c.VarPacketsHi[:0], c.VarPacketsLo[:0], c.VarBytesHi[:0], c.VarBytesLo[:0]}
}

// Columns lists the columns under their names.
func (c *Columns) Columns() []columns.Column {
	return []columns.Column{
		columns.Optional("weighted_packets", &c.Packets), columns.Optional("weighted_bytes", &c.Bytes),
		columns.Optional("var_packets_hi", &c.VarPacketsHi), columns.Optional("var_packets_lo", &c.VarPacketsLo),
		columns.Optional("var_bytes_hi", &c.VarBytesHi), columns.Optional("var_bytes_lo", &c.VarBytesLo),
	}
}
