package nsv5

import "encoding/binary"

// Record is one flow. Addresses are IPv4 in host order of a big-endian number (10.0.0.1 is 0x0a000001). The two
// paddings of the wire format are written as zero and not read.
type Record struct {
	SrcAddr uint32
	DstAddr uint32
	NextHop uint32 // 0 when unknown
	Input   uint16 // ifIndex of ingress; see IfIndex16
	Output  uint16 // ifIndex of egress; 0 is dropped, local or unknown
	Packets uint32 // as sampled, not scaled
	Octets  uint32 // bytes of layer 3, as sampled, not scaled
	First   uint32 // SysUptime of the first packet, ms; Header.Millis makes it absolute
	Last    uint32 // SysUptime of the last packet, ms
	SrcPort uint16
	DstPort uint16 // ICMP: type*256 + code
	// TCPFlags is the OR over all packets of the flow: CWR ECE URG ACK PSH RST SYN FIN from 0x80 to 0x01.
	TCPFlags uint8
	Protocol uint8
	TOS      uint8  // the whole octet, DSCP and ECN, of the first packet
	SrcMask  uint8  // prefix length; 0 is unknown
	DstMask  uint8  // prefix length; 0 is unknown
	SrcAS    uint16 // origin or peer AS; see AS16
	DstAS    uint16
}

func (r *Record) decode(b *[RecordLen]byte) {
	*r = Record{
		SrcAddr:  binary.BigEndian.Uint32(b[0:]),
		DstAddr:  binary.BigEndian.Uint32(b[4:]),
		NextHop:  binary.BigEndian.Uint32(b[8:]),
		Input:    binary.BigEndian.Uint16(b[12:]),
		Output:   binary.BigEndian.Uint16(b[14:]),
		Packets:  binary.BigEndian.Uint32(b[16:]),
		Octets:   binary.BigEndian.Uint32(b[20:]),
		First:    binary.BigEndian.Uint32(b[24:]),
		Last:     binary.BigEndian.Uint32(b[28:]),
		SrcPort:  binary.BigEndian.Uint16(b[32:]),
		DstPort:  binary.BigEndian.Uint16(b[34:]),
		TCPFlags: b[37],
		Protocol: b[38],
		TOS:      b[39],
		SrcAS:    binary.BigEndian.Uint16(b[40:]),
		DstAS:    binary.BigEndian.Uint16(b[42:]),
		SrcMask:  b[44],
		DstMask:  b[45],
	}
}

func (r *Record) encode(b *[RecordLen]byte) {
	binary.BigEndian.PutUint32(b[0:], r.SrcAddr)
	binary.BigEndian.PutUint32(b[4:], r.DstAddr)
	binary.BigEndian.PutUint32(b[8:], r.NextHop)
	binary.BigEndian.PutUint16(b[12:], r.Input)
	binary.BigEndian.PutUint16(b[14:], r.Output)
	binary.BigEndian.PutUint32(b[16:], r.Packets)
	binary.BigEndian.PutUint32(b[20:], r.Octets)
	binary.BigEndian.PutUint32(b[24:], r.First)
	binary.BigEndian.PutUint32(b[28:], r.Last)
	binary.BigEndian.PutUint16(b[32:], r.SrcPort)
	binary.BigEndian.PutUint16(b[34:], r.DstPort)
	b[36] = 0 // the caller's buffer may hold anything
	b[37] = r.TCPFlags
	b[38] = r.Protocol
	b[39] = r.TOS
	binary.BigEndian.PutUint16(b[40:], r.SrcAS)
	binary.BigEndian.PutUint16(b[42:], r.DstAS)
	b[44] = r.SrcMask
	b[45] = r.DstMask
	b[46], b[47] = 0, 0
}
