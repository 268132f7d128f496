package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"
)

// lengths are those of the packets of a capture, as gopacket reads it, and their times.
func lengths(t *testing.T, path string) (lengths []int, times []int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return lengths, times
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > info.Length {
			t.Fatalf("captured %d of %d bytes", len(data), info.Length)
		}
		lengths, times = append(lengths, info.Length), append(times, info.Timestamp.UnixNano())
	}
}

func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	path, err := generated(dir, 1000)
	if err != nil {
		t.Fatal(err)
	}
	wire, times := lengths(t, path)
	if len(wire) != 1000 {
		t.Fatalf("%d packets, want 1000", len(wire))
	}
	if span := times[999] - times[0]; times[0] < begin.UnixNano() || span < 1e6 || span > 10e9 {
		t.Errorf("from %d ns after the start, %d ns long; want some tens of milliseconds", times[0]-begin.UnixNano(), span)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generated(dir, 1000); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the capture was made again (%v)", err)
	}

	first := filepath.Join(dir, "first.pcap")
	if err := cut(path, first, 250); err != nil {
		t.Fatal(err)
	}
	got, _ := lengths(t, first)
	if diff := cmp.Diff(wire[:250], got); diff != "" {
		t.Errorf("cut (-want +got):\n%s", diff)
	}
}

// pcapFile is a file with one packet of six bytes, in microseconds.
func pcapFile(t *testing.T, order binary.ByteOrder) string {
	t.Helper()
	b := make([]byte, pcapHeaderLen+recordLen+6)
	order.PutUint32(b[0:], magicMicro)
	order.PutUint16(b[4:], 2)
	order.PutUint16(b[6:], 4)
	order.PutUint32(b[16:], 65535)
	order.PutUint32(b[20:], linkEthernet)
	order.PutUint32(b[pcapHeaderLen+8:], 6)
	order.PutUint32(b[pcapHeaderLen+12:], 60)
	return write(t, b)
}

func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name    string
		path    string
		packets int
		want    string // in the error; "" for none
	}{
		{"little-endian", pcapFile(t, binary.LittleEndian), 1, ""},
		{"big-endian", pcapFile(t, binary.BigEndian), 1, ""},
		{"none of one", pcapFile(t, binary.LittleEndian), 0, ""},
		{"two of one", pcapFile(t, binary.LittleEndian), 2, "record 1: EOF"},
		{"pcapng", write(t, append([]byte{0x0a, 0x0d, 0x0d, 0x0a}, make([]byte, 40)...)), 1, "not an uncompressed pcap file"},
		{"empty", write(t, nil), 1, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			err := cut(c.path, filepath.Join(dir, "out.pcap"), c.packets)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if left, _ := os.ReadDir(dir); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := lengths(t, filepath.Join(dir, "out.pcap")); len(got) != c.packets {
				t.Errorf("%d packets, want %d", len(got), c.packets)
			}
		})
	}
}
