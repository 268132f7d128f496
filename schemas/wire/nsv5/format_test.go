package nsv5_test

import (
	"bytes"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
)

// The example of FORMAT.md is a golden datagram, which other tests read and write.
func TestFormatExample(t *testing.T) {
	if got, want := wiretest.FormatExample(t), wiretest.LoadVector(t, "v5_uptime_wrap").Bytes; !bytes.Equal(got, want) {
		t.Errorf("FORMAT.md has %x\nwant %x", got, want)
	}
}
