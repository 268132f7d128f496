package key

import (
	"fmt"
	"math/bits"
	"strings"
)

// Field is something that may be matched or collected, under the name it has in configuration, on the bus and in SQL.
type Field uint8

// Fields of a wide key. Lists of names are in this order.
const (
	SrcAddr Field = iota
	DstAddr
	SrcPort
	DstPort
	Protocol
	TOS
	DSCP // the upper six bits of ToS
	FlowLabel
	TTL
	TCPFlags
	IPVersion
	Interface
	SrcMAC
	DstMAC
	VLAN
	InnerVLAN
	EtherType
	Label1
	Label2
	Label3
	Label4
	Label5
	Label6
	Label7
	Label8
	Label9
	Label10
	VRF
	fieldCount
)

var fieldNames = [fieldCount]string{
	SrcAddr: "src_addr", DstAddr: "dst_addr", SrcPort: "src_port", DstPort: "dst_port", Protocol: "protocol", TOS: "tos",
	DSCP: "dscp", FlowLabel: "flow_label", TTL: "ttl", TCPFlags: "tcp_flags", IPVersion: "ip_version", Interface: "interface",
	SrcMAC: "src_mac", DstMAC: "dst_mac", VLAN: "vlan", InnerVLAN: "inner_vlan", EtherType: "ethertype",
	Label1: labelNames[0], Label2: labelNames[1], Label3: labelNames[2], Label4: labelNames[3], Label5: labelNames[4],
	Label6: labelNames[5], Label7: labelNames[6], Label8: labelNames[7], Label9: labelNames[8], Label10: labelNames[9],
	VRF: "vrf",
}

// String is the field's name.
func (f Field) String() string { return fieldNames[f] }

// Fields is a set of fields.
type Fields uint32

// Sets of fields that belong together.
const (
	Tuple   Fields = 1<<SrcAddr | 1<<DstAddr | 1<<SrcPort | 1<<DstPort | 1<<Protocol | 1<<TOS | 1<<FlowLabel | 1<<IPVersion
	IP      Fields = Tuple | 1<<DSCP | 1<<TTL | 1<<TCPFlags
	Frame   Fields = 1<<SrcMAC | 1<<DstMAC | 1<<EtherType
	Labels3 Fields = 1<<Label1 | 1<<Label2 | 1<<Label3
	Stack   Fields = Labels3 | 1<<Label4 | 1<<Label5 | 1<<Label6 | 1<<Label7 | 1<<Label8 | 1<<Label9 | 1<<Label10
)

// ecn are the lower two bits of ToS; the rest is the DSCP.
const ecn = 3

// Of is the set of one field.
func Of(f Field) Fields { return 1 << f }

// Has tells whether f is in the set.
func (s Fields) Has(f Field) bool { return s&(1<<f) != 0 }

// Any tells whether the sets have a field in common.
func (s Fields) Any(o Fields) bool { return s&o != 0 }

// FieldNames lists the names of all fields.
func FieldNames() []string { return fieldNames[:] }

// ParseFields reads names of fields; each must be there once.
func ParseFields(names []string) (s Fields, err error) {
	for _, name := range names {
		f, ok := ParseField(name)
		switch {
		case !ok:
			return 0, fmt.Errorf("field %q, want one of %s", name, strings.Join(fieldNames[:], ", "))
		case s.Has(f):
			return 0, fmt.Errorf("field %s twice", name)
		}
		s |= Of(f)
	}
	return s, nil
}

// ParseField reads the name of a field.
func ParseField(name string) (Field, bool) {
	for f, n := range fieldNames {
		if n == name {
			return Field(f), true
		}
	}
	return 0, false
}

// Names lists the fields of the set in their order.
func (s Fields) Names() []string {
	names := make([]string, 0, bits.OnesCount32(uint32(s)))
	for f := range fieldCount {
		if s.Has(f) {
			names = append(names, f.String())
		}
	}
	return names
}

// Only is k with the fields of the set, and its direction, which is part of every key.
func (s Fields) Only(k *Wide) Wide {
	o := Wide{Direction: k.Direction}
	s.Copy(&o, k)
	return o
}

// Copy copies the fields of the set from k to o.
func (s Fields) Copy(o, k *Wide) {
	if s.Has(SrcAddr) {
		o.Src = k.Src
	}
	if s.Has(DstAddr) {
		o.Dst = k.Dst
	}
	if s.Has(SrcPort) {
		o.SrcPort = k.SrcPort
	}
	if s.Has(DstPort) {
		o.DstPort = k.DstPort
	}
	if s.Has(Protocol) {
		o.Protocol = k.Protocol
	}
	if s.Has(TOS) {
		o.TOS = k.TOS
	} else if s.Has(DSCP) {
		o.TOS = k.TOS &^ ecn
	}
	if s.Has(FlowLabel) {
		o.FlowLabel = k.FlowLabel
	}
	if s.Has(TTL) {
		o.TTL = k.TTL
	}
	if s.Has(TCPFlags) {
		o.TCPFlags = k.TCPFlags
	}
	if s.Has(IPVersion) {
		o.Version = k.Version
	}
	if s.Has(Interface) {
		o.Interface = k.Interface
	}
	if s.Has(VRF) {
		o.VRF = k.VRF
	}
	if s.Any(Frame | 1<<VLAN | 1<<InnerVLAN) {
		s.layer2(o, k)
	}
	if s.Any(Stack) {
		for i := range o.Label {
			if s.Has(Label1 + Field(i)) {
				o.Label[i] = k.Label[i]
			}
		}
	}
}

func (s Fields) layer2(o, k *Wide) {
	if s.Has(SrcMAC) {
		o.SrcMAC = k.SrcMAC
	}
	if s.Has(DstMAC) {
		o.DstMAC = k.DstMAC
	}
	if s.Has(VLAN) {
		o.VLAN = k.VLAN
	}
	if s.Has(InnerVLAN) {
		o.InnerVLAN = k.InnerVLAN
	}
	if s.Has(EtherType) {
		o.EtherType = k.EtherType
	}
}
