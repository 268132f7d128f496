// Package routes is what is known of the networks behind the addresses in flows: which AS originates a prefix, over which
// neighbouring AS and next hop it is reached, and in which country and city it lies.
//
//	MRT, CSV files --+--> Builder --> Table: the best --> Publisher --> Store: the object     --> Follower
//	BMP, BGP --------+                route of each                     store <pipeline>-routes
//	                                  prefix
//	MMDB files ---------> Geo (AS, country, city) --> Places
//
// A Table is immutable and has a Version, so that what was said of a flow can be said again: a replay loads the table of
// that version from the Store.
package routes

import "net/netip"

// Route is what a table says of a prefix. Addresses that aren't known are the zero netip.Addr.
type Route struct {
	Bits       uint8      // length of the prefix
	Origin     uint32     // AS that originates it: the last of the path; 0: the own network, or not known
	Peer       uint32     // neighbouring AS: the first of the path; 0: the own network, or not known
	NextHop    netip.Addr // next hop in the own network (that of the IGP); only CSV files tell it
	BGPNextHop netip.Addr // next hop of the BGP route
}

// Source is who told of a route: a peer in a dump, a peer of a router that speaks BMP, a BGP neighbour, or a file.
type Source struct {
	From string     // where it was heard, such as mrt, csv, bgp or bmp/192.0.2.1/post-policy
	Peer netip.Addr // address of the peer; the zero one where there is none
	AS   uint32     // of the peer
}

// Path is one way to a prefix, as one source tells it.
type Path struct {
	Origin     uint32 // as in Route
	Peer       uint32
	NextHop    netip.Addr
	BGPNextHop netip.Addr

	Preference uint32     // LOCAL_PREF; DefaultPreference where there is none
	Length     uint16     // AS numbers in the path, counted as RFC 4271 §9.1.2.2 does
	Code       OriginCode // ORIGIN
	MED        uint32     // MULTI_EXIT_DISC; 0 where there is none
}

// DefaultPreference is the local preference of a route that comes without: what routers take.
const DefaultPreference = 100

// OriginCode is the ORIGIN of a route (RFC 4271 §5.1.1); lower is better.
type OriginCode uint8

// Origin codes.
const (
	IGP OriginCode = iota
	EGP
	Incomplete
)

// Sink takes what sources tell. The id is the path identifier where a peer tells of several paths to a prefix
// (RFC 7911), and 0 otherwise. Prefixes are masked and none is IPv4-mapped.
type Sink interface {
	// Announce tells of a path. It takes the place of the one with the same source, id and prefix.
	Announce(from Source, id uint32, prefix netip.Prefix, path Path)
	// Withdraw takes a path back.
	Withdraw(from Source, id uint32, prefix netip.Prefix)
	// Down takes all paths of a source back: its session has ended.
	Down(from Source)
}
