package sampler

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"netstream/schemas/ledger"
	"netstream/services/sampler/internal/capture"
)

// freeAddress is a UDP address that nobody uses.
func freeAddress(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// TestSFlowBooksClose sends what a real agent sent, but for one datagram, and another one twice.
func TestSFlowBooksClose(t *testing.T) {
	r, err := capture.Open(filepath.Join("internal", "sflow", "testdata", "pmacctd-tls.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := openBus(t)
	cfg := DefaultConfig()
	cfg.SFlow.Listen = freeAddress(t)
	cfg.Sampling.Mode, cfg.Sampling.Interval = PacketRandom, 100 // is not for what others have sampled
	s := service(cfg, b)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.SFlow(ctx) }()
	conn, err := net.Dial("udp", cfg.SFlow.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(datagram []byte) {
		t.Helper()
		for { // until somebody listens
			_, err := conn.Write(datagram)
			if err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	send([]byte("is anybody there?"))
	time.Sleep(100 * time.Millisecond) // its refusal, if there is one, comes first
	packets := make([]Packet, 100)
	for number := 0; ; {
		n, err := r.Read(packets)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets[:n] {
			datagram := p.Data[14+20+8:]
			switch number++; number {
			case 9:
			case 11:
				send(datagram)
				fallthrough
			default:
				send(datagram)
			}
		}
	}
	time.Sleep(1500 * time.Millisecond) // what is missing is given up after a second
	stop()
	if err := <-done; err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	p := read(t, b, "sflow-192_0_2_1")
	entry := func(shard uint16, name string) uint64 {
		return p.books[ledger.Key{Source: "sflow-192_0_2_1", Hop: ledger.Sampler, Shard: shard, Name: name}].Packets
	}
	in, network, out := entry(ledger.Whole, ledger.In), entry(ledger.Whole, ledger.Drop+reasonNetwork), entry(0, ledger.Out)+entry(1, ledger.Out)
	if in != 206 || network == 0 || network > 20 || out+network != in || p.rows != out {
		t.Errorf("%d observed, %d lost in the network, %d out in %d rows; want 206, those of a datagram, and the rest", in, network, out, p.rows)
	}
}

func TestSFlowAddressInUse(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cfg := DefaultConfig()
	cfg.SFlow.Listen = c.LocalAddr().String()
	err = service(cfg, openBus(t)).SFlow(t.Context())
	want := "sFlow: listen udp " + cfg.SFlow.Listen + ": bind: address already in use; set sampler.sflow.listen to a free address"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
