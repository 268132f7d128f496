package traffic

import "encoding/binary"

// encodeLead writes the bytes by which a decoder recognises the application
// and returns their number, never more than the payload has.
func encodeLead(b []byte, f *flow, p *packet) int {
	if p.payload == 0 {
		return 0
	}
	switch p.lead {
	case leadTLS: // one record of application data in each segment
		b[0], b[1], b[2] = 0x17, 0x03, 0x03
		binary.BigEndian.PutUint16(b[3:], uint16(p.payload-5))
		return 5
	case leadQUICOpen: // version 1 and the server's connection id (RFC 9000 §17.2)
		b[0] = 0xc3
		binary.BigEndian.PutUint32(b[1:], 1)
		b[5] = 8
		binary.BigEndian.PutUint64(b[6:], mix(uint64(f.label)))
		b[14] = 0
		return 15
	case leadQUIC: // short header (RFC 9000 §17.3)
		b[0] = 0x43
		binary.BigEndian.PutUint64(b[1:], mix(uint64(f.label)))
		return 9
	case leadDNS:
		return encodeDNS(b, f.label+p.seq, p.dir == 1, &f.addr[1])
	case leadNTP: // version 4, client or server of stratum 2
		b[0], b[1], b[2], b[3] = 0x23+p.dir, 2, 6, 0xe9
		return 4
	case leadRTP: // version 2, PCMU, 20 ms of sound in each packet
		b[0], b[1] = 0x80, 0
		binary.BigEndian.PutUint16(b[2:], uint16(p.seq))
		binary.BigEndian.PutUint32(b[4:], p.seq*160)
		binary.BigEndian.PutUint32(b[8:], f.label+uint32(p.dir))
		return 12
	case leadDNSAnswer:
		return encodeDNSKey(b, p.payload)
	case leadNTPList: // mode 7, version 2, monlist
		b[0], b[1], b[2], b[3] = 0x97, 0, 3, 42
		return 4
	default:
		return 0
	}
}

const (
	dnsHeader   = 12
	dnsSuffix   = "\x07example\x03net\x00"
	dnsQuestion = 4  // type and class
	dnsRecord   = 16 // an A record with a compressed name
)

// dnsName and dnsAnswers derive the length of a host name and the number of
// addresses from the hash of a question.
func dnsName(h uint32) int    { return 4 + int(h%17) }
func dnsAnswers(h uint32) int { return 1 + int(h>>8%4) }

// dnsLen is the length of the message that encodeDNS writes.
func dnsLen(h uint32, answer bool) int {
	n := dnsHeader + 1 + dnsName(h) + len(dnsSuffix) + dnsQuestion
	if answer {
		n += dnsAnswers(h) * dnsRecord
	}
	return n
}

// encodeDNS writes a question for an A record or its answer (RFC 1035 §4).
func encodeDNS(b []byte, h uint32, answer bool, addr *address) int {
	flags, answers := uint16(0x0100), 0
	if answer {
		flags, answers = 0x8180, dnsAnswers(h)
	}
	dnsHead(b, uint16(h>>16), flags, answers)
	n := dnsName(h)
	b[dnsHeader] = byte(n)
	letters := mix(uint64(h))
	for i := range n {
		b[dnsHeader+1+i] = 'a' + byte(letters>>(i*3)&15)
	}
	off := dnsHeader + 1 + n
	off += copy(b[off:], dnsSuffix)
	binary.BigEndian.PutUint32(b[off:], 1<<16|1) // A, IN
	off += dnsQuestion
	for i := range answers {
		binary.BigEndian.PutUint16(b[off:], 0xc000|dnsHeader)
		binary.BigEndian.PutUint32(b[off+2:], 1<<16|1)
		binary.BigEndian.PutUint32(b[off+6:], 300)
		binary.BigEndian.PutUint16(b[off+10:], 4)
		copy(b[off+12:off+16], []byte{198, 18, addr[3], byte(i + 1)})
		off += dnsRecord
	}
	return off
}

// encodeDNSKey writes the start of an answer that fills n bytes with one key
// (RFC 4034 §2), the sort of answer that is worth reflecting.
func encodeDNSKey(b []byte, n int) int {
	const dnskey = 48
	dnsHead(b, 0x4e53, 0x8180, 1)
	off := dnsHeader
	off += copy(b[off:], dnsSuffix)
	binary.BigEndian.PutUint32(b[off:], dnskey<<16|1)
	off += dnsQuestion
	binary.BigEndian.PutUint16(b[off:], 0xc000|dnsHeader)
	binary.BigEndian.PutUint32(b[off+2:], dnskey<<16|1)
	binary.BigEndian.PutUint32(b[off+6:], 3600)
	off += dnsRecord - 4
	binary.BigEndian.PutUint16(b[off-2:], uint16(n-off))
	return off
}

func dnsHead(b []byte, id, flags uint16, answers int) {
	binary.BigEndian.PutUint16(b[0:], id)
	binary.BigEndian.PutUint16(b[2:], flags)
	binary.BigEndian.PutUint16(b[4:], 1)
	binary.BigEndian.PutUint16(b[6:], uint16(answers))
	clear(b[8:12])
}
