package key_test

import (
	"testing"

	"netstream/schemas/internal/formattest"
	"netstream/schemas/key"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, formattest.WideKey, key.NewWideColumns("").Columns())
}
