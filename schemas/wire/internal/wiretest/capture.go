package wiretest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// Datagram is the payload of a UDP packet and where it came from.
type Datagram struct {
	Exporter netip.Addr
	Payload  []byte
}

// ReadDatagrams reads a bare payload (.dat, .bin) or all unfragmented UDP packets of a pcap or pcapng capture on
// Ethernet or raw IP. Bare payloads count as sent by 192.0.2.1.
func ReadDatagrams(t testing.TB, path string) []Datagram {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if ext := filepath.Ext(path); ext == ".dat" || ext == ".bin" {
		return []Datagram{{Exporter: netip.MustParseAddr("192.0.2.1"), Payload: b}}
	}
	var ds []Datagram
	packets := pcapPackets
	if bytes.HasPrefix(b, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		packets = pcapngPackets
	}
	packets(b, func(link uint32, packet []byte) {
		if d, ok := udpPayload(link, packet); ok {
			ds = append(ds, d)
		}
	})
	if len(ds) == 0 {
		t.Fatalf("%s: no UDP packet in it", path)
	}
	return ds
}

const (
	linkEthernet = 1
	linkRaw      = 101
)

func pcapPackets(b []byte, yield func(link uint32, packet []byte)) {
	link := binary.LittleEndian.Uint32(b[20:])
	for b = b[24:]; len(b) >= 16; {
		n := int(binary.LittleEndian.Uint32(b[8:]))
		yield(link, b[16:16+n])
		b = b[16+n:]
	}
}

// pcapngPackets reads one little-endian section with one interface, which is all the test data has.
func pcapngPackets(b []byte, yield func(link uint32, packet []byte)) {
	var link uint32
	for len(b) >= 12 {
		kind, n := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint32(b[4:]))
		switch kind {
		case 1: // interface description
			link = uint32(binary.LittleEndian.Uint16(b[8:]))
		case 6: // enhanced packet
			yield(link, b[28:28+int(binary.LittleEndian.Uint32(b[20:]))])
		}
		b = b[n:]
	}
}

func udpPayload(link uint32, b []byte) (Datagram, bool) {
	if link == linkEthernet {
		etherType := binary.BigEndian.Uint16(b[12:])
		b = b[14:]
		for etherType == 0x8100 {
			etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
	}
	var src netip.Addr
	switch {
	case len(b) > 20 && b[0]>>4 == 4 && b[9] == 17 && binary.BigEndian.Uint16(b[6:])&0x3fff == 0:
		src, _ = netip.AddrFromSlice(b[12:16])
		b = b[int(b[0]&15)*4:]
	case len(b) > 40 && b[0]>>4 == 6 && b[6] == 17:
		src, _ = netip.AddrFromSlice(b[8:24])
		b = b[40:]
	default:
		return Datagram{}, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < 12 || n > len(b) { // a payload under four bytes is none of the sets
		return Datagram{}, false
	}
	return Datagram{Exporter: src, Payload: b[8:n]}, true
}
