package monitor_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// fields makes a set.
func fields(names ...string) key.Fields {
	s, err := key.ParseFields(names)
	if err != nil {
		panic(err)
	}
	return s
}

// of makes a monitor of a kind with a mode or fields.
func of(kind monitor.Kind, match key.Fields) monitor.Definition {
	return monitor.Definition{Name: "m", Kind: kind, Match: match}
}

const (
	tuple4 = "src_addr,dst_addr,src_port,dst_port,protocol,tos,ip_version,interface"
	tuple6 = "src_addr,dst_addr,src_port,dst_port,protocol,tos,flow_label,ip_version,interface"
	labels = "mpls_label_1,mpls_label_2,mpls_label_3"
)

// known are definitions of every kind as they travel, with the fields of their keys.
var known = []struct {
	text, match string
	definition  monitor.Definition
}{
	{"ipv4=ipv4", tuple4, monitor.New("ipv4", monitor.IPv4)},
	{"a=ipv6", tuple6, monitor.New("a", monitor.IPv6)},
	{"ipv4=ipv4/immediate", tuple4, monitor.Definition{Name: "ipv4", Kind: monitor.IPv4, Match: monitor.New("", monitor.IPv4).Match, Immediate: true}},
	{
		"x=flexible:dscp;extremes/immediate", "dscp",
		monitor.Definition{Name: "x", Kind: monitor.Flexible, Match: fields("dscp"), Extremes: true, Immediate: true},
	},
	{"l2=layer2", "interface,src_mac,dst_mac,vlan,ethertype", monitor.New("l2", monitor.Layer2)},
	{"v=vpn", tuple6 + ",vrf", monitor.New("v", monitor.VPN)},
	{"s=srv6-inner", tuple6, monitor.New("s", monitor.SRv6Inner)},
	{"t=tunnel-inner", tuple6, monitor.New("t", monitor.TunnelInner)},
	{"m=mpls:interface," + labels, "interface," + labels, of(monitor.MPLS, monitor.LabelOnly)},
	{"m=mpls:" + tuple6, tuple6, of(monitor.MPLS, monitor.IPOnly)},
	{"m=mpls:" + tuple6 + "," + labels, tuple6 + "," + labels, of(monitor.MPLS, monitor.LabelAndIP)},
	{"m=flexible:dst_port,vlan", "dst_port,vlan", of(monitor.Flexible, fields("vlan", "dst_port"))},
	{
		"web_1=flexible:dst_port,vlan;src_mac,extremes", "dst_port,vlan",
		monitor.Definition{Name: "web_1", Kind: monitor.Flexible, Match: fields("dst_port", "vlan"), Collect: fields("src_mac"), Extremes: true},
	},
	{
		"x=flexible:dscp;extremes", "dscp",
		monitor.Definition{Name: "x", Kind: monitor.Flexible, Match: fields("dscp"), Extremes: true},
	},
	{
		"x=flexible:mpls_label_10;ttl,inner_vlan", "mpls_label_10",
		monitor.Definition{Name: "x", Kind: monitor.Flexible, Match: fields("mpls_label_10"), Collect: fields("ttl", "inner_vlan")},
	},
}

func TestStringAndParse(t *testing.T) {
	for _, c := range known {
		if got := c.definition.String(); got != c.text {
			t.Errorf("%s is written as %s", c.text, got)
		}
		got, err := monitor.Parse(c.text)
		if diff := cmp.Diff(c.definition, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", c.text, err, diff)
		}
		if got := strings.Join(c.definition.Match.Names(), ","); got != c.match {
			t.Errorf("%s matches %s, want %s", c.text, got, c.match)
		}
		if err := c.definition.Check(); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestRandomDefinitions writes and reads any flexible monitor.
func TestRandomDefinitions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := key.Fields(1)<<len(key.FieldNames()) - 1
	good := 0
	for range 5000 {
		d := monitor.Definition{
			Name: "m", Kind: monitor.Flexible, Match: key.Fields(r.Uint32()&r.Uint32()) & all,
			Collect: key.Fields(r.Uint32()&r.Uint32()&r.Uint32()) & all, Extremes: r.IntN(2) == 0, Immediate: r.IntN(4) == 0,
		}
		wantErr := d.Check()
		got, err := monitor.Parse(d.String())
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: reading says %v, Check %v", d, err, wantErr)
		}
		if err != nil {
			continue
		}
		good++
		if diff := cmp.Diff(d, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", d, diff)
		}
	}
	if good < 500 {
		t.Errorf("only %d definitions were good: the test tests little", good)
	}
}

func TestCheckRefuses(t *testing.T) {
	flexible := func(match, collect key.Fields) monitor.Definition {
		return monitor.Definition{Name: "m", Kind: monitor.Flexible, Match: match, Collect: collect}
	}
	change := func(d monitor.Definition, f func(*monitor.Definition)) monitor.Definition { f(&d); return d }
	l2 := monitor.New("m", monitor.Layer2)
	for _, c := range []struct {
		name string
		d    monitor.Definition
		want string
	}{
		{"no name", monitor.New("", monitor.IPv4), "want 1 to 64 characters"},
		{"a space in the name", monitor.New("a b", monitor.IPv4), "want letters, digits"},
		{"a sign of the syntax in the name", monitor.New("a=b", monitor.IPv4), "want letters, digits"},
		{"no kind", of(0, fields("vlan")), "kind 0"},
		{"unknown kind", of(9, fields("vlan")), "kind 9"},
		{"other fields than the kind's", change(l2, func(d *monitor.Definition) { d.Match |= fields("ttl") }), "kind layer2 has its own fields"},
		{"fewer fields than the kind's", change(l2, func(d *monitor.Definition) { d.Match = fields("vlan") }), "kind layer2 has its own fields"},
		{"a fixed kind that collects", change(l2, func(d *monitor.Definition) { d.Collect = fields("ttl") }), "kind layer2 has its own fields"},
		{"a fixed kind with extremes", change(l2, func(d *monitor.Definition) { d.Extremes = true }), "kind layer2 has its own fields"},
		{"mpls without a mode", monitor.New("m", monitor.MPLS), "labels, the IP tuple or both"},
		{"mpls with other fields", of(monitor.MPLS, monitor.LabelOnly|fields("vlan")), "labels, the IP tuple or both"},
		{"nothing matched", flexible(0, fields("vlan")), "matches no field"},
		{"matched and collected", flexible(fields("vlan", "ttl", "src_mac"), fields("src_mac", "vlan")), "src_mac, vlan both matched and collected"},
		{"tos and dscp", flexible(fields("tos", "dscp"), 0), "tos and dscp"},
		{"tos matched, dscp collected", flexible(fields("tos"), fields("dscp")), "tos and dscp"},
		{"tos and dscp collected", flexible(fields("vlan"), fields("tos", "dscp")), "tos and dscp"},
		{"tcp flags collected", flexible(fields("vlan"), fields("tcp_flags")), "tcp_flags can be matched"},
	} {
		err := c.d.Check()
		if !errors.Is(err, monitor.ErrDefinition) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "=", "ipv4", "ipv4=", "=ipv4", "a=IPv4", "a=unknown", "a= ipv4", "a=ipv4:", "a=ipv4:vlan", "a=ipv4;extremes", "a=layer2:" + tuple4,
		"a=mpls", "a=mpls:", "a=mpls:vlan", "a=flexible", "a=flexible:", "a=flexible:;vlan", "a=flexible:vlan,", "a=flexible:vlan,vlan",
		"a=flexible:extremes", "a=flexible:vlan;vlan", "a=flexible:vlan;ttl,ttl", "a=flexible:vlan;extremes,ttl", "a=flexible:vlan;extremes,extremes",
		"a=flexible:vlan;ttl;extremes", "a=flexible:vlan:ttl", "a=flexible:dscp,tos", "a b=ipv4", strings.Repeat("a", 65) + "=ipv4",
	} {
		if d, err := monitor.Parse(text); !errors.Is(err, monitor.ErrDefinition) || d != (monitor.Definition{}) {
			t.Errorf("%q: %+v, error %v", text, d, err)
		}
	}
}

func TestList(t *testing.T) {
	var ds []monitor.Definition
	for _, text := range []string{"ipv4=ipv4", "l2=layer2", "web=flexible:dst_port,vlan;src_mac,extremes"} {
		d, err := monitor.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	header := monitor.Format(ds)
	if want := "ipv4=ipv4 l2=layer2 web=flexible:dst_port,vlan;src_mac,extremes"; header != want {
		t.Errorf("%s\nwant\n%s", header, want)
	}
	got, err := monitor.ParseList(strings.Fields(header))
	if diff := cmp.Diff(ds, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if got, err := monitor.ParseList(nil); len(got) != 0 || err != nil {
		t.Errorf("an empty list: %v, %v", got, err)
	}
	many := make([]string, 256)
	for i := range many {
		many[i] = strings.Repeat("a", 1+i%64) + strings.Repeat("b", i/64) + "=ipv4"
	}
	for name, c := range map[string]struct {
		texts []string
		want  string
	}{
		"one that can't be read": {[]string{"a=ipv4", "b=x"}, `"b=x"`},
		"a name twice":           {[]string{"a=ipv4", "b=ipv4", "a=ipv6"}, "two monitors named a"},
		"too many":               {many, "256 monitors"},
	} {
		if got, err := monitor.ParseList(c.texts); got != nil || !errors.Is(err, monitor.ErrDefinition) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, error %v, want %q", name, got, err, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	for i, name := range []string{"ipv4", "ipv6", "layer2", "mpls", "vpn", "srv6-inner", "flexible", "tunnel-inner"} {
		k, ok := monitor.ParseKind(name)
		if int(k) != i+1 || !ok || k.String() != name || k.Wide() != (i > 1) || monitor.KindNames()[i] != name {
			t.Errorf("%s: kind %d, %v, written %s, wide %v", name, k, ok, k, k.Wide())
		}
	}
	if len(monitor.KindNames()) != 8 {
		t.Errorf("%d kinds", len(monitor.KindNames()))
	}
	for _, name := range []string{"", "unknown", "IPv4"} {
		if k, ok := monitor.ParseKind(name); ok {
			t.Errorf("%q is kind %s", name, k)
		}
	}
	if got := monitor.Kind(0).String() + monitor.Kind(9).String() + monitor.Kind(255).String(); got != "unknownunknownunknown" {
		t.Errorf("codes that are no kind: %s", got)
	}
}

func TestDefault(t *testing.T) {
	if got := monitor.Format(monitor.Default()); got != "ipv4=ipv4 ipv6=ipv6" {
		t.Error(got)
	}
}

// FuzzParse reads any text. What can be read must be sound, and written and read again be the same.
func FuzzParse(f *testing.F) {
	for _, c := range known {
		f.Add(c.text)
	}
	f.Add("a=ipv4:" + tuple4)
	f.Add("a=flexible:vlan,dst_port;")
	f.Add("a=flexible:vlan;extremes,ttl")
	f.Add("=:;,")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := monitor.Parse(text)
		if err != nil {
			if d != (monitor.Definition{}) || !errors.Is(err, monitor.ErrDefinition) {
				t.Fatalf("%q: %+v beside error %v", text, d, err)
			}
			return
		}
		if err := d.Check(); err != nil {
			t.Fatalf("%q: read, but %v", text, err)
		}
		again, err := monitor.Parse(d.String())
		if err != nil || again != d {
			t.Fatalf("%q is written %q, which reads %+v, error %v; want %+v", text, d, again, err, d)
		}
		if len(strings.Fields(d.String())) != 1 {
			t.Fatalf("%q is written %q, which isn't one field of a header", text, d)
		}
	})
}
