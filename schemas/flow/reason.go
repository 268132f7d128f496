package flow

// Reason says why a flow ended. The same enum stands in table, record, export (as flowEndReason), database, metrics
// and GUI (spec section 9.5).
type Reason uint8

const (
	Inactive Reason = 1 // no packet for the inactive timeout
	Active   Reason = 2 // alive for the active timeout
	FIN      Reason = 3 // a FIN or RST was seen
	Forced   Reason = 4 // an operator said so
	Table    Reason = 5 // the flow table was full
	Bytes    Reason = 6 // the byte counter would have passed its limit
	End      Reason = 7 // the source ended: the end of a capture file
)

// Reasons lists all of them in order of their codes.
var Reasons = [...]Reason{Inactive, Active, FIN, Forced, Table, Bytes, End}

var reasonNames = [...]string{"unknown", "inactive", "active", "fin", "forced", "table", "bytes", "end"}

// String is the reason's name.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return reasonNames[0]
}

// FlowEndReason is the value of IPFIX element 136: 1 idle timeout, 2 active timeout, 3 end of flow detected, 4 forced
// end, 5 lack of resources. The byte limit has no value of its own and is announced as 2; a code that is no reason is 0,
// as IANA reserves it.
func (r Reason) FlowEndReason() uint8 {
	switch r {
	case Bytes:
		return 2
	case End:
		return 4
	case Inactive, Active, FIN, Forced, Table:
		return uint8(r)
	}
	return 0
}
