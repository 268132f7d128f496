package capture

import (
	"encoding/binary"
	"math/bits"
)

// Layout of pcap: a file header of 24 bytes, then records of a header of 16 bytes and the captured bytes.
// All numbers have the byte order of the machine that wrote them; the magic tells.
// See draft-ietf-opsawg-pcap.
const (
	pcapHeaderLen = 24 // magic u32, major u16, minor u16, zone i32, sigfigs u32, snaplen u32, linktype u32
	pcapRecordLen = 16 // seconds u32, fraction u32, captured u32, original u32

	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // of patched libpcaps: 8 more bytes in each record header, microseconds
)

// pcap is the format of one pcap file.
type pcap struct {
	swap      bool  // written in big-endian order
	fraction  int64 // nanoseconds in one unit of a record's fraction
	recordLen int   // of a record header
	maxSwap   bool  // before 2.4 the two lengths may stand in either order
}

// pcapFormat knows the magic, read in little-endian order.
func pcapFormat(magic uint32) (*pcap, bool) {
	for _, swap := range []bool{false, true} {
		switch magic {
		case magicMicro:
			return &pcap{swap: swap, fraction: 1000, recordLen: pcapRecordLen}, true
		case magicNano:
			return &pcap{swap: swap, fraction: 1, recordLen: pcapRecordLen}, true
		case magicModified:
			return &pcap{swap: swap, fraction: 1000, recordLen: pcapRecordLen + 8}, true
		}
		magic = bits.ReverseBytes32(magic)
	}
	return nil, false
}

func (f *pcap) open(r *Reader) error {
	if err := r.fill(pcapHeaderLen); err != nil {
		return err
	}
	b := r.buf
	major, minor, snap, link := f.u16(b[4:]), f.u16(b[6:]), f.u32(b[16:]), f.u32(b[20:])
	if major != 2 || minor > 4 {
		return r.fault(ErrVersion, "pcap %d.%d, known are 2.0 to 2.4", major, minor)
	}
	f.maxSwap = minor < 4
	// The upper half of the link type holds the length of the frame check sequence and reserved bits.
	r.interfaces = append(r.interfaces, Interface{LinkType: uint16(link), SnapLen: snap})
	if !r.usable() {
		return nil // Open refuses the file; the offset it names is that of the header
	}
	r.pos = pcapHeaderLen
	return nil
}

func (f *pcap) parse(r *Reader, dst []Packet) (n, need int, err error) {
	var (
		buf    = r.buf[:r.end]
		pos    = r.pos
		link   = r.interfaces[0].LinkType
		cooked = isCooked(link)
	)
	for n < len(dst) {
		if len(buf)-pos < f.recordLen {
			need = f.recordLen
			break
		}
		h := buf[pos : pos+pcapRecordLen]
		sec, frac, captured, wire := f.u32(h), f.u32(h[4:]), f.u32(h[8:]), f.u32(h[12:])
		if f.maxSwap && captured > wire {
			captured, wire = wire, captured
		}
		if captured > maxCaptured {
			r.pos = pos
			return n, 0, r.fault(ErrBroken, "a captured length of %d, at most %d is plausible", captured, maxCaptured)
		}
		end := pos + f.recordLen + int(captured)
		if end > len(buf) {
			need = end - pos
			break
		}
		if captured > wire {
			r.counters.OverLength++
		}
		dst[n] = Packet{
			Time:     int64(sec)*1e9 + int64(frac)*f.fraction,
			Data:     buf[pos+f.recordLen : end : end],
			WireLen:  wire,
			LinkType: link,
		}
		if cooked {
			dst[n].Direction = cookedDirection(link, dst[n].Data)
		}
		n++
		pos = end
	}
	r.pos = pos
	return n, need, nil
}

func (f *pcap) u16(b []byte) uint16 {
	if f.swap {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (f *pcap) u32(b []byte) uint32 {
	if f.swap {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}
