package filter

import (
	"encoding/binary"
	"net"
	"strconv"
)

// mac is a condition on MAC addresses.
func (p *parser) mac(q qualifiers, id string) (node, error) {
	addr, err := net.ParseMAC(id)
	if err != nil || len(addr) != 6 {
		return nil, p.fail("%q is no MAC address such as 02:00:00:00:00:01", id)
	}
	if !p.at.ethernet {
		return nil, p.fail("the interface has no MAC addresses")
	}
	return p.pair(q, func(dst bool) node { return hardware(6-6*flag(dst), addr) }), nil
}

func hardware(offset int, addr []byte) node {
	return all(is(at(offset+2, 4), binary.BigEndian.Uint32(addr[2:])), is(at(offset, 2), uint32(binary.BigEndian.Uint16(addr))))
}

// group is broadcast or multicast.
func (p *parser) group(proto, kind string) (node, error) {
	switch {
	case proto == "ether" && p.at.ethernet && kind == "broadcast":
		return hardware(0, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), nil
	case proto == "ether" && p.at.ethernet:
		return masked(at(0, 1), 1, 1), nil
	case proto == "ip" && kind == "multicast":
		return all(p.ip(), test{load: at(p.at.network+16, 1), op: atLeast, value: 224}), nil
	case proto == "ip6" && kind == "multicast":
		return all(p.ip6(), is(at(p.at.network+24, 1), 255)), nil
	}
	return nil, p.fail("%s %s can't be told here", proto, kind)
}

// encapsulation is vlan, mpls or pppoes. What follows vlan is looked for behind the tag; behind the others nothing is.
func (p *parser) encapsulation(name string) (node, error) {
	if p.at.closed != "" {
		return nil, p.fail("nothing can be found behind %s; write it before", p.at.closed)
	}
	if !p.at.ethernet {
		return nil, p.fail("the interface has no Ethernet header")
	}
	p.last = qualifiers{}
	id, given, err := p.number(map[string]uint64{"vlan": 4095, "mpls": 1<<20 - 1, "pppoes": 65535}[name])
	if err != nil {
		return nil, err
	}
	et := at(p.at.etherType, 2)
	var n node
	var value node
	switch name {
	case "vlan":
		n, value = some(is(et, 0x8100), is(et, 0x88a8), is(et, 0x9100)), masked(at(p.at.network, 2), 0xfff, id)
		p.at.etherType, p.at.network = p.at.etherType+4, p.at.network+4
	case "mpls":
		n, value = is(et, 0x8847), masked(at(p.at.network, 4), 0xfffff000, id<<12)
		p.at.closed = name
	case "pppoes":
		n, value = is(et, 0x8864), is(at(p.at.network+2, 2), id)
		p.at.closed = name
	}
	if given {
		n = all(n, value)
	}
	return n, nil
}

// number reads an optional number.
func (p *parser) number(most uint64) (value uint32, given bool, err error) {
	if text := p.peek(); text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false, nil
	}
	text := p.take()
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil || n > most {
		return 0, false, p.fail("want a number up to %d", most)
	}
	return uint32(n), true, nil
}

// length is greater or less, both of which take the number itself too.
func (p *parser) length(name string) (node, error) {
	n, given, err := p.number(1<<31 - 1)
	if err == nil && !given {
		p.next++
		err = p.fail("want a length in bytes behind %s", name)
	}
	p.last = qualifiers{}
	if name == "greater" {
		return test{op: atLeast, value: n}, err
	}
	return test{op: atMost, value: n}, err
}
