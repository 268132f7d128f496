// Package filter compiles capture filters in the syntax of tcpdump (pcap-filter(7)) to programs for the kernel.
//
//	text -> words -> tree of tests -> BPF
//
// It knows the primitives that people write by hand:
//
//	[ip|ip6|arp|rarp] [src|dst] host ADDRESS    [src|dst] net ADDRESS/BITS, or 10.1 for 10.1.0.0/16
//	[tcp|udp|sctp] [src|dst] port N             [tcp|udp|sctp] [src|dst] portrange N-M
//	ip, ip6, arp, rarp, tcp, udp, sctp, icmp, icmp6, igmp, esp, ah, vrrp, pim
//	[ip|ip6] proto N|NAME, ether proto N|NAME   ether [src|dst] host MAC, ether broadcast, ether multicast
//	vlan [ID], mpls [LABEL], pppoes [SESSION]   greater N, less N
//	not (!), and (&&), or (||), parentheses     and, or have the same precedence and group from the left
//
// As in tcpdump, vlan moves what follows it behind the tag: "vlan 100 and udp port 53". Names of hosts, and arithmetic such
// as tcp[13] & 2 != 0, are refused: nothing is ever filtered in another way than tcpdump would.
package filter

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
)

// ErrFilter is met when an expression can't be compiled.
var ErrFilter = errors.New("capture filter")

// Link types that filters can be compiled for, LINKTYPE_ values.
const (
	LinkEthernet = 1
	LinkRaw      = 101 // an IP packet without anything before it
)

// Compile makes the program of an expression for packets of a link type. It accepts packets up to snapLen bytes and cuts
// longer ones; a packet that doesn't match is not taken. An empty expression matches all.
func Compile(expression string, linkType uint16, snapLen int) ([]bpf.RawInstruction, error) {
	program, err := compile(expression, linkType, snapLen)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrFilter, expression, err)
	}
	return bpf.Assemble(program)
}

func compile(expression string, linkType uint16, snapLen int) ([]bpf.Instruction, error) {
	if linkType != LinkEthernet && linkType != LinkRaw {
		return nil, fmt.Errorf("link type %d, want %d (Ethernet) or %d (raw IP)", linkType, LinkEthernet, LinkRaw)
	}
	words, err := split(expression)
	if err != nil {
		return nil, err
	}
	p := parser{words: words, at: place{ethernet: linkType == LinkEthernet}}
	if p.at.ethernet {
		p.at.etherType, p.at.network = 12, 14
	}
	tree, err := p.expression()
	if err != nil {
		return nil, err
	}
	return generate(tree, snapLen)
}
