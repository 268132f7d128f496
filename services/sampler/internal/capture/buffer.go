package capture

import (
	"errors"
	"fmt"
	"io"
)

// fill moves the unread bytes to the front of the buffer and reads until it holds need of them.
// Without a single byte it returns io.EOF at the end of the input, with some but too few ErrTruncated.
func (r *Reader) fill(need int) error {
	r.base += int64(r.pos)
	r.end = copy(r.buf, r.buf[r.pos:r.end])
	r.pos = 0
	for r.end < need {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil && r.end < need {
			return r.stopped(err, need)
		}
	}
	return nil
}

// discard passes over n bytes of the record at r.pos, in the buffer and behind it, and counts them in
// r.skipped. The buffer is given up, so no packet of the current batch may point into it.
func (r *Reader) discard(n int64) error {
	for {
		k := min(n, int64(r.end-r.pos))
		r.pos += int(k)
		r.skipped += k
		if n -= k; n == 0 {
			return nil
		}
		if err := r.fill(1); err != nil {
			return err
		}
	}
}

// stopped explains why there are less than need bytes to read on.
func (r *Reader) stopped(err error, need int) error {
	have, want := r.skipped+int64(r.end), r.skipped+int64(need)
	switch {
	case r.file.err != nil:
		return fmt.Errorf("%s: byte %d of the uncompressed stream: %w", r.name, r.base-r.skipped, err)
	case err == io.EOF && have == 0:
		return io.EOF
	case err == io.EOF:
		e := r.fault(ErrTruncated, "a record of %d bytes or more has only %d", want, have)
		e.Have, e.Want = have, want
		return e
	case errors.Is(err, io.ErrUnexpectedEOF):
		e := r.fault(ErrTruncated, "the compressed stream ends early, with %d bytes of an unfinished record", have)
		e.Have, e.Want, e.Cause = have, want, err
		return e
	}
	e := r.fault(ErrBroken, "the compressed stream is damaged")
	e.Cause = err
	return e
}

// fault is an Error about the record at r.pos.
func (r *Reader) fault(reason error, detail string, args ...any) *Error {
	return &Error{
		File: r.name, Offset: r.base + int64(r.pos) - r.skipped,
		Reason: reason, Detail: fmt.Sprintf(detail, args...),
	}
}
