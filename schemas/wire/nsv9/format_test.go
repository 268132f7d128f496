package nsv9_test

import (
	"bytes"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// The example of FORMAT.md is what the encoder writes.
func TestFormatExample(t *testing.T) {
	tmpl := nsv9.Template{ID: 301, Fields: []nsv9.Field{{nsv9.IPv4SrcAddr, 4}, {nsv9.IPv4DstAddr, 4}, {nsv9.InPkts, 4}, {nsv9.InBytes, 4}}}
	var e nsv9.Encoder
	if err := e.Begin(nil, 64, &nsv9.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000, SourceID: 9}); err != nil {
		t.Fatal(err)
	}
	if err := e.Templates(&tmpl); err != nil {
		t.Fatal(err)
	}
	if err := e.OpenData(301, 16); err != nil {
		t.Fatal(err)
	}
	copy(e.Next(), "\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x00\x00\x05\x00\x00\x01\xf4")
	if got, want := e.Finish(), wiretest.FormatExample(t); !bytes.Equal(got, want) {
		t.Errorf("written %x\nFORMAT.md has %x", got, want)
	}
}
