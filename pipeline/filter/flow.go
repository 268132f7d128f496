package filter

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"reflect"

	"netstream/schemas/key"
)

// flow is what an expression can ask of a flow. What its key doesn't have is 0 or empty.
type flow struct {
	Source    string `expr:"source"`
	Monitor   string `expr:"monitor"`
	Kind      string `expr:"kind"`
	Direction string `expr:"direction"`
	SrcAddr   string `expr:"src_addr"`
	DstAddr   string `expr:"dst_addr"`
	SrcPort   int    `expr:"src_port"`
	DstPort   int    `expr:"dst_port"`
	Protocol  int    `expr:"protocol"`
	TOS       int    `expr:"tos"`
	FlowLabel int    `expr:"flow_label"`
	InIf      int    `expr:"in_if"`
	OutIf     int    `expr:"out_if"`
	VLAN      int    `expr:"vlan"`
	InnerVLAN int    `expr:"inner_vlan"`
	EtherType int    `expr:"ethertype"`
	SrcMAC    string `expr:"src_mac"`
	DstMAC    string `expr:"dst_mac"`
	Label1    int    `expr:"mpls_label_1"`
	Label2    int    `expr:"mpls_label_2"`
	Label3    int    `expr:"mpls_label_3"`
	VRF       int    `expr:"vrf"`
	TTL       int    `expr:"ttl"`
	IPVersion int    `expr:"ip_version"`
}

// Names lists the fields that an expression can name.
func Names() (names []string) {
	t := reflect.TypeFor[flow]()
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("expr"))
	}
	return names
}

func (f *Filter) ipv4(k *key.IPv4) {
	w := &f.flow
	w.SrcPort, w.DstPort, w.Protocol, w.TOS, w.IPVersion = int(k.SrcPort), int(k.DstPort), int(k.Protocol), int(k.TOS), 4
	f.place(k.Interface, k.Direction)
	if f.uses["src_addr"] {
		w.SrcAddr = ipv4Text(k.Src)
	}
	if f.uses["dst_addr"] {
		w.DstAddr = ipv4Text(k.Dst)
	}
}

func (f *Filter) ipv6(k *key.IPv6) {
	w := &f.flow
	w.SrcPort, w.DstPort, w.Protocol, w.TOS, w.IPVersion = int(k.SrcPort), int(k.DstPort), int(k.Protocol), int(k.TOS), 6
	w.FlowLabel = int(k.FlowLabel)
	f.place(k.Interface, k.Direction)
	f.addresses(k.Src, k.Dst, true)
}

func (f *Filter) wide(k *key.Wide) {
	w := &f.flow
	w.SrcPort, w.DstPort, w.Protocol, w.TOS, w.IPVersion = int(k.SrcPort), int(k.DstPort), int(k.Protocol), int(k.TOS), int(k.Version)
	w.FlowLabel, w.VLAN, w.InnerVLAN, w.EtherType = int(k.FlowLabel), int(k.VLAN), int(k.InnerVLAN), int(k.EtherType)
	w.Label1, w.Label2, w.Label3 = int(k.Label[0]), int(k.Label[1]), int(k.Label[2])
	w.VRF, w.TTL = int(k.VRF), int(k.TTL)
	f.place(k.Interface, k.Direction)
	f.addresses(k.Src, k.Dst, k.Version == 6)
	if f.uses["src_mac"] && f.match.Has(key.SrcMAC) {
		w.SrcMAC = macText(k.SrcMAC)
	}
	if f.uses["dst_mac"] && f.match.Has(key.DstMAC) {
		w.DstMAC = macText(k.DstMAC)
	}
}

// place files the interface of the key under the direction in which its sampler sits.
func (f *Filter) place(at uint32, direction uint8) {
	w := &f.flow
	if direction == 1 {
		w.Direction, w.InIf, w.OutIf = "egress", 0, int(at)
		return
	}
	w.Direction, w.InIf, w.OutIf = "ingress", int(at), 0
}

// addresses writes addresses of 16 bytes, if the expression asks for them. Without an IP header they are all 0, which is an
// address only in IPv6.
func (f *Filter) addresses(src, dst [16]byte, zero bool) {
	if f.uses["src_addr"] {
		f.flow.SrcAddr = addrText(src, zero)
	}
	if f.uses["dst_addr"] {
		f.flow.DstAddr = addrText(dst, zero)
	}
}

func addrText(a [16]byte, zero bool) string {
	if a == [16]byte{} && !zero {
		return ""
	}
	return netip.AddrFrom16(a).Unmap().String()
}

func ipv4Text(a uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b).String()
}

func macText(a uint64) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", byte(a>>40), byte(a>>32), byte(a>>24), byte(a>>16), byte(a>>8), byte(a))
}

// parseMAC reads a MAC address and writes it as the flows have it.
func parseMAC(text string) (string, bool) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return "", false
	}
	return mac.String(), true
}
