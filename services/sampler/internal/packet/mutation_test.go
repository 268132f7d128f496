package packet_test

import (
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"math/rand/v2"
	"testing"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// TestMutationsAgainstGopacket alters recorded frames at random, always the same ones, and compares the keys. Where they
// differ, one of the reasons of the recorded frames must hold, or one of whyMutated.
func TestMutationsAgainstGopacket(t *testing.T) {
	var frames []capture.Packet
	for _, c := range capturetest.All(t) {
		packets, _ := load(c.Path)
		frames = append(frames, packets[:min(len(packets), 40)]...)
	}
	rng := rand.New(rand.NewPCG(11, 12))
	met := map[string]int{}
	const rounds = 60_000
	for range rounds {
		f, other := frames[rng.IntN(len(frames))], frames[rng.IntN(len(frames))]
		b := mutate(rng.IntN, f.Data[:min(len(f.Data), 400)], other.Data)
		if len(b) < 4 {
			continue
		}
		got := ours(f.LinkType, b)
		var h packet.Header
		v := packet.Parse(f.LinkType, b, &h)
		if wrong := check(v, &h, len(b)); wrong != "" {
			t.Fatalf("%s: %v %+v\n%x", wrong, v, h, b)
		}
		var in packet.Tuple
		if _, ok := h.Innermost(b, &in); ok && in.Kind == packet.None {
			t.Fatalf("an inner packet without a key\n%x", b)
		}
		g := decode(f.LinkType, b)
		want := theirs(g)
		if got == want {
			met["same"]++
			continue
		}
		explained := ""
		for name, test := range differences {
			if test(g, got, want) {
				explained = name
			}
		}
		if explained == "" {
			explained = whyMutated(&h, v, got, want, g)
		}
		if explained == "" {
			met["unexplained"]++
			if met["unexplained"] <= 8 {
				t.Errorf("link type %d, verdict %v\nours   %+v\ntheirs %+v\n%x\n%v", f.LinkType, v, got, want, b, g)
			}
		}
		if explained != "" {
			met[explained]++
		}
	}
	t.Log(met)
	for _, reason := range []string{"gopacket failed", "ipv4 version", "raw ethernet", "pppoe code", "pppoe length", "old tag"} {
		if met[reason] == 0 {
			t.Errorf("no frame differs because of %q: the reason can go", reason)
		}
	}
	if met["same"] < rounds/2 {
		t.Errorf("only %d of %d frames have the same key", met["same"], rounds)
	}
}

// whyMutated finds the reason of a difference in a frame that nobody would send. All of them are met.
func whyMutated(h *packet.Header, v packet.Verdict, got, want key, g gopacket.Packet) string {
	ip, isIPv4 := g.NetworkLayer().(*layers.IPv4)
	switch {
	case g.ErrorLayer() != nil:
		// It gives up at what it can't decode, and may have set the key's fields by then or not. Then only our own rules
		// count, to which check and the cut frames of TestTunnels hold the parser.
		return "gopacket failed"
	case isIPv4 && ip.Version != 4 && got == key{}:
		return "ipv4 version" // it doesn't compare the version of an IPv4 header
	case v == packet.UnknownEtherType && isIPv4:
		return "raw ethernet" // it takes EtherType 0xffff for IP without a header of its own
	case h.EtherType == 0x8864 && v == packet.NotIP:
		return "pppoe code" // it doesn't look at the code of a PPPoE header
	case pppoeLength(g) && want == key{}:
		return "pppoe length" // it believes a length that leaves nothing; the IP header behind has its own
	case int(h.VLANs) > tags(g) && want == key{}:
		return "old tag" // it doesn't know the EtherTypes 0x9100 and 0x9200 for tags
	}
	return ""
}

// pppoeLength tells whether a PPPoE header says that nothing follows.
func pppoeLength(g gopacket.Packet) bool {
	for _, l := range g.Layers() {
		if p, ok := l.(*layers.PPPoE); ok && p.Length == 0 {
			return true
		}
	}
	return false
}

// tags is how many VLAN tags gopacket found.
func tags(g gopacket.Packet) (n int) {
	for _, l := range g.Layers() {
		if d, ok := l.(*layers.Dot1Q); ok && d.Type != 0x9100 && d.Type != 0x9200 {
			n++
		}
	}
	return n
}
