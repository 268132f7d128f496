package capture

import (
	"io"
	"sync/atomic"
)

// maxEmptyReads is how many reads in a row may give neither a byte nor an error, as in package bufio.
const maxEmptyReads = 100

// file counts what is read from the stored file and keeps its error, so that it can be told from one of
// the decompressor above.
type file struct {
	src   io.Reader
	n     atomic.Int64
	empty int
	err   error // other than io.EOF
}

func (f *file) Read(b []byte) (int, error) {
	n, err := f.src.Read(b)
	f.n.Add(int64(n))
	if n > 0 || len(b) == 0 {
		f.empty = 0
	} else if f.empty++; f.empty == maxEmptyReads && err == nil {
		err = io.ErrNoProgress
	}
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}
