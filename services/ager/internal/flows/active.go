package flows

// Active aging: a flow that lives for the timeout is reported and begins anew with its next packet.

func (t *Table[K]) activeDeadline(e *entry[K]) int64 {
	if t.aging.Cache == Synchronized {
		return t.boundary
	}
	return e.first + t.aging.Active
}

// activeAt tells whether the flow had lived long enough when a window began (rule 2).
func (t *Table[K]) activeAt(e *entry[K], start int64) bool {
	return t.aging.Cache != Synchronized && start-e.first >= t.aging.Active
}
