package ledger_test

import (
	"testing"

	"netstream/schemas/internal/formattest"
	"netstream/schemas/ledger"
)

func TestFormatPage(t *testing.T) { formattest.Columns(t, ledger.Schema, (&ledger.Rows{}).Columns()) }
