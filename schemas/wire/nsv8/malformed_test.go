package nsv8_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv8"
)

func TestMalformed(t *testing.T) {
	verdicts := map[string]error{
		"empty": nsv8.ErrHeader, "one_byte": nsv8.ErrHeader, "version_0": nsv8.ErrVersion, "version_6": nsv8.ErrVersion,
		"v8_scheme_0": nsv8.ErrScheme, "v8_scheme_15": nsv8.ErrScheme, "v8_agg_version_1": nsv8.ErrAggVersion,
		"v8_count_52": nsv8.ErrCount, "v8_cut": nsv8.ErrCut,
	}
	sentinel := nsv8.Record{Src: 1}
	for name, b := range wiretest.Malformed(t) {
		want, known := verdicts[name]
		if !strings.HasPrefix(name, "v8_") && !known {
			want = nsv8.ErrVersion
		} else if !known {
			t.Errorf("%s: no verdict in this test", name)
			continue
		}
		delete(verdicts, name)
		h, records, _, err := nsv8.Append([]nsv8.Record{sentinel}, b, nsv8.DstMaskFirst)
		if !errors.Is(err, want) || len(records) != 1 || records[0] != sentinel || h != (nsv8.Header{}) {
			t.Errorf("%s: error %v, want %v; %d records, header %+v", name, err, want, len(records), h)
		}
	}
	for name := range verdicts {
		t.Errorf("%s: no such datagram", name)
	}
}

func TestAppendDatagramRefuses(t *testing.T) {
	before := []byte("before")
	for s := nsv8.Scheme(0); s < 20; s++ {
		want := nsv8.ErrCount
		if !s.Valid() {
			want = nsv8.ErrScheme
		}
		got, err := nsv8.AppendDatagram(before, &nsv8.Header{Scheme: s}, make([]nsv8.Record, s.MaxRecords()+1))
		if !errors.Is(err, want) || !bytes.Equal(got, before) {
			t.Errorf("scheme %d: error %v, want %v; %q", s, err, want, got)
		}
		if !s.Valid() {
			continue
		}
		full, err := nsv8.AppendDatagram(nil, &nsv8.Header{Scheme: s}, make([]nsv8.Record, s.MaxRecords()))
		if err != nil || len(full) != nsv8.HeaderLen+s.MaxRecords()*s.RecordLen() || len(full) > nsv8.MaxLen {
			t.Errorf("scheme %d: a full datagram of %d bytes, error %v", s, len(full), err)
		}
	}
}

// TestAggVersion0 means 2, as flow-tools reads it.
func TestAggVersion0(t *testing.T) {
	v := wiretest.LoadVector(t, "v8_s01_as")
	v.Bytes[23] = 0
	if _, records, _, err := nsv8.Append(nil, v.Bytes, nsv8.DstMaskFirst); err != nil || len(records) != 2 {
		t.Errorf("%d records, error %v", len(records), err)
	}
}

// FuzzAppend writes again what could be read: the same bytes but for padding, surplus and the version of the scheme.
func FuzzAppend(f *testing.F) {
	for _, v := range wiretest.Vectors(f, "v8_") {
		f.Add(v.Bytes)
	}
	for _, b := range wiretest.Malformed(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, records, surplus, err := nsv8.Append(nil, b, nsv8.DstMaskFirst)
		if err != nil {
			if len(records) != 0 {
				t.Fatalf("%d records beside %v", len(records), err)
			}
			return
		}
		if len(records) != int(h.Count) || nsv8.HeaderLen+len(records)*h.Scheme.RecordLen()+surplus != len(b) {
			t.Fatalf("%d records, %d bytes too many, of %d bytes: %+v", len(records), surplus, len(b), h)
		}
		again, err := nsv8.AppendDatagram(nil, &h, records)
		if err != nil {
			t.Fatal(err)
		}
		for i := range again {
			if again[i] != b[i] && again[i] != 0 && i != 23 {
				t.Fatalf("byte %d is %d, was %d", i, again[i], b[i])
			}
		}
		if binary.BigEndian.Uint32(again[16:]) != h.FlowSequence {
			t.Fatal("another sequence")
		}
		_, twice, _, err := nsv8.Append(nil, again, nsv8.DstMaskFirst)
		if err != nil || len(twice) != len(records) {
			t.Fatalf("read again: %d records, error %v", len(twice), err)
		}
		for i := range twice {
			if twice[i] != records[i] {
				t.Fatalf("record %d became %+v, was %+v", i, twice[i], records[i])
			}
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	records := make([]nsv8.Record, 44)
	buf := make([]byte, 0, nsv8.MaxLen)
	n := testing.AllocsPerRun(100, func() {
		b, err := nsv8.AppendDatagram(buf, &nsv8.Header{Scheme: nsv8.ASTOS}, records)
		if err != nil {
			t.Fatal(err)
		}
		if _, records, _, err = nsv8.Append(records[:0], b, nsv8.DstMaskFirst); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkAppendDatagram(b *testing.B) {
	records := make([]nsv8.Record, 35)
	buf := make([]byte, 0, nsv8.MaxLen)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nsv8.AppendDatagram(buf, &nsv8.Header{Scheme: nsv8.PrefixTOS}, records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}
