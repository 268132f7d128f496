package flows

// Byte limit: a flow ends before its byte counter would pass the limit (rule 3). One window's bytes may pass it alone;
// they stay one flow, and an exporter with 32-bit counters splits it.

func (t *Table[K]) overBytes(e *entry[K], p *pending) bool {
	return e.bytes+p.bytes > t.aging.ByteLimit
}
