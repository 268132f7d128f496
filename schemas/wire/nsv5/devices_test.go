package nsv5_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

// What real exporters sent, against what other decoders found in it.
func TestDevices(t *testing.T) {
	for _, set := range wiretest.Sets(t) {
		t.Run(set.Name, func(t *testing.T) {
			if len(set.Datagrams) < len(set.Expected) {
				t.Fatalf("%d datagrams read, %d expected", len(set.Datagrams), len(set.Expected))
			}
			for i, want := range set.Expected {
				checkDatagram(t, set.Datagrams[i].Payload, want)
			}
			for i := len(set.Expected); i < len(set.Datagrams); i++ {
				_, _, _, _ = nsv5.Append(nil, set.Datagrams[i].Payload) // must not panic
			}
		})
	}
}

func checkDatagram(t *testing.T, b []byte, want wiretest.Expected) {
	t.Helper()
	h, records, surplus, err := nsv5.Append(nil, b)
	if want.Version != nsv5.Version {
		if !errors.Is(err, nsv5.ErrVersion) {
			t.Errorf("datagram %d has version %d: error %v, want %v", want.Index, want.Version, err, nsv5.ErrVersion)
		}
		return
	}
	if want.Error != "" {
		if err == nil || len(records) != 0 {
			t.Errorf("datagram %d is broken (%s): %d records, error %v", want.Index, want.Error, len(records), err)
		}
		return
	}
	if err != nil || len(records) != want.Records || surplus != want.TrailingBytes {
		t.Fatalf("datagram %d: %d records, surplus %d, error %v; want %d records, surplus %d", want.Index, len(records), surplus, err, want.Records, want.TrailingBytes)
	}
	header := map[string]uint32{
		"count": uint32(h.Count), "sys_uptime": h.SysUptime, "unix_secs": h.UnixSecs, "unix_nsecs": h.UnixNsecs,
		"flow_sequence": h.FlowSequence, "engine_type": uint32(h.EngineType), "engine_id": uint32(h.EngineID),
		"sampling_mode": uint32(h.Sampling.Mode()), "sampling_interval": h.Sampling.Interval(),
	}
	for name, v := range want.Header {
		if got, ok := header[name]; !ok || got != v {
			t.Errorf("datagram %d: header %s is %d, want %d", want.Index, name, got, v)
		}
	}
	for i, r := range want.FirstRecords {
		got := dissected(records[i])
		for _, f := range r.Fields {
			v, err := strconv.ParseUint(f.Hex, 16, 64)
			if len(f.Tshark) == 0 {
				continue // tshark had no field of that place and length
			}
			name := f.Tshark[0]
			if g, ok := got[name]; ok && (err != nil || g != v) {
				t.Errorf("datagram %d record %d: %s is %d, want %d", want.Index, i, name, g, v)
			}
			delete(got, name)
		}
		if len(got) != 0 {
			t.Errorf("datagram %d record %d: nothing to compare with for %v", want.Index, i, got)
		}
	}
	again, err := nsv5.AppendDatagram(nil, &h, records)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(again), hex.EncodeToString(withoutPadding(b[:len(b)-surplus])); got != want {
		t.Errorf("written again:\n%s, want\n%s", got, want)
	}
}

// dissected names the fields of a record as tshark does.
func dissected(r nsv5.Record) map[string]uint64 {
	m := make(map[string]uint64)
	for name, v := range map[string]any{
		"srcaddr": r.SrcAddr, "dstaddr": r.DstAddr, "nexthop": r.NextHop, "inputint": r.Input, "outputint": r.Output,
		"packets": r.Packets, "octets": r.Octets, "timestart": r.First, "timeend": r.Last,
		"srcport": r.SrcPort, "dstport": r.DstPort, "tcpflags": r.TCPFlags, "protocol": r.Protocol, "tos": r.TOS,
		"srcas": r.SrcAS, "dstas": r.DstAS, "srcmask": r.SrcMask, "dstmask": r.DstMask,
	} {
		n, _ := strconv.ParseUint(fmt.Sprint(v), 10, 64)
		m["cflow."+name] = n
	}
	return m
}

// withoutPadding is the datagram with zeros where the format has paddings, for some devices put other bytes there.
func withoutPadding(b []byte) []byte {
	b = append([]byte(nil), b...)
	for r := b[nsv5.HeaderLen:]; len(r) > 0; r = r[nsv5.RecordLen:] {
		r[36], r[46], r[47] = 0, 0, 0
	}
	return b
}
