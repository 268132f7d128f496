package flowcache

import "netstream/schemas/key"

// merge adds the rows of a message to the caches of the monitors that take them, and counts them.
func (w *worker) merge(src *source, index uint16) {
	bytes4, bytes6 := total(w.rows4.Bytes), total(w.rows6.Bytes)
	count(&src.in, w.rows4.Len(), bytes4)
	count(&src.in, w.rows6.Len(), bytes6)
	for i, c := range w.caches {
		b := &src.books[i]
		n4, n6 := w.rows4.Len(), w.rows6.Len()
		if ipv4, ok := c.(*keyed[key.IPv4]); ok && src.serves.by[i] {
			count(&b.in, n4, ipv4.narrow(w.rows4, b.seed, index))
		} else {
			count(&b.unmatched, n4, bytes4)
		}
		if ipv6, ok := c.(*keyed[key.IPv6]); ok && src.serves.by[i] {
			count(&b.in, n6, ipv6.narrow(w.rows6, b.seed, index))
		} else {
			count(&b.unmatched, n6, bytes6)
		}
	}
	for i := range w.wide.Len() {
		w.wide.Read(i, &w.row)
		count(&src.in, 1, uint64(w.row.Bytes))
		for m, c := range w.caches {
			if b := &src.books[m]; src.serves.by[m] && c.takes(w.row.Layers) {
				count(&b.in, 1, uint64(c.wide(&w.row, b.seed, index)))
			} else {
				count(&b.unmatched, 1, uint64(w.row.Bytes))
			}
		}
	}
	all, bytes := w.rows4.Len()+w.rows6.Len()+w.wide.Len(), bytes4+bytes6+total(w.wide.Bytes)
	for i := range src.former {
		count(&src.former[i].unmatched, all, bytes)
	}
}

func total(bytes []uint32) (sum uint64) {
	for _, b := range bytes {
		sum += uint64(b)
	}
	return sum
}
