package routes

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// The encoded form is described in FORMAT.md.
const (
	encodedMagic   = "NSRT"
	encodedVersion = 1
	preambleLen    = len(encodedMagic) + 1 + sha256.Size

	counts4, counts6, countsRoutes = 0, 4, 8
	countsLen                      = 12
	routeLen                       = 4 + 4 + 16 + 16
	prefix4Len                     = 4 + 1 + 4
	prefix6Len                     = 16 + 1 + 4

	// maxContent bounds what encoded bytes may decompress to. 1.1 million prefixes take some 15 MiB.
	maxContent = 1 << 30
)

var (
	// ErrNewer is met when encoded bytes come from a later version of this program.
	ErrNewer = errors.New("encoded routing table of a newer format")
	// ErrDamaged is met when bytes are not, or not any more, what Encode wrote.
	ErrDamaged = errors.New("damaged encoded routing table")
)

// Encode is the table as bytes, in some 5 bytes a prefix. Tables of the same version may differ in these bytes after another
// release of the compression.
func (t *Table) Encode() []byte {
	content := t.content()
	sum := sha256.Sum256(content)
	out := append([]byte(encodedMagic), encodedVersion)
	out = append(out, sum[:]...)
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic("routes: zstd options: " + err.Error()) // they are constant
	}
	defer z.Close()
	return z.EncodeAll(content, out)
}

// makeVersion is the version of the content.
func (t *Table) makeVersion() string { return versionOf(sha256.Sum256(t.content())) }

// versionOf is the version of a content with that sum.
func versionOf(sum [sha256.Size]byte) string { return hex.EncodeToString(sum[:8]) }

// content is the canonical form: equal for equal tables.
func (t *Table) content() []byte {
	order, rank := t.canonicalRoutes()
	n4, n6, n := t.Len4(), t.Len6(), len(order)
	b := make([]byte, countsLen+n*routeLen+n4*prefix4Len+n6*prefix6Len)
	binary.LittleEndian.PutUint32(b[counts4:], uint32(n4))
	binary.LittleEndian.PutUint32(b[counts6:], uint32(n6))
	binary.LittleEndian.PutUint32(b[countsRoutes:], uint32(n))
	col := split(b[countsLen:], n, n4, n6)
	for i, route := range order {
		r := &t.routes[route]
		binary.LittleEndian.PutUint32(col.origin[4*i:], r.Origin)
		binary.LittleEndian.PutUint32(col.peer[4*i:], r.Peer)
		putAddr(col.nextHop[16*i:], r.NextHop)
		putAddr(col.bgpNextHop[16*i:], r.BGPNextHop)
	}
	i := 0
	for p, l := range t.trie.AllSorted4() {
		a := p.Addr().As4()
		copy(col.addr4[4*i:], a[:])
		col.bits4[i] = uint8(p.Bits())
		binary.LittleEndian.PutUint32(col.route4[4*i:], rank[l.route])
		i++
	}
	i = 0
	for p, l := range t.trie.AllSorted6() {
		a := p.Addr().As16()
		copy(col.addr6[16*i:], a[:])
		col.bits6[i] = uint8(p.Bits())
		binary.LittleEndian.PutUint32(col.route6[4*i:], rank[l.route])
		i++
	}
	return b
}

// canonicalRoutes sorts the routes: order has their indexes, rank the place of each in it.
func (t *Table) canonicalRoutes() (order, rank []uint32) {
	order, rank = make([]uint32, len(t.routes)), make([]uint32, len(t.routes))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return compareRoutes(&t.routes[a], &t.routes[b]) })
	for i, route := range order {
		rank[route] = uint32(i)
	}
	return order, rank
}

// compareRoutes orders routes.
func compareRoutes(a, b *Route) int {
	return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Peer, b.Peer),
		a.BGPNextHop.Compare(b.BGPNextHop), a.NextHop.Compare(b.NextHop))
}

// contentColumns are the parts of a content behind the counts.
type contentColumns struct {
	origin, peer, nextHop, bgpNextHop []byte // of each route
	addr4, bits4, route4              []byte // of each IPv4 prefix
	addr6, bits6, route6              []byte // of each IPv6 prefix
}

// split cuts b, whose length fits.
func split(b []byte, routes, n4, n6 int) contentColumns {
	next := func(n int) []byte {
		part := b[:n:n]
		b = b[n:]
		return part
	}
	return contentColumns{
		origin: next(4 * routes), peer: next(4 * routes), nextHop: next(16 * routes), bgpNextHop: next(16 * routes),
		addr4: next(4 * n4), bits4: next(n4), route4: next(4 * n4),
		addr6: next(16 * n6), bits6: next(n6), route6: next(4 * n6),
	}
}

// putAddr writes a next hop as 16 bytes: IPv4 as IPv4-mapped, one that isn't known as zeros.
func putAddr(b []byte, a netip.Addr) {
	if a.IsValid() {
		full := a.As16()
		copy(b, full[:])
	}
}

// getAddr reads what putAddr wrote.
func getAddr(b []byte) netip.Addr {
	full := [16]byte(b[:16])
	if full == ([16]byte{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(full).Unmap()
}

// Decode reads what Encode wrote. It is an error if anything is not as Encode writes it, ErrNewer if a later version did.
func Decode(b []byte) (*Table, error) {
	if len(b) < preambleLen || string(b[:len(encodedMagic)]) != encodedMagic {
		return nil, fmt.Errorf("%w: it doesn't begin as one does", ErrDamaged)
	}
	if v := b[len(encodedMagic)]; v > encodedVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrNewer, v, encodedVersion)
	} else if v != encodedVersion {
		return nil, fmt.Errorf("%w: version %d", ErrDamaged, v)
	}
	content, err := decompress(b[preambleLen:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	sum := sha256.Sum256(content)
	if !bytes.Equal(sum[:], b[len(encodedMagic)+1:preambleLen]) {
		return nil, fmt.Errorf("%w: its SHA-256 is another", ErrDamaged)
	}
	t, err := decodeContent(content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	version := versionOf(sum)
	t.version = func() string { return version }
	return t, nil
}

// decompress grows with what there is, not with what is announced.
func decompress(b []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxContent))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(io.LimitReader(z, maxContent+1)); err != nil {
		return nil, err
	}
	if out.Len() > maxContent {
		return nil, fmt.Errorf("more than %d bytes", maxContent)
	}
	return out.Bytes(), nil
}

func decodeContent(b []byte) (*Table, error) {
	if len(b) < countsLen {
		return nil, errors.New("no counts")
	}
	n4, n6 := uint64(binary.LittleEndian.Uint32(b[counts4:])), uint64(binary.LittleEndian.Uint32(b[counts6:]))
	n := uint64(binary.LittleEndian.Uint32(b[countsRoutes:]))
	if want := countsLen + n*routeLen + n4*prefix4Len + n6*prefix6Len; want != uint64(len(b)) {
		return nil, fmt.Errorf("%d bytes, want %d for %d routes, %d IPv4 and %d IPv6 prefixes", len(b), want, n, n4, n6)
	}
	col := split(b[countsLen:], int(n), int(n4), int(n6))
	routes := make([]Route, n)
	for i := range routes {
		routes[i] = Route{
			Origin: binary.LittleEndian.Uint32(col.origin[4*i:]), Peer: binary.LittleEndian.Uint32(col.peer[4*i:]),
			NextHop: getAddr(col.nextHop[16*i:]), BGPNextHop: getAddr(col.bgpNextHop[16*i:]),
		}
		if i > 0 && compareRoutes(&routes[i-1], &routes[i]) >= 0 {
			return nil, fmt.Errorf("route %d is out of order", i)
		}
	}
	d := contentDecoder{maker: newTableMaker(), routes: routes, used: make([]bool, n)}
	for i := range int(n4) {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte(col.addr4[4*i:])), int(col.bits4[i]))
		if err := d.add(p, binary.LittleEndian.Uint32(col.route4[4*i:])); err != nil {
			return nil, fmt.Errorf("IPv4 prefix %d: %w", i, err)
		}
	}
	d.last = netip.Prefix{}
	for i := range int(n6) {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte(col.addr6[16*i:])), int(col.bits6[i]))
		if err := d.add(p, binary.LittleEndian.Uint32(col.route6[4*i:])); err != nil {
			return nil, fmt.Errorf("IPv6 prefix %d: %w", i, err)
		}
	}
	if i := slices.Index(d.used, false); i >= 0 {
		return nil, fmt.Errorf("no prefix has route %d", i)
	}
	return d.maker.finish(), nil
}

// contentDecoder puts a table together and makes sure that its content is canonical: otherwise equal tables would have several
// versions.
type contentDecoder struct {
	maker  *tableMaker
	routes []Route
	used   []bool
	last   netip.Prefix
}

func (d *contentDecoder) add(p netip.Prefix, route uint32) error {
	switch {
	case !p.IsValid() || p != p.Masked() || p.Addr().Is4In6():
		return errors.New("no prefix in its canonical form")
	case d.last.IsValid() && p.Compare(d.last) <= 0:
		return errors.New("out of order")
	case uint64(route) >= uint64(len(d.routes)):
		return fmt.Errorf("route %d of %d", route, len(d.routes))
	}
	d.last, d.used[route] = p, true
	d.maker.add(p, d.routes[route])
	return nil
}
