package traffic

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// allKinds makes a generator in which all events happen within two minutes.
func allKinds(rate float64) *Generator {
	g := New(Config{Seed: 11, PacketsPerSecond: rate, SnapLen: 2048}, start)
	g.plan.next = g.now
	return g
}

// hurry ends the present event ten seconds after its start and lets the next
// one follow at once.
func hurry(g *Generator) {
	if p := &g.plan; p.end > p.start+10e9 {
		p.end = p.start + 10e9
	} else if p.end == 0 {
		p.next = g.now
	}
}

// Every frame decodes to the last layer, with lengths that agree and
// checksums that a decoder of other people finds right.
func TestFramesAreValid(t *testing.T) {
	g := allKinds(1000)
	buf := make([]byte, 2048)
	seen := map[gopacket.LayerType]int{}
	options := gopacket.DecodeOptions{NoCopy: true, DecodeStreamsAsDatagrams: true}
	for i := 0; len(g.log.recent) < 6; i++ {
		hurry(g)
		n, _, wire, _ := g.Next(buf)
		p := gopacket.NewPacket(buf[:n], layers.LayerTypeEthernet, options)
		if e := p.ErrorLayer(); e != nil {
			t.Fatalf("frame %d: %v\n%x\n%v", i, e.Error(), buf[:n], p)
		}
		if l, ok := p.TransportLayer().(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
		if l, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok {
			if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
		if err, wrong := p.VerifyChecksums(); err != nil || len(wrong) > 0 {
			t.Fatalf("frame %d: %v %+v\n%v", i, err, wrong, p)
		}
		if n != int(wire) || n < minFrame || n > 1518 {
			t.Fatalf("frame %d: %d bytes of %d", i, n, wire)
		}
		for _, l := range p.Layers() {
			seen[l.LayerType()]++
		}
		checkLengths(t, p, n)
	}
	for _, l := range []gopacket.LayerType{
		layers.LayerTypeDot1Q, layers.LayerTypeARP, layers.LayerTypeLinkLayerDiscovery, layers.LayerTypeIPv4,
		layers.LayerTypeIPv6, layers.LayerTypeTCP, layers.LayerTypeUDP, layers.LayerTypeICMPv4, layers.LayerTypeICMPv6,
		layers.LayerTypeTLS, layers.LayerTypeDNS, layers.LayerTypeNTP,
	} {
		if seen[l] == 0 {
			t.Errorf("no frame with a layer %v", l)
		}
	}
}

// checkLengths compares what IP and UDP claim with what is there: no more than
// Ethernet's padding may be left over.
func checkLengths(t *testing.T, p gopacket.Packet, frame int) {
	t.Helper()
	off, claimed := 14, 0
	if p.Layer(layers.LayerTypeDot1Q) != nil {
		off += 4
	}
	switch l := p.NetworkLayer().(type) {
	case *layers.IPv4:
		claimed = int(l.Length)
		if l.TTL < 40 {
			t.Fatalf("TTL %d", l.TTL)
		}
	case *layers.IPv6:
		claimed = 40 + int(l.Length)
		if l.HopLimit < 40 || l.FlowLabel == 0 {
			t.Fatalf("hop limit %d, flow label %d", l.HopLimit, l.FlowLabel)
		}
	default:
		return
	}
	if off+claimed != frame && (off+claimed > frame || frame != minFrame) {
		t.Fatalf("IP claims %d bytes in a frame of %d\n%v", claimed, frame, p)
	}
	if u, ok := p.TransportLayer().(*layers.UDP); ok && int(u.Length) != len(u.Contents)+len(u.Payload) {
		t.Fatalf("UDP claims %d bytes\n%v", u.Length, p)
	}
}

// half is one direction of a TCP connection.
type half struct {
	src, dst netip.AddrPort
}

// conn is what a test remembers of a direction.
type conn struct {
	next uint32 // sequence number after everything sent
	syn  bool
}

// Connections open with SYN and SYN-ACK, number their bytes without gaps and
// acknowledge exactly what the other side has sent.
func TestTCPConnectionsAreWhole(t *testing.T) {
	g := quiet(Config{Seed: 12, PacketsPerSecond: 2000, SnapLen: 2048})
	conns := map[half]*conn{}
	var opened, answered, finished, reset, again int
	buf := make([]byte, 2048)
	for range 200_000 {
		n, _, _, _ := g.Next(buf)
		p := gopacket.NewPacket(buf[:n], layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true, Lazy: true})
		tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok {
			continue
		}
		src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
		dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
		from, to := netip.AddrPortFrom(src, uint16(tcp.SrcPort)), netip.AddrPortFrom(dst, uint16(tcp.DstPort))
		mine, theirs := conns[half{from, to}], conns[half{to, from}]
		payload := uint32(len(tcp.Payload))
		switch {
		case tcp.SYN && !tcp.ACK:
			if mine == nil {
				opened++
			}
			conns[half{from, to}] = &conn{next: tcp.Seq + 1, syn: true}
			delete(conns, half{to, from})
			continue
		case tcp.SYN:
			if theirs == nil {
				continue // opened before the first frame
			}
			answered++
			if tcp.Ack != theirs.next {
				t.Fatalf("SYN-ACK acknowledges %d, want %d", tcp.Ack, theirs.next)
			}
			conns[half{from, to}] = &conn{next: tcp.Seq + 1, syn: true}
			continue
		}
		if mine == nil || theirs == nil {
			continue
		}
		if tcp.Ack != theirs.next {
			t.Fatalf("%v to %v acknowledges %d, want %d", from, to, tcp.Ack, theirs.next)
		}
		switch tcp.Seq {
		case mine.next:
			mine.next += payload
		case mine.next - payload:
			again++
		default:
			t.Fatalf("%v to %v sends %d, want %d", from, to, tcp.Seq, mine.next)
		}
		if tcp.FIN {
			mine.next++
			finished++
		}
		if tcp.RST {
			reset++
		}
	}
	if opened < 500 || answered < opened*9/10 || finished < 800 || reset < 20 || again < 20 {
		t.Errorf("opened %d, answered %d, FINs %d, resets %d, sent again %d", opened, answered, finished, reset, again)
	}
}
