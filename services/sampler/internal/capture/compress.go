package capture

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory a zstd frame may ask for; it is what `zstd --long` needs.
const maxWindow = 128 << 20

// decompress sets r.src to the uncompressed stream, told by the first bytes.
func (r *Reader) decompress() error {
	head := make([]byte, 4)
	n, err := io.ReadFull(&r.file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return r.stopped(err, 4)
	}
	src := io.MultiReader(bytes.NewReader(head[:n]), &r.file)

	switch {
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b: // RFC 1952 §2.3.1
		z, err := gzip.NewReader(src)
		if err != nil {
			return r.stopped(err, 0)
		}
		r.src, r.closers = z, append(r.closers, z)
	case n == 4 && isZstd(binary.LittleEndian.Uint32(head)):
		z, err := zstd.NewReader(src, zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return r.stopped(err, 0)
		}
		c := z.IOReadCloser()
		r.src, r.closers = c, append(r.closers, c)
	default:
		r.src = src
	}
	return nil
}

// isZstd knows the magic of frames and of skippable frames, RFC 8878 §3.1.
func isZstd(magic uint32) bool {
	return magic == 0xfd2fb528 || magic&^0xf == 0x184d2a50
}
