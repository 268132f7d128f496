package nsv5_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

// naive reads a datagram byte by byte, with nothing in common with the package but the format. It is the judge.
func naive(b []byte) (h nsv5.Header, records []nsv5.Record, ok bool) {
	at := 0
	take := func(n int) (v uint64) {
		for range n {
			v = v*256 + uint64(b[at])
			at++
		}
		return v
	}
	if len(b) < 24 || take(2) != 5 {
		return h, nil, false
	}
	h.Count = uint16(take(2))
	if h.Count > 30 || 24+48*int(h.Count) > len(b) {
		return h, nil, false
	}
	h.SysUptime, h.UnixSecs, h.UnixNsecs, h.FlowSequence = uint32(take(4)), uint32(take(4)), uint32(take(4)), uint32(take(4))
	h.EngineType, h.EngineID, h.Sampling = uint8(take(1)), uint8(take(1)), nsv5.Sampling(take(2))
	for range h.Count {
		var r nsv5.Record
		r.SrcAddr, r.DstAddr, r.NextHop = uint32(take(4)), uint32(take(4)), uint32(take(4))
		r.Input, r.Output = uint16(take(2)), uint16(take(2))
		r.Packets, r.Octets, r.First, r.Last = uint32(take(4)), uint32(take(4)), uint32(take(4)), uint32(take(4))
		r.SrcPort, r.DstPort = uint16(take(2)), uint16(take(2))
		take(1)
		r.TCPFlags, r.Protocol, r.TOS = uint8(take(1)), uint8(take(1)), uint8(take(1))
		r.SrcAS, r.DstAS = uint16(take(2)), uint16(take(2))
		r.SrcMask, r.DstMask = uint8(take(1)), uint8(take(1))
		take(2)
		records = append(records, r)
	}
	return h, records, true
}

func FuzzAppend(f *testing.F) {
	for _, v := range wiretest.Vectors(f, "v5_") {
		f.Add(v.Bytes)
	}
	for _, b := range wiretest.Malformed(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wantHeader, want, ok := naive(b)
		h, records, surplus, err := nsv5.Append(nil, b)
		if (err == nil) != ok {
			t.Fatalf("error %v, the naive decoder says good: %v", err, ok)
		}
		if err != nil {
			if len(records) != 0 {
				t.Fatalf("%d records beside %v", len(records), err)
			}
			return
		}
		if diff := cmp.Diff(wantHeader, h); diff != "" {
			t.Fatalf("header (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, records, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("records (-want +got):\n%s", diff)
		}
		again, err := nsv5.AppendDatagram(nil, &h, records)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, withoutPadding(b[:len(b)-surplus])) {
			t.Fatalf("written again: %x\nwant %x", again, b)
		}
	})
}
