package packet_test

import (
	"slices"
	"testing"

	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// check tells what is wrong with a result, whatever the frame was.
func check(v packet.Verdict, h *packet.Header, captured int) string {
	ip := h.Kind != packet.None
	switch {
	case (v == packet.OK) != ip:
		return "verdict and kind disagree"
	case int(v) >= packet.Verdicts:
		return "verdict out of range"
	case h.VLAN > 0xfff, h.VLANs == 0 && h.VLAN != 0:
		return "VLAN id"
	case slices.Max(h.Label[:]) > 0xfffff || h.BottomLabel > 0xfffff:
		return "MPLS label"
	case !ip && (h.Protocol != 0 || h.Bytes != 0 || h.SrcPort != 0 || h.DstPort != 0 || h.Cut || h.Fragment != packet.Whole):
		return "values of a key without a key"
	}
	return checkTuple(&h.Tuple, captured)
}

// checkTuple tells what is wrong with an IP header and what follows it.
func checkTuple(h *packet.Tuple, captured int) string {
	switch {
	case h.Kind == packet.None:
		return ""
	case h.FlowLabel > 0xfffff:
		return "flow label"
	case h.Fragment == packet.LaterFragment && (h.SrcPort != 0 || h.DstPort != 0 || h.TCPFlags != 0):
		return "ports in a later fragment"
	case h.Cut && (h.SrcPort != 0 || h.DstPort != 0):
		return "ports of a header that is cut"
	case h.TCPFlags != 0 && h.Protocol != 6:
		return "flags without TCP"
	case h.Kind == packet.IPv4 && (h.Src6 != [16]byte{} || h.Dst6 != [16]byte{} || h.FlowLabel != 0):
		return "IPv6 values in an IPv4 key"
	case h.Kind == packet.IPv6 && (h.Src4 != 0 || h.Dst4 != 0):
		return "IPv4 values in an IPv6 key"
	case h.Kind == packet.IPv4 && h.Bytes < 20, h.Kind == packet.IPv6 && h.Bytes < 40:
		return "fewer bytes than a header"
	case int(h.Bytes) > max(captured, 40+0xffff):
		return "more bytes than a packet"
	}
	return ""
}

// TestPrefixes cuts recorded frames at every byte.
func TestPrefixes(t *testing.T) {
	capturetest.Walk(t, func(t *testing.T, c capturetest.Capture) {
		packets, _ := load(c.Path)
		for i, p := range packets[:min(len(packets), 100)] {
			for n := range min(len(p.Data), 300) {
				var h packet.Header
				v := packet.Parse(p.LinkType, p.Data[:n:n], &h)
				if wrong := check(v, &h, n); wrong != "" {
					t.Fatalf("packet %d cut to %d bytes: %s: %v %+v", i+1, n, wrong, v, h)
				}
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range capturetest.All(f) {
		packets, _ := load(c.Path)
		for _, p := range packets[:min(len(packets), 2)] {
			f.Add(p.LinkType, p.Data[:min(len(p.Data), 256)])
		}
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte) {
		var h packet.Header
		v := packet.Parse(link, data, &h)
		if wrong := check(v, &h, len(data)); wrong != "" {
			t.Fatalf("%s: %v %+v", wrong, v, h)
		}
		var in packet.Tuple
		if through, ok := h.Innermost(data, &in); ok != (in.Kind != packet.None) || ok != (through != packet.NoTunnel) {
			t.Fatalf("innermost: %v %v %+v", ok, through, in)
		} else if ok && checkTuple(&in, len(data)) != "" {
			t.Fatalf("innermost: %s: %+v", checkTuple(&in, len(data)), in)
		}
		in = packet.Tuple{}
		if ok := h.SRv6Inner(data, &in); ok != (in.Kind != packet.None) || ok && checkTuple(&in, len(data)) != "" {
			t.Fatalf("inside SRv6: %v %+v", ok, in)
		}
		if (v == packet.UnknownLink) == packet.SupportedLinkType(link) {
			t.Fatalf("link type %d: supported %t, verdict %v", link, packet.SupportedLinkType(link), v)
		}
		used := packet.Header{Tuple: packet.Tuple{Kind: packet.IPv6, Cut: true, TCPFlags: 1, Dst6: [16]byte{1}}, VLANs: 3, Labels: 7}
		if again := packet.Parse(link, data, &used); again != v || used != h {
			t.Fatalf("a used header gives %v %+v, a new one %v %+v", again, used, v, h)
		}
	})
}
