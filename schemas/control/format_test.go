package control_test

import (
	"testing"

	"netstream/schemas/control"
	"netstream/schemas/internal/formattest"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, control.Schema, (&control.Rows{}).Columns())
}
