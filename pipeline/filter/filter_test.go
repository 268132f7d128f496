package filter_test

import (
	"errors"
	"strings"
	"testing"

	"netstream/pipeline/filter"
	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

var (
	web = key.IPv4{Src: 10<<24 | 1<<16 | 7, Dst: 192<<24 | 2, SrcPort: 40_000, DstPort: 443, Protocol: 6, TOS: 0xb8, Interface: 3}
	dns = key.IPv6{Src: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}, SrcPort: 53, DstPort: 5353, Protocol: 17, FlowLabel: 99, Interface: 4, Direction: 1}
	lan = key.Wide{SrcMAC: 0x001b213c9df8, VLAN: 7, EtherType: 0x0806, Label: [key.Labels]uint32{16, 17}, VRF: 5}
	// routed is an IPv4 packet in a wide key.
	routed = key.Wide{Src: key.Mapped(10<<24 | 5), Dst: key.Mapped(0), Version: 4, DstPort: 80}
)

// holds tells for which of the four flows an expression holds.
func holds(t testing.TB, f *filter.Filter) (out string) {
	t.Helper()
	add := func(name string, match bool) {
		if match {
			out += name + " "
		}
	}
	f.Of("tap", monitor.New("ipv4", monitor.IPv4))
	add("web", filter.Match(f, &web))
	f.Of("tap", monitor.New("ipv6", monitor.IPv6))
	add("dns", filter.Match(f, &dns))
	f.Of("edge", monitor.New("l2", monitor.Layer2))
	add("lan", filter.Match(f, &lan))
	f.Of("edge", monitor.Definition{Name: "to", Kind: monitor.Flexible, Match: key.Of(key.SrcAddr) | key.Of(key.DstAddr) | key.Of(key.DstPort)})
	add("routed", filter.Match(f, &routed))
	return strings.TrimSpace(out)
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]string{
		"true":                                         "web dns lan routed",
		"false":                                        "",
		"protocol == 6 && dst_port == 443":             "web",
		"protocol == 17 or vlan == 7":                  "dns lan",
		"dst_port in [443, 5353]":                      "web dns",
		"not (dst_port in [443, 5353])":                "lan routed",
		"dst_port not in [443, 5353]":                  "lan routed",
		"dst_port in 400..6000":                        "web dns",
		"src_port > 1023":                              "web",
		"in_if == 3":                                   "web",
		"out_if == 4":                                  "dns",
		"in_if == 0 && out_if == 0":                    "lan routed",
		`direction == "egress"`:                        "dns",
		`in_net(src_addr, "10.0.0.0/8")`:               "web routed",
		`in_net(src_addr, "10.1.0.7")`:                 "web",
		`in_net(src_addr, "10.1.2.3/16")`:              "web",
		`in_net(src_addr, "2001:db8::/32")`:            "dns",
		`src_addr | in_net("10.0.0.0/8")`:              "web routed",
		`in_net(dst_addr, "::/0")`:                     "dns",
		`in_net(dst_addr, "0.0.0.0/0")`:                "web routed",
		`src_addr == "10.1.0.7"`:                       "web",
		`src_addr == "::ffff:10.1.0.7"`:                "web",
		`src_addr == "2001:DB8:0::1"`:                  "dns",
		`"2001:DB8:0::1" == src_addr`:                  "dns",
		`src_addr in ["2001:0db8::1", "10.1.0.7"]`:     "web dns",
		`src_addr == ""`:                               "lan",
		`dst_addr == "::"`:                             "dns",
		`dst_addr == "0.0.0.0"`:                        "routed",
		`src_addr startsWith "10."`:                    "web routed",
		`src_addr matches "^10[.]1"`:                   "web",
		`src_mac == "00-1B-21-3C-9D-F8"`:               "lan",
		`src_mac == ""`:                                "web dns routed",
		`dst_mac == "00:00:00:00:00:00"`:               "lan",
		"mpls_label_1 == 16 && mpls_label_2 == 17":     "lan",
		"vrf == 5 ? ethertype == 0x0806 : tos == 0xb8": "web lan",
		"flow_label == 99":                             "dns",
		"ip_version == 4":                              "web routed",
		"ip_version == 6":                              "dns",
		`source == "edge"`:                             "lan routed",
		`monitor == "ipv4" || kind == "layer2"`:        "web lan",
		"dst_port % 2 == 1":                            "web dns",
		"bitand(tos, 0xfc) == 0xb8":                    "web",
		"src_port + dst_port == 40443":                 "web",
		"dst_port == 443.0":                            "web",
	} {
		f, err := filter.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := holds(t, f); got != want {
			t.Errorf("%s holds for %q, want %q", text, got, want)
		}
		if f.String() != text {
			t.Errorf("%s is called %s", text, f)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "column 1: unexpected token EOF",
		"dst_prt == 443":                   "column 1: unknown name dst_prt; known are source, monitor,",
		"protocol == 6 && colour == 1":     "column 18: unknown name colour",
		"dst_port == ":                     "column 12: unexpected token EOF",
		"dst_port = 443":                   "column 10:",
		"dst_port == '443'":                "column 10: invalid operation: ==",
		"dst_port":                         "expected bool, but got int",
		"src_addr == '10.0.0.0/8'":         "column 13: \"10.0.0.0/8\" is no address; in_net(src_addr,",
		"src_addr in ['10.0.0.1', 'x']":    "column 26: \"x\" is no address",
		"src_mac != 'x'":                   "column 12: \"x\" is no MAC address",
		"in_net(src_addr, '10.0.0.0/33')":  "column 18: \"10.0.0.0/33\" is no network",
		"in_net(src_addr)":                 "want in_net(src_addr,",
		"in_net(source, '10.0.0.0/8')":     "want in_net(src_addr,",
		"in_net('10.0.0.1', dst_addr)":     "want in_net(src_addr,",
		"src_port % dst_port == 0":         "want a number other than 0",
		"src_port % 0 == 0":                "want a number other than 0",
		"src_port / dst_port > 1":          "/ is no part of filters",
		"2 ** src_port > 1":                "** is no part of filters",
		"src_addr matches dst_addr":        "want a regular expression",
		"src_addr matches '('":             "error parsing regexp",
		"src_port in 1..dst_port":          "want a number on each side",
		"(1..9)[src_port] == 1":            "member is no part of filters",
		"len(src_addr) > 3":                "unknown name len",
		"now() > 1":                        "unknown name now",
		"all(1..9, # > src_port)":          "no part of filters",
		"let x = 1; x == src_port":         "no part of filters",
		"src_port == nil":                  "nil is no part of filters",
		"true; false":                      "no part of filters",
		strings.Repeat(" ", 5000):          "want at most 4096",
		strings.Repeat("!", 3000) + "true": "maximum allowed nodes",
	} {
		f, err := filter.Compile(text)
		if !errors.Is(err, filter.ErrFilter) || f != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: an error of several lines: %v", text, err)
		}
	}
}

// FuzzCompile holds that whatever compiles also answers, twice the same.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`protocol == 6 && dst_port in [80, 443]`, `in_net(src_addr, "10.0.0.0/8") or vlan == 7`, `src_addr matches "^1(0+)$"`,
		`bitand(tos, 1<2 ? 1 : 2) == 1`, `src_port in 1..99999999`, `1..99999 == 1..99999`, `-src_port < 1e300`, `"a" + source contains "x"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := filter.Compile(text)
		if err != nil {
			if c != nil || !errors.Is(err, filter.ErrFilter) {
				t.Fatalf("filter %v, error %v", c, err)
			}
			return
		}
		if a, b := holds(t, c), holds(t, c); a != b {
			t.Errorf("%q holds for %q, then for %q", text, a, b)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, text := range []string{"protocol == 6 && dst_port == 443", `in_net(src_addr, "10.0.0.0/8")`} {
		b.Run(text, func(b *testing.B) {
			f, err := filter.Compile(text)
			if err != nil {
				b.Fatal(err)
			}
			f.Of("tap", monitor.New("ipv4", monitor.IPv4))
			b.ReportAllocs()
			for b.Loop() {
				if !filter.Match(f, &web) {
					b.Fatal("no match")
				}
			}
		})
	}
}
