package nsv9_test

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/schemas/wire/nsv9"
)

var equateEmpty = cmpopts.EquateEmpty()

// The naive decoder is the judge of the fast one: it copies, counts on maps and looks everything up again, and has
// nothing in common with the package but the format.

type naiveField struct {
	scope bool
	kind  uint16
	value []byte
}

// naiveFields cuts one record off b. ok is false when b ends before the record does.
func naiveFields(tmpl *nsv9.Template, b []byte) (fields []naiveField, rest []byte, ok bool) {
	take := func(n int) ([]byte, bool) {
		if n > len(b) {
			return nil, false
		}
		v := b[:n]
		b = b[n:]
		return v, true
	}
	cut := func(length uint16) ([]byte, bool) {
		n := int(length)
		if length == 65535 {
			octet, ok := take(1)
			if !ok {
				return nil, false
			}
			if n = int(octet[0]); n == 255 {
				two, ok := take(2)
				if !ok {
					return nil, false
				}
				n = int(binary.BigEndian.Uint16(two))
			}
		}
		return take(n)
	}
	for _, f := range tmpl.Scope {
		v, ok := cut(f.Length)
		if !ok {
			return nil, nil, false
		}
		fields = append(fields, naiveField{true, uint16(f.Type), v})
	}
	for _, f := range tmpl.Fields {
		v, ok := cut(f.Length)
		if !ok {
			return nil, nil, false
		}
		if f.Length == 65535 {
			fields = append(fields, naiveField{false, 0x8000, v}) // readable, but no number or address
		} else {
			fields = append(fields, naiveField{false, uint16(f.Type), v})
		}
	}
	return fields, b, true
}

// naiveRecord reads a whole record by the rules of the field table.
func naiveRecord(tmpl *nsv9.Template, rec []byte) nsv9.Record {
	fields, _, _ := naiveFields(tmpl, rec)
	first := make(map[uint16][]byte) // the first of several of one type
	for _, f := range fields {
		if _, twice := first[f.kind]; !f.scope && !twice {
			first[f.kind] = f.value
		}
	}
	family := uint8(0)
	for _, c := range []struct {
		src, dst uint16
		length   int
		family   uint8
	}{{27, 28, 16, 6}, {8, 12, 4, 4}, {170, 169, 16, 6}, {44, 45, 4, 4}} {
		if family == 0 && (len(first[c.src]) == c.length || len(first[c.dst]) == c.length) {
			family = c.family
		}
	}
	if zero(first[27], 16) && zero(first[28], 16) && len(first[8]) == 4 && len(first[12]) == 4 {
		family = 4
	}
	var r nsv9.Record
	number := func(has nsv9.Has, bits int, kinds ...uint16) uint64 {
		for _, kind := range kinds {
			if b := first[kind]; len(b) >= 1 && len(b) <= 8 {
				r.Has |= has
				v := new(big.Int).SetBytes(b)
				return v.And(v, new(big.Int).SetUint64(1<<bits-1)).Uint64()
			}
		}
		return 0
	}
	address := func(has nsv9.Has, six, four []uint16) (a [16]byte) {
		kinds := append(append([]uint16{}, six...), four...)
		if family == 4 {
			kinds = append(append([]uint16{}, four...), six...)
		}
		for _, kind := range kinds {
			b := first[kind]
			if slices.Contains(four, kind) {
				if len(b) != 4 {
					continue
				}
				b = append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, b...)
			}
			if len(b) == 16 {
				r.Has |= has
				return [16]byte(b)
			}
		}
		return a
	}
	mac := func(has nsv9.Has, kinds ...uint16) (m [6]byte) {
		for _, kind := range kinds {
			if b := first[kind]; len(b) == 6 {
				r.Has |= has
				return [6]byte(b)
			}
		}
		return m
	}
	r.SrcAddr = address(nsv9.HasSrcAddr, []uint16{27, 170}, []uint16{8, 44})
	r.DstAddr = address(nsv9.HasDstAddr, []uint16{28, 169}, []uint16{12, 45})
	r.NextHop = address(nsv9.HasNextHop, []uint16{62}, []uint16{15})
	r.BGPNextHop = address(nsv9.HasBGPNextHop, []uint16{63}, []uint16{18})
	r.Packets = number(nsv9.HasPackets, 64, 2, 24)
	r.Bytes = number(nsv9.HasBytes, 64, 1, 23)
	r.Flows = number(nsv9.HasFlows, 64, 3)
	r.FirstMillis = int64(number(nsv9.HasFirstMillis, 64, 152))
	r.LastMillis = int64(number(nsv9.HasLastMillis, 64, 153))
	r.FirstUptime = uint32(number(nsv9.HasFirstUptime, 32, 22))
	r.LastUptime = uint32(number(nsv9.HasLastUptime, 32, 21))
	r.InIf = uint32(number(nsv9.HasInIf, 32, 10))
	r.OutIf = uint32(number(nsv9.HasOutIf, 32, 14))
	r.SrcAS = uint32(number(nsv9.HasSrcAS, 32, 16))
	r.DstAS = uint32(number(nsv9.HasDstAS, 32, 17))
	r.InVRF = uint32(number(nsv9.HasInVRF, 32, 234))
	r.OutVRF = uint32(number(nsv9.HasOutVRF, 32, 235))
	r.FlowLabel = uint32(number(nsv9.HasFlowLabel, 20, 31))
	r.MPLSLabels[0] = uint32(number(nsv9.HasMPLSLabel1, 32, 70))
	r.MPLSLabels[1] = uint32(number(nsv9.HasMPLSLabel2, 32, 71))
	r.MPLSLabels[2] = uint32(number(nsv9.HasMPLSLabel3, 32, 72))
	r.SamplerID = number(nsv9.HasSamplerID, 64, 48, 302)
	r.SrcPort = uint16(number(nsv9.HasSrcPort, 16, 7))
	r.DstPort = uint16(number(nsv9.HasDstPort, 16, 11))
	r.ICMPTypeCode = uint16(number(nsv9.HasICMPTypeCode, 16, 32, 139))
	r.VLAN = uint16(number(nsv9.HasVLAN, 16, 58, 243))
	r.PostVLAN = uint16(number(nsv9.HasPostVLAN, 16, 59, 254))
	r.EtherType = uint16(number(nsv9.HasEtherType, 16, 256))
	r.SrcMAC = mac(nsv9.HasSrcMAC, 56, 81)
	r.DstMAC = mac(nsv9.HasDstMAC, 80, 57)
	if r.IPVersion = family; family != 0 {
		r.Has |= nsv9.HasIPVersion
	} else {
		r.IPVersion = uint8(number(nsv9.HasIPVersion, 8, 60))
	}
	r.Protocol = uint8(number(nsv9.HasProtocol, 8, 4))
	r.TOS = uint8(number(nsv9.HasTOS, 8, 5))
	r.TCPFlags = uint8(number(nsv9.HasTCPFlags, 8, 6))
	if family == 6 {
		r.SrcMask = uint8(number(nsv9.HasSrcMask, 8, 29, 9))
		r.DstMask = uint8(number(nsv9.HasDstMask, 8, 30, 13))
	} else {
		r.SrcMask = uint8(number(nsv9.HasSrcMask, 8, 9, 29))
		r.DstMask = uint8(number(nsv9.HasDstMask, 8, 13, 30))
	}
	r.SamplingInterval = uint32(number(nsv9.HasSamplingInterval, 32, 34))
	if v := uint32(number(nsv9.HasSamplingInterval, 32, 50)); r.SamplingInterval == 0 {
		r.SamplingInterval = v
	}
	r.Direction = uint8(number(nsv9.HasDirection, 8, 61))
	r.ForwardingStatus = uint8(number(nsv9.HasForwardingStatus, 8, 89))
	r.FlowEndReason = uint8(number(nsv9.HasFlowEndReason, 8, 136))
	return r
}

func zero(b []byte, n int) bool {
	return len(b) == n && new(big.Int).SetBytes(b).Sign() == 0
}
