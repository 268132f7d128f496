package capture_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"netstream/services/sampler/internal/capture"
)

var abc = []byte("abc")

func TestFormats(t *testing.T) {
	tsresol := func(v byte) option { return option{9, []byte{v}} }
	one := func(time int64) []capture.Packet {
		return []capture.Packet{{Time: time, Data: abc, WireLen: 60, LinkType: 1}}
	}
	for _, tc := range []struct {
		name     string
		file     []byte
		want     []capture.Packet
		counters capture.Counters
	}{
		{"µs", little().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 60).b, one(5_000_006_000), capture.Counters{}},
		{"µs, big-endian", big().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 60).b, one(5_000_006_000), capture.Counters{}},
		{"ns", little().pcap(0xa1b23c4d, 1).record(5, 6, abc, 60).b, one(5_000_000_006), capture.Counters{}},
		{"ns, big-endian", big().pcap(0xa1b23c4d, 1).record(5, 6, abc, 60).b, one(5_000_000_006), capture.Counters{}},
		{"modified", little().pcap(0xa1b2cd34, 1).u32(5, 6, 3, 60, 0xffffffff, 0xffffffff).raw(abc...).b, one(5_000_006_000), capture.Counters{}},
		{"modified, big-endian", big().pcap(0xa1b2cd34, 1).u32(5, 6, 3, 60, 0xffffffff, 0xffffffff).raw(abc...).b, one(5_000_006_000), capture.Counters{}},
		{"lengths swapped, version 2.2", little().u32(0xa1b2c3d4).u16(2, 2).u32(0, 0, 0, 1).u32(5, 6, 60, 3).raw(abc...).b, one(5_000_006_000), capture.Counters{}},
		{"check sequence in the link type", little().pcap(0xa1b2c3d4, 0x2400_0001).record(5, 6, abc, 60).b, one(5_000_006_000), capture.Counters{}},
		{"after 2038", little().pcap(0xa1b2c3d4, 1).record(0xffffffff, 6, abc, 60).b, one(4294967295_000_006_000), capture.Counters{}},
		{"longer than the original", little().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 2).b,
			[]capture.Packet{{Time: 5_000_006_000, Data: abc, WireLen: 2, LinkType: 1}}, capture.Counters{OverLength: 1}},
		{"no packets", little().pcap(0xa1b2c3d4, 1).b, nil, capture.Counters{}},
		{"empty packet", little().pcap(0xa1b2c3d4, 1).record(1, 0, nil, 0).b, []capture.Packet{{Time: 1e9, Data: []byte{}, LinkType: 1}}, capture.Counters{}},

		{"pcapng", little().section().iface(1, 0).enhanced(0, 5_000_006, abc, 60).b, one(5_000_006_000), capture.Counters{}},
		{"pcapng, big-endian", big().section().iface(1, 0).enhanced(0, 5_000_006, abc, 60).b, one(5_000_006_000), capture.Counters{}},
		{"pcapng, ns", little().section().iface(1, 0, tsresol(9)).enhanced(0, 5_000_000_006, abc, 60).b, one(5_000_000_006), capture.Counters{}},
		{"pcapng, seconds", little().section().iface(1, 0, tsresol(0)).enhanced(0, 5, abc, 60).b, one(5_000_000_000), capture.Counters{}},
		{"pcapng, ps", little().section().iface(1, 0, tsresol(12)).enhanced(0, 5_000_000_006_999, abc, 60).b, one(5_000_000_006), capture.Counters{}},
		{"pcapng, 2^-10", little().section().iface(1, 0, tsresol(0x80|10)).enhanced(0, 5*1024+512, abc, 60).b, one(5_500_000_000), capture.Counters{}},
		{"pcapng, offset", little().section().iface(1, 0, option{14, []byte{100, 0, 0, 0, 0, 0, 0, 0}}).enhanced(0, 5_000_006, abc, 60).b, one(105_000_006_000), capture.Counters{}},
		{"pcapng, negative offset", big().section().iface(1, 0, option{14, []byte{255, 255, 255, 255, 255, 255, 255, 251}}).enhanced(0, 6_000_006, abc, 60).b, one(1_000_006_000), capture.Counters{}},
		{"pcapng, time clamped", little().section().iface(1, 0).enhanced(0, 1<<63, abc, 60).b, one(1<<63 - 1), capture.Counters{TimeClamped: 1}},
		{"pcapng, longer than the original", little().section().iface(1, 0).enhanced(0, 1, abc, 0).b,
			[]capture.Packet{{Time: 1000, Data: abc, WireLen: 0, LinkType: 1}}, capture.Counters{OverLength: 1}},
		{"pcapng, unknown blocks", little().section().block(0x0bad, make([]byte, 100)).iface(1, 0).block(0x0bad, nil).enhanced(0, 5_000_006, abc, 60).block(5, abc).b,
			one(5_000_006_000), capture.Counters{}},
		{"pcapng, old and simple packets", little().section().iface(1, 2).iface(101, 0).old(1, 4_000_000, abc, 60).simple(abc, 60).b,
			[]capture.Packet{
				{Time: 4e9, Data: abc, WireLen: 60, Interface: 1, LinkType: 101},
				{Time: 4e9, Data: abc[:2], WireLen: 60, LinkType: 1},
			}, capture.Counters{Untimed: 1}},
		{"pcapng, sections of both orders", append(little().section().iface(101, 0).iface(1, 0, tsresol(9)).enhanced(1, 7, abc, 3).b,
			big().section().iface(0, 0).enhanced(0, 8, abc, 3).b...),
			[]capture.Packet{
				{Time: 7, Data: abc, WireLen: 3, Interface: 1, LinkType: 1},
				{Time: 8000, Data: abc, WireLen: 3, Interface: 2, LinkType: 0},
			}, capture.Counters{}},
		{"pcapng, one interface of a strange kind", little().section().iface(1, 0).iface(189, 0).enhanced(1, 1, abc, 3).b,
			[]capture.Packet{{Time: 1000, Data: abc, WireLen: 3, Interface: 1, LinkType: 189}}, capture.Counters{LinkType: 1}},
		{"pcapng, no packets", little().section().iface(1, 0).b, nil, capture.Counters{}},
		{"pcapng, nothing but a section", little().section().b, nil, capture.Counters{}},
	} {
		for _, source := range []struct {
			name string
			src  io.Reader
		}{
			{"plain", bytes.NewReader(tc.file)},
			{"one byte a read", iotest.OneByteReader(bytes.NewReader(tc.file))},
			{"end with the data", iotest.DataErrReader(bytes.NewReader(tc.file))},
			{"gzip", bytes.NewReader(gzipped(tc.file))},
			{"gzip, two members", bytes.NewReader(append(gzipped(tc.file[:9]), gzipped(tc.file[9:])...))},
			{"zstd", bytes.NewReader(zstandard(t, tc.file))},
		} {
			t.Run(tc.name+"/"+source.name, func(t *testing.T) {
				got, counters, err := readAll(source.src, 3)
				if err != io.EOF {
					t.Fatalf("ends with %v", err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("packets (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tc.counters, counters); diff != "" {
					t.Errorf("counters (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestInterfaces(t *testing.T) {
	speed := big().u32(2, 0x540be400).b // 10 Gbit/s
	b := big().section().iface(1, 96,
		option{2, []byte("eth0")}, option{8, speed}, option{3, []byte("uplink")}, option{3000, []byte("x")}, option{0, nil}, option{2, []byte("late")},
	).iface(101, 0, option{2, bytes.Repeat([]byte("n"), 1000)}).enhanced(0, 1, abc, 3).iface(113, 0).b
	r, err := capture.NewReader("test.pcapng", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := []capture.Interface{
		{Name: "eth0", Description: "uplink", LinkType: 1, SnapLen: 96, Speed: 10e9},
		{Name: string(bytes.Repeat([]byte("n"), 256)), LinkType: 101},
	}
	if diff := cmp.Diff(want, r.Interfaces()); diff != "" {
		t.Errorf("before the first packet (-want +got):\n%s", diff)
	}
	if _, err := r.Read(make([]capture.Packet, 10)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, capture.Interface{LinkType: 113}), r.Interfaces()); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
}

// large is a capture several times the size of the reader's buffer, with what is in it.
func large(f *file, rnd *rand.Rand, pcapng bool) ([]byte, []capture.Packet) {
	if pcapng {
		f.section().iface(1, 0)
	} else {
		f.pcap(0xa1b2c3d4, 1)
	}
	var want []capture.Packet
	for i := range 6000 {
		data := make([]byte, rnd.IntN(1500))
		if i%1000 == 500 {
			data = make([]byte, 256<<10)
		}
		for j := range data {
			data[j] = byte(i + j)
		}
		want = append(want, capture.Packet{Time: int64(i) * 1000, Data: data, WireLen: uint32(len(data)), LinkType: 1})
		if !pcapng {
			f.record(0, uint32(i), data, len(data))
			continue
		}
		f.enhanced(0, uint64(i), data, len(data))
		if i%1000 == 700 {
			f.block(0x0bad, make([]byte, rnd.IntN(3<<20)))
		}
	}
	return f.b, want
}

// TestLarge crosses the end of the buffer in every kind of place, with batches of any size.
func TestLarge(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pcapng bool
	}{{"pcap", false}, {"pcapng", true}} {
		b, want := large(little(), rand.New(rand.NewPCG(3, 4)), tc.pcapng)
		for _, size := range []int{1, 7, 10_000} {
			for _, src := range []io.Reader{bytes.NewReader(b), iotest.HalfReader(bytes.NewReader(b)), bytes.NewReader(gzipped(b)), bytes.NewReader(zstandard(t, b))} {
				got, _, err := readAll(src, size)
				if err != io.EOF {
					t.Fatalf("%s, batches of %d: %v", tc.name, size, err)
				}
				if !equal(want, got) {
					t.Fatalf("%s, batches of %d: other packets than written", tc.name, size)
				}
			}
		}
	}
}

func equal(a, b []capture.Packet) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if !bytes.Equal(x.Data, y.Data) {
			return false
		}
		if x.Time != y.Time || x.WireLen != y.WireLen || x.Interface != y.Interface || x.LinkType != y.LinkType || x.Direction != y.Direction {
			return false
		}
	}
	return true
}

// TestBatchStaysValid looks at the data of a whole batch only after Read has returned it.
func TestBatchStaysValid(t *testing.T) {
	b, want := large(little(), rand.New(rand.NewPCG(5, 6)), true)
	r, err := capture.NewReader("test.pcapng", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	batch, seen := make([]capture.Packet, 5000), 0
	for {
		n, err := r.Read(batch)
		if !equal(want[seen:seen+n], batch[:n]) {
			t.Fatalf("batch of %d from packet %d on differs", n, seen)
		}
		if seen += n; err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if seen != len(want) {
		t.Errorf("%d packets, want %d", seen, len(want))
	}
}

func TestProgress(t *testing.T) {
	b := gzipped(little().pcap(0xa1b2c3d4, 1).record(5, 6, abc, 60).b)
	path := filepath.Join(t.TempDir(), "one.pcap.gz")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]capture.Packet, 1)
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read into nothing: %d, %v", n, err)
	}
	for err == nil {
		_, err = r.Read(batch)
	}
	if _, again := r.Read(batch); err != io.EOF || again != io.EOF {
		t.Errorf("ends with %v, then %v, want twice io.EOF", err, again)
	}
	if r.Size() != int64(len(b)) || r.Offset() != r.Size() {
		t.Errorf("%d of %d bytes taken, want %d", r.Offset(), r.Size(), len(b))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestOpenMissing(t *testing.T) {
	if _, err := capture.Open(filepath.Join(t.TempDir(), "no.pcap")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := capture.Open(t.TempDir()); !errors.Is(err, capture.ErrNotCapture) {
		t.Errorf("a directory: %v", err)
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	for _, pcapng := range []bool{false, true} {
		b, want := large(little(), rand.New(rand.NewPCG(7, 8)), pcapng)
		r, err := capture.NewReader("test", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		batch, seen := make([]capture.Packet, 64), 0
		if n := testing.AllocsPerRun(50, func() {
			n, err := r.Read(batch)
			if err != nil {
				t.Fatal(err)
			}
			seen += n
		}); n != 0 {
			t.Errorf("pcapng %t: %v allocations a batch, want 0", pcapng, n)
		}
		if seen == 0 || seen > len(want) {
			t.Errorf("read %d packets of %d", seen, len(want))
		}
	}
}
