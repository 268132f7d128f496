package capture_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"netstream/services/sampler/internal/capture"
)

// file builds captures byte by byte, as their formats are written down.
type file struct {
	binary.AppendByteOrder
	b []byte
}

func little() *file { return &file{AppendByteOrder: binary.LittleEndian} }
func big() *file    { return &file{AppendByteOrder: binary.BigEndian} }

func (f *file) u16(v ...uint16) *file {
	for _, v := range v {
		f.b = f.AppendUint16(f.b, v)
	}
	return f
}

func (f *file) u32(v ...uint32) *file {
	for _, v := range v {
		f.b = f.AppendUint32(f.b, v)
	}
	return f
}

func (f *file) raw(b ...byte) *file {
	f.b = append(f.b, b...)
	return f
}

func (f *file) pcap(magic uint32, link uint32) *file {
	return f.u32(magic).u16(2, 4).u32(0, 0, 65535, link)
}

func (f *file) record(sec, frac uint32, data []byte, wire int) *file {
	return f.u32(sec, frac, uint32(len(data)), uint32(wire)).raw(data...)
}

func (f *file) block(kind uint32, body []byte) *file {
	length := uint32(12 + (len(body)+3)&^3)
	f.u32(kind, length).raw(body...)
	return f.raw(make([]byte, int(length)-12-len(body))...).u32(length)
}

// body starts the body of a block in the byte order of f.
func (f *file) body() *file { return &file{AppendByteOrder: f.AppendByteOrder} }

func (f *file) section() *file {
	return f.block(0x0a0d0d0a, f.body().u32(0x1a2b3c4d).u16(1, 0).u32(0xffffffff, 0xffffffff).b)
}

// iface appends an interface with options: code and value in turn.
func (f *file) iface(link uint16, snap uint32, options ...option) *file {
	b := f.body().u16(link, 0).u32(snap)
	for _, o := range options {
		b.u16(o.code, uint16(len(o.value))).raw(o.value...).raw(make([]byte, -len(o.value)&3)...)
	}
	return f.block(1, b.b)
}

type option struct {
	code  uint16
	value []byte
}

func (f *file) enhanced(port uint32, ticks uint64, data []byte, wire int) *file {
	return f.block(6, f.body().u32(port, uint32(ticks>>32), uint32(ticks), uint32(len(data)), uint32(wire)).raw(data...).b)
}

func (f *file) simple(data []byte, wire int) *file {
	return f.block(3, f.body().u32(uint32(wire)).raw(data...).b)
}

// old appends the obsolete Packet Block.
func (f *file) old(port uint16, ticks uint64, data []byte, wire int) *file {
	return f.block(2, f.body().u16(port, 7).u32(uint32(ticks>>32), uint32(ticks), uint32(len(data)), uint32(wire)).raw(data...).b)
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstandard(tb testing.TB, b []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

// readAll reads src to its end in batches of size packets. The data is copied out of the Reader.
func readAll(src io.Reader, size int) (packets []capture.Packet, counters capture.Counters, err error) {
	r, err := capture.NewReader("test.pcap", src)
	if err != nil {
		return nil, capture.Counters{}, err
	}
	defer r.Close()
	batch := make([]capture.Packet, size)
	for {
		n, err := r.Read(batch)
		for _, p := range batch[:n] {
			p.Data = slices.Clone(p.Data)
			packets = append(packets, p)
		}
		if err != nil {
			return packets, r.Counters(), err
		}
	}
}
