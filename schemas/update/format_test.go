package update_test

import (
	"testing"

	"netstream/schemas/internal/formattest"
	"netstream/schemas/update"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, update.SchemaIPv4, update.NewIPv4().Columns())
	formattest.Columns(t, update.SchemaIPv6, update.NewIPv6().Columns())
	formattest.Columns(t, update.SchemaWide, update.NewWide().Columns())
}
