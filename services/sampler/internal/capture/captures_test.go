package capture_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
)

// refused are captures of the tree that Open must not accept, and why.
var refused = map[string]error{
	"pcapplusplus/solaris.snoop":           capture.ErrNotCapture,
	"libpcap/pcap-invalid-version-1.pcap":  capture.ErrVersion, // 1.4; libpcap refuses it too
	"libpcap/pcapng-invalid-vers-1.pcapng": capture.ErrVersion,
	"libpcap/shb-option-too-long.pcapng":   capture.ErrBroken,
	"zeek/llc.pcap":                        capture.ErrLinkType, // FDDI
	"tcpdump/ipoib.pcap":                   capture.ErrLinkType, // IP over InfiniBand
}

// stopped are captures that are read up to damage behind their first packets.
var stopped = map[string]error{
	"gopacket/test901.pcapng": capture.ErrVersion, // a second section of version 2
}

// totals are the values of an expected file that a reader alone can tell.
type totals struct {
	Packets, WireBytes, CapturedBytes, Truncated, Longest int
	First, Last                                           int64
	Interfaces                                            []iface
}

type iface struct {
	LinkType uint16
	SnapLen  uint32
	Packets  int
}

func TestCaptures(t *testing.T) {
	capturetest.Walk(t, func(t *testing.T, c capturetest.Capture) {
		r, err := capture.Open(c.Path)
		if want := refused[c.Name]; want != nil {
			if !errors.Is(err, want) {
				t.Fatalf("Open: %v, want %v", err, want)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()

		got, err := sum(r)
		end := stopped[c.Name]
		if end == nil {
			end = io.EOF
		}
		if !errors.Is(err, end) {
			t.Errorf("ends with %v, want %v", err, end)
		}
		want := totals{
			Packets: c.Packets, WireBytes: c.WireBytes, CapturedBytes: c.CapturedBytes,
			Truncated: c.TruncatedPackets, Longest: c.LongestPacket,
		}
		if c.FirstTS != nil {
			want.First, want.Last = *c.FirstTS, *c.LastTS
		}
		for _, i := range c.Interfaces {
			want.Interfaces = append(want.Interfaces, iface{i.LinkType, i.SnapLen, i.Packets})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if end == io.EOF && r.Offset() != r.Size() {
			t.Errorf("took %d of %d bytes", r.Offset(), r.Size())
		}
	})
}

// sum reads a capture to its end, which may be an error.
func sum(r *capture.Reader) (totals, error) {
	var (
		s       totals
		timed   bool
		perPort = map[uint32]int{}
		batch   = make([]capture.Packet, 64)
	)
	for {
		n, err := r.Read(batch)
		for _, p := range batch[:n] {
			s.Packets++
			s.WireBytes += int(p.WireLen)
			s.CapturedBytes += len(p.Data)
			s.Longest = max(s.Longest, int(p.WireLen))
			if len(p.Data) < int(p.WireLen) {
				s.Truncated++
			}
			// A packet without a time before any that has one gets 0, which a packet with a time may have too.
			if p.Time != 0 || r.Counters().Untimed == 0 {
				if !timed || p.Time < s.First {
					s.First = p.Time
				}
				s.Last, timed = max(s.Last, p.Time), true
			}
			perPort[p.Interface]++
		}
		if err != nil {
			for i, d := range r.Interfaces() {
				s.Interfaces = append(s.Interfaces, iface{d.LinkType, d.SnapLen, perPort[uint32(i)]})
			}
			return s, err
		}
	}
}
