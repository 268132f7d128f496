package ledger_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/ledger"
	"netstream/schemas/uint128"
)

var entries = []ledger.Entry{
	{Source: "edge-1", Hop: ledger.Sampler, Shard: ledger.Whole, Name: ledger.In, Packets: 1<<64 - 1, Bytes: 2, Rows: 3},
	{Source: "edge-1", Hop: ledger.Sampler, Shard: 0, Name: ledger.Drop + "parse", Packets: 4},
	{Source: "edge-1", Hop: ledger.FlowCache, Shard: 1, Monitor: "ipv4", Name: ledger.Unmatched, Packets: 7, Bytes: 8, Rows: 9},
	{Source: "edge-2", Hop: ledger.Ager, Shard: 1023, Monitor: "web", Name: ledger.Out, Digest: uint128.Uint128{Hi: 1<<64 - 1, Lo: 5}},
	{},
}

func TestRoundTrip(t *testing.T) {
	var out, in ledger.Rows
	for range 2 { // the second time in the memory of the first
		out.Reset()
		for i := range entries {
			out.Append(&entries[i])
		}
	}
	b, err := columns.Append(nil, out.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := columns.Read(b, in.Columns()); err != nil {
		t.Fatal(err)
	}
	var got []ledger.Entry
	for i := range in.Len() {
		got = append(got, in.At(i))
	}
	if diff := cmp.Diff(entries, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKeyNamesACounter(t *testing.T) {
	for i, want := range map[int]ledger.Key{
		0: {Source: "edge-1", Hop: "sampler", Shard: 0xffff, Name: "in"},
		2: {Source: "edge-1", Hop: "flowcache", Shard: 1, Monitor: "ipv4", Name: "unmatched"},
	} {
		if diff := cmp.Diff(want, entries[i].Key()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestBookKeepsTheLatest puts entries in any order, twice over: the book ends the same, in order of its keys.
func TestBookKeepsTheLatest(t *testing.T) {
	var all []ledger.Entry
	for _, source := range []string{"a", "b"} {
		for _, hop := range []string{ledger.FlowCache, ledger.Sampler} {
			for _, shard := range []uint16{0, 1, ledger.Whole} {
				for _, monitor := range []string{"", "a", "b"} {
					for _, name := range []string{ledger.In, ledger.Out} {
						for n := range uint64(5) {
							all = append(all, ledger.Entry{Source: source, Hop: hop, Shard: shard, Monitor: monitor, Name: name, Packets: n, Bytes: 10 * n})
						}
					}
				}
			}
		}
	}
	var want []ledger.Entry
	for i, e := range all {
		if i%5 == 4 {
			want = append(want, e)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var book ledger.Book
		for range 2 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, e := range all {
				book.Put(e)
			}
		}
		var rows ledger.Rows
		book.Append(&rows)
		var got []ledger.Entry
		for i := range rows.Len() {
			got = append(got, rows.At(i))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

// TestHeldGoesDown puts what a sampler held in any order: the last is the one of which most packets had been observed.
func TestHeldGoesDown(t *testing.T) {
	held := []ledger.Entry{
		{Name: ledger.Held, Packets: 0, Rows: 0}, {Name: ledger.Held, Packets: 7, Bytes: 700, Rows: 10},
		{Name: ledger.Held, Packets: 9, Bytes: 900, Rows: 12}, {Name: ledger.Held, Packets: 0, Rows: 20},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var book ledger.Book
		for _, i := range r.Perm(len(held)) {
			book.Put(held[i])
		}
		var rows ledger.Rows
		book.Append(&rows)
		if got := rows.At(0); got != held[3] {
			t.Fatalf("%+v, want %+v", got, held[3])
		}
	}
}

func TestBefore(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b ledger.Entry
		want bool
	}{
		{"fewer packets", ledger.Entry{Name: ledger.In, Packets: 1, Rows: 9}, ledger.Entry{Name: ledger.In, Packets: 2}, true},
		{"as many packets", ledger.Entry{Name: ledger.In, Packets: 2}, ledger.Entry{Name: ledger.In, Packets: 2, Rows: 1}, false},
		{"more packets", ledger.Entry{Name: ledger.Drop + "kernel", Packets: 3}, ledger.Entry{Name: ledger.Drop + "kernel", Packets: 2}, false},
		{"held, fewer rows", ledger.Entry{Name: ledger.Held, Packets: 5, Rows: 1}, ledger.Entry{Name: ledger.Held, Rows: 2}, true},
		{"held, as many rows", ledger.Entry{Name: ledger.Held, Rows: 2}, ledger.Entry{Name: ledger.Held, Packets: 5, Rows: 2}, false},
	} {
		if got := c.a.Before(&c.b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBookTakesTheLaterOfEquals(t *testing.T) {
	var book ledger.Book
	book.Put(ledger.Entry{Name: ledger.Out, Packets: 5, Rows: 1})
	book.Put(ledger.Entry{Name: ledger.Out, Packets: 5, Rows: 2}) // rows without packets came, as a ledger's own
	var rows ledger.Rows
	book.Append(&rows)
	if got := rows.At(0).Rows; rows.Len() != 1 || got != 2 {
		t.Errorf("%d entries, the first with %d rows; want 1 with 2", rows.Len(), got)
	}
}
