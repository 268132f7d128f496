package packet

import "encoding/binary"

// maxLabels is how far a label stack is followed. Real ones end within a dozen; fuzzed ones have no end.
const maxLabels = 1 << 14

// mpls reads a label stack to its bottom, RFC 3032 §2.1: label 20 bits, traffic class 3, bottom 1, TTL 8.
// What is below says itself what it is by its first four bits.
func (h *Header) mpls(b []byte) Verdict {
	for h.Labels < maxLabels {
		if len(b) < 4 {
			return MPLSStack
		}
		entry := binary.BigEndian.Uint32(b)
		if h.Labels < MaxLabels {
			h.Label[h.Labels] = entry >> 12
		}
		h.Labels++
		b = b[4:]
		if entry&0x100 == 0 {
			continue
		}
		h.BottomLabel, h.behind = entry>>12, h.size-int32(len(b))
		if len(b) > 0 {
			switch b[0] >> 4 {
			case 4:
				return h.ipv4(b)
			case 6:
				return h.ipv6(b)
			}
		}
		return MPLSPayload
	}
	return MPLSStack
}
