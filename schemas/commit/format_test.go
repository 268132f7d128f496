package commit_test

import (
	"testing"

	"netstream/schemas/commit"
	"netstream/schemas/internal/formattest"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, commit.SchemaWatermark, (&commit.Watermarks{}).Columns())
}
