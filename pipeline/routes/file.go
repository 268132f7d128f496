package routes

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// format is what a file holds.
type format int

const (
	formatCSV     format = iota
	formatTable          // MRT, the first record is of a table
	formatUpdates        // MRT, the first record is of a session
)

// ReadFile reads an MRT dump or a CSV file, plain or compressed with gzip, bzip2 or zstd, and hands what it tells to sink. What
// it is is seen from its first bytes. An error names the file and the place in it, a byte after decompression or a line and
// column; what came before has been handed over and is counted. The end of ctx is an error like any other.
func ReadFile(ctx context.Context, path string, sink Sink) (Stats, error) {
	f, err := openFile(path)
	if err != nil {
		return Stats{}, err
	}
	defer f.Close()
	var stats Stats
	in := &abortable{ctx, f}
	if f.format == formatCSV {
		stats, err = ReadCSV(in, sink)
	} else {
		stats, err = ReadMRT(in, sink)
	}
	if err != nil {
		return stats, fmt.Errorf("%s: %w", path, err)
	}
	return stats, nil
}

// abortable is a reader that fails when ctx has ended.
type abortable struct {
	ctx context.Context
	io.Reader
}

func (a *abortable) Read(b []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	return a.Reader.Read(b)
}

// file is a file as it is without compression.
type file struct {
	io.Reader
	format  format
	closers []func() error
}

// Close ends reading.
func (f *file) Close() {
	for _, c := range f.closers {
		c() // nothing was written
	}
}

func openFile(path string) (*file, error) {
	raw, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &file{closers: []func() error{raw.Close}}
	if err := f.decompress(raw); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	plain := bufio.NewReaderSize(f.Reader, 1<<16)
	f.Reader = plain
	// A type of MRT records is below 256, and text has no zero byte. What can't be read yet, the reader will tell.
	const typeHigh, typeLow = 4, 5
	first, _ := plain.Peek(typeLow + 1)
	if len(first) > typeLow && first[typeHigh] == 0 {
		f.format = formatTable
		if t := first[typeLow]; t == mrtBGP4MP || t == mrtBGP4MPET {
			f.format = formatUpdates
		}
	}
	return f, nil
}

// decompress finds out by the first bytes how the file is compressed.
func (f *file) decompress(raw io.Reader) error {
	in := bufio.NewReaderSize(raw, 1<<16)
	f.Reader = in
	magic, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		f.Reader = z
	case bytes.HasPrefix(magic, []byte("BZh")):
		f.Reader = bzip2.NewReader(in)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		f.Reader = z
		f.closers = append(f.closers, func() error { z.Close(); return nil })
	}
	return nil
}
