package promises

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"netstream/schemas/ledger"
	"netstream/services/sampler"
)

// TestDigestIsTheSame holds promise (b): same packets, any shard counts, any batching, any hand-overs: the same flows.
func TestDigestIsTheSame(t *testing.T) {
	path := capture(t, 60_000)
	want := run(t, defaults(), path)
	if want.Flows < 2000 || want.Reasons[1] == 0 || want.Reasons[2] == 0 || want.Reasons[3] == 0 || want.Reasons[7] == 0 {
		t.Fatalf("the traffic is too dull to prove anything: %d flows, by reason %v", want.Flows, want.Reasons)
	}
	for name, change := range map[string]func(*setting){
		"again":                 func(*setting) {},
		"1 shard":               func(s *setting) { s.packetShards, s.flowShards = 1, 1 },
		"4 shards":              func(s *setting) { s.packetShards, s.flowShards = 4, 4 },
		"7 and 5 shards":        func(s *setting) { s.packetShards, s.flowShards = 7, 5 },
		"messages of 10":        func(s *setting) { s.messageRows = 10 },
		"messages of 333":       func(s *setting) { s.messageRows = 333 },
		"messages of 100,000":   func(s *setting) { s.messageRows = 100_000 },
		"hand-over each time":   func(s *setting) { s.cacheRows, s.messageRows = 1, 100 },
		"hand-overs at 700":     func(s *setting) { s.cacheRows, s.messageRows = 700, 50 },
		"hand-overs every 10ms": func(s *setting) { s.handOver, s.messageRows = 10*time.Millisecond, 100 },
	} {
		t.Run(name, func(t *testing.T) {
			s := defaults()
			change(&s)
			got := run(t, s, path)
			if got.Digest != want.Digest || got.Flows != want.Flows {
				t.Errorf("digest %s of %d flows %v, want %s of %d %v", got.Digest, got.Flows, got.Reasons, want.Digest, want.Flows, want.Reasons)
			}
		})
	}
}

// TestDigestIsTheSameSampled is the same for sampled packets, whose weighted sums take part.
func TestDigestIsTheSameSampled(t *testing.T) {
	path := capture(t, 60_000)
	s := defaults()
	s.sampling.Mode, s.sampling.Interval, s.sampling.Seed = sampler.PacketRandom, 7, 3
	want := run(t, s, path)
	if n := 60_000 / 7; want.Packets < uint64(n)*9/10 || want.Packets > uint64(n) {
		t.Fatalf("1:7 of 60,000 packets took %d", want.Packets)
	}
	s.packetShards, s.flowShards, s.messageRows, s.cacheRows = 3, 4, 100, 50
	if got := run(t, s, path); got.Digest != want.Digest {
		t.Errorf("digest %s of %d flows, want %s of %d", got.Digest, got.Flows, want.Digest, want.Flows)
	}
}

// TestBooksClose adds up the ledger over every hop.
func TestBooksClose(t *testing.T) {
	r := run(t, defaults(), capture(t, 30_000))
	in := r.sum(ledger.Sampler, ledger.In)
	dropped := uint64(0)
	for k, e := range r.books {
		if k.Hop == ledger.Sampler && len(k.Name) > len(ledger.Drop) && k.Name[:len(ledger.Drop)] == ledger.Drop {
			dropped += e.Packets
		}
	}
	out := r.sum(ledger.Sampler, ledger.Out)
	if in.Packets != 30_000 || dropped == 0 || in.Packets != out.Packets+dropped {
		t.Errorf("sampler: %d observed, %d out, %d dropped", in.Packets, out.Packets, dropped)
	}
	steps := []ledger.Entry{
		out, r.sum(ledger.FlowCache, ledger.In), r.sum(ledger.FlowCache, ledger.Out),
		r.sum(ledger.Ager, ledger.In), r.sum(ledger.Ager, ledger.Out),
	}
	for i, e := range steps {
		if e.Packets != out.Packets || e.Bytes != out.Bytes {
			t.Errorf("step %d: %d packets, %d bytes; want %d, %d", i, e.Packets, e.Bytes, out.Packets, out.Bytes)
		}
	}
	if last := steps[4]; last.Digest != r.Digest || last.Rows != r.Flows || r.Packets != out.Packets || r.Bytes != out.Bytes {
		t.Errorf("flows: %d, %d packets, digest %s; the ledger says %d, %d, %s", r.Flows, r.Packets, r.Digest, last.Rows, last.Packets, last.Digest)
	}
	if held := r.sum(ledger.Ager, ledger.Held); held.Packets != 0 || held.Rows != 0 {
		t.Errorf("%d flows with %d packets are still held", held.Rows, held.Packets)
	}
}

// TestStagesDieAndResume stops stages and the server at random moments and starts them again on the same files: the
// flows are those of an undisturbed run, each number once.
func TestStagesDieAndResume(t *testing.T) {
	path := capture(t, 60_000)
	s := defaults()
	s.messageRows, s.cacheRows, s.handOver = 200, 500, 20*time.Millisecond
	want := run(t, s, path)
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	for life := 0; ; life++ {
		ctx, cancel := context.WithCancel(context.Background())
		b, closeBus := openBus(t, dir, s)
		// Lives grow longer, so that a slow machine gets to the end too.
		time.AfterFunc(time.Duration(rng.IntN(5+life*life))*time.Millisecond, cancel)
		stop := stages(ctx, t, b, s)
		err := resample(ctx, b, s, path)
		stop()
		cancel()
		closeBus()
		if err == nil {
			if life < 3 {
				t.Fatalf("done in life %d: nothing was resumed", life)
			}
			break
		}
		if life > 200 {
			t.Fatalf("no progress after %d lives: %v", life, err)
		}
	}
	b, closeBus := openBus(t, dir, s)
	defer closeBus()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer stages(ctx, t, b, s)()
	got := collect(ctx, t, b, s.flowShards)
	if got.Digest != want.Digest || got.Flows != want.Flows || got.Packets != want.Packets {
		t.Errorf("digest %s of %d flows with %d packets, want %s, %d, %d", got.Digest, got.Flows, got.Packets, want.Digest, want.Flows, want.Packets)
	}
}

// TestFlowsAreReplayed holds promise (a): the same updates give the same flows in the same messages.
func TestFlowsAreReplayed(t *testing.T) {
	s := defaults()
	s.messageRows, s.cacheRows = 200, 500
	dir := t.TempDir()
	b, conn, closeBus := openConn(t, dir, s)
	defer closeBus()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stop := stages(ctx, t, b, s)
	sample(ctx, t, b, s, capture(t, 20_000))
	want := collect(ctx, t, b, s.flowShards)
	first := messages(ctx, t, b)
	stop()
	if _, err := conn.Request("$JS.API.STREAM.PURGE."+b.Pipeline.FlowsStream(), nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	defer stages(ctx, t, b, s)()
	got := collect(ctx, t, b, s.flowShards)
	if got.Digest != want.Digest {
		t.Errorf("digest %s, want %s", got.Digest, want.Digest)
	}
	if again := messages(ctx, t, b); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("messages differ:\n%v\n%v", again, first)
	}
}
