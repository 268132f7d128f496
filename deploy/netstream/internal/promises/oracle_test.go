package promises

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"netstream/schemas/key"
)

// seen is a packet as gopacket decodes it, without any code of ours. Key is key.IPv4 or key.IPv6, nil if it has none.
type seen struct {
	time  int64
	key   any
	bytes uint64 // layer 3
	flags uint8
}

// readCapture reads a capture with gopacket as far as it can; an error comes with the packets before it.
func readCapture(path string) (out []seen, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var read func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error)
	if magic == [4]byte{0x0a, 0x0d, 0x0d, 0x0a} {
		r, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, err
		}
		read = func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
			data, ci, err := r.ReadPacketData()
			if err != nil {
				return nil, ci, 0, err
			}
			return data, ci, ci.AncillaryData[0].(layers.LinkType), nil
		}
	} else {
		r, err := pcapgo.NewReader(f)
		if err != nil {
			return nil, err
		}
		read = func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
			data, ci, err := r.ReadPacketData()
			return data, ci, r.LinkType(), err
		}
	}
	last := int64(0)
	for {
		data, ci, link, err := read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		s := dissect(data, link, uint32(ci.InterfaceIndex))
		if !ci.Timestamp.IsZero() {
			last = ci.Timestamp.UnixNano()
		}
		s.time = last // a packet without a time has that of the one before
		out = append(out, s)
	}
}

// dissect takes key, layer-3 bytes and TCP flags from the layers that gopacket finds: the first IP header and what
// follows it (spec sections 8.1 and 9.3).
func dissect(data []byte, link layers.LinkType, iface uint32) (s seen) {
	var decoder gopacket.Decoder = link
	switch link {
	case 12, 14, 101:
		decoder = layers.LinkTypeRaw
	case 228:
		decoder = layers.LayerTypeIPv4
	case 229:
		decoder = layers.LayerTypeIPv6
	case 104: // no decoder for Cisco HDLC, but for what follows
		if len(data) < 4 {
			return seen{}
		}
		decoder, data = layers.EthernetType(uint16(data[2])<<8|uint16(data[3])), data[4:]
	case 276:
		decoder = layers.LayerTypeLinuxSLL2
	}
	all := gopacket.NewPacket(data, decoder, gopacket.DecodeOptions{NoCopy: true}).Layers()
	for i, l := range all {
		switch l := l.(type) {
		case *layers.IPv4:
			if len(l.SrcIP) != 4 || len(l.DstIP) != 4 {
				return seen{} // a broken header
			}
			k := key.IPv4{Src: be32(l.SrcIP), Dst: be32(l.DstIP), Protocol: uint8(l.Protocol), TOS: l.TOS, Interface: iface, Direction: cooked(data, link)}
			if s.bytes = uint64(l.Length); l.Length == 0 { // offloading
				s.bytes = uint64(len(l.Contents) + len(l.Payload))
			}
			if l.FragOffset == 0 {
				next := all[i+1:]
				if l.Flags&layers.IPv4MoreFragments != 0 { // gopacket looks no further
					next = gopacket.NewPacket(l.Payload, l.Protocol.LayerType(), gopacket.DecodeOptions{NoCopy: true}).Layers()
				}
				k.SrcPort, k.DstPort, s.flags = transport(next, l.Protocol)
			}
			s.key = k
			return s
		case *layers.IPv6:
			if l.Version != 6 || len(l.SrcIP) != 16 || len(l.DstIP) != 16 {
				return seen{}
			}
			k := key.IPv6{
				Src: [16]byte(l.SrcIP), Dst: [16]byte(l.DstIP), Protocol: uint8(l.NextHeader), TOS: l.TrafficClass, FlowLabel: l.FlowLabel, Interface: iface, Direction: cooked(data, link),
			}
			if s.bytes = 40 + uint64(l.Length); l.Length == 0 {
				s.bytes = uint64(len(l.Contents) + len(l.Payload))
			}
			next := all[i+1:]
			for len(next) > 0 {
				switch x := next[0].(type) {
				case *layers.IPv6HopByHop:
					k.Protocol = uint8(x.NextHeader)
				case *layers.IPv6Routing:
					k.Protocol = uint8(x.NextHeader)
				case *layers.IPv6Destination:
					k.Protocol = uint8(x.NextHeader)
				case *layers.IPSecAH:
					k.Protocol = uint8(x.NextHeader)
				case *layers.IPv6Fragment:
					k.Protocol = uint8(x.NextHeader)
					if x.FragmentOffset != 0 {
						s.key = k
						return s
					}
					next = append(next[:1:1], gopacket.NewPacket(x.LayerPayload(), x.NextHeader.LayerType(), gopacket.DecodeOptions{NoCopy: true}).Layers()...)
				default:
					k.SrcPort, k.DstPort, s.flags = transport(next, layers.IPProtocol(k.Protocol))
					s.key = k
					return s
				}
				next = next[1:]
			}
			s.key = k
			return s
		}
	}
	return seen{}
}

// transport takes ports and TCP flags from the first of the layers, if it is of the protocol announced.
func transport(next []gopacket.Layer, protocol layers.IPProtocol) (src, dst uint16, flags uint8) {
	if len(next) == 0 {
		return 0, 0, 0
	}
	switch l := next[0].(type) {
	case *layers.TCP:
		if protocol == layers.IPProtocolTCP {
			for i, set := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK, l.URG, l.ECE, l.CWR} {
				if set {
					flags |= 1 << i
				}
			}
			return uint16(l.SrcPort), uint16(l.DstPort), flags
		}
	case *layers.UDP:
		if protocol == layers.IPProtocolUDP {
			return uint16(l.SrcPort), uint16(l.DstPort), 0
		}
	case *layers.UDPLite:
		if protocol == layers.IPProtocolUDPLite {
			return uint16(l.SrcPort), uint16(l.DstPort), 0
		}
	case *layers.SCTP:
		if protocol == layers.IPProtocolSCTP {
			return uint16(l.SrcPort), uint16(l.DstPort), 0
		}
	case *layers.ICMPv4:
		if protocol == layers.IPProtocolICMPv4 {
			return 0, uint16(l.TypeCode), 0
		}
	case *layers.ICMPv6:
		if protocol == layers.IPProtocolICMPv6 {
			return 0, uint16(l.TypeCode), 0
		}
	}
	return 0, 0, 0
}

// cooked is the direction of a Linux cooked frame: packet type 4 is what the machine sent.
func cooked(data []byte, link layers.LinkType) uint8 {
	if link == layers.LinkTypeLinuxSLL && data[1] == 4 || link == layers.LinkTypeLinuxSLL2 && data[10] == 4 {
		return 1
	}
	return 0
}

func be32(ip []byte) uint32 {
	return uint32(ip[0])<<24 | uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3])
}

// text is a key for people.
func text(k any) string {
	switch k := k.(type) {
	case key.IPv4:
		ip := func(a uint32) netip.Addr {
			return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
		}
		return fmt.Sprintf("%s:%d > %s:%d protocol %d tos %d if %d/%d", ip(k.Src), k.SrcPort, ip(k.Dst), k.DstPort, k.Protocol, k.TOS, k.Interface, k.Direction)
	case key.IPv6:
		return fmt.Sprintf("%s:%d > %s:%d protocol %d tos %d label %d if %d/%d",
			netip.AddrFrom16(k.Src), k.SrcPort, netip.AddrFrom16(k.Dst), k.DstPort, k.Protocol, k.TOS, k.FlowLabel, k.Interface, k.Direction)
	}
	return fmt.Sprint(k)
}
