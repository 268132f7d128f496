package nsv9_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

func TestEncoderKeepsTheLimit(t *testing.T) {
	for _, recordLen := range []int{1, 3, 4, 59, 60, 109} {
		for limit := 28; limit < 400; limit++ {
			e := begin(t, limit)
			if err := e.OpenData(256, recordLen); err != nil {
				if !errors.Is(err, nsv9.ErrNoRoom) || 24+recordLen <= limit&^3 {
					t.Fatalf("limit %d, records of %d: %v", limit, recordLen, err)
				}
				continue
			}
			n := 0
			for b := e.Next(); b != nil; b = e.Next() {
				for i := range b {
					b[i] = byte(n)
				}
				n++
			}
			if n == 0 {
				t.Fatalf("limit %d, records of %d: opened without room for one", limit, recordLen)
			}
			length := e.Len()
			out := e.Finish()
			if len(out) > limit || len(out)%4 != 0 || length != len(out) {
				t.Fatalf("limit %d, records of %d: %d bytes, Len said %d", limit, recordLen, len(out), length)
			}
			if more := 24 + (n+1)*recordLen; more <= limit&^3 {
				t.Fatalf("limit %d, records of %d: only %d of them", limit, recordLen, n)
			}
			h, sets, err := nsv9.Open(out)
			if err != nil || int(h.Count) != n || !sets.Next() || len(sets.Set().Body) != len(out)-24 {
				t.Fatalf("limit %d, records of %d: header %+v, error %v", limit, recordLen, h, err)
			}
		}
	}
}

// begin starts a datagram in a buffer that is full of other bytes.
func begin(t testing.TB, limit int) *nsv9.Encoder {
	t.Helper()
	var e nsv9.Encoder
	if err := e.Begin(bytes.Repeat([]byte{0xff}, limit)[:0], limit, &nsv9.Header{Sequence: 7, SourceID: 9}); err != nil {
		t.Fatal(err)
	}
	return &e
}

func TestEncoderRefuses(t *testing.T) {
	ipv4, sampler := nsv9.IPv4Template(), nsv9.SamplerTemplate()
	bad := nsv9.Template{ID: 255, Fields: ipv4.Fields}
	for name, tt := range map[string]struct {
		do  func(e *nsv9.Encoder) error
		err error
	}{
		"a template of a wrong id":        {func(e *nsv9.Encoder) error { return e.Templates(&ipv4, &bad) }, nsv9.ErrTemplateID},
		"flows and options mixed":         {func(e *nsv9.Encoder) error { return e.Templates(&ipv4, &sampler) }, nsv9.ErrMixed},
		"templates without room":          {func(e *nsv9.Encoder) error { return e.Templates(&ipv4, &ipv4) }, nsv9.ErrNoRoom},
		"data of a reserved id":           {func(e *nsv9.Encoder) error { return e.OpenData(1, 4) }, nsv9.ErrTemplateID},
		"records of no bytes":             {func(e *nsv9.Encoder) error { return e.OpenData(256, 0) }, nsv9.ErrZeroLength},
		"records larger than the rest":    {func(e *nsv9.Encoder) error { return e.OpenData(256, 133) }, nsv9.ErrNoRoom},
		"records of more than a datagram": {func(e *nsv9.Encoder) error { return e.OpenData(256, 1<<40) }, nsv9.ErrNoRoom},
	} {
		e := begin(t, 156)
		err := tt.do(e)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", name, err, tt.err)
		}
		if e.Next() != nil || e.Count() != 0 || len(e.Finish()) != nsv9.HeaderLen {
			t.Errorf("%s: the datagram changed", name)
		}
	}
	for _, limit := range []int{-1, 0, 27, 65508} {
		var e nsv9.Encoder
		if err := e.Begin(nil, limit, &nsv9.Header{}); !errors.Is(err, nsv9.ErrLimit) {
			t.Errorf("limit %d: error %v, want %v", limit, err, nsv9.ErrLimit)
		}
	}
}

// A template refused for want of room leaves the open flowset open.
func TestEncoderGoesOnAfterNoRoom(t *testing.T) {
	ipv4 := nsv9.IPv4Template()
	e := begin(t, 36)
	if err := e.OpenData(300, 6); err != nil {
		t.Fatal(err)
	}
	copy(e.Next(), "first.")
	if err := e.Templates(&ipv4); !errors.Is(err, nsv9.ErrNoRoom) {
		t.Fatal(err)
	}
	copy(e.Next(), "second")
	if got, want := string(e.Finish()[nsv9.HeaderLen:]), "\x01\x2c\x00\x10first.second"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEncoderDropsEmptyFlowset(t *testing.T) {
	e := begin(t, 100)
	for _, id := range []uint16{300, 301} {
		if err := e.OpenData(id, 4); err != nil {
			t.Fatal(err)
		}
	}
	copy(e.Next(), "data")
	if err := e.OpenData(302, 4); err != nil {
		t.Fatal(err)
	}
	if got, want := string(e.Finish()[nsv9.HeaderLen:]), "\x01\x2d\x00\x08data"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The options of the golden vector, from their values.
func TestOptionsAsInVector(t *testing.T) {
	want := make(map[uint16][]byte)
	_, sets, err := nsv9.Open(wiretest.LoadVector(t, "v9_all").Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for sets.Next() {
		want[sets.Set().ID] = sets.Set().Body
	}
	var sampler [nsv9.SamplerRecordLen]byte
	(&nsv9.Sampler{System: 0xc0000201, ID: 1, Mode: nsv9.SamplerRandom, Interval: 1000, Name: "edge-1-in"}).Put(&sampler)
	if diff := cmp.Diff(want[nsv9.SamplerTemplateID][:len(sampler)], sampler[:]); diff != "" {
		t.Errorf("sampler (-want +got):\n%s", diff)
	}
	var interfaces []byte
	for _, i := range []nsv9.Interface{{3, "GE0/1/0", "uplink to core-1"}, {5, "GE0/1/2", "customer A"}} {
		b := [nsv9.InterfaceRecordLen]byte(bytes.Repeat([]byte{0xff}, nsv9.InterfaceRecordLen))
		i.Put(&b)
		interfaces = append(interfaces, b[:]...)
	}
	if diff := cmp.Diff(want[nsv9.InterfaceTemplateID], interfaces); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	var names [nsv9.InterfaceRecordLen]byte
	(&nsv9.Interface{Name: "GigabitEthernet0/1/0", Description: "12345678901234567890123ü"}).Put(&names)
	if got, want := string(names[4:]), "GigabitEthernet012345678901234567890123\x00"; got != want {
		t.Errorf("texts that are too long: %q, want %q", got, want)
	}
}

// The templates of our exporter are those of the golden vector, and their records have the length of the constants.
func TestOurTemplates(t *testing.T) {
	_, sets, err := nsv9.Open(wiretest.LoadVector(t, "v9_all").Bytes)
	if err != nil {
		t.Fatal(err)
	}
	golden := make(map[uint16]nsv9.Template)
	for sets.Next() {
		var tmpl nsv9.Template
		for templates := sets.Set().Templates(); templates.Next(&tmpl); {
			golden[tmpl.ID] = tmpl.Clone()
		}
	}
	for _, ours := range []struct {
		nsv9.Template
		length int
	}{
		{nsv9.IPv4Template(), nsv9.IPv4RecordLen}, {nsv9.IPv6Template(), nsv9.IPv6RecordLen},
		{nsv9.SamplerTemplate(), nsv9.SamplerRecordLen}, {nsv9.InterfaceTemplate(), nsv9.InterfaceRecordLen},
	} {
		if diff := cmp.Diff(golden[ours.ID], ours.Template, equateEmpty); diff != "" {
			t.Errorf("template %d (-want +got):\n%s", ours.ID, diff)
		}
		if n, fixed := ours.RecordLen(); n != ours.length || !fixed {
			t.Errorf("template %d: records of %d bytes, want %d", ours.ID, n, ours.length)
		}
	}
}

func TestPutIPv4Saturates(t *testing.T) {
	var b [nsv9.IPv4RecordLen]byte
	nsv9.PutIPv4(&b, &nsv9.Record{Bytes: 1 << 32, Packets: 1<<32 - 2})
	if got, want := string(b[:8]), "\xff\xff\xff\xff\xff\xff\xff\xfe"; got != want {
		t.Errorf("counters %x, want %x", got, want)
	}
}

func TestPutIPv6MasksFlowLabel(t *testing.T) {
	var b [nsv9.IPv6RecordLen]byte
	nsv9.PutIPv6(&b, &nsv9.Record{FlowLabel: 0xfffabcde})
	if got, want := string(b[96:99]), "\x0a\xbc\xde"; got != want {
		t.Errorf("flow label %x, want %x", got, want)
	}
}

func TestPutOptions(t *testing.T) {
	text := func(s string, n int) string { return s + strings.Repeat("\x00", n-len(s)) }
	for _, tt := range []struct {
		template nsv9.Template
		put      func(b []byte)
		length   int
		want     string
	}{
		{nsv9.SamplingTemplate(), func(b []byte) {
			s := nsv9.Sampling{System: 0x0a000001, Interval: 1000, Algorithm: nsv9.SamplerRandom}
			s.Put((*[nsv9.SamplingRecordLen]byte)(b))
		}, nsv9.SamplingRecordLen, "\x0a\x00\x00\x01\x00\x00\x03\xe8\x02"},
		{nsv9.VRFTemplate(), func(b []byte) {
			v := nsv9.VRF{System: 1, ID: 7, Name: "a name of more than thirty-two bytes"}
			v.Put((*[nsv9.VRFRecordLen]byte)(b))
		}, nsv9.VRFRecordLen, "\x00\x00\x00\x01\x00\x00\x00\x07a name of more than thirty-two b"},
		{nsv9.InterfaceTemplate(), func(b []byte) {
			i := nsv9.Interface{Index: 3, Name: "GE1/0/1", Description: "to core"}
			i.Put((*[nsv9.InterfaceRecordLen]byte)(b))
		}, nsv9.InterfaceRecordLen, "\x00\x00\x00\x03" + text("GE1/0/1", 16) + text("to core", 24)},
		{nsv9.StatisticsTemplate(), func(b []byte) {
			s := nsv9.Statistics{System: 1, Bytes: 2, Datagrams: 3, Flows: 4}
			s.Put((*[nsv9.StatisticsRecordLen]byte)(b))
		}, nsv9.StatisticsRecordLen, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04"},
	} {
		b := bytes.Repeat([]byte{0xee}, tt.length)
		tt.put(b)
		if n, fixed := tt.template.RecordLen(); string(b) != tt.want || n != tt.length || !fixed {
			t.Errorf("template %d: %x of %d bytes, want %x", tt.template.ID, b, n, tt.want)
		}
	}
}
