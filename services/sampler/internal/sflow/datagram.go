package sflow

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"netstream/services/sampler/internal/packet"
)

// version is the only one read. Versions 2 and 4 are no longer sent by anything that is maintained.
const version = 5

// Formats of samples and records with enterprise 0 (sFlow version 5, section 5).
const (
	formatFlow         = 1
	formatFlowExpanded = 3
	formatRawHeader    = 1
)

// Types of an agent's address.
const (
	addressUnknown = 0
	addressIPv4    = 1
	addressIPv6    = 2
)

// Reasons to refuse a datagram.
var (
	errVersion   = errors.New("not sFlow version 5")
	errMalformed = errors.New("malformed")
)

// header begins a datagram.
type header struct {
	agent    netip.Addr // invalid if the agent doesn't know its address
	subAgent uint32
	uptime   uint32 // milliseconds
	samples  uint32
}

// sample is one packet that an agent took up.
type sample struct {
	sequence      uint32
	source        dataSource
	rate          uint32 // one of so many packets
	drops         uint32 // packets the agent wanted to take up and could not, so far
	input, output uint32 // ifIndex, 0 if it is none or not known
	linkType      uint16
	wireLen       uint32
	data          []byte // points into the datagram
}

// dataSource is what samples are taken of: an interface when the kind is 0.
type dataSource struct{ kind, index uint32 }

// fields takes 32-bit words off a datagram. Once it has too few bytes it gives zeros and says so.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) u32() uint32 {
	if len(f.b) < 4 {
		f.b, f.short = nil, true
		return 0
	}
	v := binary.BigEndian.Uint32(f.b)
	f.b = f.b[4:]
	return v
}

func (f *fields) take(n uint32) []byte {
	if uint64(n) > uint64(len(f.b)) {
		f.b, f.short = nil, true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

// readHeader reads the header of a datagram and returns what follows it.
func readHeader(b []byte) (h header, samples []byte, err error) {
	f := fields{b: b}
	if f.u32() != version {
		return h, nil, errVersion
	}
	switch f.u32() {
	case addressUnknown:
	case addressIPv4:
		h.agent, _ = netip.AddrFromSlice(f.take(4))
	case addressIPv6:
		h.agent, _ = netip.AddrFromSlice(f.take(16))
	default:
		return h, nil, errMalformed
	}
	h.subAgent = f.u32()
	f.u32() // sequence number of the datagram: samples have their own, which say more
	h.uptime, h.samples = f.u32(), f.u32()
	if f.short {
		return h, nil, errMalformed
	}
	return h, f.b, nil
}

// walker walks the flow samples of a datagram.
type walker struct {
	rest fields
	left uint32 // samples of all kinds not yet looked at
}

func (w *walker) start(samples []byte, n uint32) { *w = walker{rest: fields{b: samples}, left: n} }

// next reads the next flow sample and passes over what else the agent tells. It returns false at the end. An error is about
// one sample; if what follows it can't be found, the next call returns false.
func (w *walker) next(s *sample) (bool, error) {
	for w.left > 0 {
		w.left--
		format := w.rest.u32()
		body := fields{b: w.rest.take(w.rest.u32())}
		switch {
		case w.rest.short:
			w.left = 0
			return false, errMalformed
		case format == formatFlow, format == formatFlowExpanded:
			return true, s.read(&body, format == formatFlowExpanded)
		}
	}
	return false, nil
}

// read reads a flow sample.
func (s *sample) read(f *fields, expanded bool) error {
	*s = sample{sequence: f.u32(), linkType: unknownLink}
	if expanded {
		s.source = dataSource{f.u32(), f.u32()}
	} else {
		id := f.u32()
		s.source = dataSource{id >> 24, id & 0xffffff}
	}
	s.rate = f.u32()
	f.u32() // packets of the source so far
	s.drops = f.u32()
	if expanded {
		s.input, s.output = expandedInterface(f), expandedInterface(f)
	} else {
		s.input, s.output = compactInterface(f.u32()), compactInterface(f.u32())
	}
	for records := f.u32(); records > 0 && !f.short; records-- {
		format := f.u32()
		record := fields{b: f.take(f.u32())}
		if format == formatRawHeader && s.data == nil && !s.readRaw(&record) {
			return errMalformed
		}
	}
	if f.short {
		return errMalformed
	}
	return nil
}

// internalInterface stands for the agent itself.
const internalInterface = 0x3fffffff

// compactInterface reads an interface whose two highest bits say what the rest is: 0 is an ifIndex, 1 why the packet was
// discarded, 2 to how many interfaces it went.
func compactInterface(v uint32) uint32 {
	if v>>30 != 0 || v == internalInterface {
		return 0
	}
	return v
}

// expandedInterface reads the same in two words.
func expandedInterface(f *fields) uint32 {
	kind, v := f.u32(), f.u32()
	if kind != 0 || v == internalInterface {
		return 0
	}
	return v
}

// unknownLink is the link type of a header that can't be opened, or of a sample without one: the parser says so.
const unknownLink = 0xffff

// linkTypes are the LINKTYPE_ values of header_protocol.
var linkTypes = map[uint32]uint16{
	1: packet.LinkEthernet, 7: packet.LinkPPP, 11: packet.LinkIPv4, 12: packet.LinkIPv6, 13: packet.LinkMPLS, 14: packet.LinkPPPHDLC,
}

// readRaw reads the header of a packet. The length on the wire is that of the frame without what the agent took off it: its
// check sequence, and a tag that isn't in the header either.
func (s *sample) readRaw(f *fields) bool {
	if link, ok := linkTypes[f.u32()]; ok {
		s.linkType = link
	}
	length, stripped := f.u32(), f.u32()
	s.data = f.take(f.u32())
	if f.short {
		return false
	}
	if length > stripped {
		length -= stripped
	}
	s.wireLen = max(length, uint32(len(s.data)))
	return true
}

// iface is where the packet was seen, and its direction.
func (s *sample) iface() (index uint32, egress bool) {
	switch {
	case s.source.kind != 0:
		return s.input, false
	case s.source.index == s.output && s.source.index != s.input:
		return s.output, true
	}
	return s.source.index, false
}
