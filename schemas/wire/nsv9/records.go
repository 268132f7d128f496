package nsv9

// Records walks the records of a data flowset, without allocation:
//
//	records := layout.Records(set.Body)
//	for records.Next() {
//		octets, ok := nsv9.Uint(layout.Field(records.Record(), i))
//	}
type Records struct {
	layout *Layout
	b      []byte
	rec    []byte
	err    error
}

// Records readies the walk over the body of a data flowset.
func (l *Layout) Records(body []byte) Records { return Records{layout: l, b: body} }

// Next goes to the next record. What is left and shorter than the shortest record is padding. Each record has at
// least one byte, so the walk comes to an end.
func (r *Records) Next() bool {
	r.rec = nil
	if r.err != nil || len(r.b) < r.layout.least {
		return false
	}
	n := r.layout.least
	if len(r.layout.gaps) > 0 {
		if n = r.layout.recordLen(r.b); n < 0 {
			r.err = ErrRecordCut
			return false
		}
	}
	r.rec, r.b = r.b[:n:n], r.b[n:]
	return true
}

// Record is the record Next went to, part of the body.
func (r *Records) Record() []byte { return r.rec }

// Rest is the number of bytes behind the last record: padding, or what ErrRecordCut drops. More than 3 bytes of
// padding are worth a warning.
func (r *Records) Rest() int { return len(r.b) }

// Err is ErrRecordCut when the rest of the flowset could not be read.
func (r *Records) Err() error { return r.err }
