package datagram_test

import (
	"testing"

	"netstream/schemas/datagram"
	"netstream/schemas/internal/formattest"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, datagram.Schema, (&datagram.Rows{}).Columns())
}
