package routes

import "github.com/osrg/gobgp/v4/pkg/packet/bgp"

// asTrans stands for an AS number that doesn't fit in 2 octets (RFC 6793 §4.2.2).
const asTrans = 23456

// segment is a part of an AS path: a sequence or a set.
type segment struct {
	set bool
	as  []uint32
}

// asPath is a path without what is inside confederations: to the outside those are one AS (RFC 5065 §5).
type asPath []segment

// add adds a segment as in BGP.
func (p asPath) add(kind uint8, as []uint32) asPath {
	if kind == bgp.BGP_ASPATH_ATTR_TYPE_SET || kind == bgp.BGP_ASPATH_ATTR_TYPE_SEQ {
		return append(p, segment{kind == bgp.BGP_ASPATH_ATTR_TYPE_SET, as})
	}
	return p
}

// length is the number of AS numbers; a set counts as one (RFC 4271 §9.1.2.2).
func (p asPath) length() int {
	n := 0
	for _, s := range p {
		if s.set {
			n++
		} else {
			n += len(s.as)
		}
	}
	return n
}

// peer is the first AS: the neighbour. A set of several tells none, which is 0 as for an empty path.
func (p asPath) peer() uint32 {
	if len(p) == 0 || p[0].set && len(p[0].as) > 1 {
		return 0
	}
	return p[0].as[0]
}

// origin is the last AS. A set at the end that has several members is passed over: what comes before it is the AS that made
// one prefix of theirs and announces it. If nothing comes before, and for an empty path, it is 0.
func (p asPath) origin() uint32 {
	for i := len(p) - 1; i >= 0; i-- {
		if as := p[i].as; !p[i].set || len(as) == 1 {
			return as[len(as)-1]
		}
	}
	return 0
}

// merge puts the AS numbers of AS4_PATH in place of the last ones of a path with 2-octet numbers (RFC 6793 §4.2.3). An
// AS4_PATH that is longer is not believed.
func (p asPath) merge(as4 asPath) asPath {
	lead := p.length() - as4.length()
	if lead < 0 || len(as4) == 0 {
		return p
	}
	var merged asPath
	for _, s := range p {
		if lead <= 0 {
			break
		}
		if !s.set && len(s.as) > lead {
			s.as = s.as[:lead]
		}
		merged = append(merged, s)
		lead -= asPath{s}.length()
	}
	return append(merged, as4...)
}
