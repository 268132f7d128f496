package landing

import (
	"encoding/binary"
	"net/netip"

	"netstream/pipeline/routes"
	"netstream/services/analyzer/internal/store"
)

// appendRoutes appends what the routing table tells of the addresses of the last n rows: NULL where there is no route.
func (d *decoder) appendRoutes(r *store.Rows, n int) {
	if d.routes == nil {
		return
	}
	table := d.routes()
	if table == nil {
		return
	}
	from := r.SrcHi.Len() - n
	for _, column := range []interface {
		Len() int
		AppendNull(int)
	}{&r.SrcAS, &r.DstAS, &r.SrcMask, &r.DstMask, &r.NextHopHi, &r.NextHopLo, &r.BGPHopHi, &r.BGPHopLo} {
		column.AppendNull(from - column.Len()) // of rows before that had none
	}
	for i := from; i < from+n; i++ {
		src, known := lookup(table, r.SrcHi.At(i), r.SrcLo.At(i))
		put(&r.SrcAS, src.Origin, known)
		put(&r.SrcMask, src.Bits, known)
		dst, known := lookup(table, r.DstHi.At(i), r.DstLo.At(i))
		put(&r.DstAS, dst.Origin, known)
		put(&r.DstMask, dst.Bits, known)
		hop(&r.NextHopHi, &r.NextHopLo, dst.NextHop)
		hop(&r.BGPHopHi, &r.BGPHopLo, dst.BGPNextHop)
	}
}

func lookup(t *routes.Table, hi, lo uint64) (routes.Route, bool) {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], hi)
	binary.BigEndian.PutUint64(a[8:], lo)
	return t.Lookup(netip.AddrFrom16(a))
}

func hop(hi, lo *store.Column[uint64], a netip.Addr) {
	b := a.As16() // zero if there is none
	address(hi, lo, &b, a.IsValid())
}
