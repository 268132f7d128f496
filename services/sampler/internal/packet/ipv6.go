package packet

import "encoding/binary"

const ipv6HeaderLen = 40

// IPv6 extension headers that are passed over to the protocol behind them. ESP (50) can't be, and
// no-next-header (59) has nothing behind it: both are protocols of a key.
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAuth        = 51
	extNone        = 59
	extDestination = 60
	extMobility    = 135
	extHIP         = 139
	extShim6       = 140
)

func isExtension(protocol uint8) bool {
	switch protocol {
	case extHopByHop, extRouting, extFragment, extAuth, extDestination, extMobility, extHIP, extShim6:
		return true
	}
	return false
}

func (t *Tuple) ipv6(b []byte) Verdict {
	if len(b) < ipv6HeaderLen {
		return IPHeaderShort
	}
	first := binary.BigEndian.Uint32(b)
	if first>>28 != 6 {
		return IPVersion
	}
	// Payload length 0 is a jumbogram, or a large packet of segmentation offload.
	length, end := int(binary.BigEndian.Uint16(b[4:])), len(b)
	if length == 0 {
		length = len(b)
	} else {
		length += ipv6HeaderLen
		end = min(end, length)
	}

	t.Kind = IPv6
	t.TOS = uint8(first >> 20)
	t.FlowLabel = first & 0xfffff
	t.Protocol = b[6]
	t.TTL = b[7]
	t.Src6, t.Dst6 = [16]byte(b[8:]), [16]byte(b[24:])
	t.Bytes = uint32(length)
	b = b[ipv6HeaderLen:end]
	if isExtension(t.Protocol) {
		b = t.extensions(b)
		if t.Cut || t.Fragment == LaterFragment {
			return OK
		}
	}
	t.transport(b)
	return OK
}

// extensions follows the chain of extension headers, sets the protocol it leads to and returns what is
// behind it. Every header takes at least 8 bytes, so the chain ends with the packet.
func (t *Tuple) extensions(b []byte) []byte {
	for isExtension(t.Protocol) {
		if len(b) < 8 {
			t.Cut = true
			return nil
		}
		next, length := b[0], (int(b[1])+1)*8
		switch t.Protocol {
		case extFragment:
			length = 8
			switch frag := binary.BigEndian.Uint16(b[2:]); {
			case frag>>3 != 0:
				t.Fragment = LaterFragment
			case frag&1 != 0:
				t.Fragment = FirstFragment
			}
		case extAuth:
			length = (int(b[1]) + 2) * 4
		case extMobility, extHIP, extShim6:
			if next == extNone {
				return nil // it carries a message of its own, and that is the protocol
			}
		}
		t.Protocol = next
		if len(b) < length {
			t.Cut = true
			return nil
		}
		b = b[length:]
		if t.Fragment == LaterFragment {
			return nil
		}
	}
	return b
}
