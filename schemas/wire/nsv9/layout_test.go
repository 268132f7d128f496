package nsv9_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"netstream/schemas/wire/nsv9"
)

func TestUint(t *testing.T) {
	b := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}
	want := []uint64{0, 1, 0x0102, 0x010203, 0x01020304, 0x0102030405, 0x010203040506, 0x01020304050607, 0x0102030405060708, 0}
	for n, w := range want {
		if v, ok := nsv9.Uint(b[:n]); v != w || ok != (n >= 1 && n <= 8) {
			t.Errorf("Uint of %d bytes = %#x, %v", n, v, ok)
		}
	}
}

func TestRecords(t *testing.T) {
	fixed := []nsv9.Field{{Type: nsv9.InBytes, Length: 4}}
	name := []nsv9.Field{{Type: nsv9.InBytes, Length: 1}, {Type: nsv9.VRFName, Length: nsv9.VarLen}}
	long := append([]byte{7, 255, 1, 4}, bytes.Repeat([]byte("v"), 260)...)
	tests := []struct {
		name   string
		fields []nsv9.Field
		body   []byte
		want   []string // records
		rest   int
		err    error
	}{
		{"nothing", fixed, nil, nil, 0, nil},
		{"one byte short", fixed, []byte("abc"), nil, 3, nil},
		{"two and padding", fixed, []byte("aaaabbbb\x00\x00"), []string{"aaaa", "bbbb"}, 2, nil},
		{"padding of a whole record counts as one", fixed, []byte("aaaa\x00\x00\x00\x00"), []string{"aaaa", "\x00\x00\x00\x00"}, 0, nil},
		{"short form", name, []byte("A\x03vrfB\x00\x00"), []string{"A\x03vrf", "B\x00"}, 1, nil},
		{"long form", name, long, []string{string(long)}, 0, nil},
		{"long form of nothing", name, []byte("A\xff\x00\x00"), []string{"A\xff\x00\x00"}, 0, nil},
		{"past the end", name, []byte("A\x00B\x20vpn-abc"), []string{"A\x00"}, 9, nsv9.ErrRecordCut},
		{"long form cut", name, []byte("A\xff\xff"), nil, 3, nsv9.ErrRecordCut},
		{"long form past the end", name, []byte("A\xff\xff\xff."), nil, 5, nsv9.ErrRecordCut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			records := compile(t, tt.fields...).Records(tt.body)
			for records.Next() {
				got = append(got, string(records.Record()))
			}
			if !slices.Equal(got, tt.want) || records.Rest() != tt.rest || !errors.Is(records.Err(), tt.err) {
				t.Errorf("%q, rest %d, error %v; want %q, %d, %v", got, records.Rest(), records.Err(), tt.want, tt.rest, tt.err)
			}
			if records.Next() || records.Record() != nil {
				t.Error("Next goes on behind the end")
			}
		})
	}
}

func TestFieldOfCutRecord(t *testing.T) {
	l := compile(t, nsv9.Field{Type: nsv9.VRFName, Length: nsv9.VarLen}, nsv9.Field{Type: nsv9.InBytes, Length: 4})
	rec := []byte("\x03vrf\x00\x00\x00\x07")
	if got := l.Field(rec, 1); string(got) != "\x00\x00\x00\x07" {
		t.Errorf("Field = %x", got)
	}
	for n := range rec {
		if got := l.Field(rec[:n], 1); got != nil {
			t.Errorf("Field of %d bytes = %x, want none", n, got)
		}
	}
}

func TestIndex(t *testing.T) {
	l, err := nsv9.Compile(&nsv9.Template{ID: 260, Options: true, Scope: []nsv9.ScopeField{{Type: nsv9.ScopeSystem, Length: 4}, {Type: nsv9.ScopeInterface, Length: 2}},
		Fields: []nsv9.Field{{Type: nsv9.FlowSamplerID, Length: 1}, {Type: nsv9.InPkts, Length: 4}, {Type: nsv9.InPkts, Length: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	rec := []byte{1, 1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5}
	for name, tt := range map[string]struct {
		index int
		first byte
	}{
		"scope Interface is not field 2":    {l.ScopeIndex(nsv9.ScopeInterface), 2},
		"field 2 is not scope Interface":    {l.Index(nsv9.InPkts), 4},
		"a field behind the scopes":         {l.Index(nsv9.FlowSamplerID), 3},
		"scope System, which no field 1 is": {l.ScopeIndex(nsv9.ScopeSystem), 1},
	} {
		if tt.index < 0 || l.Field(rec, tt.index)[0] != tt.first {
			t.Errorf("%s: index %d", name, tt.index)
		}
	}
	if l.Index(nsv9.InBytes) != -1 || l.ScopeIndex(nsv9.ScopeCache) != -1 {
		t.Error("found what is not there")
	}
}

func TestCompileRefuses(t *testing.T) {
	four := []nsv9.Field{{Type: nsv9.InBytes, Length: 4}}
	for name, tt := range map[string]struct {
		tmpl nsv9.Template
		err  error
	}{
		"id":          {nsv9.Template{ID: 255, Fields: four}, nsv9.ErrTemplateID},
		"no fields":   {nsv9.Template{ID: 256}, nsv9.ErrNoFields},
		"zero length": {nsv9.Template{ID: 256, Fields: make([]nsv9.Field, 3)}, nsv9.ErrZeroLength},
		"too many":    {nsv9.Template{ID: 256, Fields: make([]nsv9.Field, 1025)}, nsv9.ErrTooManyFields},
		"scope":       {nsv9.Template{ID: 256, Fields: four, Scope: []nsv9.ScopeField{{Type: 1, Length: 4}}}, nsv9.ErrScope},
	} {
		if _, err := nsv9.Compile(&tt.tmpl); !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", name, err, tt.err)
		}
	}
}

// A layout must not change with the template it was compiled from, which readers reuse.
func TestCompileCopies(t *testing.T) {
	tmpl := nsv9.Template{ID: 256, Fields: []nsv9.Field{{Type: nsv9.InBytes, Length: 4}}}
	l, err := nsv9.Compile(&tmpl)
	if err != nil {
		t.Fatal(err)
	}
	same := tmpl.Clone()
	tmpl.Fields[0].Type = nsv9.InPkts
	if l.Is(&tmpl) || !l.Is(&same) || l.Index(nsv9.InBytes) != 0 {
		t.Errorf("layout is now of %+v", l.Template())
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"": "", "\x00\x00": "", "GE0/1/0\x00\x00": "GE0/1/0", "full": "full", "a\x00b\x00": "a\x00b"} {
		if got := nsv9.Text([]byte(in)); string(got) != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}
