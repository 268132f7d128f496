// Package routing is what datagrams tell of the routes to the addresses of flows.
package routing

import (
	"net/netip"

	"netstream/pipeline/routes"
)

// Route is what is told of an address; the zero value is that of one without a route. Next hops are zero where none is known, and those of
// IPv4 stand as ::ffff:a.b.c.d.
type Route struct {
	AS         uint32 // origin, or neighbour where Table.Peer is set
	Mask       uint8  // length of the prefix
	NextHop    [16]byte
	BGPNextHop [16]byte
}

// Table tells routes. A nil one knows none.
type Table struct {
	*routes.Table
	Peer bool // the neighbouring AS is told and not the origin
}

// Of is the route to an address of an IP version, which stands as in a wide key. A next hop of the other version is none: no
// field could hold it.
func (t *Table) Of(a *[16]byte, version uint8) (r Route) {
	if t == nil || version == 0 {
		return r
	}
	found, ok := t.Lookup(netip.AddrFrom16(*a))
	if !ok {
		return r
	}
	r.AS, r.Mask = found.Origin, found.Bits
	if t.Peer {
		r.AS = found.Peer
	}
	r.NextHop, r.BGPNextHop = hop(found.NextHop, version), hop(found.BGPNextHop, version)
	return r
}

func hop(a netip.Addr, version uint8) [16]byte {
	if !a.IsValid() || a.Is4() != (version == 4) {
		return [16]byte{}
	}
	return a.As16()
}

// Router is a next hop for a format that has one field for it: that of the own network or, where it isn't known, that of BGP.
func (r *Route) Router() [16]byte {
	if r.NextHop == ([16]byte{}) {
		return r.BGPNextHop
	}
	return r.NextHop
}
