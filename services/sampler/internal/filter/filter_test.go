package filter

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
)

// expressions is what people write.
var expressions = []string{
	"", "tcp", "udp", "ip", "ip6", "arp", "rarp", "icmp", "icmp6", "igmp", "esp", "ah", "sctp", "pim", "vrrp",
	"port 53", "udp port 53", "tcp dst port 80", "src port 443", "tcp src or dst port 80", "tcp src and dst port 80",
	"host 10.0.0.1", "src host 192.168.1.1", "src 192.168.1.1", "dst 192.168.1.1", "ip host 10.0.0.1", "arp host 192.168.1.1",
	"net 10.0.0.0/8", "net 10", "net 192.168", "net 192.168.1", "dst net 192.168.0.0/16", "src and dst net 10.0.0.0/8", "net 0.0.0.0/0",
	"not arp", "! tcp", "not not tcp", "tcp and port 80", "tcp && port 80", "tcp or udp", "tcp || udp", "port 80 or port 53", "port 80 or 53", "host 10.0.0.1 or 10.0.0.2",
	"(tcp or udp) and port 53", "tcp or udp and port 53", "not (tcp and port 80)", "not tcp and not udp", "not port 53", "not (vlan 100) and ip",
	"portrange 1-1024", "tcp portrange 80-90", "udp src portrange 1024-65535", "portrange 53-53", "port domain", "tcp port http",
	"ip proto 47", "ip proto gre", "ip proto \\udp", "ip6 proto 58", "proto 6", "ether proto 0x0806", "ether proto \\ip6",
	"vlan", "vlan 100", "vlan 100 and tcp", "vlan and vlan and ip", "vlan and host 131.151.32.129", "ip or vlan and ip", "mpls", "mpls 29", "mpls 1040384", "pppoes", "pppoes 17",
	"greater 1000", "less 100", "less 100 or greater 1000", "greater 60 and udp",
	"ether host 00:00:00:00:00:00", "ether src 00:10:7b:e7:46:80", "ether dst ff:ff:ff:ff:ff:ff", "ether broadcast", "broadcast", "multicast", "ether multicast", "ip multicast", "ip6 multicast",
	"host 2001:db8::1", "ip6 host fe80::1", "ip6 net 2001:db8::/32", "net fe80::/10", "src net 2001::/16", "net ::/0", "net 2001:6f8:102d:0:2d0:9ff:fee3:e8de/128",
	"ip and not net 192.168.0.0/16 and (tcp port 80 or udp port 53 or icmp)",
}

// frames are recorded Ethernet frames of all captures.
func frames(t testing.TB) (frames [][]byte) {
	t.Helper()
	batch := make([]capture.Packet, 200)
	for _, c := range capturetest.All(t) {
		r, err := capture.Open(c.Path)
		if err != nil {
			continue // what isn't a capture is tested elsewhere
		}
		n, _ := r.Read(batch)
		for _, p := range batch[:n] {
			if p.LinkType == LinkEthernet {
				frames = append(frames, append([]byte(nil), p.Data...))
			}
		}
		r.Close()
	}
	if len(frames) < 1000 {
		t.Fatalf("%d frames", len(frames))
	}
	return frames
}

// TestAgainstTcpdump runs our programs and those of tcpdump over recorded frames. Only frames that reach to the ports are
// compared: a program ends at a load beyond the frame, so on a cut one the order of tests decides, which is free.
func TestAgainstTcpdump(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	all := frames(t)
	for _, e := range expressions {
		t.Run(e, func(t *testing.T) {
			theirs, err := tcpdump(e)
			if err != nil {
				t.Fatal(err)
			}
			program, err := compile(e, LinkEthernet, 65535)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := bpf.NewVM(program)
			if err != nil {
				t.Fatal(err)
			}
			matched := 0
			for _, f := range all {
				want, _ := theirs.Run(f)
				got, err := ours.Run(f)
				if err != nil || (got > 0) != (want > 0) {
					t.Fatalf("frame of %d bytes: %d, %v, tcpdump %d\n%x", len(f), got, err, want, f)
				}
				if want > 0 {
					matched++
				}
			}
			t.Logf("%d instructions, %d of %d frames match", len(program), matched, len(all))
		})
	}
}

// tcpdump lets tcpdump compile an expression.
func tcpdump(expression string) (*bpf.VM, error) {
	out, err := exec.Command("tcpdump", "-y", "EN10MB", "-s", "65535", "-ddd", expression).Output()
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var raw []bpf.RawInstruction
	for _, l := range lines[1:] {
		var op, jt, jf, k uint32
		if _, err := fmt.Sscan(l, &op, &jt, &jf, &k); err != nil {
			return nil, err
		}
		raw = append(raw, bpf.RawInstruction{Op: uint16(op), Jt: uint8(jt), Jf: uint8(jf), K: k})
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		return nil, errors.New("unknown instruction")
	}
	return bpf.NewVM(program)
}

// Frames that tests know inside out.
var (
	udp53 = []byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00" +
		"\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" + "\x30\x39\x00\x35\x00\x08\x00\x00")
	tagged = append(append(append([]byte(nil), udp53[:12]...), 0x81, 0, 0xe0, 100), udp53[12:]...)
)

// TestMatches needs no tcpdump.
func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		expression       string
		plain, tag, bare bool // whether it matches the frame, with a tag, and as a raw IP packet
	}{
		{"", true, true, true},
		{"udp port 53", true, false, true},
		{"vlan and udp port 53", false, true, false},
		{"vlan 100", false, true, false},
		{"vlan 101", false, false, false},
		{"tcp", false, false, false},
		{"ip", true, false, true},
		{"ip6", false, false, false},
		{"not udp", false, true, false},
		{"src 10.0.0.1 and dst port 53", true, false, true},
		{"dst 10.0.0.1", false, false, false},
		{"host 10.0.0.2 or host 10.0.0.3", true, false, true},
		{"net 10.0.0.0/30", true, false, true},
		{"udp portrange 50-60", true, false, true},
		{"ether host 02:00:00:00:00:02", true, true, false},
		{"greater 43", false, true, false},
		{"tcp or ip and port 53", true, false, true},
	} {
		for _, c := range []struct {
			link  uint16
			frame []byte
			want  bool
		}{{LinkEthernet, udp53, tt.plain}, {LinkEthernet, tagged, tt.tag}, {LinkRaw, udp53[14:], tt.bare}} {
			if c.link == LinkRaw && strings.Contains(tt.expression, "vlan") || c.link == LinkRaw && strings.Contains(tt.expression, "ether") {
				if _, err := Compile(tt.expression, c.link, 100); !errors.Is(err, ErrFilter) {
					t.Errorf("%q on a raw link: %v", tt.expression, err)
				}
				continue
			}
			program, err := compile(tt.expression, c.link, 100)
			if err != nil {
				t.Fatal(err)
			}
			vm, err := bpf.NewVM(program)
			if err != nil {
				t.Fatal(err)
			}
			n, err := vm.Run(c.frame)
			if want := map[bool]int{true: 100}[c.want]; err != nil || n != want {
				t.Errorf("%q on link type %d, %d bytes: %d, %v; want %d", tt.expression, c.link, len(c.frame), n, err, want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for expression, says := range map[string]string{
		"tcp[13] & 2 != 0": "character 4: arithmetic", "len > 100": "arithmetic",
		"host example.org": `"example.org" is no address`, "hst 10.0.0.1": `at "hst", character 1: unknown`,
		"port": "at the end", "port 70000": "is no port", "portrange 9-8": "is no port", "port x-y": "is no port",
		"net 10.0.0.1/8": "is no network", "tcp and": "at the end: want a condition", "and tcp": `at "and", character 1`,
		"(tcp": "want )", "tcp)": `at ")", character 4`, "tcp udp": `at "udp", character 5`, "vlan 5000": "up to 4095",
		"mpls and ip": "nothing can be found behind mpls", "icmp port 5": "icmp has no ports", "ether proto 5": "no EtherType",
		"ip6 host 10.0.0.1": "no addresses of its own", "arp host 2001:db8::1": "arp has no IPv6", "greater": "want a length",
		"ether host 10.0.0.1": "no MAC address", "src proto 6": "no direction", "tcp multicast": "can't be told",
		strings.Repeat("(", 100) + "tcp" + strings.Repeat(")", 100):  "too many parentheses",
		strings.Repeat("x", 5000):                                    "want at most 4096",
		strings.TrimSuffix(strings.Repeat("port 1 or ", 300), "or "): "the kernel takes 4096",
	} {
		if _, err := Compile(expression, LinkEthernet, 100); !errors.Is(err, ErrFilter) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v; want %q", expression, err, says)
		}
	}
	if _, err := Compile("tcp", 105, 100); !errors.Is(err, ErrFilter) || !strings.Contains(err.Error(), "link type 105") {
		t.Errorf("802.11: %v", err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, e := range expressions {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		for _, link := range []uint16{LinkEthernet, LinkRaw} {
			program, err := compile(expression, link, 100)
			if err != nil {
				continue
			}
			vm, err := bpf.NewVM(program)
			if err != nil {
				t.Fatalf("%q: %v", expression, err)
			}
			for _, frame := range [][]byte{nil, udp53[:10], udp53, tagged} {
				if n, err := vm.Run(frame); err != nil || n != 0 && n != 100 {
					t.Fatalf("%q: %d, %v", expression, n, err)
				}
			}
		}
	})
}
