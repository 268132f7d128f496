package routes

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/mrt"
)

// treeVariable names the environment variable with a second tree of test data; its folder enrichment is laid out like testdata.
const treeVariable = "NETSTREAM_TESTDATA"

// expectedMRT is what bgpdump found in a dump, see testdata/expected/README.md.
type expectedMRT struct {
	Lines    int                 `json:"lines"`
	Kinds    map[string]int      `json:"kinds"`
	Peers    int                 `json:"peers"`
	Prefixes int                 `json:"prefixes"`
	IPv4     int                 `json:"ipv4_prefixes"`
	IPv6     int                 `json:"ipv6_prefixes"`
	SetLines int                 `json:"lines_with_as_set_origin"`
	First    []string            `json:"first_lines"`
	Origins  map[string][]string `json:"origin_samples"`
}

// recorder is a Sink that writes down all it is told.
type recorder struct {
	lines    []string
	peers    map[Source]bool
	prefixes map[netip.Prefix]bool // announced
	origins  map[string]map[uint32]bool
	keep     bool // lines
}

func newRecorder(keep bool) *recorder {
	return &recorder{peers: map[Source]bool{}, prefixes: map[netip.Prefix]bool{}, origins: map[string]map[uint32]bool{}, keep: keep}
}

func (r *recorder) Announce(from Source, id uint32, prefix netip.Prefix, path Path) {
	r.peers[from], r.prefixes[prefix] = true, true
	if r.origins[prefix.String()] == nil {
		r.origins[prefix.String()] = map[uint32]bool{}
	}
	r.origins[prefix.String()][path.Origin] = true
	if r.keep {
		r.lines = append(r.lines, fmt.Sprintf("A %s %d %s id %d: %d…%d length %d, code %d, next hop %s, preference %d, MED %d",
			from.Peer, from.AS, prefix, id, path.Peer, path.Origin, path.Length, path.Code, path.BGPNextHop, path.Preference, path.MED))
	}
}

func (r *recorder) Withdraw(from Source, _ uint32, prefix netip.Prefix) {
	r.peers[from] = true
	if r.keep {
		r.lines = append(r.lines, fmt.Sprintf("W %s %d %s", from.Peer, from.AS, prefix))
	}
}

func (r *recorder) Down(from Source) { r.peers[from] = true }

// dumps lists the names of the dumps of both trees with the roots of their trees.
func dumps(t testing.TB) map[string]string {
	t.Helper()
	roots := []string{"testdata"}
	if tree := os.Getenv(treeVariable); tree != "" {
		if tree = filepath.Join(tree, "enrichment"); exists(tree) {
			roots = append(roots, tree)
		}
	}
	found := map[string]string{}
	for _, root := range slices.Backward(roots) { // the first wins
		files, err := filepath.Glob(filepath.Join(root, "expected", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			found[strings.Replace(strings.TrimSuffix(filepath.Base(f), ".json"), "__", "/", 1)] = root
		}
	}
	if len(found) == 0 {
		t.Fatal("no dumps")
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cut are the dumps that end in an incomplete record.
var cut = []string{"pyasn/rib.20140523.0600_firstMB.bz2", "pyasn/rib6.20151101.0600_firstMB.bz2"}

// TestDumps compares what is read of each dump with what bgpdump found in it.
func TestDumps(t *testing.T) {
	for name, root := range dumps(t) {
		t.Run(name, func(t *testing.T) {
			var want expectedMRT
			b, err := os.ReadFile(filepath.Join(root, "expected", strings.Replace(name, "/", "__", 1)+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			r := newRecorder(false)
			path := filepath.Join(root, filepath.FromSlash(name))
			stats, err := ReadFile(t.Context(), path, r)
			switch {
			case slices.Contains(cut, name):
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), path+": at byte ") {
					t.Errorf("the incomplete record gives %v", err)
				}
				t.Log(err)
			case err != nil:
				t.Fatal(err)
			}
			if stats.Malformed != 0 {
				t.Errorf("%d malformed", stats.Malformed)
			}
			if got := stats.Announced + stats.Withdrawn + stats.States; got != want.Lines {
				t.Errorf("%d entries (%+v), want %d: %v", got, stats, want.Lines, want.Kinds)
			}
			if states := want.Kinds["BGP4MP/STATE"]; stats.States != states {
				t.Errorf("%d state changes, want %d", stats.States, states)
			}
			// Peers of which nothing but changes of state are known tell a Sink nothing.
			if got := len(r.peers); got > want.Peers || got < want.Peers && stats.States == 0 {
				t.Errorf("%d peers, want %d", got, want.Peers)
			}
			ipv4 := 0
			for p := range r.prefixes {
				if p.Addr().Is4() {
					ipv4++
				}
			}
			if got := []int{len(r.prefixes), ipv4, len(r.prefixes) - ipv4}; !slices.Equal(got, []int{want.Prefixes, want.IPv4, want.IPv6}) {
				t.Errorf("prefixes, IPv4, IPv6: %v, want %d, %d, %d", got, want.Prefixes, want.IPv4, want.IPv6)
			}
			if want.Kinds["TABLE_DUMP2_AP/B"] > 0 {
				return // the samples are of the column with the path identifier: TestLines compares origins
			}
			for prefix, origins := range want.Origins {
				compareOrigins(t, prefix, r.origins[prefix], origins)
			}
		})
	}
}

// compareOrigins compares where the samples have no AS set of several members, whose origin is another AS of the path.
func compareOrigins(t *testing.T, prefix string, got map[uint32]bool, want []string) {
	t.Helper()
	wanted := map[uint32]bool{}
	for _, o := range want {
		as, err := strconv.ParseUint(strings.Trim(o, "{}"), 10, 32)
		if err != nil {
			return
		}
		wanted[uint32(as)] = true
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("origins of %s (-want +got):\n%s", prefix, diff)
	}
}

// TestLines compares each entry of the dumps with the line that bgpdump -m prints.
func TestLines(t *testing.T) {
	files, err := filepath.Glob("testdata/expected/bgpdump/*.bgp.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no lines: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".bgp.gz")
		t.Run(name, func(t *testing.T) {
			r := newRecorder(true)
			if _, err := ReadFile(t.Context(), filepath.Join("testdata/bgpdump", name), r); err != nil {
				t.Fatal(err)
			}
			want, got := bgpdumpLines(t, f), r.lines
			slices.Sort(want) // it prints withdrawals of an update first or last, by address family
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			t.Logf("%d lines", len(want))
		})
	}
}

// bgpdumpLines reads what bgpdump -m prints, as a recorder would write it.
func bgpdumpLines(t *testing.T, path string) (out []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(z); s.Scan(); {
		l := strings.Split(s.Text(), "|")
		switch l[2] {
		case "STATE":
			continue
		case "W":
			out = append(out, fmt.Sprintf("W %s %s %s", l[3], l[4], l[5]))
			continue
		}
		id := "0"
		if l[0] == "TABLE_DUMP2_AP" {
			id = l[6]
			l = slices.Delete(l, 6, 7)
		}
		hops, peer, origin := strings.Fields(l[6]), "0", "0"
		if n := len(hops); n > 0 {
			peer, origin = hops[0], hops[n-1]
			if strings.Contains(origin, ",") {
				origin = hops[n-2]
			}
		}
		preference := l[9]
		if preference == "0" {
			preference = strconv.Itoa(DefaultPreference)
		}
		out = append(out, fmt.Sprintf("A %s %s %s id %s: %s…%s length %d, code %d, next hop %s, preference %s, MED %s",
			l[3], l[4], l[5], id, peer, strings.Trim(origin, "{}"), len(hops), slices.Index([]string{"IGP", "EGP", "INCOMPLETE"}, l[7]),
			strings.Replace(strings.TrimPrefix(l[8], "::ffff:"), "255.255.255.255", "invalid IP", 1), preference, l[10]))
	}
	return out
}

// TestTableOfADump loads a whole table and looks its prefixes up.
func TestTableOfADump(t *testing.T) {
	const name = "testdata/bgpdump/bview.20020722.2337.gz"
	all, best := NewBuilder(), NewBestBuilder()
	for _, b := range []*Builder{all, best} {
		if _, err := ReadFile(t.Context(), name, b); err != nil {
			t.Fatal(err)
		}
	}
	table := all.Compile(nil)
	if table.Len() != 112988 || table.Len4() != 112988 {
		t.Errorf("%d prefixes, %d of them IPv4", table.Len(), table.Len4())
	}
	if got, want := best.Compile(nil).Version(), table.Version(); got != want {
		t.Errorf("the best of all paths is %s, keeping the best only gives %s", want, got)
	}
	r, ok := table.Lookup(netip.MustParseAddr("3.1.2.3"))
	want := Route{Bits: 8, Origin: 80, Peer: r.Peer, BGPNextHop: r.BGPNextHop}
	if !ok || r != want || r.Peer == 0 || !r.BGPNextHop.IsValid() {
		t.Errorf("3.1.2.3: %+v, %v", r, ok)
	}
}

// TestCompressions reads the same dump in all of them.
func TestCompressions(t *testing.T) {
	plain := dump(t, message(mrt.TABLE_DUMPv2, mrt.PEER_INDEX_TABLE, peers()), message(mrt.TABLE_DUMPv2, mrt.RIB_IPV4_UNICAST, rib("192.0.2.0/24", 64500, 64501)))
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(plain)
	w.Close()
	for name, b := range map[string][]byte{"plain": plain, "zstd": z.EncodeAll(plain, nil), "gzip": zipped.Bytes()} {
		path := filepath.Join(t.TempDir(), "rib")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r := newRecorder(true)
		if stats, err := ReadFile(t.Context(), path, r); err != nil || stats.Announced != 1 || stats.Records != 2 {
			t.Errorf("%s: %+v, %v", name, stats, err)
		}
	}
}

// TestBrokenDumps tells where and why.
func TestBrokenDumps(t *testing.T) {
	index := message(mrt.TABLE_DUMPv2, mrt.PEER_INDEX_TABLE, peers())
	route := message(mrt.TABLE_DUMPv2, mrt.RIB_IPV4_UNICAST, rib("192.0.2.0/24", 64500, 64501))
	whole := dump(t, index, route)
	first := len(dump(t, index))
	huge := slices.Clone(whole)
	binary.BigEndian.PutUint32(huge[first+8:], 1<<31)
	longPrefix := slices.Clone(whole)
	longPrefix[first+headerLen+4] = 77
	for name, c := range map[string]struct {
		dump []byte
		want string
	}{
		"in a header":   {whole[:first+5], fmt.Sprintf("at byte %d: record header cut short after 5 of 12 bytes: unexpected EOF", first)},
		"in a body":     {whole[:len(whole)-3], fmt.Sprintf("at byte %d: record of type 13 cut short after ", first)},
		"no peers":      {whole[first:], "at byte 0: record of type 13, subtype 2, "},
		"absurd length": {huge, fmt.Sprintf("at byte %d: record of type 13 with 2147483648 bytes, want at most ", first)},
		"bad prefix":    {longPrefix, fmt.Sprintf("at byte %d: record of type 13, subtype 2, ", first)},
	} {
		r := newRecorder(true)
		stats, err := ReadMRT(bytes.NewReader(c.dump), r)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if wantRecords := 1; name != "no peers" && stats.Records != wantRecords {
			t.Errorf("%s: %d records before it, want %d", name, stats.Records, wantRecords)
		}
	}
}

// TestUpdates applies announcements, withdrawals and the end of a session, in the dialects that the library can't read.
func TestUpdates(t *testing.T) {
	var b bytes.Buffer
	put := func(subtype uint16, twoByteAS bool, body []byte) {
		var m []byte
		as := func(n uint32) {
			if twoByteAS {
				m = binary.BigEndian.AppendUint16(m, uint16(n))
			} else {
				m = binary.BigEndian.AppendUint32(m, n)
			}
		}
		as(64500)
		as(64999)
		m = append(m, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2)
		m = append(m, body...)
		h := binary.BigEndian.AppendUint32(nil, 0)
		h = binary.BigEndian.AppendUint16(h, mrtBGP4MP)
		h = binary.BigEndian.AppendUint16(h, subtype)
		h = binary.BigEndian.AppendUint32(h, uint32(len(m)))
		b.Write(append(h, m...))
	}
	update := func(m *bgp.BGPMessage, options ...*bgp.MarshallingOption) []byte {
		raw, err := m.Serialize(options...)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	hop, _ := bgp.NewPathAttributeNextHop(netip.MustParseAddr("192.0.2.1"))
	attrs := func(path ...bgp.PathAttributeInterface) []bgp.PathAttributeInterface {
		return append([]bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(0), hop}, path...)
	}
	seq2 := bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAsPathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint16{64500, asTrans, asTrans})})
	as4 := bgp.NewPathAttributeAs4Path([]*bgp.As4PathParam{bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{4200000001, 4200000002})})
	seq4 := bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{64500, 4200000003})})
	paths := &bgp.MarshallingOption{AddPath: map[bgp.Family]bgp.BGPAddPathMode{bgp.RF_IPv4_UC: bgp.BGP_ADD_PATH_BOTH}}

	put(mpMessage, true, update(bgp.NewBGPUpdateMessage(nil, attrs(seq2, as4), nlri(0, "198.51.100.0/24", "203.0.113.0/24"))))
	put(mpMessageAS4AddPath, false, update(bgp.NewBGPUpdateMessage(nil, attrs(seq4), nlri(7, "198.51.100.0/25")), paths))
	put(mpMessageAS4, false, update(bgp.NewBGPUpdateMessage(nlri(0, "203.0.113.0/24"), nil, nil)))
	builder := NewBuilder()
	stats, err := ReadMRT(bytes.NewReader(b.Bytes()), builder)
	if want := (Stats{Records: 3, Announced: 3, Withdrawn: 1}); err != nil || stats != want {
		t.Errorf("%+v, %v; want %+v", stats, err, want)
	}
	table := builder.Compile(nil)
	hop1 := netip.MustParseAddr("192.0.2.1")
	want := map[string]Route{
		"198.51.100.0/24": {Bits: 24, Origin: 4200000002, Peer: 64500, BGPNextHop: hop1},
		"198.51.100.0/25": {Bits: 25, Origin: 4200000003, Peer: 64500, BGPNextHop: hop1},
	}
	if diff := cmp.Diff(want, contents(table), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	put(mpStateChangeAS4, false, []byte{0, established, 0, 1})
	builder = NewBuilder()
	if stats, err := ReadMRT(bytes.NewReader(b.Bytes()), builder); err != nil || stats.States != 1 || builder.Len() != 0 {
		t.Errorf("after the session %d paths are left: %+v, %v", builder.Len(), stats, err)
	}
}

// contents is a table as a map.
func contents(t *Table) map[string]Route {
	out := map[string]Route{}
	for p, r := range t.All() {
		out[p.String()] = r
	}
	return out
}

func nlri(id uint32, prefixes ...string) (out []bgp.PathNLRI) {
	for _, p := range prefixes {
		n, err := bgp.NewIPAddrPrefix(netip.MustParsePrefix(p))
		if err != nil {
			panic(err)
		}
		out = append(out, bgp.PathNLRI{NLRI: n, ID: id})
	}
	return out
}

// peers is a PEER_INDEX_TABLE of one peer.
func peers() mrt.Body {
	id := netip.MustParseAddr("192.0.2.250")
	return mrt.NewPeerIndexTable(id, "", []*mrt.Peer{mrt.NewPeer(id, netip.MustParseAddr("192.0.2.1"), 64500, true)})
}

// rib is an entry of a table.
func rib(prefix string, path ...uint32) mrt.Body {
	n, err := bgp.NewIPAddrPrefix(netip.MustParsePrefix(prefix))
	if err != nil {
		panic(err)
	}
	attrs := []bgp.PathAttributeInterface{
		bgp.NewPathAttributeOrigin(0),
		bgp.NewPathAttributeAsPath([]bgp.AsPathParamInterface{bgp.NewAs4PathParam(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, path)}),
	}
	return mrt.NewRib(0, bgp.RF_IPv4_UC, n, []*mrt.RibEntry{mrt.NewRibEntry(0, 0, 0, attrs, false)})
}

func message(kind mrt.MRTType, subtype mrt.MRTSubTyper, body mrt.Body) *mrt.MRTMessage {
	m, err := mrt.NewMRTMessage(time.Unix(0, 0), kind, subtype, body)
	if err != nil {
		panic(err)
	}
	return m
}

// dump is a dump of these records.
func dump(t testing.TB, records ...*mrt.MRTMessage) (out []byte) {
	t.Helper()
	for _, m := range records {
		b, err := m.Serialize()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// TestASPaths has the rules for sets, for AS numbers that don't fit in 2 octets, and for confederations.
func TestASPaths(t *testing.T) {
	seq := func(as ...uint32) segment { return segment{as: as} }
	set := func(as ...uint32) segment { return segment{set: true, as: as} }
	for name, c := range map[string]struct {
		path, as4    asPath
		peer, origin uint32
		length       int
	}{
		"own network":              {},
		"sequence":                 {path: asPath{seq(1, 2, 3)}, peer: 1, origin: 3, length: 3},
		"set of one":               {path: asPath{seq(1, 2), set(3)}, peer: 1, origin: 3, length: 3},
		"set of several":           {path: asPath{seq(1, 2), set(3, 4)}, peer: 1, origin: 2, length: 3},
		"set of several alone":     {path: asPath{set(3, 4)}, length: 1},
		"sequence behind a set":    {path: asPath{set(3, 4), seq(5)}, origin: 5, length: 2},
		"AS4_PATH":                 {path: asPath{seq(1, asTrans, asTrans)}, as4: asPath{seq(70000, 80000)}, peer: 1, origin: 80000, length: 3},
		"AS4_PATH of all":          {path: asPath{seq(asTrans, asTrans)}, as4: asPath{seq(70000, 80000)}, peer: 70000, origin: 80000, length: 2},
		"AS4_PATH with a set":      {path: asPath{seq(1, asTrans), set(asTrans, 2)}, as4: asPath{seq(70000), set(80000, 2)}, peer: 1, origin: 70000, length: 3},
		"AS4_PATH that is longer":  {path: asPath{seq(1)}, as4: asPath{seq(70000, 80000)}, peer: 1, origin: 1, length: 1},
		"AS4_PATH behind segments": {path: asPath{seq(1), seq(2, asTrans)}, as4: asPath{seq(70000)}, peer: 1, origin: 70000, length: 3},
	} {
		p := c.path.merge(c.as4)
		if p.peer() != c.peer || p.origin() != c.origin || p.length() != c.length {
			t.Errorf("%s: peer %d, origin %d, length %d; want %d, %d, %d", name, p.peer(), p.origin(), p.length(), c.peer, c.origin, c.length)
		}
	}
	if p := (asPath{}).add(bgp.BGP_ASPATH_ATTR_TYPE_CONFED_SEQ, []uint32{65001}).add(bgp.BGP_ASPATH_ATTR_TYPE_SEQ, []uint32{1}); p.peer() != 1 || p.length() != 1 {
		t.Errorf("a confederation counts: %v", p)
	}
}

// FuzzMRT has no other property than that nothing panics, and that what comes of it is a table.
func FuzzMRT(f *testing.F) {
	f.Add(dump(f, message(mrt.TABLE_DUMPv2, mrt.PEER_INDEX_TABLE, peers()), message(mrt.TABLE_DUMPv2, mrt.RIB_IPV4_UNICAST, rib("192.0.2.0/24", 64500, 64501))))
	for name := range maps.Keys(dumps(f)) {
		file, err := openFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			continue // of the other tree
		}
		b, _ := io.ReadAll(io.LimitReader(file, 4096))
		file.Close()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		builder := NewBuilder()
		stats, err := ReadMRT(bytes.NewReader(b), builder)
		if builder.Len() > stats.Announced {
			t.Fatalf("%d paths of %d announced (%v)", builder.Len(), stats.Announced, err)
		}
		table := builder.Compile(nil)
		again, err := Decode(table.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if again.Version() != table.Version() || again.Len() != table.Len() {
			t.Fatal("it is another table after encoding")
		}
	})
}

// BenchmarkMRT reads a table of 35 peers, without what decompressing takes.
func BenchmarkMRT(b *testing.B) {
	f, err := openFile("testdata/pyasn/rib.20140523.0600_firstMB.bz2")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	plain, _ := io.ReadAll(f) // it ends in an incomplete record
	paths := 0
	for b.Loop() {
		stats, _ := ReadMRT(bytes.NewReader(plain), NewBestBuilder())
		paths += stats.Announced
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(paths), "ns/path")
	b.SetBytes(int64(len(plain)))
}
