package packet_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// mixFiles make the traffic of an access network: web, name service, mail, multicast, tags, tunnels, IPv6.
var mixFiles = []struct {
	name   string
	weight int
}{
	{"ipfixprobe/http.pcap", 30}, {"ipfixprobe/tls.pcap", 40}, {"ipfixprobe/bstats.pcap", 10},
	{"ipfixprobe/dns.pcap", 5}, {"ipfixprobe/mixed.pcap", 5}, {"ipfixprobe/ssdp.pcap", 2},
	{"zeek/pppoe.pcap", 2}, {"zeek/vlan-collisions.pcap", 2}, {"zeek/mpls-in-vlan.pcap", 2},
	{"zeek/ipv6-http-atomic-frag.pcap", 2},
}

// mix draws packets at random, so that no branch is predicted for their order alone.
func mix(tb testing.TB) []capture.Packet {
	tb.Helper()
	var files [][]capture.Packet
	for _, f := range mixFiles {
		packets, err := load(filepath.Join(capturetest.Root(), filepath.FromSlash(f.name)))
		if err != nil {
			tb.Fatal(err)
		}
		for range f.weight {
			files = append(files, packets)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	out := make([]capture.Packet, 4096)
	for i := range out {
		f := files[rnd.IntN(len(files))]
		out[i] = f[rnd.IntN(len(f))]
	}
	return out
}

// one returns the first TCP packet over IPv4 of a capture.
func one(tb testing.TB) []capture.Packet {
	tb.Helper()
	packets, err := load(filepath.Join(capturetest.Root(), "ipfixprobe", "http.pcap"))
	if err != nil {
		tb.Fatal(err)
	}
	return packets[:1]
}

func TestParseDoesNotAllocate(t *testing.T) {
	var packets []capture.Packet
	for _, c := range capturetest.All(t) {
		p, _ := load(c.Path)
		packets = append(packets, p[:min(len(p), 100)]...)
	}
	var h packet.Header
	var in packet.Tuple
	if n := testing.AllocsPerRun(10, func() {
		for i := range packets {
			packet.Parse(packets[i].LinkType, packets[i].Data, &h)
			h.Innermost(packets[i].Data, &in)
			h.SRv6Inner(packets[i].Data, &in)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d packets, want 0", n, len(packets))
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bm := range []struct {
		name    string
		packets []capture.Packet
	}{{"tcp4", one(b)}, {"mix", mix(b)}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			var h packet.Header
			for i := 0; b.Loop(); i++ {
				p := &bm.packets[i%len(bm.packets)]
				packet.Parse(p.LinkType, p.Data, &h)
			}
		})
	}
}

// BenchmarkGopacket parses the same packets the fastest way gopacket has: into layers that are reused.
func BenchmarkGopacket(b *testing.B) {
	for _, bm := range []struct {
		name    string
		packets []capture.Packet
	}{{"tcp4", one(b)}, {"mix", mix(b)}} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			var (
				eth    layers.Ethernet
				dot1q  layers.Dot1Q
				ip4    layers.IPv4
				ip6    layers.IPv6
				ext    layers.IPv6ExtensionSkipper
				tcp    layers.TCP
				udp    layers.UDP
				icmp   layers.ICMPv4
				icmp6  layers.ICMPv6
				types  []gopacket.LayerType
				parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet,
					&eth, &dot1q, &ip4, &ip6, &ext, &tcp, &udp, &icmp, &icmp6)
			)
			parser.IgnoreUnsupported = true
			for i := 0; b.Loop(); i++ {
				p := &bm.packets[i%len(bm.packets)]
				_ = parser.DecodeLayers(p.Data, &types) // what it can't open counts as done
			}
		})
	}
}
