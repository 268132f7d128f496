package key_test

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/key"
)

// member is the member of a wide key that holds a field; labels are numbered in it.
var member = map[key.Field]string{
	key.SrcAddr: "Src", key.DstAddr: "Dst", key.SrcPort: "SrcPort", key.DstPort: "DstPort", key.Protocol: "Protocol",
	key.TOS: "TOS", key.DSCP: "TOS", key.FlowLabel: "FlowLabel", key.TTL: "TTL", key.TCPFlags: "TCPFlags",
	key.IPVersion: "Version", key.Interface: "Interface", key.SrcMAC: "SrcMAC", key.DstMAC: "DstMAC", key.VLAN: "VLAN",
	key.InnerVLAN: "InnerVLAN", key.EtherType: "EtherType", key.VRF: "VRF",
	key.Label1: "Label0", key.Label2: "Label1", key.Label3: "Label2", key.Label4: "Label3", key.Label5: "Label4",
	key.Label6: "Label5", key.Label7: "Label6", key.Label8: "Label7", key.Label9: "Label8", key.Label10: "Label9",
}

// value is the member of that name.
func value(k *key.Wide, name string) reflect.Value {
	v := reflect.ValueOf(k).Elem()
	if n, label := strings.CutPrefix(name, "Label"); label {
		return v.FieldByName("Label").Index(int(n[0] - '0'))
	}
	return v.FieldByName(name)
}

// only is the slow model of Fields.Only.
func only(s key.Fields, k key.Wide) key.Wide {
	o := key.Wide{Direction: k.Direction}
	for f, name := range member {
		if s&(1<<f) == 0 {
			continue
		}
		from := value(&k, name)
		if f == key.DSCP && s&(1<<key.TOS) == 0 {
			from = reflect.ValueOf(k.TOS / 4 * 4)
		}
		value(&o, name).Set(from)
	}
	return o
}

func TestOnlyMatchesModel(t *testing.T) {
	full := wide
	full.TOS = 0xff
	check := func(s key.Fields, k key.Wide) {
		t.Helper()
		if diff := gocmp.Diff(only(s, k), s.Only(&k)); diff != "" {
			t.Fatalf("fields %v (-model +Only):\n%s", s.Names(), diff)
		}
	}
	for f := range member {
		check(key.Of(f), full)
		check(^key.Of(f), full)
		one := key.Of(f).Only(&full)
		if value(&one, member[f]).IsZero() {
			t.Errorf("%s alone keeps nothing", f)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(key.Fields(r.Uint32()), randWide(r))
	}
}

// TestCopyLeavesTheRest copies fields into a key that has others: those stay, and so does its direction.
func TestCopyLeavesTheRest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		s, from, into := key.Fields(r.Uint32()), randWide(r), randWide(r)
		want := into
		for f, name := range member {
			switch {
			case !s.Has(f):
			case f == key.DSCP && !s.Has(key.TOS):
				want.TOS = from.TOS / 4 * 4
			default:
				value(&want, name).Set(value(&from, name))
			}
		}
		if s.Copy(&into, &from); into != want {
			t.Fatalf("fields %v (-want +got):\n%s", s.Names(), gocmp.Diff(want, into))
		}
	}
}

func TestOnlyDoesNotAllocate(t *testing.T) {
	var k key.Wide
	if n := testing.AllocsPerRun(100, func() { k = (key.IP | key.Stack).Only(&wide) }); n != 0 || k.TTL == 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestFieldNames holds every name to its field, both ways, and to the columns that carry it.
func TestFieldNames(t *testing.T) {
	names := key.FieldNames()
	if len(names) != len(member) {
		t.Fatalf("%d names, the test knows %d fields", len(names), len(member))
	}
	var cols []string
	for _, c := range key.NewWideColumns("").Columns() {
		cols = append(cols, c.Name)
	}
	for i, name := range names {
		f, ok := key.ParseField(name)
		if !ok || int(f) != i || f.String() != name {
			t.Errorf("%q reads as %s, %v; want field %d", name, f, ok, i)
		}
		column := map[key.Field]string{key.DSCP: "tos", key.TCPFlags: "key_tcp_flags"}[f]
		if column == "" {
			column = name
		}
		if !slices.Contains(cols, column) {
			t.Errorf("no column %s for field %s", column, name)
		}
	}
	if len(cols) != len(names) { // direction is no field, dscp has no column of its own
		t.Errorf("%d columns for %d fields", len(cols), len(names))
	}
	for _, name := range []string{"", "direction", "Src_addr", "src_addr ", "mpls_label_0", "mpls_label_11", "key_tcp_flags"} {
		if f, ok := key.ParseField(name); ok {
			t.Errorf("%q reads as %s", name, f)
		}
	}
}

func TestParseFields(t *testing.T) {
	for _, c := range []struct {
		names, want, err string
	}{
		{"", "", ""},
		{"vlan", "vlan", ""},
		{"vlan dst_port src_addr", "src_addr dst_port vlan", ""},
		{"mpls_label_10 mpls_label_2 vrf", "mpls_label_2 mpls_label_10 vrf", ""},
		{strings.Join(key.FieldNames(), " "), strings.Join(key.FieldNames(), " "), ""},
		{"vlan port", "", `field "port", want one of src_addr, dst_addr, `},
		{"vlan src_mac vlan", "", "field vlan twice"},
	} {
		s, err := key.ParseFields(strings.Fields(c.names))
		switch {
		case c.err != "":
			if err == nil || !strings.HasPrefix(err.Error(), c.err) || s != 0 {
				t.Errorf("%q: %v, error %v, want %q", c.names, s.Names(), err, c.err)
			}
		case err != nil || strings.Join(s.Names(), " ") != c.want:
			t.Errorf("%q: %v, error %v, want %q", c.names, s.Names(), err, c.want)
		}
	}
}

// TestFieldsAreSets holds sets of fields to maps.
func TestFieldsAreSets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	set := func(s key.Fields) map[string]bool {
		m := map[string]bool{}
		for i, name := range key.FieldNames() {
			if s>>i&1 == 1 {
				m[name] = true
			}
		}
		return m
	}
	all := key.Fields(1)<<len(key.FieldNames()) - 1
	for range 2000 {
		a, b := key.Fields(r.Uint32()&r.Uint32())&all, key.Fields(r.Uint32()&r.Uint32()&r.Uint32())&all
		inA, inB := set(a), set(b)
		common := false
		for f := range member {
			if a.Has(f) != inA[f.String()] {
				t.Fatalf("%b has %s: %v", a, f, a.Has(f))
			}
			common = common || inA[f.String()] && inB[f.String()]
		}
		if a.Any(b) != common {
			t.Fatalf("%v and %v have one in common: %v, want %v", a.Names(), b.Names(), a.Any(b), common)
		}
		again, err := key.ParseFields(a.Names())
		if err != nil || again != a || bits.OnesCount32(uint32(a)) != len(inA) {
			t.Fatalf("%v reads as %v, error %v", a.Names(), again.Names(), err)
		}
	}
}

func TestFieldsThatBelongTogether(t *testing.T) {
	for _, c := range []struct {
		name string
		set  key.Fields
		want string
	}{
		{"tuple", key.Tuple, "src_addr dst_addr src_port dst_port protocol tos flow_label ip_version"},
		{"IP", key.IP, "src_addr dst_addr src_port dst_port protocol tos dscp flow_label ttl tcp_flags ip_version"},
		{"frame", key.Frame, "src_mac dst_mac ethertype"},
		{"labels", key.Labels3, "mpls_label_1 mpls_label_2 mpls_label_3"},
		{"stack", key.Stack, "mpls_label_1 mpls_label_2 mpls_label_3 mpls_label_4 mpls_label_5 mpls_label_6 mpls_label_7 mpls_label_8 mpls_label_9 mpls_label_10"},
	} {
		if got := strings.Join(c.set.Names(), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
