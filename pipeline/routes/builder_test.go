package routes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestBest has a case for each step of the choice, the better path first.
func TestBest(t *testing.T) {
	peer := func(a string) Source { return Source{From: "bgp", Peer: netip.MustParseAddr(a)} }
	base := Path{Preference: DefaultPreference, Length: 3, Code: EGP, MED: 5}
	with := func(change func(*Path)) Path { p := base; change(&p); return p }
	type told struct {
		from Source
		id   uint32
		path Path
	}
	for name, c := range map[string][2]told{
		"preference":      {{peer("192.0.2.9"), 0, with(func(p *Path) { p.Preference, p.Length = 200, 9 })}, {peer("192.0.2.1"), 0, base}},
		"length":          {{peer("192.0.2.9"), 0, with(func(p *Path) { p.Length, p.Code = 2, Incomplete })}, {peer("192.0.2.1"), 0, base}},
		"origin code":     {{peer("192.0.2.9"), 0, with(func(p *Path) { p.Code, p.MED = IGP, 9 })}, {peer("192.0.2.1"), 0, base}},
		"MED":             {{peer("192.0.2.9"), 0, with(func(p *Path) { p.MED = 4 })}, {peer("192.0.2.1"), 0, base}},
		"peer":            {{peer("192.0.2.1"), 0, base}, {peer("192.0.2.9"), 0, base}},
		"peer, IPv4":      {{peer("192.0.2.1"), 0, base}, {peer("2001:db8::1"), 0, base}},
		"AS of the peer":  {{Source{AS: 1}, 0, base}, {Source{AS: 2}, 0, base}},
		"where heard":     {{Source{From: "bgp"}, 0, base}, {Source{From: "bmp/192.0.2.1/loc-rib"}, 0, base}},
		"path identifier": {{peer("192.0.2.1"), 1, base}, {peer("192.0.2.1"), 2, base}},
	} {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			for kind, b := range map[string]*Builder{"all": NewBuilder(), "best": NewBestBuilder()} {
				prefix := netip.MustParsePrefix("198.51.100.0/24")
				for _, i := range order {
					path := c[i].path
					path.Origin = uint32(i + 1)
					b.Announce(c[i].from, c[i].id, prefix, path)
				}
				if r, _ := b.Compile(nil).Lookup(prefix.Addr()); r.Origin != 1 {
					t.Errorf("%s, told in the order %v, keeping %s: the other one is chosen", name, order, kind)
				}
			}
		}
	}
}

// TestTheNextBestTakesOver when the best path is withdrawn, when it changes for the worse, and when its peer is gone.
func TestTheNextBestTakesOver(t *testing.T) {
	prefix := netip.MustParsePrefix("2001:db8::/32")
	one, two := Source{From: "bgp", AS: 1}, Source{From: "bgp", AS: 2}
	for name, change := range map[string]func(*Builder){
		"withdrawn": func(b *Builder) { b.Withdraw(one, 0, prefix) },
		"worse":     func(b *Builder) { b.Announce(one, 0, prefix, Path{Origin: 1, Length: 9}) },
		"down":      func(b *Builder) { b.Down(one) },
	} {
		b := NewBuilder()
		b.Announce(two, 0, prefix, Path{Origin: 2, Length: 2})
		b.Announce(one, 0, prefix, Path{Origin: 1, Length: 1})
		if r, _ := b.Compile(nil).Lookup(prefix.Addr()); r.Origin != 1 {
			t.Errorf("%s: origin %d before it", name, r.Origin)
		}
		change(b)
		if r, _ := b.Compile(nil).Lookup(prefix.Addr()); r.Origin != 2 {
			t.Errorf("%s: origin %d after it", name, r.Origin)
		}
		b.Withdraw(two, 7, prefix) // another path
		b.Withdraw(Source{From: "nobody"}, 0, prefix)
		b.Down(Source{From: "nobody"})
		b.Down(two)
		b.Withdraw(one, 0, prefix)
		if n := b.Compile(nil).Len(); n != 0 || b.Len() != 0 {
			t.Errorf("%s: %d prefixes and %d paths are left", name, n, b.Len())
		}
	}
}

// TestPathsAreForgotten when nothing has them any more, however often they change.
func TestPathsAreForgotten(t *testing.T) {
	b := NewBuilder()
	random := rand.New(rand.NewPCG(1, 2))
	most := 0
	for i := range 50_000 {
		most = max(most, b.Len())
		p := randomPrefix(random)
		if random.IntN(3) == 0 {
			b.Withdraw(Source{}, 0, p)
		} else {
			b.Announce(Source{}, 0, p, Path{Origin: uint32(i)})
		}
	}
	if known := len(b.paths.known); known > b.Len() {
		t.Errorf("%d paths known, with %d in use", known, b.Len())
	}
	if slots := len(b.paths.paths); slots > most+1 {
		t.Errorf("room for %d paths, with never more than %d in use", slots, most)
	}
	b.Down(Source{})
	if n := len(b.paths.known); n != 0 || b.Len() != 0 {
		t.Errorf("%d paths known, %d in use, want none", n, b.Len())
	}
}

// TestCompileOverABase: what the Builder knows goes before what the base does.
func TestCompileOverABase(t *testing.T) {
	tell := func(as uint32, prefixes ...string) *Builder {
		b := NewBuilder()
		for _, p := range prefixes {
			b.Announce(Source{}, 0, netip.MustParsePrefix(p), Path{Origin: as})
		}
		return b
	}
	base := tell(1, "192.0.2.0/24", "198.51.100.0/24").Compile(nil)
	table := tell(2, "198.51.100.0/24", "203.0.113.0/24").Compile(base)
	got := ""
	for p, r := range table.All() {
		got += fmt.Sprintf("%s=%d ", p, r.Origin)
	}
	if want := "192.0.2.0/24=1 198.51.100.0/24=2 203.0.113.0/24=2 "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if v := tell(2, "203.0.113.0/24", "198.51.100.0/24").Compile(base).Version(); v != table.Version() {
		t.Errorf("in another order it is %s, want %s", v, table.Version())
	}
}
