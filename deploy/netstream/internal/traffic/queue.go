package traffic

// entry is something that happens at a time: the next packet of the flow in
// slot id, or, for negative ids, an arrival or the clock tick.
type entry struct {
	at int64 // Unix time, ns
	id int32
}

// queue is a 4-ary heap of entries, earliest first. Four children share a
// cache line, which halves the misses of the binary form.
type queue []entry

func (q *queue) push(e entry) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if h[parent].at <= e.at {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
	*q = h
}

// replaceMin puts e in the place of the earliest entry.
func (q queue) replaceMin(e entry) {
	i := 0
	for {
		child := 4*i + 1
		if child >= len(q) {
			break
		}
		least, end := child, min(child+4, len(q))
		for c := child + 1; c < end; c++ {
			if q[c].at < q[least].at {
				least = c
			}
		}
		if e.at <= q[least].at {
			break
		}
		q[i] = q[least]
		i = least
	}
	q[i] = e
}

func (q *queue) popMin() {
	h := *q
	last := h[len(h)-1]
	h = h[:len(h)-1]
	if len(h) > 0 {
		h.replaceMin(last)
	}
	*q = h
}
