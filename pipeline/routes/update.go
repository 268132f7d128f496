package routes

import (
	"errors"
	"net/netip"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
)

// updateCount is what an UPDATE told.
type updateCount struct {
	announced, withdrawn int
	malformed            error // why its announcements count as withdrawals, nil if they don't
}

var (
	errUpdate  = errors.New("UPDATE doesn't fit in its length")
	errMessage = errors.New("BGP message has no marker, or doesn't fit in its length")
)

// message hands what a BGP message tells to sink, if it is an UPDATE.
func (d dialect) message(b []byte, from Source, sink Sink) (updateCount, error) {
	var h bgp.BGPHeader
	if err := h.DecodeFromBytes(b); err != nil || int(h.Len) > len(b) {
		return updateCount{}, errMessage
	}
	if h.Type != bgp.BGP_MSG_UPDATE {
		return updateCount{}, nil
	}
	return d.update(b[bgp.BGP_HEADER_LENGTH:h.Len], from, sink)
}

// update hands what the body of an UPDATE tells to sink (RFC 4271 §4.3, RFC 4760). After an error nothing of it was told, but for
// prefixes of a recorded one that come before those that can't be read.
func (d dialect) update(b []byte, from Source, sink Sink) (n updateCount, err error) {
	c := cursor{b: b}
	withdrawn := cursor{b: c.take(int(c.u16()))}
	attrs := c.take(int(c.u16()))
	if c.bad {
		return n, errUpdate
	}
	gone, broken := d.prefixes(&withdrawn)
	come, err := d.prefixes(&c)
	if broken = errors.Join(broken, err); broken != nil && !d.recorded {
		return n, broken
	}
	a, err := d.attributes(attrs)
	if errors.Is(err, errFraming) {
		return n, err
	}
	n.malformed = err
	gone = append(gone, a.unreach...)
	for _, p := range gone {
		if prefix, ok := prefixOf(p); ok {
			sink.Withdraw(from, p.ID, prefix)
			n.withdrawn++
		}
	}
	for _, p := range append(come, a.reach...) {
		prefix, ok := prefixOf(p)
		switch {
		case !ok:
		case n.malformed != nil:
			sink.Withdraw(from, p.ID, prefix)
			n.withdrawn++
		default:
			sink.Announce(from, p.ID, prefix, a.path)
			n.announced++
		}
	}
	return n, broken
}

// prefixes reads the IPv4 prefixes that stand in an UPDATE itself. With an error come those before it.
func (d dialect) prefixes(c *cursor) (out []bgp.PathNLRI, err error) {
	for len(c.b) > 0 {
		var p bgp.PathNLRI
		if d.addPath4 {
			p.ID = c.u32()
		}
		p.NLRI = &bgp.IPAddrPrefix{IPAddrPrefixDefault: bgp.IPAddrPrefixDefault{Prefix: c.prefix(4)}}
		if c.bad {
			return out, errUpdate
		}
		out = append(out, p)
	}
	return out, nil
}

// prefixOf is the prefix of an IPv4 or IPv6 unicast route. An IPv4-mapped one tells nothing that could be looked up.
func prefixOf(p bgp.PathNLRI) (netip.Prefix, bool) {
	n, ok := p.NLRI.(*bgp.IPAddrPrefix)
	if !ok || !n.Prefix.IsValid() || n.Prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return n.Prefix.Masked(), true
}
