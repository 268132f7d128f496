package nsv9_test

import (
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// fill writes full datagrams of one record into buf.
func fill(tb testing.TB, e *nsv9.Encoder, buf []byte, r *nsv9.Record, ipv6 bool) []byte {
	h := nsv9.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000}
	id, length := uint16(nsv9.IPv4TemplateID), nsv9.IPv4RecordLen
	if ipv6 {
		id, length = nsv9.IPv6TemplateID, nsv9.IPv6RecordLen
	}
	if err := e.Begin(buf[:0], 1472, &h); err != nil {
		tb.Fatal(err)
	}
	if err := e.OpenData(id, length); err != nil {
		tb.Fatal(err)
	}
	for b := e.Next(); b != nil; b = e.Next() {
		if ipv6 {
			nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(b), r)
		} else {
			nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(b), r)
		}
	}
	return e.Finish()
}

func sample() *nsv9.Record {
	return &nsv9.Record{SrcAddr: mapped(10, 0, 0, 1), DstAddr: mapped(10, 0, 0, 2), Packets: 12, Bytes: 9000, SrcPort: 49152, DstPort: 443, Protocol: 6}
}

func TestWritingDoesNotAllocate(t *testing.T) {
	var e nsv9.Encoder
	buf, r := make([]byte, 0, 1472), sample()
	for _, ipv6 := range []bool{false, true} {
		if n := testing.AllocsPerRun(100, func() { buf = fill(t, &e, buf, r, ipv6) }); n != 0 {
			t.Errorf("IPv6 %v: %v allocations a datagram, want 0", ipv6, n)
		}
	}
	ipv4, ipv6 := nsv9.IPv4Template(), nsv9.IPv6Template()
	var err error
	if n := testing.AllocsPerRun(100, func() {
		_ = e.Begin(buf[:0], 1472, &nsv9.Header{})
		err = e.Templates(&ipv4, &ipv6)
	}); n != 0 || err != nil {
		t.Errorf("Templates: %v allocations, want 0 (error %v)", n, err)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	b := wiretest.LoadVector(t, "v9_all").Bytes
	store := make(map[uint16]*nsv9.Layout)
	plans := make(map[uint16]*nsv9.Plan)
	var tmpl nsv9.Template
	records := make([]nsv9.Record, 0, 16)
	refreshed := 0
	read := func() {
		_, sets, _ := nsv9.Open(b)
		for sets.Next() {
			s := sets.Set()
			if s.Kind() == nsv9.Templates {
				for templates := s.Templates(); templates.Next(&tmpl); {
					if l := store[tmpl.ID]; l != nil && l.Is(&tmpl) {
						refreshed++
						continue
					}
					l, err := nsv9.Compile(&tmpl)
					if err != nil {
						t.Fatal(err)
					}
					store[tmpl.ID], plans[tmpl.ID] = l, nsv9.NewPlan(l)
				}
				continue
			}
			records, _ = plans[s.ID].Append(records[:0], s.Body)
			var sum uint64
			for walk := store[s.ID].Records(s.Body); walk.Next(); {
				for i := range store[s.ID].Len() {
					v, _ := nsv9.Uint(store[s.ID].Field(walk.Record(), i))
					sum += v
				}
			}
			if sum == 0 {
				t.Errorf("flowset %d: nothing read", s.ID)
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n != 0 || refreshed == 0 {
		t.Errorf("%v allocations for a datagram with known templates, want 0 (%d refreshed)", n, refreshed)
	}
}

func BenchmarkWrite(b *testing.B) {
	for name, ipv6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		b.Run(name, func(b *testing.B) {
			var e nsv9.Encoder
			buf, r := make([]byte, 0, 1472), sample()
			b.ReportAllocs()
			for b.Loop() {
				buf = fill(b, &e, buf, r, ipv6)
			}
			b.SetBytes(int64(len(buf)))
			reportRecords(b, e.Count())
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, ipv6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		b.Run(name, func(b *testing.B) {
			var e nsv9.Encoder
			in := fill(b, &e, make([]byte, 0, 1472), sample(), ipv6)
			tmpl := nsv9.IPv4Template()
			if ipv6 {
				tmpl = nsv9.IPv6Template()
			}
			l, err := nsv9.Compile(&tmpl)
			if err != nil {
				b.Fatal(err)
			}
			plan, records := nsv9.NewPlan(l), make([]nsv9.Record, 0, 32)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				_, sets, _ := nsv9.Open(in)
				for records = records[:0]; sets.Next(); {
					records, _ = plan.Append(records, sets.Set().Body)
				}
			}
			reportRecords(b, len(records))
		})
	}
}

func reportRecords(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
}

// A hostile exporter may send thousands of new templates in a datagram.
func BenchmarkCompile(b *testing.B) {
	tmpl := nsv9.Template{ID: 300, Fields: []nsv9.Field{{Type: nsv9.InBytes, Length: 4}, {Type: nsv9.IPv4SrcAddr, Length: 4}}}
	b.ReportAllocs()
	for b.Loop() {
		l, err := nsv9.Compile(&tmpl)
		if err != nil {
			b.Fatal(err)
		}
		nsv9.NewPlan(l)
	}
}
