package message_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/message"
)

func TestHeader(t *testing.T) {
	h := message.Header{}
	h.Set(message.Source, "edge-1")
	h.SetInt(message.Watermark, -5)
	h.SetPair(message.Ordinal, 1<<64-1, 7)
	h.Set(message.Sources, " a  b c ")
	want := message.Header{
		"Ns-Source": {"edge-1"}, "Ns-Watermark": {"-5"}, "Ns-Ordinal": {"18446744073709551615:7"}, "Ns-Sources": {" a  b c "},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if v, err := h.Int(message.Watermark); v != -5 || err != nil {
		t.Errorf("watermark %d, error %v", v, err)
	}
	if a, b, err := h.Pair(message.Ordinal); a != 1<<64-1 || b != 7 || err != nil {
		t.Errorf("ordinal %d:%d, error %v", a, b, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, h.List(message.Sources)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if h.Get(message.End) != "" || len(h.List(message.Monitors)) != 0 {
		t.Error("an absent field has a value")
	}
	if (message.Header{message.End: {}}).Get(message.End) != "" {
		t.Error("a field without values has one")
	}
}

func TestHeaderFieldsThatCantBeRead(t *testing.T) {
	for _, v := range []string{"", "x", "1.5", "0x10", "99999999999999999999"} {
		h := message.Header{message.Watermark: {v}}
		if _, err := h.Int(message.Watermark); !errors.Is(err, message.ErrHeader) || !strings.Contains(err.Error(), message.Watermark) {
			t.Errorf("number %q: error %v", v, err)
		}
	}
	for _, v := range []string{"", "1", ":", "1:", ":1", "1:2:3", "a:1", "1:b", "-1:1", "18446744073709551616:1"} {
		h := message.Header{message.Ordinal: {v}}
		if a, b, err := h.Pair(message.Ordinal); !errors.Is(err, message.ErrHeader) || a != 0 || b != 0 {
			t.Errorf("pair %q: %d:%d, error %v", v, a, b, err)
		}
	}
}

func TestPosition(t *testing.T) {
	s := message.FormatPosition("live-PACKETS", 1<<64-1)
	for text, want := range map[string]message.Covered{
		"":               {},
		s:                {"live-PACKETS": 1<<64 - 1},
		"a:1 b:2":        {"a": 1, "b": 2},
		"  a:1   b:0  ":  {"a": 1, "b": 0},
		"live-PACKETS:0": {"live-PACKETS": 0},
	} {
		got, err := message.ParsePosition(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"a", "a:", ":1", "a:x", "a:-1", "a:1:2", "a:1 b", "a:1 a:2", "a:18446744073709551616"} {
		if got, err := message.ParsePosition(text); !errors.Is(err, message.ErrHeader) || got != nil {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
}

// body builds a body of two streams and its header.
func body(t testing.TB) (message.Header, []byte) {
	t.Helper()
	numbers, names := []uint32{1, 2, 3}, columns.Binary{}
	names.Append([]byte("x"))
	var b message.Body
	for range 2 { // the second time in the memory of the first
		b.Reset()
		if err := b.Add("numbers/1", []columns.Column{columns.Of("v", &numbers)}); err != nil {
			t.Fatal(err)
		}
		if err := b.Add("names/1", []columns.Column{columns.Bytes("v", &names)}); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() != len(b.Bytes()) {
		t.Errorf("length %d of %d bytes", b.Len(), len(b.Bytes()))
	}
	return message.Header{message.Streams: {b.Streams()}}, bytes.Clone(b.Bytes())
}

func TestParts(t *testing.T) {
	h, b := body(t)
	parts, err := message.Parts(h, b, "names/1", "numbers/1", "others/1")
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 2 || parts[0].Schema != "numbers/1" || parts[1].Schema != "names/1" {
		t.Fatalf("parts %+v", parts)
	}
	var numbers []uint32
	var names columns.Binary
	if err := parts[0].Read([]columns.Column{columns.Of("v", &numbers)}); err != nil {
		t.Error(err)
	}
	if err := parts[1].Read([]columns.Column{columns.Bytes("v", &names)}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]uint32{1, 2, 3}, numbers); diff != "" || string(names.At(0)) != "x" {
		t.Errorf("names %q, numbers (-want +got):\n%s", names.At(0), diff)
	}
	if err := parts[0].Read([]columns.Column{columns.Bytes("v", &names)}); !errors.Is(err, columns.ErrSchema) || !strings.Contains(err.Error(), "numbers/1") {
		t.Errorf("read as something else: %v", err)
	}
}

func TestPartsRefused(t *testing.T) {
	for _, c := range []struct {
		name, streams string
		err           error
	}{
		{"a later version", "numbers/2:4", message.ErrVersion},
		{"an unknown schema", "numbers/1:4 other/1:4", message.ErrVersion},
		{"no length", "numbers/1", message.ErrBody},
		{"length no number", "numbers/1:x", message.ErrBody},
		{"length negative", "numbers/1:-4", message.ErrBody},
		{"length beyond the body", "numbers/1:9", message.ErrBody},
		{"lengths beyond the body", "numbers/1:4 numbers/1:5", message.ErrBody},
		{"length enormous", "numbers/1:99999999999999999999", message.ErrBody},
		{"bytes left over", "numbers/1:4", message.ErrBody},
		{"no streams", "", message.ErrBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, err := message.Parts(message.Header{message.Streams: {c.streams}}, make([]byte, 8), "numbers/1")
			if !errors.Is(err, c.err) || parts != nil {
				t.Errorf("parts %v, error %v; want %v", parts, err, c.err)
			}
		})
	}
	if parts, err := message.Parts(message.Header{}, nil); len(parts) != 0 || err != nil {
		t.Errorf("an empty message: %v, %v", parts, err)
	}
}

func FuzzParts(f *testing.F) {
	h, b := body(f)
	f.Add(h.Get(message.Streams), b)
	f.Add("numbers/1:4 names/1:4", make([]byte, 8))
	f.Add("numbers/1:", []byte{})
	f.Fuzz(func(t *testing.T, streams string, b []byte) {
		parts, err := message.Parts(message.Header{message.Streams: {streams}}, b, "numbers/1", "names/1")
		if err != nil {
			if parts != nil {
				t.Fatal("parts beside an error")
			}
			return
		}
		var whole []byte
		for _, p := range parts {
			whole = append(whole, p.Data...)
			var v []uint32
			_ = p.Read([]columns.Column{columns.Of("v", &v)})
		}
		if !bytes.Equal(whole, b) {
			t.Fatal("the parts aren't the body")
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add("live-PACKETS:12 b:0")
	f.Add("::")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := message.ParsePosition(s)
		if err != nil {
			return
		}
		var again []string
		for stream, seq := range got {
			again = append(again, message.FormatPosition(stream, seq))
		}
		back, err := message.ParsePosition(strings.Join(again, " "))
		if diff := cmp.Diff(got, back); diff != "" || err != nil {
			t.Errorf("%q: error %v, diff %s", s, err, diff)
		}
	})
}
