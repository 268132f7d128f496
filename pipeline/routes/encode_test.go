package routes

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// exampleTable has a route of each kind.
func exampleTable() *Table {
	b := NewBuilder()
	hop4, hop6, igp := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("10.0.0.1")
	for p, path := range map[string]Path{
		"0.0.0.0/0":       {Origin: 64500, Peer: 64500, BGPNextHop: hop4},
		"198.51.100.0/24": {Origin: 4200000000, Peer: 64500, BGPNextHop: hop4, NextHop: igp},
		"198.51.100.0/25": {Origin: 4200000000, Peer: 64500, BGPNextHop: hop4, NextHop: igp},
		"203.0.113.7/32":  {},
		"::/0":            {Origin: 64501, Peer: 64501, BGPNextHop: hop6},
		"2001:db8::/32":   {Origin: 64502, Peer: 64501, BGPNextHop: hop4},
		"2001:db8::7/128": {BGPNextHop: netip.IPv6Unspecified(), NextHop: netip.IPv4Unspecified()},
	} {
		b.Announce(Source{}, 0, netip.MustParsePrefix(p), path)
	}
	return b.Compile(nil)
}

var addrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestEncode(t *testing.T) {
	table := exampleTable()
	encoded := table.Encode()
	got, err := Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contents(table), contents(got), addrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Version() != table.Version() || got.makeVersion() != table.Version() {
		t.Errorf("version %s, worked out %s, want %s", got.Version(), got.makeVersion(), table.Version())
	}
	// It must never change: tables in stores are named by it.
	if want := "d59c46d21148dff4"; table.Version() != want {
		t.Errorf("version %s, want %s", table.Version(), want)
	}
}

// seal wraps a content as Encode does.
func seal(content []byte) []byte {
	sum := sha256.Sum256(content)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	out := append([]byte(encodedMagic), encodedVersion)
	return z.EncodeAll(content, append(out, sum[:]...))
}

// TestDecodeRefuses what Encode doesn't write.
func TestDecodeRefuses(t *testing.T) {
	table := exampleTable()
	encoded, content := table.Encode(), table.content()
	change := func(b []byte, f func([]byte)) []byte {
		b = slices.Clone(b)
		f(b)
		return b
	}
	n, n4, n6 := len(table.routes), table.Len4(), table.Len6()
	column := func(b []byte) contentColumns { return split(b[countsLen:], n, n4, n6) }
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":       {nil, ErrDamaged},
		"something":     {[]byte("prefix,origin_as\n192.0.2.0/24,64500\n, and so on, for a while"), ErrDamaged},
		"newer":         {change(encoded, func(b []byte) { b[4] = encodedVersion + 1 }), ErrNewer},
		"version 0":     {change(encoded, func(b []byte) { b[4] = 0 }), ErrDamaged},
		"cut short":     {encoded[:len(encoded)-1], ErrDamaged},
		"another sum":   {change(encoded, func(b []byte) { b[10] ^= 1 }), ErrDamaged},
		"no counts":     {seal(content[:5]), ErrDamaged},
		"count":         {seal(change(content, func(b []byte) { b[0]++ })), ErrDamaged},
		"huge count":    {seal(change(content, func(b []byte) { binary.LittleEndian.PutUint32(b[countsRoutes:], 1<<32-1) })), ErrDamaged},
		"route order":   {seal(change(content, func(b []byte) { binary.LittleEndian.PutUint32(column(b).origin, 1<<32-1) })), ErrDamaged},
		"no such route": {seal(change(content, func(b []byte) { binary.LittleEndian.PutUint32(column(b).route4, 99) })), ErrDamaged},
		"unused route":  {seal(change(content, func(b []byte) { copy(column(b).route4, column(b).route4[4:8]) })), ErrDamaged},
		"prefix order":  {seal(change(content, func(b []byte) { column(b).addr4[4] = 255; column(b).bits4[1] = 32 })), ErrDamaged},
		"bits":          {seal(change(content, func(b []byte) { column(b).bits4[0] = 33 })), ErrDamaged},
		"host bits":     {seal(change(content, func(b []byte) { column(b).addr6[15] = 1 })), ErrDamaged},
	} {
		got, err := Decode(c.b)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && got != nil {
			t.Errorf("%s: a table beside an error", name)
		}
		if err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: nothing panics, and what can be decoded is what is encoded again. The bytes are tried as they are and as a content.
func FuzzDecode(f *testing.F) {
	f.Add(exampleTable().Encode())
	f.Add(exampleTable().content())
	f.Add((&Table{}).content())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, encoded := range [][]byte{b, seal(b)} {
			table, err := Decode(encoded)
			if err != nil {
				continue
			}
			if version := table.makeVersion(); version != table.Version() {
				t.Fatalf("version %s, worked out %s", table.Version(), version)
			}
			if again, err := Decode(table.Encode()); err != nil || again.Version() != table.Version() {
				t.Fatalf("encoded again: %v", err)
			}
		}
	})
}
