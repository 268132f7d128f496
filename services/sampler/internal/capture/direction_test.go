package capture_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"netstream/services/sampler/internal/capture"
)

func TestDirection(t *testing.T) {
	const ethernet, sll, sll2 = 1, 113, 276
	cooked := func(kind byte) []byte { return append([]byte{0, kind}, make([]byte, 14)...) }
	cooked2 := func(kind byte) []byte { return append(append(make([]byte, 10), kind), make([]byte, 9)...) }
	comment := option{1, []byte("hello")}
	for _, tc := range []struct {
		name    string
		link    uint16
		data    []byte
		options []option
		want    uint8
	}{
		{"no options", ethernet, abc, nil, capture.Ingress},
		{"flags of the link layer only", ethernet, abc, []option{{2, flags(0x40)}}, capture.Ingress},
		{"inbound", ethernet, abc, []option{{2, flags(1)}}, capture.Ingress},
		{"outbound", ethernet, abc, []option{{2, flags(2)}}, capture.Egress},
		{"outbound, with a reception type", ethernet, abc, []option{{2, flags(0x16)}}, capture.Egress},
		{"both bits mean nothing", ethernet, abc, []option{{2, flags(3)}}, capture.Ingress},
		{"behind a comment", ethernet, abc, []option{comment, {2, flags(2)}, {0, nil}}, capture.Egress},
		{"behind the end", ethernet, abc, []option{{0, nil}, {2, flags(2)}}, capture.Ingress},
		{"flags of 2 bytes", ethernet, abc, []option{{2, []byte{2, 2}}}, capture.Ingress},
		{"cooked to us", sll, cooked(0), nil, capture.Ingress},
		{"cooked of others", sll, cooked(3), nil, capture.Ingress},
		{"cooked outgoing", sll, cooked(4), nil, capture.Egress},
		{"cooked, cut", sll, []byte{0}, nil, capture.Ingress},
		{"cooked outgoing, flags know better", sll, cooked(4), []option{{2, flags(1)}}, capture.Ingress},
		{"cooked outgoing, flags don't know", sll, cooked(4), []option{{2, flags(0)}}, capture.Egress},
		{"cooked 2 to us", sll2, cooked2(0), nil, capture.Ingress},
		{"cooked 2 outgoing", sll2, cooked2(4), nil, capture.Egress},
		{"cooked 2, cut", sll2, cooked2(4)[:10], nil, capture.Ingress},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string][]byte{"pcapng": little().section().iface(tc.link, 0).flagged(tc.data, tc.options...).b}
			if tc.options == nil {
				files["pcap"] = little().pcap(0xa1b2c3d4, uint32(tc.link)).record(1, 2, tc.data, 60).b
			}
			for format, b := range files {
				packets, _, err := readAll(bytes.NewReader(b), 2)
				if err != io.EOF || len(packets) != 1 {
					t.Fatalf("%s: %d packets, %v", format, len(packets), err)
				}
				if packets[0].Direction != tc.want || !bytes.Equal(packets[0].Data, tc.data) {
					t.Errorf("%s: direction %d, want %d; data %x", format, packets[0].Direction, tc.want, packets[0].Data)
				}
			}
		})
	}
}

// TestBrokenPacketOptions: what is behind a packet can't harm it.
func TestBrokenPacketOptions(t *testing.T) {
	for _, tail := range [][]byte{{2, 0, 4, 0}, {2, 0, 255, 255}, {2, 0, 8, 0, 2, 0, 0, 0}, {9, 0, 0, 0}} {
		head := little().body().u32(0, 0, 1, 3, 3).raw(abc...).raw(0)
		b := little().section().iface(1, 0).block(6, append(head.b, tail...)).b
		packets, _, err := readAll(bytes.NewReader(b), 2)
		if err != io.EOF || len(packets) != 1 || packets[0].Direction != capture.Ingress {
			t.Errorf("options %x: %v, %v", tail, packets, err)
		}
	}
}

func flags(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// flagged appends a packet of interface 0 with options.
func (f *file) flagged(data []byte, options ...option) *file {
	b := f.body().u32(0, 0, 1, uint32(len(data)), uint32(len(data))).raw(data...).raw(make([]byte, -len(data)&3)...)
	for _, o := range options {
		b.u16(o.code, uint16(len(o.value))).raw(o.value...).raw(make([]byte, -len(o.value)&3)...)
	}
	return f.block(6, b.b)
}
