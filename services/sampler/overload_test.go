package sampler

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/weight"
)

// slowBus is a bus behind a line of some bytes per second.
func slowBus(t *testing.T, bytesPerSecond int) *bus.Bus {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	srv, err := embedded.Start(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	server := srv.URL()[len("nats://"):]
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				return
			}
			go func() { io.Copy(client, up); client.Close() }()
			go func() {
				defer up.Close()
				b := make([]byte, 16<<10)
				for {
					n, err := client.Read(b)
					if err != nil {
						return
					}
					time.Sleep(time.Duration(n) * time.Second / time.Duration(bytesPerSecond))
					if _, err := up.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	cfg := bus.DefaultConfig()
	cfg.URL = "nats://" + l.Addr().String()
	conn, err := bus.Connect(cfg, "slow")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overloaded sends packets much faster than the bus takes them, under a policy, and returns what came of it: the books,
// the estimates, and the factor of thinning when it was over.
func overloaded(t *testing.T, policy string, cfg Config, rounds int) (s published, estimate weight.Sums, sent count) {
	t.Helper()
	b := slowBus(t, 2<<20)
	cfg.MessageRows = 1024
	packets := frames(4096)
	service := New(cfg, monitor.Default(), b, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	at, round := 0, 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := service.Live(ctx, "tap", inputFunc(func(dst []Packet) (int, error) {
		if round == rounds {
			return 0, io.EOF
		}
		n := copy(dst, packets[at:])
		for i := range dst[:n] {
			sent.add(dst[i].WireLen)
			dst[i].Time += int64(round) * 4_096_000
		}
		if at += n; at == len(packets) {
			at, round = 0, round+1
			time.Sleep(time.Millisecond)
		}
		return n, nil
	}), policy)
	if err != nil {
		t.Fatal(err)
	}
	s = read(t, b, "tap")
	r, err := b.Reader(t.Context(), b.Pipeline.PacketsStream(), []string{b.Pipeline.Packets(0, "tap"), b.Pipeline.Packets(1, "tap")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		m, err := r.Next(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return s, estimate, sent
		}
		parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, ledger.Schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			switch p.Schema {
			case packet.SchemaIPv4:
				sumUp[key.IPv4](t, p, packet.NewIPv4(), &estimate)
			case packet.SchemaIPv6:
				sumUp[key.IPv6](t, p, packet.NewIPv6(), &estimate)
			}
		}
	}
}

func sumUp[K any](t *testing.T, p message.Part, rows *packet.Rows[K], sums *weight.Sums) {
	t.Helper()
	if err := p.Read(rows.Columns()); err != nil {
		t.Fatal(err)
	}
	var row packet.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &row)
		sums.AddPacket(row.Weight, row.Bytes)
	}
}

// whole is a counter of the source as a whole.
func (p *published) whole(name string) ledger.Entry {
	return p.books[ledger.Key{Source: "tap", Hop: ledger.Sampler, Shard: ledger.Whole, Name: name}]
}

// closes checks that observed = handed on + not selected + held + dropped, in packets and bytes.
func closes(t *testing.T, p published, sent count) (dropped ledger.Entry) {
	t.Helper()
	in, left := p.whole(ledger.In), count{}
	for k, e := range p.books {
		switch {
		case k.Name == ledger.OutFrames || k.Name == ledger.Unselected || k.Name == ledger.Held:
		case len(k.Name) > len(ledger.Drop) && k.Name[:len(ledger.Drop)] == ledger.Drop:
			dropped.Packets += e.Packets
		default:
			continue
		}
		left.packets += e.Packets
		left.bytes += e.Bytes
	}
	if in.Packets != sent.packets || in.Bytes != sent.bytes || left != sent {
		t.Errorf("sent %+v, observed %d packets and %d bytes, accounted for %+v", sent, in.Packets, in.Bytes, left)
	}
	return dropped
}

// TestThinLosesNothingUnaccounted slows the bus down on purpose: the source takes fewer packets, nothing is dropped, the
// books close and the estimates lie within four standard deviations of the truth; by chance they lie outside 1 time in 16,000.
func TestThinLosesNothingUnaccounted(t *testing.T) {
	for name, mode := range map[string]string{"every packet": SamplingOff, "1:4": PacketRandom} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Sampling.Mode, cfg.Sampling.Interval = mode, 4
			s, estimate, sent := overloaded(t, OverloadThin, cfg, 100)
			if dropped := closes(t, s, sent); dropped.Packets != 0 {
				t.Errorf("%d packets dropped", dropped.Packets)
			}
			unselected := s.whole(ledger.Unselected)
			if mode == SamplingOff && unselected.Packets == 0 {
				t.Error("every packet was taken: the bus was not slow")
			}
			sigma := math.Sqrt(float64(estimate.VarPackets.Lo))
			if d := math.Abs(float64(estimate.Packets) - float64(sent.packets)); d > 4*sigma {
				t.Errorf("estimate %d of %d packets, standard deviation %.0f", estimate.Packets, sent.packets, sigma)
			}
			bytes := 0.0
			for _, p := range frames(4096) {
				if bytes += 100 * float64(p.WireLen-14); p.Data[12] == 0x86 {
					bytes += 100 * 40 // IPv6 counts its payload in the header
				}
			}
			sigma = math.Sqrt(float64(estimate.VarBytes.Hi)*math.Ldexp(1, 64) + float64(estimate.VarBytes.Lo))
			if d := math.Abs(float64(estimate.Bytes) - bytes); d > 4*sigma {
				t.Errorf("estimate %d of about %.0f bytes, standard deviation %.0f", estimate.Bytes, bytes, sigma)
			}
			t.Logf("%d sent, %d rows published, estimate %d ± %.0f", sent.packets, s.rows, estimate.Packets, 1.96*math.Sqrt(float64(estimate.VarPackets.Lo)))
		})
	}
}

// TestDropIsCounted drops what the bus can't take.
func TestDropIsCounted(t *testing.T) {
	s, estimate, sent := overloaded(t, OverloadDrop, DefaultConfig(), 60)
	if dropped := closes(t, s, sent); dropped.Packets == 0 || s.whole(ledger.Drop+reasonOverload).Packets != dropped.Packets {
		t.Errorf("%d packets dropped, %d of them for overload", dropped.Packets, s.whole(ledger.Drop+reasonOverload).Packets)
	}
	if estimate.Packets != s.rows {
		t.Errorf("%d rows stand for %d packets: dropping must not weigh", s.rows, estimate.Packets)
	}
}

// TestWaitTakesAll waits for the bus as long as it takes.
func TestWaitTakesAll(t *testing.T) {
	s, _, sent := overloaded(t, OverloadWait, DefaultConfig(), 10)
	if dropped := closes(t, s, sent); dropped.Packets != 0 || s.rows != sent.packets {
		t.Errorf("%d of %d packets published, %d dropped", s.rows, sent.packets, dropped.Packets)
	}
}
