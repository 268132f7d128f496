package nsv5_test

import (
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

func TestDoesNotAllocate(t *testing.T) {
	b := wiretest.LoadVector(t, "v5_max_30_records").Bytes
	h, records, _, err := nsv5.Append(make([]nsv5.Record, 0, nsv5.MaxRecords), b)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, nsv5.MaxLen)
	if n := testing.AllocsPerRun(100, func() { h, records, _, err = nsv5.Append(records[:0], b) }); n != 0 || err != nil {
		t.Errorf("Append: %v allocations a datagram, want 0 (error %v)", n, err)
	}
	if n := testing.AllocsPerRun(100, func() { out, err = nsv5.AppendDatagram(out[:0], &h, records) }); n != 0 || err != nil {
		t.Errorf("AppendDatagram: %v allocations a datagram, want 0 (error %v)", n, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _, err = nsv5.Append(records[:0], b[:100]) }); n != 0 || err == nil {
		t.Errorf("Append of a cut datagram: %v allocations, want 0 (error %v)", n, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	in := wiretest.LoadVector(b, "v5_max_30_records").Bytes
	records := make([]nsv5.Record, 0, nsv5.MaxRecords)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		_, records, _, _ = nsv5.Append(records[:0], in)
	}
	reportRecords(b)
}

func BenchmarkAppendDatagram(b *testing.B) {
	h, records, _, err := nsv5.Append(nil, wiretest.LoadVector(b, "v5_max_30_records").Bytes)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, nsv5.MaxLen)
	b.ReportAllocs()
	b.SetBytes(nsv5.MaxLen)
	for b.Loop() {
		out, _ = nsv5.AppendDatagram(out[:0], &h, records)
	}
	reportRecords(b)
}

func reportRecords(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/nsv5.MaxRecords, "ns/record")
}
