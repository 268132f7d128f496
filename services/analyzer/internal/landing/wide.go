package landing

import (
	"encoding/binary"

	"netstream/schemas/collect"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/services/analyzer/internal/store"
)

// appendWide appends flows of the kinds that aren't ipv4 or ipv6. A column that the flow's monitor neither matches nor
// collects is NULL.
func (d *decoder) appendWide(r *store.Rows) {
	n := d.wide.Len()
	if n == 0 {
		return
	}
	var f flow.Row[key.Wide]
	for i := range n {
		d.wide.Read(i, &f)
		m := &d.defined[f.Monitor]
		r.Kind.Append(store.Kind(m.Kind))
		has := m.Match | m.Collect
		k := f.Key
		if f.Values != nil {
			m.Collect.Copy(&k, &f.Values.First) // no field is both
		}
		fields(r, &k, has)
		if m.HasTuple() {
			r.TCPFlags.Append(f.TCPFlags)
		} else {
			put(&r.TCPFlags, k.TCPFlags, has.Has(key.TCPFlags))
		}
		if f.Values != nil && m.Extremes {
			extremes(r, f.Values)
		}
	}
	appendCounts(d, r, d.wide)
}

// fields appends the columns of a key, NULL for those that are not in the set.
func fields(r *store.Rows, k *key.Wide, has key.Fields) {
	r.Direction.Append(k.Direction)
	address(&r.SrcHi, &r.SrcLo, &k.Src, has.Has(key.SrcAddr))
	address(&r.DstHi, &r.DstLo, &k.Dst, has.Has(key.DstAddr))
	put(&r.SrcPort, k.SrcPort, has.Has(key.SrcPort))
	put(&r.DstPort, k.DstPort, has.Has(key.DstPort))
	put(&r.Protocol, k.Protocol, has.Has(key.Protocol))
	put(&r.TOS, k.TOS, has.Has(key.TOS) || has.Has(key.DSCP))
	put(&r.FlowLabel, k.FlowLabel, has.Has(key.FlowLabel))
	put(&r.InIf, k.Interface, has.Has(key.Interface) && k.Direction == 0)
	put(&r.OutIf, k.Interface, has.Has(key.Interface) && k.Direction == 1)
	put(&r.VLAN, k.VLAN, has.Has(key.VLAN))
	put(&r.InnerVLAN, k.InnerVLAN, has.Has(key.InnerVLAN))
	put(&r.EtherType, k.EtherType, has.Has(key.EtherType))
	put(&r.SrcMAC, k.SrcMAC, has.Has(key.SrcMAC))
	put(&r.DstMAC, k.DstMAC, has.Has(key.DstMAC))
	for i, l := range k.Label {
		put(r.Label(i), l, has.Has(key.Label1+key.Field(i)))
	}
	put(&r.VRF, k.VRF, has.Has(key.VRF))
	put(&r.TTL, k.TTL, has.Has(key.TTL))
	put(&r.IPVersion, k.Version, has.Has(key.IPVersion))
}

// put appends a value or NULL.
func put[T uint8 | uint16 | uint32 | uint64](c *store.Column[T], v T, ok bool) {
	if ok {
		c.Append(v)
	} else {
		c.AppendNull(1)
	}
}

func address(hi, lo *store.Column[uint64], a *[16]byte, ok bool) {
	put(hi, binary.BigEndian.Uint64(a[:8]), ok)
	put(lo, binary.BigEndian.Uint64(a[8:]), ok)
}

// extremes appends least and greatest length and TTL to the row whose other columns were appended last.
func extremes(r *store.Rows, v *collect.Values) {
	before := r.Kind.Len() - 1
	for _, c := range []struct {
		col *store.Column[uint32]
		v   uint32
	}{{&r.MinLength, v.MinLength}, {&r.MaxLength, v.MaxLength}} {
		c.col.AppendNull(before - c.col.Len())
		c.col.Append(c.v)
	}
	for _, c := range []struct {
		col *store.Column[uint8]
		v   uint8
	}{{&r.MinTTL, v.MinTTL}, {&r.MaxTTL, v.MaxTTL}} {
		c.col.AppendNull(before - c.col.Len())
		c.col.Append(c.v)
	}
}
