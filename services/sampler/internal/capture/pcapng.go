package capture

import (
	"encoding/binary"
	"io"
)

// Layout of pcapng: blocks of type u32, total length u32, body, total length u32 again, each padded to
// 4 bytes. A Section Header Block fixes the byte order of what follows, up to the next one.
// See draft-ietf-opsawg-pcapng.
const (
	blockSection   = 0x0a0d0d0a // a palindrome, so that its byte order doesn't matter
	blockInterface = 1
	blockPacketOld = 2
	blockSimple    = 3
	blockEnhanced  = 6

	blockOverhead = 12 // type and both lengths
	blockMagic    = 0x1a2b3c4d

	// maxBlock bounds the blocks that must stand whole in the buffer: headers and packets. Others may have any length.
	maxBlock = bufferSize
)

// pcapng is the format of one pcapng file.
type pcapng struct {
	swap  bool // this section is written in big-endian order
	first int  // number of the section's first interface
	ports []port
	last  int64 // time of the last packet that had one
}

// port is what a packet needs of its interface.
type port struct {
	linkType    uint16
	unsupported bool
	snapLen     uint32
	resolution  resolution
}

// open reads all blocks before the first packet, so that the interfaces they describe are known.
func (f *pcapng) open(r *Reader) error {
	for {
		_, need, err := f.parse(r, nil)
		if err != nil {
			return err
		}
		if need == 0 || f.atPacket(r) {
			return nil
		}
		if err := r.fill(need); err == io.EOF {
			return nil // a file without packets; Read will say so
		} else if err != nil {
			return err
		}
	}
}

// atPacket tells whether the next block, as far as it is there, is a packet's.
func (f *pcapng) atPacket(r *Reader) bool {
	return r.end-r.pos >= 4 && isPacket(f.u32(r.buf[r.pos:]))
}

func isPacket(kind uint32) bool {
	return kind == blockEnhanced || kind == blockSimple || kind == blockPacketOld
}

func (f *pcapng) parse(r *Reader, dst []Packet) (n, need int, err error) {
	for {
		b := r.buf[r.pos:r.end]
		if len(b) < blockOverhead {
			return n, blockOverhead, nil
		}
		kind := f.u32(b)
		if kind == blockSection {
			if err := f.order(r, b); err != nil {
				return n, 0, err
			}
		}
		length := f.u32(b[4:])
		if length < blockOverhead || length%4 != 0 {
			return n, 0, r.fault(ErrBroken, "a block of %d bytes, want a multiple of 4 from %d on", length, blockOverhead)
		}
		if isPacket(kind) {
			if n == len(dst) {
				return n, 0, nil
			}
		} else if kind != blockSection && kind != blockInterface {
			if n > 0 && int64(length) > int64(len(b)) {
				return n, 0, nil // going on would give up the buffer that holds the batch
			}
			if err := f.skip(r, length); err != nil {
				return n, 0, err
			}
			continue
		}

		if length > maxBlock {
			return n, 0, r.fault(ErrBroken, "a block of %d bytes, at most %d is plausible", length, maxBlock)
		}
		if len(b) < int(length) {
			return n, int(length), nil
		}
		if trailer := f.u32(b[length-4:]); trailer != length {
			return n, 0, r.fault(ErrBroken, "a block of %d bytes ends with the length %d", length, trailer)
		}
		body := b[8 : length-4]
		switch kind {
		case blockSection:
			err = f.section(r, body)
		case blockInterface:
			err = f.describe(r, body)
		case blockEnhanced:
			err = f.enhanced(r, body, &dst[n])
		case blockSimple:
			err = f.simple(r, body, &dst[n])
		case blockPacketOld:
			err = f.old(r, body, &dst[n])
		}
		if err != nil {
			return n, 0, err
		}
		if isPacket(kind) {
			n++
		}
		r.pos += int(length)
	}
}

// skip passes over a block this reader has no use for.
func (f *pcapng) skip(r *Reader, length uint32) error {
	if err := r.discard(int64(length) - 4); err != nil {
		return err
	}
	if r.end-r.pos < 4 {
		if err := r.fill(4); err != nil {
			return err
		}
	}
	if trailer := f.u32(r.buf[r.pos:]); trailer != length {
		return r.fault(ErrBroken, "a block of %d bytes ends with the length %d", length, trailer)
	}
	r.pos += 4
	r.skipped = 0
	return nil
}

// order learns the byte order of a section from the magic behind the length of its header.
func (f *pcapng) order(r *Reader, b []byte) error {
	switch magic := binary.LittleEndian.Uint32(b[8:]); magic {
	case blockMagic:
		f.swap = false
	case 0x4d3c2b1a:
		f.swap = true
	default:
		return r.fault(ErrBroken, "a section with the byte-order magic %#08x", magic)
	}
	return nil
}

func (f *pcapng) section(r *Reader, body []byte) error {
	if len(body) < 16 {
		return r.fault(ErrBroken, "a section header of %d bytes", len(body)+blockOverhead)
	}
	// A minor version is compatible by the format's rules, so it isn't looked at.
	if major := f.u16(body[4:]); major != 1 {
		return r.fault(ErrVersion, "pcapng section %d.%d, known is 1.x", major, f.u16(body[6:]))
	}
	f.first, f.ports = len(r.interfaces), f.ports[:0]
	return nil
}

func (f *pcapng) enhanced(r *Reader, body []byte, p *Packet) error {
	if len(body) < 20 {
		return r.fault(ErrBroken, "a packet block of %d bytes", len(body)+blockOverhead)
	}
	return f.packet(r, p, f.u32(body), body[4:])
}

// old reads the obsolete Packet Block: an interface of 16 bits and a drop count where the new one has 32.
func (f *pcapng) old(r *Reader, body []byte, p *Packet) error {
	if len(body) < 20 {
		return r.fault(ErrBroken, "a packet block of %d bytes", len(body)+blockOverhead)
	}
	return f.packet(r, p, uint32(f.u16(body)), body[4:])
}

// packet reads what both have in common: time high u32, low u32, captured u32, original u32, data.
func (f *pcapng) packet(r *Reader, p *Packet, number uint32, b []byte) error {
	if uint64(number) >= uint64(len(f.ports)) {
		return r.fault(ErrBroken, "a packet of interface %d, the section has %d", number, len(f.ports))
	}
	captured, data := f.u32(b[8:]), b[16:]
	if captured > maxCaptured || int(captured) > len(data) {
		return r.fault(ErrBroken, "a captured length of %d in a block with room for %d", captured, min(len(data), maxCaptured))
	}
	port := &f.ports[number]
	t, ok := port.resolution.time(uint64(f.u32(b))<<32 | uint64(f.u32(b[4:])))
	if !ok {
		r.counters.TimeClamped++
	}
	f.last = t
	f.deliver(r, p, number, data[:captured:captured], f.u32(b[12:]))
	if options := data[min((captured+3)&^3, uint32(len(data))):]; len(options) > 0 {
		f.flags(p, options)
	}
	return nil
}

func (f *pcapng) simple(r *Reader, body []byte, p *Packet) error {
	if len(f.ports) == 0 {
		return r.fault(ErrBroken, "a simple packet block in a section without interfaces")
	}
	if len(body) < 4 {
		return r.fault(ErrBroken, "a simple packet block of %d bytes", len(body)+blockOverhead)
	}
	wire, data := f.u32(body), body[4:]
	captured := min(uint64(wire), uint64(len(data)))
	if snap := f.ports[0].snapLen; snap > 0 {
		captured = min(captured, uint64(snap))
	}
	if captured > maxCaptured {
		return r.fault(ErrBroken, "a captured length of %d, at most %d is plausible", captured, maxCaptured)
	}
	r.counters.Untimed++
	f.deliver(r, p, 0, data[:captured:captured], wire)
	return nil
}

func (f *pcapng) deliver(r *Reader, p *Packet, number uint32, data []byte, wire uint32) {
	port := &f.ports[number]
	if uint64(len(data)) > uint64(wire) {
		r.counters.OverLength++
	}
	if port.unsupported {
		r.counters.LinkType++
	}
	*p = Packet{Time: f.last, Data: data, WireLen: wire, Interface: uint32(f.first) + number, LinkType: port.linkType}
	if isCooked(port.linkType) {
		p.Direction = cookedDirection(port.linkType, data)
	}
}

func (f *pcapng) u16(b []byte) uint16 {
	if f.swap {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (f *pcapng) u32(b []byte) uint32 {
	if f.swap {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}
