package packet_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// key is what both decoders must agree on. IPv4 addresses stand in the first four bytes.
type key struct {
	Kind             packet.Kind
	Dst, Src         [16]byte
	DstPort, SrcPort uint16
	Protocol, TOS    uint8
	FlowLabel        uint32
}

func ours(link uint16, data []byte) key {
	var h packet.Header
	packet.Parse(link, data, &h)
	k := key{
		Kind: h.Kind, Dst: h.Dst6, Src: h.Src6, DstPort: h.DstPort, SrcPort: h.SrcPort,
		Protocol: h.Protocol, TOS: h.TOS, FlowLabel: h.FlowLabel,
	}
	if h.Kind == packet.IPv4 {
		binary.BigEndian.PutUint32(k.Dst[:], h.Dst4)
		binary.BigEndian.PutUint32(k.Src[:], h.Src4)
	}
	return k
}

// theirs takes the key from the layers that gopacket finds: the first IP layer and what follows it.
func theirs(p gopacket.Packet) key {
	var k key
	later := false
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			if k.Kind != packet.None {
				return k
			}
			k = key{Kind: packet.IPv4, Protocol: uint8(l.Protocol), TOS: l.TOS}
			copy(k.Dst[:], l.DstIP)
			copy(k.Src[:], l.SrcIP)
			if l.FragOffset != 0 {
				return k
			}
		case *layers.IPv6:
			if k.Kind != packet.None {
				return k
			}
			k = key{Kind: packet.IPv6, Protocol: uint8(l.NextHeader), TOS: l.TrafficClass, FlowLabel: l.FlowLabel}
			copy(k.Dst[:], l.DstIP)
			copy(k.Src[:], l.SrcIP)
		case *layers.IPv6HopByHop:
			k.Protocol = uint8(l.NextHeader)
		case *layers.IPv6Routing:
			k.Protocol = uint8(l.NextHeader)
		case *layers.IPv6Destination:
			k.Protocol = uint8(l.NextHeader)
		case *layers.IPSecAH:
			if k.Kind == packet.IPv6 {
				k.Protocol = uint8(l.NextHeader)
			}
		case *layers.IPv6Fragment:
			k.Protocol = uint8(l.NextHeader)
			later = l.FragmentOffset != 0
		case *layers.TCP:
			return k.ports(uint8(layers.IPProtocolTCP), uint16(l.SrcPort), uint16(l.DstPort))
		case *layers.UDP:
			return k.ports(uint8(layers.IPProtocolUDP), uint16(l.SrcPort), uint16(l.DstPort))
		case *layers.UDPLite:
			return k.ports(uint8(layers.IPProtocolUDPLite), uint16(l.SrcPort), uint16(l.DstPort))
		case *layers.SCTP:
			return k.ports(uint8(layers.IPProtocolSCTP), uint16(l.SrcPort), uint16(l.DstPort))
		case *layers.ICMPv4:
			return k.ports(uint8(layers.IPProtocolICMPv4), 0, uint16(l.TypeCode))
		case *layers.ICMPv6:
			return k.ports(uint8(layers.IPProtocolICMPv6), 0, uint16(l.TypeCode))
		}
		if later {
			return k
		}
	}
	return k
}

// ports adds the ports of a layer, unless it belongs to another protocol than that of the key.
func (k key) ports(protocol uint8, src, dst uint16) key {
	if k.Protocol == protocol {
		k.SrcPort, k.DstPort = src, dst
	}
	return k
}

// decode lets gopacket loose on a frame.
func decode(link uint16, data []byte) gopacket.Packet {
	var d gopacket.Decoder = layers.LinkType(link)
	switch link {
	case packet.LinkRaw, 12, 14:
		d = layers.LinkTypeRaw
	case packet.LinkIPv4:
		d = layers.LayerTypeIPv4
	case packet.LinkIPv6:
		d = layers.LayerTypeIPv6
	case packet.LinkSLL2:
		d = layers.LayerTypeLinuxSLL2
	case packet.LinkCiscoHDLC: // it has no decoder for this one, but for what follows
		d, data = layers.EthernetType(binary.BigEndian.Uint16(data[2:])), data[4:]
	}
	return gopacket.NewPacket(data, d, gopacket.DecodeOptions{NoCopy: true})
}

// differences are all the reasons for which gopacket has another key than we: a name, and the test for it.
var differences = map[string]func(p gopacket.Packet, ours, theirs key) bool{
	// It doesn't look behind the fragment header of any fragment, we read the ports of the first one.
	"first fragment": func(p gopacket.Packet, ours, theirs key) bool {
		ls := p.Layers()
		ours.SrcPort, ours.DstPort, ours.Protocol = 0, 0, theirs.Protocol // other extensions may follow
		return ls[len(ls)-1].LayerType() == gopacket.LayerTypeFragment && ours == theirs
	},
	// It sets no field of an IP header that is cut or has broken options; both refuse such a header.
	"broken header": func(p gopacket.Packet, ours, theirs key) bool {
		return p.ErrorLayer() != nil && ours == key{} && theirs == key{Kind: theirs.Kind}
	},
	// It doesn't compare the version of an IPv6 header.
	"version": func(p gopacket.Packet, ours, theirs key) bool {
		ip, ok := p.NetworkLayer().(*layers.IPv6)
		return ok && ip.Version != 6 && ours == key{}
	},
	// It wants a jumbo option where the payload length is 0; offloading leaves it 0 without one.
	"payload length 0": func(p gopacket.Packet, ours, theirs key) bool {
		ours.SrcPort, ours.DstPort = 0, 0
		ip, ok := p.NetworkLayer().(*layers.IPv6)
		return ok && ip.Length == 0 && ours == theirs
	},
	// It stays at the number of an extension header that is cut, we go on to the one it names.
	"cut extension": func(p gopacket.Packet, ours, theirs key) bool {
		ours.Protocol = theirs.Protocol
		return failed(p, "Invalid ip6-extension header") && ours == theirs
	},
	// It wants all 8 bytes of an ICMP header, we need type and code.
	"short icmp": func(p gopacket.Packet, ours, theirs key) bool {
		ours.DstPort = 0
		return failed(p, "ICMP layer less") && ours == theirs
	},
	// It checks the length of a cooked address, which isn't needed to reach the IP header.
	"cooked address": func(p gopacket.Packet, ours, theirs key) bool {
		return failed(p, "Linux SLL invalid address length") && theirs == key{}
	},
}

func failed(p gopacket.Packet, with string) bool {
	e := p.ErrorLayer()
	return e != nil && strings.Contains(e.Error().Error(), with)
}

func TestAgainstGopacket(t *testing.T) {
	met := map[string]int{}
	capturetest.Walk(t, func(t *testing.T, c capturetest.Capture) {
		packets, _ := load(c.Path) // of a damaged capture, what comes before the damage
		for i, p := range packets {
			g := decode(p.LinkType, p.Data)
			got, want := ours(p.LinkType, p.Data), theirs(g)
			if got == want {
				met["same"]++
				continue
			}
			explained := false
			for name, test := range differences {
				if test(g, got, want) {
					met[name]++
					explained = true
				}
			}
			if !explained {
				t.Errorf("packet %d (-gopacket +ours):\n%s%v", i+1, cmp.Diff(want, got), g)
			}
		}
	})
	t.Log(met)
	if met["same"] == 0 {
		t.Error("nothing compared")
	}
	for name := range differences {
		if met[name] == 0 {
			t.Errorf("no packet differs because of %q: the reason can go", name)
		}
	}
}
