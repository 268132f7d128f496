package routes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// Types and subtypes of MRT records (RFC 6396, RFC 8050).
const (
	mrtTableDump   = 12
	mrtTableDumpV2 = 13
	mrtBGP4MP      = 16
	mrtBGP4MPET    = 17 // with microseconds

	v2PeerIndexTable = 1
	v2IPv4Unicast    = 2
	v2IPv6Unicast    = 4
	v2IPv4AddPath    = 8
	v2IPv6AddPath    = 10

	mpStateChange       = 0
	mpMessage           = 1
	mpMessageAS4        = 4
	mpStateChangeAS4    = 5
	mpMessageAddPath    = 8
	mpMessageAS4AddPath = 9
)

// established is the state of a BGP session in which routes are exchanged (RFC 6396 §4.4.1).
const established = 6

// maxRecord bounds a record. That of a prefix with all paths of a few thousand peers has some 100 KiB.
const maxRecord = 64 << 20

// fromMRT is where all peers in dumps were heard, so that a file of updates goes on from a file of the table.
const fromMRT = "mrt"

// Stats is what was in a file.
type Stats struct {
	Records   int // all
	Announced int // paths
	Withdrawn int // paths taken back, among them those of Malformed
	States    int // changes of a session's state
	Skipped   int // records of other types: other address families, what the collector sent itself
	Malformed int // table entries passed over, updates whose paths were taken back, since an attribute can't be read, and updates cut short
}

// ReadMRT reads an MRT dump record by record and hands what it tells to sink: TABLE_DUMP, TABLE_DUMP_V2 (unicast, with and
// without path identifiers) and BGP4MP. A session that leaves the state Established takes its paths with it. The error, if
// there is one, tells at which byte the record begins that can't be read; all before it has been handed over and counted.
func ReadMRT(r io.Reader, sink Sink) (Stats, error) {
	m := mrtReader{in: bufio.NewReaderSize(r, 1<<16), sink: sink}
	for {
		n, err := m.record()
		if err == io.EOF {
			return m.stats, nil
		}
		if err != nil {
			return m.stats, fmt.Errorf("at byte %d: %w", m.offset, err)
		}
		m.offset += int64(n)
		m.stats.Records++
	}
}

type mrtReader struct {
	in     *bufio.Reader
	sink   Sink
	offset int64 // of the record
	body   bytes.Buffer
	peers  []Source // of the last PEER_INDEX_TABLE
	stats  Stats
}

// headerLen is the length of a record's header: time, type, subtype and length (RFC 6396 §2).
const headerLen = 12

// record reads one record and returns its length. The end of the dump is io.EOF.
func (m *mrtReader) record() (int, error) {
	var header [headerLen]byte
	if n, err := io.ReadFull(m.in, header[:]); err != nil {
		if n == 0 && err == io.EOF {
			return 0, io.EOF
		}
		return 0, fmt.Errorf("record header cut short after %d of %d bytes: %w", n, headerLen, noEOF(err))
	}
	h := cursor{b: header[4:]}
	kind, subtype, length := h.u16(), h.u16(), h.u32()
	if length > maxRecord {
		return 0, fmt.Errorf("record of type %d with %d bytes, want at most %d: not an MRT dump?", kind, length, maxRecord)
	}
	m.body.Reset()
	if n, err := io.CopyN(&m.body, m.in, int64(length)); err != nil { // grows with what comes, not with what is announced
		return 0, fmt.Errorf("record of type %d cut short after %d of %d bytes: %w", kind, n, length, noEOF(err))
	}
	if err := m.dispatch(kind, subtype, m.body.Bytes()); err != nil {
		return 0, fmt.Errorf("record of type %d, subtype %d, %d bytes: %w", kind, subtype, length, err)
	}
	return headerLen + int(length), nil
}

// noEOF makes an error of an end in the middle.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

var (
	errRecord    = errors.New("record doesn't fit in its length")
	errNoPeer    = errors.New("entry of a peer that no PEER_INDEX_TABLE lists")
	errRecordEnd = errors.New("record goes on after its end")
)

func (m *mrtReader) dispatch(kind, subtype uint16, body []byte) error {
	c := cursor{b: body}
	switch kind {
	case mrtTableDump:
		switch subtype {
		case 1:
			return m.tableDump(&c, 4)
		case 2:
			return m.tableDump(&c, 16)
		}
	case mrtTableDumpV2:
		switch subtype {
		case v2PeerIndexTable:
			return m.peerIndex(&c)
		case v2IPv4Unicast, v2IPv4AddPath:
			return m.rib(&c, 4, subtype == v2IPv4AddPath)
		case v2IPv6Unicast, v2IPv6AddPath:
			return m.rib(&c, 16, subtype == v2IPv6AddPath)
		}
	case mrtBGP4MPET:
		c.take(4) // microseconds
		fallthrough
	case mrtBGP4MP:
		switch subtype {
		case mpStateChange, mpStateChangeAS4:
			return m.stateChange(&c, subtype == mpStateChange)
		case mpMessage, mpMessageAddPath:
			return m.bgpMessage(&c, true, subtype == mpMessageAddPath)
		case mpMessageAS4, mpMessageAS4AddPath:
			return m.bgpMessage(&c, false, subtype == mpMessageAS4AddPath)
		}
	}
	m.stats.Skipped++
	return nil
}

// tableDump reads a TABLE_DUMP record: one path (RFC 6396 §4.2).
func (m *mrtReader) tableDump(c *cursor, addrBytes int) error {
	c.take(4) // view, sequence number
	addr := c.addr(addrBytes)
	bits := int(c.u8())
	c.take(5) // status, time
	peer := Source{From: fromMRT, Peer: c.addr(addrBytes), AS: uint32(c.u16())}
	attrs := c.take(int(c.u16()))
	if c.bad || bits > addrBytes*8 {
		return errRecord
	}
	if addrBytes == 16 && addr.Is4() { // IPv4-mapped
		return nil
	}
	return m.entry(peer, 0, netip.PrefixFrom(addr, bits).Masked(), dialect{twoByteAS: true, shortReach: true}, attrs)
}

// peerIndex reads the list of peers that entries refer to (RFC 6396 §4.3.1).
func (m *mrtReader) peerIndex(c *cursor) error {
	c.take(4)            // collector
	c.take(int(c.u16())) // view name
	n := int(c.u16())
	m.peers = m.peers[:0]
	for range n {
		const isIPv6, isAS4 = 1, 2
		flags := c.u8()
		c.take(4) // BGP id
		addrBytes := 4
		if flags&isIPv6 != 0 {
			addrBytes = 16
		}
		m.peers = append(m.peers, Source{From: fromMRT, Peer: c.addr(addrBytes), AS: c.as(flags&isAS4 == 0)})
		if c.bad {
			return errRecord
		}
	}
	return nil
}

// rib reads the paths of one prefix (RFC 6396 §4.3.2, RFC 8050 §4).
func (m *mrtReader) rib(c *cursor, addrBytes int, addPath bool) error {
	c.take(4) // sequence number
	prefix := c.prefix(addrBytes)
	n := int(c.u16())
	if c.bad {
		return errRecord
	}
	for range n {
		peer := int(c.u16())
		c.take(4) // time
		var id uint32
		if addPath {
			id = c.u32()
		}
		attrs := c.take(int(c.u16()))
		if c.bad {
			return errRecord
		}
		if peer >= len(m.peers) {
			return fmt.Errorf("%w: %d of %d", errNoPeer, peer, len(m.peers))
		}
		if prefix.Addr().Is4In6() {
			continue
		}
		if err := m.entry(m.peers[peer], id, prefix, dialect{shortReach: true}, attrs); err != nil {
			return err
		}
	}
	if len(c.b) > 0 {
		return errRecordEnd
	}
	return nil
}

// entry hands over a path of a table.
func (m *mrtReader) entry(from Source, id uint32, prefix netip.Prefix, d dialect, attrs []byte) error {
	a, err := d.attributes(attrs)
	if errors.Is(err, errFraming) {
		return err
	}
	if err != nil {
		m.stats.Malformed++
		return nil
	}
	m.sink.Announce(from, id, prefix, a.path)
	m.stats.Announced++
	return nil
}

// session reads who talked to whom (RFC 6396 §4.4).
func (m *mrtReader) session(c *cursor, twoByteAS bool) (Source, error) {
	as := c.as(twoByteAS)
	c.as(twoByteAS) // the collector's
	c.take(2)       // interface
	addrBytes := 4
	switch family := c.u16(); family {
	case 1:
	case 2:
		addrBytes = 16
	default:
		if !c.bad {
			return Source{}, fmt.Errorf("address family %d of a session", family)
		}
	}
	peer := c.addr(addrBytes)
	c.take(addrBytes) // the collector's
	if c.bad {
		return Source{}, errRecord
	}
	return Source{From: fromMRT, Peer: peer, AS: as}, nil
}

func (m *mrtReader) stateChange(c *cursor, twoByteAS bool) error {
	from, err := m.session(c, twoByteAS)
	if err != nil {
		return err
	}
	before, after := c.u16(), c.u16()
	if c.bad {
		return errRecord
	}
	m.stats.States++
	if before == established && after != established {
		m.sink.Down(from)
	}
	return nil
}

func (m *mrtReader) bgpMessage(c *cursor, twoByteAS, addPath bool) error {
	from, err := m.session(c, twoByteAS)
	if err != nil {
		return err
	}
	n, err := dialect{twoByteAS: twoByteAS, addPath4: addPath, addPath6: addPath, recorded: true}.message(c.b, from, m.sink)
	if err != nil || n.malformed != nil {
		m.stats.Malformed++
	}
	m.stats.Announced += n.announced
	m.stats.Withdrawn += n.withdrawn
	return nil
}
