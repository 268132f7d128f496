package afpacket

import (
	"encoding/binary"
	"testing"

	"netstream/services/sampler/internal/capture"
)

// block makes a block as the kernel writes it.
func block(packets ...[]byte) []byte {
	b := make([]byte, blockHeader)
	for i, data := range packets {
		const mac = 96
		h := make([]byte, mac, mac+len(data)+16)
		h = append(h, data...)
		for len(h)%16 != 0 {
			h = append(h, 0)
		}
		next := uint32(len(h))
		if i == len(packets)-1 {
			next = 0
		}
		for at, v := range map[int]uint32{0: next, 4: 1_700_000_000, 8: uint32(i), 12: uint32(len(data)), 16: uint32(len(data)), 20: 1} {
			binary.NativeEndian.PutUint32(h[at:], v)
		}
		binary.NativeEndian.PutUint16(h[24:], mac)
		b = append(b, h...)
	}
	binary.NativeEndian.PutUint32(b[blockCountAt:], uint32(len(packets)))
	binary.NativeEndian.PutUint32(b[blockFirstAt:], blockHeader)
	return b
}

func walk(b []byte) (n int, last capture.Packet) {
	w := walker{linkType: linkEthernet, iface: 7, wanted: [2]bool{true, true}}
	w.start(b)
	for w.next(&last) {
		n++
	}
	return n, last
}

func TestWalk(t *testing.T) {
	frame := []byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00payload")
	b := block(frame, frame, frame)
	n, p := walk(b)
	if n != 3 || string(p.Data) != string(frame) || p.Time != 1_700_000_000e9+2 || p.Interface != 7 || p.WireLen != uint32(len(frame)) {
		t.Errorf("%d packets, the last %+v", n, p)
	}
	// A tag that was taken out stands in the header.
	b = block(frame)
	binary.NativeEndian.PutUint32(b[blockHeader+20:], 1|statusVLAN|statusVLANTPID)
	binary.NativeEndian.PutUint32(b[blockHeader+32:], 0xe064)
	binary.NativeEndian.PutUint16(b[blockHeader+36:], 0x88a8)
	b[blockHeader+48+10] = packetOutgoing
	want := string(frame[:12]) + "\x88\xa8\xe0\x64" + string(frame[12:])
	if n, p := walk(b); n != 1 || string(p.Data) != want || p.WireLen != uint32(len(want)) || p.Direction != 1 {
		t.Errorf("%d packets, %q, %d bytes, direction %d; want %q", n, p.Data, p.WireLen, p.Direction, want)
	}
}

// FuzzWalk gives blocks that no kernel writes: nothing outside of them is touched.
func FuzzWalk(f *testing.F) {
	f.Add(block([]byte("0123456789abcdef"), []byte("x")))
	f.Add(block())
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, _ := walk(b); n > len(b) {
			t.Fatalf("%d packets in %d bytes", n, len(b))
		}
	})
}
