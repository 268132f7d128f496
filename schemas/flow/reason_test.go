package flow_test

import (
	"testing"

	"netstream/schemas/flow"
)

// TestReasons spells out the table of FORMAT.md: code, name, flowEndReason.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		reason flow.Reason
		code   uint8
		name   string
		export uint8
	}{
		{flow.Inactive, 1, "inactive", 1},
		{flow.Active, 2, "active", 2},
		{flow.FIN, 3, "fin", 3},
		{flow.Forced, 4, "forced", 4},
		{flow.Table, 5, "table", 5},
		{flow.Bytes, 6, "bytes", 2},
		{flow.End, 7, "end", 4},
	} {
		if uint8(c.reason) != c.code || c.reason.String() != c.name || c.reason.FlowEndReason() != c.export {
			t.Errorf("%d %s flowEndReason %d, want %d %s %d", c.reason, c.reason, c.reason.FlowEndReason(), c.code, c.name, c.export)
		}
		if flow.Reasons[c.code-1] != c.reason {
			t.Errorf("Reasons[%d] is %v, want %v", c.code-1, flow.Reasons[c.code-1], c.reason)
		}
	}
	if len(flow.Reasons) != 7 {
		t.Errorf("%d reasons, want 7", len(flow.Reasons))
	}
	for _, r := range []flow.Reason{0, 8, 255} {
		if r.String() != "unknown" || r.FlowEndReason() != 0 {
			t.Errorf("code %d: %s, flowEndReason %d; want unknown, 0", uint8(r), r, r.FlowEndReason())
		}
	}
}
