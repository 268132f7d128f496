package collector

import (
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/schemas/ledger"
	"netstream/services/analyzer/internal/store"
)

// Any bytes: no panic, no more rows than counted, and a state that can be written and read back.
func FuzzDatagram(f *testing.F) {
	seed := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	const header9 = "0009000200000e1065530000000000010000000a"
	f.Add(seed("00050000"+"0000000065530000000000000000000000000000"), seed("0005001e"))
	f.Add(seed(header9+"00000010"+"01000002"+"0008000400010004"), seed(header9+"0100000c"+"c000020100000064"))
	f.Add(seed(header9+"0100000c"+"c000020100000064"), seed(header9+"00000010"+"01000002"+"0008000400010004"))
	f.Add(seed(header9+"00010016"+"0102000400080001000400300001003200040000"), seed(header9+"0102000c"+"0000000001000000"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := func() prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts{Name: "test"}) }
		d := &Decoder{
			batch: store.NewBatch(), log: slog.New(slog.DiscardHandler),
			metrics: &Metrics{
				Received: c(), Dropped: c(), Rows: c(), Lost: c(), Parked: prometheus.NewGauge(prometheus.GaugeOpts{Name: "test"}),
				Refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "test"}, []string{"reason"}),
			},
		}
		x := newExporter(netip.MustParseAddr("192.0.2.1"), 0)
		d.datagram(x, received{at: 1, port: 1}, first)
		d.datagram(x, received{at: 2, port: 2}, second)
		d.datagram(x, received{at: 100e9, port: 1}, first)
		d.batch.Rows.Complete()
		if rows := uint64(d.batch.Rows.Len()); rows != x.book(ledger.Out).Rows || rows > uint64(2*len(first)+2*len(second)) {
			t.Errorf("%d rows, %d counted, of %d and %d bytes", rows, x.book(ledger.Out).Rows, len(first), len(second))
		}
		if len(x.parked) > maxParkedSets || x.bytes > maxParkedBytes {
			t.Errorf("%d sets of %d bytes are parked", len(x.parked), x.bytes)
		}
		y := newExporter(netip.MustParseAddr("192.0.2.1"), 0)
		for part := range x.changed {
			value, err := json.Marshal(x.part(part))
			if err == nil {
				err = y.restore(part, value)
			}
			if err != nil {
				t.Errorf("%s: %v", part, err)
			}
		}
		if len(y.templates) != len(x.templates) || len(y.parked) != len(x.parked) || y.bytes != x.bytes || len(y.rates) != len(x.rates) {
			t.Error("the state read back is another")
		}
	})
}
