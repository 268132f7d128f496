package capture_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"netstream/services/sampler/internal/capture"
	"netstream/services/sampler/internal/capturetest"
)

func FuzzReader(f *testing.F) {
	for _, c := range capturetest.All(f) {
		b, err := os.ReadFile(c.Path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 600)])
	}
	f.Add(little().section().block(0x0bad, make([]byte, 40)).iface(1, 3, option{9, []byte{0x8a}}).old(0, 1, abc, 3).simple(abc, 9).b)
	f.Add(gzipped(little().pcap(0xa1b2c3d4, 1).record(1, 2, abc, 3).b))
	f.Add(zstandard(f, big().pcap(0xa1b2cd34, 1).b))

	f.Fuzz(func(t *testing.T, b []byte) {
		packets, _, err := readAll(bytes.NewReader(b), 100)
		var e *capture.Error
		if err != io.EOF && !errors.As(err, &e) {
			t.Fatalf("ends with %v, want io.EOF or a *capture.Error", err)
		}
		captured := 0
		for _, p := range packets {
			captured += len(p.Data)
		}
		if plain := len(b) < 4 || b[0] != 0x1f && b[0] != 0x28 && b[0]&0xf0 != 0x50; plain {
			if captured > len(b) {
				t.Fatalf("%d bytes captured in a file of %d", captured, len(b))
			}
			if e != nil && (e.Offset > int64(len(b)) || e.Have > int64(len(b))) {
				t.Fatalf("%v: offset or length beyond the %d bytes", e, len(b))
			}
		}
		again, _, errAgain := readAll(bytes.NewReader(b), 1)
		if !equal(packets, again) || err.Error() != errAgain.Error() {
			t.Fatalf("batches of 100: %d packets, %v; of 1: %d packets, %v", len(packets), err, len(again), errAgain)
		}
	})
}
