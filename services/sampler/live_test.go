package sampler

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/packet"
	"netstream/schemas/window"
)

// TestLiveBooksCloseOverACrash kills a live source after only one of its shards was published.
func TestLiveBooksCloseOverACrash(t *testing.T) {
	b := openBus(t)
	cfg := DefaultConfig()
	cfg.MessageRows = 50
	packets := frames(400)
	live := func(from, to int, crash bool) {
		t.Helper()
		src, lasts, err := openSource(t.Context(), service(cfg, b), "tap", nil)
		if err != nil {
			t.Fatal(err)
		}
		if crash { // shard 1's messages never leave
			src.shards[1].ended = true
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = service(cfg, b).live(ctx, src, lasts, inputFunc(func(dst []Packet) (int, error) {
			if from == to {
				cancel()
				return 0, nil
			}
			n := copy(dst, packets[from:to])
			from += n
			return n, nil
		}))
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	live(0, 100, false)
	live(100, 250, true)
	live(250, 400, false)
	p := read(t, b, "tap")
	entry := func(shard uint16, name string) ledger.Entry {
		return p.books[ledger.Key{Source: "tap", Hop: ledger.Sampler, Shard: shard, Name: name}]
	}
	in, lost := entry(ledger.Whole, ledger.In), entry(ledger.Whole, ledger.Drop+reasonLost)
	frames := entry(0, ledger.OutFrames).Packets + entry(1, ledger.OutFrames).Packets
	if in.Packets != 400 || lost.Packets == 0 || frames+lost.Packets != in.Packets {
		t.Errorf("%d observed, %d out, %d lost by the crash: the books don't close", in.Packets, frames, lost.Packets)
	}
	if out := entry(0, ledger.Out).Packets + entry(1, ledger.Out).Packets; out != p.rows {
		t.Errorf("the ledger says %d out, %d rows are in the stream", out, p.rows)
	}
}

func TestLiveEndsWithItsInput(t *testing.T) {
	b := openBus(t)
	packets := frames(10)
	err := service(DefaultConfig(), b).Live(t.Context(), "short", inputFunc(func(dst []Packet) (int, error) {
		if len(packets) == 0 {
			return 0, io.EOF
		}
		n := copy(dst, packets)
		packets = packets[n:]
		return n, nil
	}), OverloadWait)
	if p := read(t, b, "short"); err != nil || p.rows != 10 || p.ended != 0 {
		t.Errorf("error %v, %d rows, %d ends; want 10 rows and no end: a live source may come back", err, p.rows, p.ended)
	}
}

// TestLivePromiseHoldsOverARestart sets the clock back between two starts: no packet is filed behind a watermark.
func TestLivePromiseHoldsOverARestart(t *testing.T) {
	b := openBus(t)
	cfg := DefaultConfig()
	cfg.AllowedLateness = 10 * time.Second
	packets := frames(20)
	for i := range packets { // the second ten are 15 s older
		packets[i].Time -= int64(i/10) * 15e9
	}
	for _, part := range [][]Packet{packets[:10], packets[10:]} {
		if err := service(cfg, b).Live(t.Context(), "tap", inputFunc(func(dst []Packet) (int, error) {
			n := copy(dst, part)
			part = part[n:]
			return n, io.EOF
		}), OverloadWait); err != nil {
			t.Fatal(err)
		}
	}
	r, err := b.Reader(t.Context(), b.Pipeline.PacketsStream(), []string{b.Pipeline.Packets(0, "tap"), b.Pipeline.Packets(1, "tap")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	promised, rows := map[string]int64{}, 0
	for {
		m, err := r.Next(t.Context(), 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			break
		}
		parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, ledger.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if part.Schema != packet.SchemaIPv4 {
				continue
			}
			in := packet.NewIPv4()
			if err := part.Read(in.Columns()); err != nil {
				t.Fatal(err)
			}
			for i := range in.Len() {
				var row packet.Row[key.IPv4]
				in.Read(i, &row)
				if rows++; promised[m.Subject] > 0 && row.Window+window.Length <= promised[m.Subject] {
					t.Errorf("a packet of %d is filed under %d, after a watermark of %d", row.Time, row.Window, promised[m.Subject])
				}
			}
		}
		if promised[m.Subject], err = m.Header.Int(message.Watermark); err != nil {
			t.Fatal(err)
		}
	}
	if rows == 0 {
		t.Error("no packets were read")
	}
}
