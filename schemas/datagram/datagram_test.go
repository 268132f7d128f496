package datagram_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/datagram"
)

func TestRoundTrip(t *testing.T) {
	type row struct {
		Received int64
		Exporter [16]byte
		Port     uint16
		Payload  []byte
	}
	want := []row{
		{1_700_000_000_000_000_000, netip.MustParseAddr("192.0.2.1").As16(), 9995, bytes.Repeat([]byte{5}, 1464)},
		{1, netip.MustParseAddr("2001:db8::1").As16(), 65535, []byte{}},
		{0, [16]byte{}, 0, []byte{0}},
	}
	var out, in datagram.Rows
	for range 2 { // the second time in the memory of the first
		out.Reset()
		for _, r := range want {
			payload := bytes.Clone(r.Payload)
			out.Append(r.Received, r.Exporter, r.Port, payload)
			clear(payload) // the receive buffer is used again
		}
	}
	b, err := columns.Append(nil, out.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := columns.Read(b, in.Columns()); err != nil {
		t.Fatal(err)
	}
	var got []row
	for i := range in.Len() {
		got = append(got, row{in.Received[i], in.Exporter[i], in.Port[i], in.Payload.At(i)})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := [4]byte{192, 0, 2, 1}; [4]byte(in.Exporter[0][12:]) != want {
		t.Errorf("an IPv4 address isn't where it should be: %v", in.Exporter[0])
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	var rows datagram.Rows
	payload := make([]byte, 1464)
	fill := func() {
		for range 100 {
			rows.Append(1, [16]byte{}, 2, payload)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, func() { rows.Reset(); fill() }); n != 0 {
		t.Errorf("%v allocations a hundred datagrams, want 0", n)
	}
}
