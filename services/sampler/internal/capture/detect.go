package capture

import (
	"encoding/binary"
	"errors"
	"io"
)

// detect looks at the first bytes, sets r.format and reads the header of the file.
func (r *Reader) detect() error {
	if err := r.fill(4); err == io.EOF {
		return r.fault(ErrNotCapture, "it is empty")
	} else if e := (*Error)(nil); errors.As(err, &e) && e.Reason == ErrTruncated && e.Cause == nil {
		return r.fault(ErrNotCapture, "it has %d bytes", e.Have)
	} else if err != nil {
		return err
	}
	magic := binary.LittleEndian.Uint32(r.buf)
	if magic == blockSection {
		f := &pcapng{}
		r.format = f
		return f.open(r)
	}
	f, ok := pcapFormat(magic)
	if !ok {
		_ = r.fill(8) // for the description; fewer bytes will do
		return r.fault(ErrNotCapture, "%s", describe(r.buf[:r.end]))
	}
	r.format = f
	return f.open(r)
}

// describe names what people mistake for a capture.
func describe(b []byte) string {
	for _, k := range []struct{ magic, what string }{
		{"snoop\x00\x00\x00", "it is a snoop capture; editcap -F pcap converts it"},
		{"BZh", "it is compressed with bzip2; unpack it first"},
		{"\xfd7zXZ\x00", "it is compressed with xz; unpack it first"},
		{"\x04\x22\x4d\x18", "it is compressed with lz4; unpack it first"},
		{"PK\x03\x04", "it is a zip archive; unpack it first"},
		{"GMBU", "it is a Network Monitor capture; editcap -F pcap converts it"},
	} {
		if len(b) >= len(k.magic) && string(b[:len(k.magic)]) == k.magic {
			return k.what
		}
	}
	return "its first bytes are unknown"
}
