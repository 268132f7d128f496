package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"netstream/deploy/netstream/internal/traffic"
)

// packetsPerSecond makes ten million generated packets about ten minutes, a whole day of the generator's rhythm, with 0.8
// million flows.
const packetsPerSecond = 15_000

// Classic pcap with times in nanoseconds, little-endian.
const (
	pcapHeaderLen = 24
	recordLen     = 16
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	snapLen       = 128
	linkEthernet  = 1
)

// begin is the time of the first packet, so that the same number of packets is always the same capture.
var begin = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)

// generated returns the capture of so many packets in dir, which it makes unless it is there.
func generated(dir string, packets int) (path string, err error) {
	path = filepath.Join(dir, fmt.Sprintf("traffic-%d.pcap", packets))
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	return path, replace(path, func(w io.Writer) error {
		g := traffic.New(traffic.Config{Seed: 1, PacketsPerSecond: packetsPerSecond, SnapLen: snapLen}, begin)
		var header [pcapHeaderLen]byte
		le := binary.LittleEndian
		le.PutUint32(header[0:], magicNano)
		le.PutUint16(header[4:], 2)
		le.PutUint16(header[6:], 4)
		le.PutUint32(header[16:], snapLen)
		le.PutUint32(header[20:], linkEthernet)
		if _, err := w.Write(header[:]); err != nil {
			return err
		}
		var record [recordLen + snapLen]byte
		for range packets {
			n, t, wire, _ := g.Next(record[recordLen:])
			le.PutUint32(record[0:], uint32(t/1e9))
			le.PutUint32(record[4:], uint32(t%1e9))
			le.PutUint32(record[8:], uint32(n))
			le.PutUint32(record[12:], wire)
			if _, err := w.Write(record[:recordLen+n]); err != nil {
				return err
			}
		}
		return nil
	})
}

// cut copies the first packets of a classic pcap file.
func cut(path, to string, packets int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var header [pcapHeaderLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	order := byteOrder(header[:])
	if order == nil {
		return fmt.Errorf("%s: %w", path, errNotPcap)
	}
	return replace(to, func(w io.Writer) error {
		if _, err := w.Write(header[:]); err != nil {
			return err
		}
		var record [recordLen]byte
		for i := range packets {
			if _, err := io.ReadFull(r, record[:]); err != nil {
				return fmt.Errorf("%s: record %d: %w", path, i, err)
			}
			if _, err := w.Write(record[:]); err != nil {
				return err
			}
			if _, err := io.CopyN(w, r, int64(order.Uint32(record[8:]))); err != nil {
				return fmt.Errorf("%s: record %d: %w", path, i, err)
			}
		}
		return nil
	})
}

var errNotPcap = errors.New("not an uncompressed pcap file")

// byteOrder is that of a pcap file with this header; nil when it isn't one.
func byteOrder(header []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if magic := order.Uint32(header); magic == magicMicro || magic == magicNano {
			return order
		}
	}
	return nil
}

// replace writes a file that is either whole or not there.
func replace(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
