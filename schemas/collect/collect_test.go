package collect_test

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/collect"
	"netstream/schemas/columns"
	"netstream/schemas/key"
)

// packet makes the values of a random packet; times and fields are few, so that some packets tie.
func packet(r *rand.Rand) collect.Values {
	first := key.Wide{VLAN: uint16(r.IntN(3)), SrcMAC: uint64(r.IntN(2)), TTL: uint8(60 + r.IntN(5)), Direction: uint8(r.IntN(2))}
	return collect.Packet(first, 1_700_000_000_000_000_000+r.Int64N(8), 40+r.Uint32N(1460), first.TTL)
}

// model is the slow way: a loop over all packets.
func model(packets []collect.Values) collect.Values {
	v := packets[0]
	for _, p := range packets {
		if p.FirstTime < v.FirstTime || p.FirstTime == v.FirstTime && string(p.First.AppendBytes(nil)) < string(v.First.AppendBytes(nil)) {
			v.First, v.FirstTime = p.First, p.FirstTime
		}
		if p.MinLength < v.MinLength {
			v.MinLength = p.MinLength
		}
		if p.MaxLength > v.MaxLength {
			v.MaxLength = p.MaxLength
		}
		if p.MinTTL < v.MinTTL {
			v.MinTTL = p.MinTTL
		}
		if p.MaxTTL > v.MaxTTL {
			v.MaxTTL = p.MaxTTL
		}
	}
	return v
}

// merge adds the values in random groups, each cut into groups again.
func merge(r *rand.Rand, vs []collect.Values) collect.Values {
	if len(vs) == 1 {
		return vs[0]
	}
	cut := 1 + r.IntN(len(vs)-1)
	a, b := merge(r, vs[:cut]), merge(r, vs[cut:])
	a.Add(&b)
	return a
}

func TestMergedInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		packets := make([]collect.Values, 1+r.IntN(20))
		for i := range packets {
			packets[i] = packet(r)
		}
		want := model(packets)
		r.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
		if diff := cmp.Diff(want, merge(r, packets)); diff != "" {
			t.Fatalf("%d packets (-want +got):\n%s", len(packets), diff)
		}
	}
}

func TestCanonicalBytes(t *testing.T) {
	first := key.Wide{VLAN: 0x0abc, TTL: 64}
	v := collect.Packet(first, 5, 0x01020304, 63)
	v.Add(&collect.Values{First: first, FirstTime: 9, MinLength: 0x40, MaxLength: 0x05060708, MinTTL: 1, MaxTTL: 255})
	want := strings.Repeat("00", 63) + "0abc" + strings.Repeat("00", 48) + "40" + "00" + "00" + // the wide key
		"00000040" + "05060708" + "01" + "ff"
	if got := hex.EncodeToString(v.AppendBytes(nil)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := string(v.AppendBytes([]byte("x"))[:1]); got != "x" {
		t.Errorf("what was in front became %q", got)
	}
}

// TestEachValueCounts changes one value at a time: the order must see it. The time alone is that of the flow.
func TestEachValueCounts(t *testing.T) {
	base := collect.Values{First: key.Wide{VLAN: 7}, FirstTime: 5, MinLength: 40, MaxLength: 1500, MinTTL: 60, MaxTTL: 64}
	for _, c := range []struct {
		name   string
		change func(*collect.Values)
		want   int
	}{
		{"nothing", func(*collect.Values) {}, 0},
		{"first", func(v *collect.Values) { v.First.VLAN++ }, -1},
		{"first time", func(v *collect.Values) { v.FirstTime++ }, 0},
		{"least length", func(v *collect.Values) { v.MinLength++ }, -1},
		{"greatest length", func(v *collect.Values) { v.MaxLength++ }, -1},
		{"least ttl", func(v *collect.Values) { v.MinTTL++ }, -1},
		{"greatest ttl", func(v *collect.Values) { v.MaxTTL++ }, -1},
	} {
		v := base
		c.change(&v)
		if got := base.Compare(&v); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		if got := v.Compare(&base); got != -c.want {
			t.Errorf("%s, the other way: %d, want %d", c.name, got, -c.want)
		}
	}
}

// TestColumnsRoundTrip sends rows of which some have no values: those before the first, single ones, all.
func TestColumnsRoundTrip(t *testing.T) {
	const n = 60
	for _, c := range []struct {
		name    string
		has     func(i int) bool
		present bool
	}{
		{"none", func(int) bool { return false }, false},
		{"all", func(int) bool { return true }, true},
		{"from the middle on", func(i int) bool { return i >= n/2 }, true},
		{"up to the middle", func(i int) bool { return i < n/2 }, true},
		{"every third", func(i int) bool { return i%3 == 2 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			out, in := collect.NewColumns(), collect.NewColumns()
			var want, got []*collect.Values
			for range 2 { // the second time in the memory of the first
				out.Reset()
				want = want[:0]
				for i := range n {
					var v *collect.Values
					if c.has(i) {
						p, q := packet(r), packet(r)
						p.Add(&q)
						v = &p
					}
					want = append(want, v)
					out.Append(i, v)
				}
			}
			rows := make([]uint8, n)
			b, err := columns.Append(nil, append(out.Columns(), columns.Of("row", &rows)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := columns.Read(b, append(in.Columns(), columns.Of("row", &rows))); err != nil {
				t.Fatal(err)
			}
			if in.Present() != c.present || out.Present() != c.present || !in.Complete() {
				t.Errorf("present: written %v, read %v, want %v; complete %v", out.Present(), in.Present(), c.present, in.Complete())
			}
			for i := range n {
				if !in.Has(i) {
					got = append(got, nil)
					continue
				}
				v := packet(r) // what was there before must go
				in.Read(i, &v)
				got = append(got, &v)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestPacketWithoutLength has values though all of them are zero.
func TestPacketWithoutLength(t *testing.T) {
	c := collect.NewColumns()
	v := collect.Packet(key.Wide{}, 0, 0, 0)
	c.Append(0, &v)
	c.Append(1, nil)
	if !c.Has(0) || c.Has(1) {
		t.Errorf("rows with values: %v, %v; want the first alone", c.Has(0), c.Has(1))
	}
}

func TestComplete(t *testing.T) {
	for name, cut := range map[string]func(*collect.Columns){
		"first time":      func(c *collect.Columns) { c.FirstTime = nil },
		"least length":    func(c *collect.Columns) { c.MinLength = nil },
		"greatest length": func(c *collect.Columns) { c.MaxLength = nil },
		"least ttl":       func(c *collect.Columns) { c.MinTTL = nil },
		"greatest ttl":    func(c *collect.Columns) { c.MaxTTL = nil },
	} {
		c := collect.NewColumns()
		v := collect.Packet(key.Wide{VLAN: 1}, 1, 40, 64)
		if c.Append(0, &v); !c.Complete() {
			t.Error("whole columns aren't complete")
		}
		if cut(&c); c.Complete() {
			t.Errorf("complete without %s", name)
		}
	}
	if c := collect.NewColumns(); !c.Complete() {
		t.Error("no columns at all aren't complete")
	}
}

func TestColumnsDoNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	v, o := packet(r), packet(r)
	c := collect.NewColumns()
	fill := func() {
		c.Reset()
		for i := range 1000 {
			c.Append(i, &v)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("Append: %v allocations a thousand rows, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range 1000 {
			c.Read(i, &o)
			v.Add(&o)
		}
	}); n != 0 {
		t.Errorf("Read and Add: %v allocations a thousand rows, want 0", n)
	}
}
