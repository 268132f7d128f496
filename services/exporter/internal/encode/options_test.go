package encode

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"netstream/pipeline/interfaces"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter/internal/aggregate"
)

func optionsOf(limit int) Options {
	o := Options{
		SourceID: 9, Limit: limit, Sampling: 1000, RefreshDatagrams: 3, RefreshSeconds: 60, Statistics: true, FlowKeys: true,
		VRFs: []VRF{{7, "red"}, {8, "blue"}},
	}
	for i := range uint32(40) {
		o.Interfaces = append(o.Interfaces, interfaces.Interface{Index: i + 1, Name: fmt.Sprint("GE1/0/", i), Description: "to core"})
	}
	return o
}

// told is a record of options as a text, of its template: numbers, and texts up to the zeros.
func told(l *nsv9.Layout, r []byte) string {
	var fields []string
	scope := len(l.Template().Scope)
	for i := range scope + len(l.Template().Fields) {
		b := l.Field(r, i)
		n, _ := nsv9.Uint(b)
		text := fmt.Sprint(n)
		if i >= scope {
			switch l.Template().Fields[i-scope].Type {
			case nsv9.IfName, nsv9.IfDesc, nsv9.SamplerName, nsv9.VRFName:
				text = string(bytes.TrimRight(b, "\x00"))
			}
		}
		fields = append(fields, text)
	}
	return fmt.Sprint(l.Template().ID, " ", strings.Join(fields, ","))
}

// TestOptions reads all options back, of datagrams of some sizes: they come with the templates, and the statistics hold.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		format string
		make   func(Options) Encoder
		open   func(*testing.T, []byte, map[uint16]*nsv9.Layout) (uint32, uint32, []set)
		want   []string // but for interfaces and statistics
	}{
		{"v9", func(o Options) Encoder { return NewV9(o, Cursor{}) }, openV9, []string{"260 0,1,2,1000,random-packets", "266 0,1000,2", "267 0,7,red", "267 0,8,blue"}},
		{"ipfix", func(o Options) Encoder { return NewIPFIX(o, Cursor{}) }, openIPFIX, []string{
			"260 1,3,1,1000", "266 1,1,999", "267 7,red", "267 8,blue",
			// 8 12 10 14 1 2 152 153 4 7 11 5 136 148 302 6 61; in 257 31 comes behind 5
			fmt.Sprint("269 256,", 0b1_0000_1111_0000_1111), fmt.Sprint("269 257,", 0b10_0001_1111_0000_1111),
		}},
	} {
		for _, limit := range []int{MinLimit, 540, 544, 548, 552, 556, 560, 564, 568, 572, 576, 580, 584, 1472} { // a datagram is full at any place
			t.Run(fmt.Sprint(tt.format, " ", limit), func(t *testing.T) {
				o := optionsOf(limit)
				want := slices.Clone(tt.want)
				for _, i := range o.Interfaces {
					want = append(want, fmt.Sprintf("261 %d,%s,%s", i.Index, i.Name, i.Description))
				}
				slices.Sort(want)
				e := tt.make(o)
				e.Define(defined(t, "a=ipv4", "b=ipv6"))
				f, now := flows(100, 0)
				var b Batch
				sequence, sent, layouts := uint32(0), Exported{}, map[uint16]*nsv9.Layout{}
				var got []string
				statistics := 0
				for range 4 {
					if err := e.Encode(&b, now, f); err != nil {
						t.Fatal(err)
					}
					for i, d := range b.Datagrams() {
						first, units, sets := tt.open(t, d, layouts)
						if first != sequence || len(d) > limit {
							t.Fatalf("a datagram of %d bytes and sequence %d, want %d", len(d), first, sequence)
						}
						sequence += units
						for _, s := range sets {
							for _, l := range s.templates {
								layouts[l.Template().ID] = l
							}
							l := layouts[s.id]
							if s.id < nsv9.MinDataID || !l.Options() {
								continue
							}
							for rs := l.Records(s.body); rs.Next(); {
								text := told(l, rs.Record())
								if s.id != nsv9.StatisticsTemplateID {
									got = append(got, text)
									continue
								}
								scope := 0 // the system
								if tt.format == "ipfix" {
									scope = 9 // the domain
								}
								if want := fmt.Sprintf("268 %d,%d,%d,%d", scope, sent.Octets, sent.Datagrams, sent.Records); text != want {
									t.Errorf("statistics %s, want %s", text, want)
								}
								statistics++
							}
						}
						sent.add(uint64(len(d)), b.Tally(i).Records)
					}
				}
				if statistics < 3 || e.Cursor().Exported != sent {
					t.Errorf("%d statistics, exported %+v, want %+v", statistics, e.Cursor().Exported, sent)
				}
				slices.Sort(got)
				if each := slices.Compact(slices.Clone(got)); len(got) != statistics*len(want) || !slices.Equal(each, want) {
					t.Errorf("told %d records, %d times\n%s\nwant\n%s", len(got), statistics, strings.Join(each, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// TestOtherOptionsMakeTemplatesDue goes on from one cursor with other settings.
func TestOtherOptionsMakeTemplatesDue(t *testing.T) {
	f, now := flows(1, 0)
	for _, tt := range []struct {
		name   string
		change func(*Options)
		due    bool
	}{
		{"nothing", func(*Options) {}, false},
		{"sampling", func(o *Options) { o.Sampling = 7 }, false}, // waits, as before there were other options
		{"name of an interface", func(o *Options) { o.Interfaces = slices.Clone(o.Interfaces); o.Interfaces[3].Name = "GE9" }, true},
		{"no VRFs", func(o *Options) { o.VRFs = nil }, true},
		{"no statistics", func(o *Options) { o.Statistics = false }, true},
		{"widths", func(o *Options) { o.Widths.AS = 16 }, true},
		{"reason", func(o *Options) { o.EndReason = true }, true},
	} {
		o := optionsOf(1472)
		o.RefreshDatagrams = 600
		e := NewV9(o, Cursor{})
		e.Define(wanting(true))
		var b Batch
		if err := e.Encode(&b, now, f); err != nil {
			t.Fatal(err)
		}
		tt.change(&o)
		e = NewV9(o, e.Cursor())
		e.Define(wanting(true))
		if err := e.Encode(&b, now, f); err != nil {
			t.Fatal(err)
		}
		_, _, sets := openV9(t, b.Datagrams()[0], nil)
		if due := len(sets[0].templates) > 0; due != tt.due {
			t.Errorf("%s: templates %t, want %t", tt.name, due, tt.due)
		}
	}
}

// TestStatisticsOverConnections go on where templates don't.
func TestStatisticsOverConnections(t *testing.T) {
	o := optionsOf(1472)
	o.Introduce, o.Once = true, true
	e := NewIPFIX(o, Cursor{})
	e.Define(wanting(true))
	f, now := flows(200, 0)
	var b Batch
	layouts := map[uint16]*nsv9.Layout{}
	found, datagrams := 0, 0
	for range 3 {
		if err := e.Encode(&b, now, f); err != nil {
			t.Fatal(err)
		}
		if datagrams == 0 {
			for _, d := range b.Introduction() {
				_, _, sets := openIPFIX(t, d, layouts)
				for _, s := range sets {
					for _, l := range s.templates {
						layouts[l.Template().ID] = l
					}
				}
			}
		}
		for _, d := range b.Datagrams() {
			_, _, sets := openIPFIX(t, d, layouts)
			for _, s := range sets {
				if len(s.templates) > 0 {
					t.Error("a template comes again")
				}
				if s.id == nsv9.StatisticsTemplateID {
					if want := e.Cursor().Exported; string(s.body[:4]) != "\x00\x00\x00\x09" || want.Datagrams < uint64(datagrams) {
						t.Errorf("statistics %x behind %d datagrams", s.body, datagrams)
					}
					if n, _ := nsv9.Uint(s.body[12:20]); n != uint64(datagrams) {
						t.Errorf("%d datagrams are told, want %d", n, datagrams)
					}
					found++
				}
			}
			datagrams++
		}
	}
	if want := (datagrams + 2) / 3; found != want {
		t.Errorf("statistics in %d of %d datagrams, want %d", found, datagrams, want)
	}
}

// TestFlowKeysOfAggregates are what their mode merges by.
func TestFlowKeysOfAggregates(t *testing.T) {
	e := NewIPFIXAggregates(Options{Limit: 1472, FlowKeys: true, Modes: []aggregate.Mode{aggregate.SourcePrefix}}, Cursor{})
	// 3 2 1 152 153, then AS, mask, prefix and input, and 136
	for _, r := range e.tables[0].records {
		if !slices.Equal(r[2:], []byte{0, 0, 0, 0, 0, 0, 0b1, 0b1110_0000}) {
			t.Errorf("keys %x", r)
		}
	}
	if n := len(e.tables[0].records); n != 2 {
		t.Errorf("keys of %d templates, want 2", n)
	}
}

func TestOptionsDoNotAllocate(t *testing.T) {
	for name, e := range map[string]Encoder{"v9": NewV9(optionsOf(1472), Cursor{}), "ipfix": NewIPFIX(optionsOf(1472), Cursor{})} {
		f, now := flows(1000, 0)
		var b Batch
		e.Define(wanting(true))
		if n := testing.AllocsPerRun(20, func() {
			if err := e.Encode(&b, now, f); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
