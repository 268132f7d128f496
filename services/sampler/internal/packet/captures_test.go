package packet_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
	"netstream/services/sampler/internal/packet"
)

// findings are the values of an expected file that the parser decides on.
type findings struct {
	Packets, WithKey        int
	Reasons                 map[string]int // of malformed packets: a verdict, or "cut"
	Malformed               []int          // numbers of the first 40 malformed packets
	Shapes                  map[string]int // what lies before the IP header
	Protocols               map[string]int
	Fragments, TCPFlags     map[string]int
	MPLSDepth               map[string]int
	IPv4SHA, IPv6SHA, L2SHA string
	IPv4, IPv6, L2          int
}

// flows counts packets and bytes by key, a JSON array as in the expected files.
type flows map[string]*[2]int

func (f flows) add(key []any, bytes uint32) {
	s := keyText(key)
	if f[s] == nil {
		f[s] = new([2]int)
	}
	f[s][0]++
	f[s][1] += int(bytes)
}

// sha is the digest over the sorted keys.
func (f flows) sha() string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(f)) {
		io.WriteString(h, key+"\n")
	}
	return hex.EncodeToString(h.Sum(nil))
}

// keyText is a JSON array with ", " between the elements.
func keyText(key []any) string {
	parts := make([]string, len(key))
	for i, k := range key {
		b, err := json.Marshal(k)
		if err != nil {
			panic(err)
		}
		parts[i] = string(b)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func TestCaptures(t *testing.T) {
	capturetest.Walk(t, func(t *testing.T, c capturetest.Capture) {
		packets, err := load(c.Path)
		if errors.Is(err, capture.ErrNotCapture) || errors.Is(err, capture.ErrLinkType) ||
			errors.Is(err, capture.ErrVersion) || errors.Is(err, capture.ErrBroken) {
			if len(packets) == 0 {
				t.Skipf("refused by the reader: %v", err) // the tests of package capture say which ones may be
			}
		} else if err != nil {
			t.Fatal(err)
		}
		got, v4, v6, l2 := find(packets)
		if diff := cmp.Diff(expected(c), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, f := range c.TopIPv4 {
			checkFlow(t, v4, f.Packets, f.IPBytes, f.Dst, f.Src, f.DstPort, f.SrcPort, f.Protocol, f.TOS, f.Interface)
		}
		for _, f := range c.TopIPv6 {
			checkFlow(t, v6, f.Packets, f.IPBytes, f.Dst, f.Src, f.DstPort, f.SrcPort, f.Protocol, f.TrafficClass, f.FlowLabel, f.Interface)
		}
		for _, f := range c.TopL2 {
			checkFlow(t, l2, f.Packets, f.WireBytes, f.DstMAC, f.SrcMAC, f.VLAN, f.EtherType, f.Interface)
		}
	})
}

func checkFlow(t *testing.T, f flows, packets, bytes int, key ...any) {
	t.Helper()
	got := f[keyText(key)]
	if got == nil {
		t.Errorf("no flow %s", keyText(key))
	} else if *got != [2]int{packets, bytes} {
		t.Errorf("flow %s has packets, bytes %v, want [%d %d]", keyText(key), *got, packets, bytes)
	}
}

// load reads a whole capture into memory of its own. The packets before an error come with it.
func load(path string) ([]capture.Packet, error) {
	r, err := capture.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var packets []capture.Packet
	batch := make([]capture.Packet, 256)
	for {
		n, err := r.Read(batch)
		for _, p := range batch[:n] {
			p.Data = slices.Clone(p.Data)
			packets = append(packets, p)
		}
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
	}
}

// find parses packets and counts what expected files count.
func find(packets []capture.Packet) (f findings, v4, v6, l2 flows) {
	v4, v6, l2 = flows{}, flows{}, flows{}
	f = findings{
		Packets: len(packets), Reasons: map[string]int{}, Shapes: map[string]int{}, Protocols: map[string]int{},
		Fragments: map[string]int{}, TCPFlags: map[string]int{}, MPLSDepth: map[string]int{},
	}
	for i, p := range packets {
		var h packet.Header
		v := packet.Parse(p.LinkType, p.Data, &h)

		reason := malformed(v)
		if h.Cut {
			reason = "cut"
		}
		if reason != "" {
			f.Reasons[reason]++
			if len(f.Malformed) < 40 {
				f.Malformed = append(f.Malformed, i+1)
			}
		}
		f.Shapes[shape(int(h.VLANs), int(h.Labels), reachedIP(v))]++
		if h.Ethernet {
			var vlan any
			if h.VLANs > 0 {
				vlan = h.VLAN
			}
			l2.add([]any{mac(h.DstMAC), mac(h.SrcMAC), vlan, h.EtherType, p.Interface}, p.WireLen)
		}
		if h.Labels > 0 {
			f.MPLSDepth[fmt.Sprint(h.Labels)]++
		}
		switch h.Kind {
		case packet.None:
			continue
		case packet.IPv4:
			f.Protocols[fmt.Sprintf("ipv4/%d", h.Protocol)]++
			v4.add([]any{text4(h.Dst4), text4(h.Src4), h.DstPort, h.SrcPort, h.Protocol, h.TOS, p.Interface}, h.Bytes)
		case packet.IPv6:
			f.Protocols[fmt.Sprintf("ipv6/%d", h.Protocol)]++
			v6.add([]any{text6(h.Dst6), text6(h.Src6), h.DstPort, h.SrcPort, h.Protocol, h.TOS, h.FlowLabel, p.Interface}, h.Bytes)
		}
		f.WithKey++
		switch h.Fragment {
		case packet.FirstFragment:
			f.Fragments["first"]++
		case packet.LaterFragment:
			f.Fragments["later"]++
		}
		for name, bit := range map[string]uint8{"fin": 1, "syn": 2, "rst": 4} {
			if h.TCPFlags&bit != 0 {
				f.TCPFlags[name]++
			}
		}
	}
	f.IPv4, f.IPv6, f.L2 = len(v4), len(v6), len(l2)
	f.IPv4SHA, f.IPv6SHA, f.L2SHA = v4.sha(), v6.sha(), l2.sha()
	return f, v4, v6, l2
}

// expected puts the words of an expected file into ours.
func expected(c capturetest.Capture) findings {
	f := findings{
		Packets: c.Packets, WithKey: c.PacketsWithKey, Reasons: map[string]int{}, Shapes: map[string]int{},
		Protocols: notNil(c.IPProtocols), Fragments: notNil(c.Fragments), TCPFlags: notNil(c.TCPFlags),
		MPLSDepth: notNil(c.MPLS.Depth),
		IPv4:      c.IPv4Flows, IPv6: c.IPv6Flows, L2: c.L2Flows,
		IPv4SHA: c.IPv4SHA, IPv6SHA: c.IPv6SHA, L2SHA: c.L2SHA,
	}
	if len(c.Malformed.Numbers) > 0 {
		f.Malformed = c.Malformed.Numbers
	}
	for reason, n := range c.Malformed.Reasons {
		f.Reasons[translate(reason)] += n
	}
	for chain, n := range c.Chains {
		vlans, labels, ip := 0, 0, false
		for _, token := range strings.Split(chain, "/") {
			if token == "vlan" {
				vlans++
			}
			fmt.Sscanf(token, "mpls*%d", &labels)
			if ip = token == "ipv4" || token == "ipv6"; ip {
				break // what follows is behind the key
			}
		}
		f.Shapes[shape(vlans, labels, ip)] += n
	}
	return f
}

func notNil(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

func shape(vlans, labels int, ip bool) string {
	return fmt.Sprintf("%d tags, %d labels, ip %t", vlans, labels, ip)
}

// translate maps the reasons of expected files to ours.
func translate(reason string) string {
	switch reason {
	case "short ipv4", "short ipv4 options", "short ipv6":
		return packet.IPHeaderShort.String()
	case "ipv4 version", "ipv6 version":
		return packet.IPVersion.String()
	case "ipv4 header length":
		return packet.IPHeaderLength.String()
	case "ipv4 total length":
		return packet.IPTotalLength.String()
	case "ipv6 extension header cut short", "short transport header":
		return "cut"
	case "short mpls", "no bottom of stack":
		return packet.MPLSStack.String()
	}
	return packet.Short.String()
}

// malformed is the verdict where it means a damaged packet, else "".
func malformed(v packet.Verdict) string {
	switch v {
	case packet.OK, packet.NotIP, packet.UnknownEtherType, packet.MPLSPayload, packet.UnknownLink:
		return ""
	}
	return v.String()
}

func reachedIP(v packet.Verdict) bool {
	switch v {
	case packet.OK, packet.IPHeaderShort, packet.IPVersion, packet.IPHeaderLength, packet.IPTotalLength:
		return true
	}
	return false
}

func mac(m [6]byte) string { return net.HardwareAddr(m[:]).String() }

func text4(a uint32) string {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, a))).String()
}

// text6 prints as the expected files do: hexadecimal also for addresses that hold an IPv4 one.
func text6(a [16]byte) string {
	addr := netip.AddrFrom16(a)
	if addr.Is4In6() {
		return fmt.Sprintf("::ffff:%x:%x", binary.BigEndian.Uint16(a[12:]), binary.BigEndian.Uint16(a[14:]))
	}
	return addr.String()
}
