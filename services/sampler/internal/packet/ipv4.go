package packet

import "encoding/binary"

const ipv4HeaderLen = 20

func (t *Tuple) ipv4(b []byte) Verdict {
	if len(b) < ipv4HeaderLen {
		return IPHeaderShort
	}
	if b[0]>>4 != 4 {
		return IPVersion
	}
	headerLen := int(b[0]&15) * 4
	if headerLen < ipv4HeaderLen {
		return IPHeaderLength
	}
	if len(b) < headerLen {
		return IPHeaderShort
	}
	// Total length 0 is a large packet that segmentation offload hadn't filled in yet.
	length, end := int(binary.BigEndian.Uint16(b[2:])), len(b)
	if length == 0 {
		length = len(b)
	} else if length < headerLen {
		return IPTotalLength
	} else if length < end {
		end = length // the rest is padding of the frame
	}

	t.Kind = IPv4
	t.TOS = b[1]
	t.TTL = b[8]
	t.Protocol = b[9]
	t.Src4 = binary.BigEndian.Uint32(b[12:])
	t.Dst4 = binary.BigEndian.Uint32(b[16:])
	t.Bytes = uint32(length)
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3fff != 0 { // more fragments, or an offset
		t.Fragment = FirstFragment
		if frag&0x1fff != 0 {
			t.Fragment = LaterFragment
			return OK
		}
	}
	t.transport(b[headerLen:end])
	return OK
}
