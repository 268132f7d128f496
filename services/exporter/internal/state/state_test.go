package state

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/message"
	"netstream/services/exporter/internal/aggregate"
	"netstream/services/exporter/internal/clock"
	"netstream/services/exporter/internal/encode"
)

const stream = "live-FLOWS"

var states = map[string]*State{
	"before the first flow": {Position: 3, Destinations: []Destination{{Name: "127.0.0.1:2055/v5", After: 3}}},
	"no destination": {
		Position: 1 << 60, Clock: clock.Clock{Started: true, Boot: 0, Now: 5},
		Aggregation: Aggregation{Settings: `[{"mode":"as"}]`, Since: 7, Empty: 8, EmptyAt: 9}, Routes: "0123456789abcdef",
	},
	"two": {
		Position: 12, Clock: clock.Clock{Started: true, Boot: 1_700_000_000, Now: 1_700_086_400},
		Destinations: []Destination{
			{
				Name: "collector.example:2055/v9/7", After: 2, Port: 41000,
				Cursor: encode.Cursor{Sequence: 1<<32 - 1, Left: 19, At: 1_700_086_399, Set: 1<<64 - 1, Modes: [aggregate.Modes]uint32{3: 1<<32 - 1, 13: 8},
					Exported: encode.Exported{Octets: 1<<64 - 1, Datagrams: 21, Records: 22}},
				Totals: Totals{
					Sent: encode.Tally{Flows: 1, Records: 2, Packets: 3, Bytes: 4}, NotCarried: encode.Tally{Flows: 5, Packets: 7, Bytes: 8},
					Unsent: encode.Tally{Flows: 9, Records: 10, Packets: 11, Bytes: 12}, Datagrams: 13, UnsentDatagrams: 14, Clamped: 15, Interfaces: 16, WideAS: 17,
				},
			},
			{Name: "[::1]:2055/v5"},
		},
	},
}

func TestRoundTrip(t *testing.T) {
	var w Writer // one for all: its memory is reused
	for name, want := range states {
		t.Run(name, func(t *testing.T) {
			h, body, err := w.Write(want, stream)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(h, bytes.Clone(body), stream)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	var w Writer
	for _, tt := range []struct {
		name   string
		damage func(h message.Header, body []byte) []byte
		want   error
	}{
		{"no position", func(h message.Header, b []byte) []byte { delete(h, message.Position); return b }, message.ErrHeader},
		{"position of another stream", func(h message.Header, b []byte) []byte { h.Set(message.Position, "other:7"); return b }, message.ErrHeader},
		{"body cut short", func(h message.Header, b []byte) []byte { return b[:len(b)-1] }, message.ErrBody},
		{"another version", func(h message.Header, b []byte) []byte {
			h.Set(message.Streams, "export.clock/2:"+h.Get(message.Streams)[len("export.clock/1:"):])
			return b
		}, message.ErrVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, body, err := w.Write(states["two"], stream)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := Read(h, tt.damage(h, bytes.Clone(body)), stream); !errors.Is(err, tt.want) || s != nil {
				t.Errorf("state %v, error %v; want %v", s, err, tt.want)
			}
		})
	}
}

func TestBooksClose(t *testing.T) {
	want := encode.Tally{Flows: 15, Records: 12, Packets: 21, Bytes: 24}
	totals := states["two"].Destinations[0].Totals
	if got := totals.In(); got != want {
		t.Errorf("in: %+v, want %+v", got, want)
	}
}
