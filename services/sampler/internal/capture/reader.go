// Package capture reads packet captures, the input of the sampler when it isn't a live interface.
//
// It reads pcap and pcapng, plain or compressed with gzip or zstd, in large reads, and hands out
// packets in batches that point into its buffer:
//
//	file -> decompress -> buffer -> pcap or pcapng records -> []Packet
//
// Nothing is copied and nothing is allocated per packet. A damaged file is read up to the damage.
package capture

import (
	"errors"
	"fmt"
	"io"
	"os"

	"netstream/services/sampler/internal/packet"
)

const (
	// bufferSize is what one read asks of the file. It stays in the cache of a core: BenchmarkRead/pcap takes
	// 28 ns a packet with 512 KiB, 32 with 1 MiB, 44 with 4 MiB.
	bufferSize = 512 << 10

	// maxCaptured is the largest captured length of a sound packet, MAXIMUM_SNAPLEN of libpcap.
	maxCaptured = 256 << 10
)

// Packet is one captured frame.
type Packet struct {
	Time      int64  // nanoseconds since the epoch
	Data      []byte // captured bytes, owned by the Reader and valid until its next Read
	WireLen   uint32 // length of the frame on the wire, as the capture says
	Interface uint32 // number of the interface description, from 0 over the whole file; 0 for pcap
	LinkType  uint16 // LINKTYPE_ value of that interface
	Direction uint8  // Ingress or Egress
	Weight    uint32 // packets it stands for already, as its exporter sampled; 0 and 1 are itself alone
}

// Directions of a packet, as the machine that captured it saw them. They are the values of flowDirection (IPFIX element
// 61). A capture that doesn't tell says Ingress.
const (
	Ingress = 0
	Egress  = 1
)

// Losses are packets of a live input that were lost before they could be read, so far.
type Losses struct {
	Kernel  uint64 // the kernel had no room for them
	Agent   uint64 // another device sampled them and could not send them
	Network uint64 // another device sampled and sent them, and they didn't arrive
}

// Interface is what a capture says about one of its interfaces. A pcap file has one, without a name.
type Interface struct {
	Name, Description string // at most 256 bytes each, not checked to be UTF-8
	LinkType          uint16
	SnapLen           uint32 // 0 is no limit
	Speed             uint64 // bits per second; 0 is unknown
}

// Counters tell of oddities that didn't stop the reading.
type Counters struct {
	OverLength  uint64 // packets with more captured bytes than original ones
	TimeClamped uint64 // packets whose time didn't fit 64 bits of nanoseconds
	Untimed     uint64 // packets without a time (Simple Packet Blocks); they get the last time before them, else 0
	LinkType    uint64 // packets of interfaces with an unsupported link type
}

// format cuts records out of the Reader's buffer.
type format interface {
	// parse delivers the whole records between r.pos and r.end, at most len(dst), and moves r.pos behind
	// them. When it delivers none, need says how many bytes the record at r.pos takes as far as is known,
	// never more than the buffer holds. An error may come beside packets; it belongs to the record at r.pos.
	parse(r *Reader, dst []Packet) (n, need int, err error)
}

// Reader reads one capture. Its methods are for one goroutine, except Offset and Size.
type Reader struct {
	name    string
	file    file
	src     io.Reader // uncompressed
	closers []io.Closer

	buf      []byte
	pos, end int   // unread bytes are buf[pos:end]
	base     int64 // offset of buf[0] in the uncompressed stream
	skipped  int64 // bytes before pos that belong to the record at pos

	format     format
	interfaces []Interface
	counters   Counters
	err        error // ends all reading, once the packets before it are delivered

	size int64
}

// Open opens a capture and reads its header. It refuses what isn't a capture, and a capture of which no
// packet could be used because of its link type: for pcapng that is decided on the interfaces described
// before the first packet.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var size int64
	if st, err := f.Stat(); err == nil {
		if st.IsDir() {
			f.Close()
			return nil, &Error{File: path, Reason: ErrNotCapture, Detail: "it is a directory"}
		}
		if st.Mode().IsRegular() {
			size = st.Size()
		}
	}
	r, err := NewReader(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.size = size
	r.closers = append(r.closers, f)
	return r, nil
}

// NewReader reads a capture from src. The name is for errors. It checks what Open checks.
func NewReader(name string, src io.Reader) (*Reader, error) {
	r := &Reader{name: name, buf: make([]byte, bufferSize)}
	r.file.src = src
	if err := r.open(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) open() error {
	if err := r.decompress(); err != nil {
		return err
	}
	if err := r.detect(); err != nil {
		return err
	}
	if !r.usable() {
		return r.fault(ErrLinkType, "%s", r.linkTypes())
	}
	return nil
}

// usable tells whether packets of any interface seen so far can be opened. A file may still have none.
func (r *Reader) usable() bool {
	for _, i := range r.interfaces {
		if packet.SupportedLinkType(i.LinkType) {
			return true
		}
	}
	return len(r.interfaces) == 0
}

// linkTypes lists the link types of the interfaces seen so far, each once.
func (r *Reader) linkTypes() string {
	s, seen := "", map[uint16]bool{}
	for _, i := range r.interfaces {
		if !seen[i.LinkType] {
			if s != "" {
				s += ", "
			}
			s += fmt.Sprint(i.LinkType)
		}
		seen[i.LinkType] = true
	}
	return s + " (see tcpdump.org/linktypes.html)"
}

// Read fills dst with the next packets and returns how many there are: at least one without an error,
// none with one. The packets' bytes are valid until the next Read. At the clean end it returns io.EOF;
// otherwise an *Error, or the error of the underlying file.
func (r *Reader) Read(dst []Packet) (int, error) {
	if len(dst) == 0 {
		return 0, r.err
	}
	for r.err == nil {
		n, need, err := r.format.parse(r, dst)
		r.err = err
		if n > 0 {
			return n, nil
		}
		if err == nil {
			r.err = r.fill(need)
		}
	}
	return 0, r.err
}

// Interfaces are those described so far; pcapng may add some between packets. The slice is the Reader's.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Name is the name of an interface met so far, empty if it has none.
func (r *Reader) Name(iface uint32) string {
	if uint64(iface) < uint64(len(r.interfaces)) {
		return r.interfaces[iface].Name
	}
	return ""
}

// Counters of the packets delivered so far.
func (r *Reader) Counters() Counters { return r.counters }

// Offset is how many bytes of the file, as it is stored, have been taken in. Any goroutine may ask.
func (r *Reader) Offset() int64 { return r.file.n.Load() }

// Size is the size of the file in bytes, 0 when it isn't a regular file.
func (r *Reader) Size() int64 { return r.size }

// Close closes the file. The packets delivered last stay valid.
func (r *Reader) Close() error {
	var errs []error
	for _, c := range r.closers {
		errs = append(errs, c.Close())
	}
	r.closers = nil
	return errors.Join(errs...)
}
