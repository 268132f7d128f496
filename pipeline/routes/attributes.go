package routes

import (
	"errors"
	"fmt"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// dialect is how a speaker writes what has been written in several ways.
type dialect struct {
	twoByteAS  bool // AS_PATH has 2-octet AS numbers, and there may be an AS4_PATH (RFC 6793)
	addPath4   bool // IPv4 unicast prefixes have path identifiers (RFC 7911)
	addPath6   bool // IPv6 unicast ones have
	shortReach bool // MP_REACH_NLRI may be cut down to its next hop (RFC 6396 §4.3.4)
	recorded   bool // it is past: what can be read of a broken UPDATE counts, since no session can be reset
}

// attributes is what path attributes say of the prefixes that come with them.
type attributes struct {
	path    Path
	reach   []bgp.PathNLRI // of MP_REACH_NLRI, if it is of IPv4 or IPv6 unicast
	unreach []bgp.PathNLRI // of MP_UNREACH_NLRI
}

// errFraming is met when attributes don't end where they should: nothing behind can be read.
var errFraming = errors.New("path attributes don't fit in their length")

// attributes reads path attributes. Those that say nothing about where a prefix is are passed over unread. With an attribute
// that is malformed the others are read nevertheless, so that the caller can withdraw the prefixes (RFC 7606 §2, "treat-as-withdraw").
func (d dialect) attributes(b []byte) (attributes, error) {
	out := attributes{path: Path{Preference: DefaultPreference, Code: Incomplete}}
	r := attributeReader{dialect: d, attributes: &out}
	c := cursor{b: b}
	for len(c.b) > 0 {
		whole := c.b
		flags, kind := bgp.BGPAttrFlag(c.u8()), bgp.BGPAttrType(c.u8())
		var n int
		if flags&bgp.BGP_ATTR_FLAG_EXTENDED_LENGTH != 0 {
			n = int(c.u16())
		} else {
			n = int(c.u8())
		}
		value := c.take(n)
		if c.bad {
			return out, errFraming
		}
		if err := r.read(kind, whole[:len(whole)-len(c.b)], value); err != nil && r.err == nil {
			r.err = fmt.Errorf("%s: %w", kind, err)
		}
	}
	path := r.path
	if r.believeAS4 {
		path = path.merge(r.as4)
	}
	out.path.Peer, out.path.Origin = path.peer(), path.origin()
	out.path.Length = uint16(min(path.length(), 1<<16-1))
	return out, r.err
}

// attributeReader gathers what is in several attributes.
type attributeReader struct {
	dialect
	*attributes
	path, as4  asPath
	believeAS4 bool
	err        error // the first
}

// read reads one attribute; raw is all of it, value without its header.
func (r *attributeReader) read(kind bgp.BGPAttrType, raw, value []byte) error {
	switch kind {
	case bgp.BGP_ATTR_TYPE_ORIGIN:
		var a bgp.PathAttributeOrigin
		if err := a.DecodeFromBytes(raw); err != nil {
			return err
		}
		r.attributes.path.Code = OriginCode(a.Value)
	case bgp.BGP_ATTR_TYPE_AS_PATH:
		var a bgp.PathAttributeAsPath
		if err := a.DecodeFromBytes(raw, &bgp.MarshallingOption{Use2ByteAS: r.twoByteAS}); err != nil {
			return err
		}
		r.path = nil
		for _, s := range a.Value {
			r.path = r.path.add(s.GetType(), s.GetAS())
		}
	case bgp.BGP_ATTR_TYPE_AS4_PATH:
		if !r.twoByteAS {
			return nil // RFC 6793 §4.1: not from a speaker of 4-octet numbers
		}
		var a bgp.PathAttributeAs4Path
		if err := a.DecodeFromBytes(raw); err != nil {
			return nil // RFC 6793 §6: as if it weren't there
		}
		r.as4, r.believeAS4 = nil, true
		for _, s := range a.Value {
			r.as4 = r.as4.add(s.GetType(), s.GetAS())
		}
	case bgp.BGP_ATTR_TYPE_NEXT_HOP:
		var a bgp.PathAttributeNextHop
		if err := a.DecodeFromBytes(raw); err != nil {
			return err
		}
		if !r.attributes.path.BGPNextHop.IsValid() { // that of MP_REACH_NLRI goes before
			r.attributes.path.BGPNextHop = a.Value.Unmap()
		}
	case bgp.BGP_ATTR_TYPE_MULTI_EXIT_DISC:
		var a bgp.PathAttributeMultiExitDisc
		if err := a.DecodeFromBytes(raw); err != nil {
			return err
		}
		r.attributes.path.MED = a.Value
	case bgp.BGP_ATTR_TYPE_LOCAL_PREF:
		var a bgp.PathAttributeLocalPref
		if err := a.DecodeFromBytes(raw); err != nil {
			return err
		}
		r.attributes.path.Preference = a.Value
	case bgp.BGP_ATTR_TYPE_MP_REACH_NLRI:
		return r.readReach(raw, value)
	case bgp.BGP_ATTR_TYPE_MP_UNREACH_NLRI:
		if !isUnicast(value) {
			return nil
		}
		var a bgp.PathAttributeMpUnreachNLRI
		if err := a.DecodeFromBytes(raw, r.options()); err != nil {
			return err
		}
		r.unreach = a.Value
	}
	return nil
}

// readReach reads MP_REACH_NLRI. In a dump it may be whole or begin with the length of the next hop, which is never 0; a whole
// one begins with the high byte of the address family, which is.
func (r *attributeReader) readReach(raw, value []byte) error {
	short := r.shortReach && len(value) > 0 && value[0] != 0
	if !short && !isUnicast(value) {
		return nil
	}
	options := r.options()
	options.MRT = short
	var a bgp.PathAttributeMpReachNLRI
	if err := a.DecodeFromBytes(raw, options); err != nil {
		return err
	}
	r.reach, r.attributes.path.BGPNextHop = a.Value, a.Nexthop.Unmap()
	return nil
}

// options tells the library which prefixes have path identifiers.
func (r *attributeReader) options() *bgp.MarshallingOption {
	modes := map[bgp.Family]bgp.BGPAddPathMode{}
	if r.addPath4 {
		modes[bgp.RF_IPv4_UC] = bgp.BGP_ADD_PATH_RECEIVE
	}
	if r.addPath6 {
		modes[bgp.RF_IPv6_UC] = bgp.BGP_ADD_PATH_RECEIVE
	}
	return &bgp.MarshallingOption{AddPath: modes}
}

// isUnicast tells whether the value of an MP attribute is of IPv4 or IPv6 unicast.
func isUnicast(value []byte) bool {
	c := cursor{b: value}
	family := bgp.NewFamily(c.u16(), c.u8())
	return family == bgp.RF_IPv4_UC || family == bgp.RF_IPv6_UC
}
