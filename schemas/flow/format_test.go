package flow_test

import (
	"testing"

	"netstream/schemas/flow"
	"netstream/schemas/internal/formattest"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, flow.SchemaIPv4, flow.NewIPv4().Columns())
	formattest.Columns(t, flow.SchemaIPv6, flow.NewIPv6().Columns())
	formattest.Columns(t, flow.SchemaWide, flow.NewWide().Columns())
}
