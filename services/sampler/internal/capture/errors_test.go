package capture_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"netstream/services/sampler/internal/capture"
)

func TestErrors(t *testing.T) {
	sound := little().section().iface(1, 0).enhanced(0, 1, abc, 3)
	at := int64(len(sound.b)) // where the block behind it starts
	after := func(more *file) []byte { return append(bytes.Clone(sound.b), more.b...) }
	text := []byte("name,address\nalpha,10.0.0.1\n")

	for _, tc := range []struct {
		name    string
		file    []byte
		packets int // delivered before the error
		reason  error
		offset  int64
		says    string
	}{
		{"empty", nil, 0, capture.ErrNotCapture, 0, "it is empty"},
		{"empty in gzip", gzipped(nil), 0, capture.ErrNotCapture, 0, "it is empty"},
		{"three bytes", []byte{0xd4, 0xc3, 0xb2}, 0, capture.ErrNotCapture, 0, "it has 3 bytes"},
		{"text", text, 0, capture.ErrNotCapture, 0, "its first bytes are unknown"},
		{"text in zstd", zstandard(t, text), 0, capture.ErrNotCapture, 0, "its first bytes are unknown"},
		{"snoop", []byte("snoop\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x04"), 0, capture.ErrNotCapture, 0, "snoop"},
		{"xz", []byte("\xfd7zXZ\x00\x00\x04"), 0, capture.ErrNotCapture, 0, "unpack it first"},
		{"pcap header cut", little().pcap(0xa1b2c3d4, 1).b[:23], 0, capture.ErrTruncated, 0, "a record of 24 bytes or more has only 23"},
		{"pcap 2.5", little().u32(0xa1b2c3d4).u16(2, 5).u32(0, 0, 0, 1).b, 0, capture.ErrVersion, 0, "pcap 2.5"},
		{"pcap 3.0", big().u32(0xa1b2c3d4).u16(3, 0).u32(0, 0, 0, 1).b, 0, capture.ErrVersion, 0, "pcap 3.0"},
		{"pcap of USB", little().pcap(0xa1b2c3d4, 220).record(5, 6, abc, 60).b, 0, capture.ErrLinkType, 0, "220"},
		{"pcap, absurd length", little().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 60).u32(1, 2, 256<<10+1, 60).b, 1, capture.ErrBroken, 43, "a captured length of 262145"},

		{"pcapng of USB", little().section().iface(220, 0).iface(10, 0).iface(10, 0).enhanced(0, 1, abc, 3).b, 0, capture.ErrLinkType, 76 + 12, "220, 10 ("},
		{"section 2.0", little().block(0x0a0d0d0a, little().u32(0x1a2b3c4d).u16(2, 0).u32(0, 0).b).b, 0, capture.ErrVersion, 0, "section 2.0"},
		{"later section 2.0", after(little().block(0x0a0d0d0a, little().u32(0x1a2b3c4d).u16(2, 0).u32(0, 0).b)), 1, capture.ErrVersion, at, "section 2.0"},
		{"byte order", after(little().block(0x0a0d0d0a, little().u32(0x01020304).u16(1, 0).u32(0, 0).b)), 1, capture.ErrBroken, at, "byte-order magic 0x01020304"},
		{"section too short", after(little().block(0x0a0d0d0a, little().u32(0x1a2b3c4d).b)), 1, capture.ErrBroken, at, "section header of 16 bytes"},
		{"trailer differs", after(little().u32(6, 32, 0, 0, 1, 0, 0, 36)), 1, capture.ErrBroken, at, "ends with the length 36"},
		{"trailer of a skipped block differs", after(little().u32(99, 16, 0, 12)), 1, capture.ErrBroken, at, "ends with the length 12"},
		{"block of 8 bytes", after(little().u32(99, 8, 8)), 1, capture.ErrBroken, at, "a block of 8 bytes"},
		{"block of 13 bytes", after(little().u32(99, 13, 0, 13)), 1, capture.ErrBroken, at, "a block of 13 bytes"},
		{"packet block of 2 MiB", after(little().u32(6, 2<<20, 0)), 1, capture.ErrBroken, at, "a block of 2097152 bytes"},
		{"packet block too short", after(little().block(6, make([]byte, 16))), 1, capture.ErrBroken, at, "a packet block of 28 bytes"},
		{"old packet block too short", after(little().block(2, make([]byte, 16))), 1, capture.ErrBroken, at, "a packet block of 28 bytes"},
		{"simple block too short", after(little().block(3, nil)), 1, capture.ErrBroken, at, "a simple packet block of 12 bytes"},
		{"interface too short", after(little().block(1, make([]byte, 4))), 1, capture.ErrBroken, at, "an interface description of 16 bytes"},
		{"packet over its block", after(little().block(6, little().u32(0, 0, 0, 5, 5, 0).b)), 1, capture.ErrBroken, at, "a captured length of 5 in a block with room for 4"},
		{"absurd packet", after(little().enhanced(0, 1, make([]byte, 256<<10+1), 3)), 1, capture.ErrBroken, at, "a captured length of 262145"},
		{"absurd simple packet", after(little().simple(make([]byte, 300<<10), 300<<10)), 1, capture.ErrBroken, at, "a captured length of 307200"},
		{"unknown interface", after(little().enhanced(1, 1, abc, 3)), 1, capture.ErrBroken, at, "a packet of interface 1, the section has 1"},
		{"interface of the section before", after(little().section().enhanced(0, 1, abc, 3)), 1, capture.ErrBroken, at + 28, "the section has 0"},
		{"simple packet without interface", little().section().simple(abc, 3).b, 0, capture.ErrBroken, 28, "without interfaces"},

		{"gzip header cut", gzipped(sound.b)[:9], 0, capture.ErrTruncated, 0, "ends early"},
		{"gzip checksum", append(bytes.Clone(gzipped(sound.b))[:len(gzipped(sound.b))-8], make([]byte, 8)...), 1, capture.ErrBroken, at, "invalid checksum"},
		{"garbage behind gzip", append(gzipped(sound.b), text...), 1, capture.ErrBroken, at, "invalid header"},
		{"zstd garbage", append(zstandard(t, sound.b)[:8], text...), 0, capture.ErrBroken, 0, "the compressed stream is damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			packets, _, err := readAll(bytes.NewReader(tc.file), 16)
			if len(packets) != tc.packets {
				t.Errorf("%d packets before the error, want %d", len(packets), tc.packets)
			}
			var e *capture.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v, want a *capture.Error", err)
			}
			if !errors.Is(err, tc.reason) || e.Offset != tc.offset || e.File != "test.pcap" {
				t.Errorf("%v; want %v at %d", err, tc.reason, tc.offset)
			}
			if !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "test.pcap: byte ") {
				t.Errorf("%q doesn't say %q", err, tc.says)
			}
		})
	}
}

func TestTooManyInterfaces(t *testing.T) {
	f := little().section()
	for range 1<<16 + 1 {
		f.iface(1, 0)
	}
	if _, _, err := readAll(bytes.NewReader(f.b), 4); !errors.Is(err, capture.ErrBroken) || !strings.Contains(err.Error(), "more than 65536 interfaces") {
		t.Error(err)
	}
}

// TestTruncated cuts captures at every byte: what is whole is delivered, the rest is named.
func TestTruncated(t *testing.T) {
	type boundary struct{ offset, packets int }
	pcap, ng := little(), little()
	pcapAt := []boundary{{len(pcap.pcap(0xa1b2c3d4, 1).b), 0}, {len(pcap.record(1, 2, abc, 3).b), 1}, {len(pcap.record(3, 4, abc, 3).b), 2}}
	ngAt := []boundary{
		{len(ng.section().b), 0}, {len(ng.iface(1, 0).b), 0}, {len(ng.enhanced(0, 1, abc, 3).b), 1},
		{len(ng.block(0x0bad, make([]byte, 50)).b), 1}, {len(ng.simple(abc, 3).b), 2},
	}
	for _, tc := range []struct {
		name       string
		file       []byte
		boundaries []boundary
	}{{"pcap", pcap.b, pcapAt}, {"pcapng", ng.b, ngAt}} {
		for n := 4; n < len(tc.file); n++ {
			start := boundary{}
			for _, b := range tc.boundaries {
				if b.offset <= n {
					start = b
				}
			}
			for _, src := range []io.Reader{bytes.NewReader(tc.file[:n]), iotest.OneByteReader(bytes.NewReader(tc.file[:n]))} {
				packets, _, err := readAll(src, 16)
				if len(packets) != start.packets {
					t.Errorf("%s of %d bytes: %d packets, want %d", tc.name, n, len(packets), start.packets)
				}
				if n == start.offset {
					if err != io.EOF {
						t.Errorf("%s of %d bytes ends with %v", tc.name, n, err)
					}
					continue
				}
				var e *capture.Error
				if !errors.As(err, &e) || !errors.Is(err, capture.ErrTruncated) {
					t.Fatalf("%s of %d bytes ends with %v", tc.name, n, err)
				}
				if want := int64(n - start.offset); e.Offset != int64(start.offset) || e.Have != want || e.Want <= want {
					t.Errorf("%s of %d bytes: %d of %d bytes at %d, want %d at %d", tc.name, n, e.Have, e.Want, e.Offset, want, start.offset)
				}
			}
		}
	}
}

// TestTruncatedCompressed cuts the compressed stream: packets before the cut come first, and none twice.
func TestTruncatedCompressed(t *testing.T) {
	f := little().pcap(0xa1b2c3d4, 1)
	for i := range 1000 {
		f.record(uint32(i), uint32(i*7919), []byte{byte(i), byte(i >> 3), byte(i * i)}, 60)
	}
	whole, _, err := readAll(bytes.NewReader(f.b), 100)
	if err != io.EOF {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"gzip": gzipped(f.b), "zstd": zstandard(t, f.b)} {
		for n := 20; n < len(b); n += 97 {
			got, _, err := readAll(bytes.NewReader(b[:n]), 100)
			if !errors.Is(err, capture.ErrTruncated) {
				t.Errorf("%s cut to %d bytes ends with %v", name, n, err)
			}
			if !equal(whole[:len(got)], got) {
				t.Errorf("%s cut to %d bytes: other packets than in the whole file", name, n)
			}
		}
	}
}

func TestTruncatedInSkippedBlock(t *testing.T) {
	f := little().section().iface(1, 0).enhanced(0, 1, abc, 3)
	at := len(f.b)
	f.block(0x0bad, make([]byte, 5<<20))
	packets, _, err := readAll(bytes.NewReader(f.b[:len(f.b)-3]), 4)
	var e *capture.Error
	if !errors.As(err, &e) || e.Reason != capture.ErrTruncated {
		t.Fatalf("ends with %v", err)
	}
	if want := int64(len(f.b) - 3 - at); len(packets) != 1 || e.Offset != int64(at) || e.Have != want || e.Want != want+3 {
		t.Errorf("%d packets, then %d of %d bytes at %d; want 1, then %d of %d at %d", len(packets), e.Have, e.Want, e.Offset, want, want+3, at)
	}
}

// TestFailingFile keeps an error of the file apart from damage in it.
func TestFailingFile(t *testing.T) {
	disk := errors.New("input/output error")
	b := little().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 60).b
	for name, b := range map[string][]byte{"plain": b, "gzip": gzipped(b)[:20], "zstd": zstandard(t, b)[:20]} {
		_, _, err := readAll(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(disk)), 4)
		var e *capture.Error
		if !errors.Is(err, disk) || errors.As(err, &e) || !strings.Contains(err.Error(), "test.pcap: byte ") {
			t.Errorf("%s: %v, want the error of the file", name, err)
		}
	}
	_, _, err := readAll(idle{}, 4)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a file that gives nothing: %v", err)
	}
}

// idle never returns a byte nor an error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
