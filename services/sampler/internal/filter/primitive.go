package filter

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// EtherTypes and IP protocols by the names of tcpdump.
var (
	etherTypes = map[string]uint32{"ip": 0x800, "ip6": 0x86dd, "arp": 0x806, "rarp": 0x8035, "lldp": 0x88cc}
	ipProtos   = map[string]uint32{
		"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "ospf": 89, "pim": 103, "vrrp": 112, "sctp": 132,
	}
)

// etherType is the condition on what the frame carries.
func (p *parser) etherType(value uint32) node {
	if p.at.ethernet {
		return is(at(p.at.etherType, 2), value)
	}
	version := map[uint32]uint32{etherTypes["ip"]: 0x40, etherTypes["ip6"]: 0x60}[value]
	if version == 0 {
		return not{always{}} // raw IP carries nothing else
	}
	return masked(at(p.at.network, 1), 0xf0, version)
}

func (p *parser) ip() node  { return p.etherType(etherTypes["ip"]) }
func (p *parser) ip6() node { return p.etherType(etherTypes["ip6"]) }

// protocol is a protocol without anything behind it.
func (p *parser) protocol(name string) (node, error) {
	if value, ok := etherTypes[name]; ok {
		return p.etherType(value), nil
	}
	value, ok := ipProtos[name]
	switch {
	case !ok:
		return nil, p.fail("want host, src, dst, proto, broadcast or multicast behind %s", name)
	case name == "icmp" || name == "igmp" || name == "vrrp":
		return p.proto4(value), nil
	case name == "icmp6":
		return p.proto6(value), nil
	}
	return some(p.proto4(value), p.proto6(value)), nil
}

// proto4 and proto6 are an IP protocol; that of IPv6 may stand behind a fragment header.
func (p *parser) proto4(value uint32) node {
	return all(p.ip(), is(at(p.at.network+9, 1), value))
}

func (p *parser) proto6(value uint32) node {
	return all(p.ip6(), some(
		is(at(p.at.network+6, 1), value),
		all(is(at(p.at.network+6, 1), 44), is(at(p.at.network+40, 1), value))))
}

// identifier is what qualifiers and an identifier say together.
func (p *parser) identifier(q qualifiers, id string) (node, error) {
	switch q.kind {
	case "port", "portrange", "proto":
		if id == "" {
			return nil, p.fail("want a number or name behind %s", q.kind)
		}
	}
	switch q.kind {
	case "host":
		if q.proto == "ether" {
			return p.mac(q, id)
		}
		addr, err := netip.ParseAddr(id)
		if err != nil {
			return nil, p.fail("%q is no address; names aren't looked up", id)
		}
		return p.net(q, netip.PrefixFrom(addr, addr.BitLen()))
	case "net":
		prefix, err := network(id)
		if err != nil {
			return nil, p.fail("%q is no network such as 10.0.0.0/8 or 2001:db8::/32", id)
		}
		return p.net(q, prefix)
	case "port", "portrange":
		return p.port(q, id)
	}
	return p.protoNumber(q, id)
}

// network reads a prefix; an IPv4 one may be cut to its first octets, whose bits are the prefix then.
func network(text string) (netip.Prefix, error) {
	addr, bits, given := strings.Cut(text, "/")
	if octets := strings.Count(addr, ".") + 1; !strings.Contains(addr, ":") && octets < 4 {
		if !given {
			bits, given = strconv.Itoa(8*octets), true
		}
		addr += strings.Repeat(".0", 4-octets)
	}
	if !given {
		a, err := netip.ParseAddr(addr)
		return netip.PrefixFrom(a, a.BitLen()), err
	}
	prefix, err := netip.ParsePrefix(addr + "/" + bits)
	if err == nil && prefix.Masked() != prefix {
		err = strconv.ErrRange
	}
	return prefix, err
}

// net is a condition on addresses.
func (p *parser) net(q qualifiers, prefix netip.Prefix) (node, error) {
	addr, bits := prefix.Addr().Unmap(), prefix.Bits()
	if addr.Is6() {
		if q.proto != "" && q.proto != "ip6" {
			return nil, p.fail("%s has no IPv6 addresses", q.proto)
		}
		return all(p.ip6(), p.pair(q, func(dst bool) node { return prefixBits(p.at.network+8+16*flag(dst), addr.AsSlice(), bits) })), nil
	}
	ip := all(p.ip(), p.pair(q, func(dst bool) node { return prefixBits(p.at.network+12+4*flag(dst), addr.AsSlice(), bits) }))
	arp := func(name string) node {
		return all(p.etherType(etherTypes[name]), p.pair(q, func(dst bool) node { return prefixBits(p.at.network+14+10*flag(dst), addr.AsSlice(), bits) }))
	}
	switch q.proto {
	case "":
		return some(ip, arp("arp"), arp("rarp")), nil
	case "ip":
		return ip, nil
	case "arp", "rarp":
		return arp(q.proto), nil
	}
	return nil, p.fail("%s has no addresses of its own", q.proto)
}

func flag(dst bool) int {
	if dst {
		return 1
	}
	return 0
}

// pair is a condition on source, destination, both or either.
func (p *parser) pair(q qualifiers, of func(dst bool) node) node {
	switch q.direction {
	case "src":
		return of(false)
	case "dst":
		return of(true)
	case "src and dst":
		return all(of(false), of(true))
	}
	return some(of(false), of(true))
}

// prefixBits compares the first bits of an address, 32 at a time.
func prefixBits(offset int, addr []byte, bits int) node {
	if bits == 0 {
		return always{}
	}
	var tests []node
	for i := 0; i < bits; i += 32 {
		mask := ^uint32(0) << max(32-(bits-i), 0)
		tests = append(tests, masked(at(offset+i/8, 4), mask, binary.BigEndian.Uint32(addr[i/8:])&mask))
	}
	return all(tests...)
}

// port is a condition on ports.
func (p *parser) port(q qualifiers, id string) (node, error) {
	lo, hi, isRange := strings.Cut(id, "-")
	if !isRange || q.kind == "port" {
		lo, hi = id, id
	}
	protocols := []uint32{ipProtos["sctp"], ipProtos["tcp"], ipProtos["udp"]}
	switch q.proto {
	case "":
	case "tcp", "udp", "sctp":
		protocols = []uint32{ipProtos[q.proto]}
	default:
		return nil, p.fail("%s has no ports; tcp, udp and sctp do", q.proto)
	}
	first, err := port(lo)
	last, err2 := port(hi)
	if err != nil || err2 != nil || first > last {
		return nil, p.fail("%q is no port, or range of ports such as 6000-6008", id)
	}
	compare := func(l load) node {
		if first == last {
			return is(l, first)
		}
		return all(test{load: l, op: atLeast, value: first}, test{load: l, op: atMost, value: last})
	}
	isOne := func(l load) node {
		tests := make([]node, len(protocols))
		for i, v := range protocols {
			tests[i] = is(l, v)
		}
		return some(tests...)
	}
	n := p.at.network
	ipv4 := all(p.ip(), isOne(at(n+9, 1)), masked(at(n+6, 2), 0x1fff, 0),
		p.pair(q, func(dst bool) node { return compare(load{uint32(n + 2*flag(dst)), 2, n}) }))
	ipv6 := all(p.ip6(), isOne(at(n+6, 1)), p.pair(q, func(dst bool) node { return compare(at(n+40+2*flag(dst), 2)) }))
	return some(ipv6, ipv4), nil
}

// port reads a port's number or name.
func port(text string) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return uint32(n), nil
	}
	n, err := net.LookupPort("tcp", text)
	if err != nil {
		n, err = net.LookupPort("udp", text)
	}
	return uint32(n), err
}

// protoNumber is a protocol by its number or name.
func (p *parser) protoNumber(q qualifiers, id string) (node, error) {
	known, bits := ipProtos, 8
	if q.proto == "ether" {
		known, bits = etherTypes, 16
	}
	value, ok := known[strings.TrimPrefix(id, `\`)]
	if !ok {
		n, err := strconv.ParseUint(id, 0, bits)
		if err != nil {
			return nil, p.fail("%q is no protocol", id)
		}
		value = uint32(n)
	}
	switch {
	case q.direction != "":
		return nil, p.fail("a protocol has no direction")
	case q.proto == "ether" && value < 0x600:
		return nil, p.fail("%q is no EtherType, want 0x600 or more", id)
	case q.proto == "ether":
		return p.etherType(value), nil
	case q.proto == "ip":
		return p.proto4(value), nil
	case q.proto == "ip6":
		return p.proto6(value), nil
	case q.proto == "":
		return some(p.proto4(value), p.proto6(value)), nil
	}
	return nil, p.fail("want ip, ip6 or ether before proto")
}
