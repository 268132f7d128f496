package flows

// Inactive aging: a flow without a packet for the timeout is over. A packet exactly at the deadline begins a new flow.

func (t *Table[K]) inactiveDeadline(e *entry[K]) int64 { return e.last + t.aging.Inactive }

// inactiveBefore tells whether the flow was over before the update came (rule 1).
func (t *Table[K]) inactiveBefore(e *entry[K], p *pending) bool {
	return p.first-e.last >= t.aging.Inactive
}
