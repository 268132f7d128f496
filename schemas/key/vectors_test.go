package key_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/key"
)

var update = flag.Bool("update", false, "rewrite testdata/hash.json; its hashes are a contract, so think twice")

// vectors is testdata/hash.json: what another implementation must compute to agree with this one on keys and shards.
type vectors struct {
	About []string `json:"about"`
	Seeds []seed   `json:"seeds"`
	Keys  []vector `json:"keys"`
}

type seed struct {
	Source  string `json:"source"`
	Monitor string `json:"monitor"`
	Seed    string `json:"flow_seed"`   // key.FlowSeed
	Packets string `json:"source_seed"` // key.Seed of the source
}

type vector struct {
	Kind      string         `json:"kind"`
	Src       string         `json:"src"`
	Dst       string         `json:"dst"`
	SrcPort   uint16         `json:"src_port"`
	DstPort   uint16         `json:"dst_port"`
	Protocol  uint8          `json:"protocol"`
	TOS       uint8          `json:"tos"`
	FlowLabel uint32         `json:"flow_label,omitempty"`
	Interface uint32         `json:"interface"`
	Direction uint8          `json:"direction"`
	SrcMAC    string         `json:"src_mac,omitempty"` // from here on of wide keys; absent: 0
	DstMAC    string         `json:"dst_mac,omitempty"`
	VLAN      uint16         `json:"vlan,omitempty"`
	InnerVLAN uint16         `json:"inner_vlan,omitempty"`
	EtherType uint16         `json:"ethertype,omitempty"`
	Labels    []uint32       `json:"mpls_labels,omitempty"` // the outermost first
	VRF       uint32         `json:"vrf,omitempty"`
	TTL       uint8          `json:"ttl,omitempty"`
	TCPFlags  uint8          `json:"tcp_flags,omitempty"`
	Version   uint8          `json:"ip_version,omitempty"`
	Canonical string         `json:"canonical"`
	Source    string         `json:"source"`  // the hashes are of a flow of this source
	Monitor   string         `json:"monitor"` // and this monitor
	Hash      string         `json:"hash"`
	Tuple     string         `json:"tuple_hash"` // with the source's seed
	Shards    map[string]int `json:"shards"`     // of hash
}

// computed fills in what follows from the fields, with the package under test.
func (v vector) computed(t *testing.T) vector {
	t.Helper()
	flow, source := key.FlowSeed(v.Source, v.Monitor), key.Seed(v.Source)
	var canonical []byte
	var hash, tuple uint64
	src, dst := netip.MustParseAddr(v.Src), netip.MustParseAddr(v.Dst)
	switch v.Kind {
	case "ipv4":
		k := ipv4(src, dst, v)
		canonical, hash, tuple = k.AppendBytes(nil), k.Hash(flow), k.TupleHash(source)
	case "ipv6":
		k := ipv6(src, dst, v)
		canonical, hash, tuple = k.AppendBytes(nil), k.Hash(flow), k.TupleHash(source)
	default:
		k := wideKey(t, src, dst, v)
		canonical, hash, tuple = k.AppendBytes(nil), k.Hash(flow), k.TupleHash(source)
	}
	v.Canonical, v.Hash, v.Tuple = hex.EncodeToString(canonical), hex16(hash), hex16(tuple)
	v.Shards = map[string]int{}
	for _, n := range []int{2, 4, 7} {
		v.Shards[fmt.Sprint(n)] = key.Shard(hash, n)
	}
	return v
}

func ipv4(src, dst netip.Addr, v vector) key.IPv4 {
	number := func(a netip.Addr) uint32 {
		b := a.As4()
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	return key.IPv4{
		Src: number(src), Dst: number(dst), SrcPort: v.SrcPort, DstPort: v.DstPort,
		Protocol: v.Protocol, TOS: v.TOS, Interface: v.Interface, Direction: v.Direction,
	}
}

func ipv6(src, dst netip.Addr, v vector) key.IPv6 {
	return key.IPv6{
		Src: src.As16(), Dst: dst.As16(), SrcPort: v.SrcPort, DstPort: v.DstPort,
		Protocol: v.Protocol, TOS: v.TOS, FlowLabel: v.FlowLabel, Interface: v.Interface, Direction: v.Direction,
	}
}

func wideKey(t *testing.T, src, dst netip.Addr, v vector) key.Wide {
	t.Helper()
	mac := func(text string) (n uint64) {
		if text == "" {
			return 0
		}
		a, err := net.ParseMAC(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range a {
			n = n<<8 | uint64(b)
		}
		return n
	}
	k := key.Wide{
		Src: src.As16(), Dst: dst.As16(), SrcPort: v.SrcPort, DstPort: v.DstPort,
		Protocol: v.Protocol, TOS: v.TOS, FlowLabel: v.FlowLabel, Interface: v.Interface, Direction: v.Direction,
		SrcMAC: mac(v.SrcMAC), DstMAC: mac(v.DstMAC), VLAN: v.VLAN, InnerVLAN: v.InnerVLAN, EtherType: v.EtherType,
		VRF: v.VRF, TTL: v.TTL, TCPFlags: v.TCPFlags, Version: v.Version,
	}
	copy(k.Label[:], v.Labels)
	return k
}

// tupleOf is the part of the canonical form that the packet shard's hash is of, by FORMAT.md.
func tupleOf(kind string, canonical []byte) []byte {
	switch {
	case kind == "ipv4":
		return canonical[:13]
	case kind == "wide" && canonical[115] == 0: // no IP header
		return canonical[47:109]
	}
	return canonical[:37]
}

func hex16(v uint64) string { return fmt.Sprintf("%016x", v) }

const vectorFile = "testdata/hash.json"

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var want vectors
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	if len(want.Keys) < 16 || len(want.Seeds) < 3 {
		t.Fatalf("%d keys, %d seeds: the file was cut", len(want.Keys), len(want.Seeds))
	}
	got := vectors{About: want.About}
	for _, s := range want.Seeds {
		s.Seed, s.Packets = hex16(key.FlowSeed(s.Source, s.Monitor)), hex16(key.Seed(s.Source))
		got.Seeds = append(got.Seeds, s)
	}
	for _, v := range want.Keys {
		got.Keys = append(got.Keys, v.computed(t))
	}
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		want = got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the hash of keys is a contract and has changed (-published +computed):\n%s", diff)
	}
	// Once more without the package: from the canonical bytes and names in the file alone.
	for _, s := range want.Seeds {
		if got := hex16(xxh3Ref([]byte(s.Source+"\x00"+s.Monitor), 0)); got != s.Seed {
			t.Errorf("flow seed of %s %s: %s, want %s", s.Source, s.Monitor, got, s.Seed)
		}
		if got := hex16(xxh3Ref([]byte(s.Source), 0)); got != s.Packets {
			t.Errorf("seed of %s: %s, want %s", s.Source, got, s.Packets)
		}
	}
	for _, v := range want.Keys {
		canonical, err := hex.DecodeString(v.Canonical)
		if err != nil {
			t.Fatal(err)
		}
		hash := xxh3Ref(canonical, xxh3Ref([]byte(v.Source+"\x00"+v.Monitor), 0))
		if got := hex16(hash); got != v.Hash {
			t.Errorf("%s %s: hash %s, want %s", v.Kind, v.Canonical, got, v.Hash)
		}
		if got := hex16(xxh3Ref(tupleOf(v.Kind, canonical), xxh3Ref([]byte(v.Source), 0))); got != v.Tuple {
			t.Errorf("%s %s: tuple hash %s, want %s", v.Kind, v.Canonical, got, v.Tuple)
		}
		for _, n := range []uint64{2, 4, 7} {
			if got := int(hash % n); got != v.Shards[fmt.Sprint(n)] {
				t.Errorf("%s %s: shard %d of %d, want %d", v.Kind, v.Canonical, got, n, v.Shards[fmt.Sprint(n)])
			}
		}
	}
}
