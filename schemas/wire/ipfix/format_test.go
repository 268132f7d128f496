package ipfix_test

import (
	"bytes"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
)

// The example of FORMAT.md is what the encoder writes.
func TestFormatExample(t *testing.T) {
	tmpl := ipfix.Template{ID: 301, Fields: []ipfix.Field{
		{Type: nsv9.IPv4SrcAddr, Length: 4}, {Type: nsv9.IPv4DstAddr, Length: 4}, {Type: nsv9.InPkts, Length: 4}, {Type: nsv9.InPkts, Length: 4, Enterprise: ipfix.Reverse},
	}}
	var e ipfix.Encoder
	if err := e.Begin(nil, 72, &ipfix.Header{ExportTime: 1_700_000_000, Sequence: 12, DomainID: 9}); err != nil {
		t.Fatal(err)
	}
	if err := e.Templates(&tmpl); err != nil {
		t.Fatal(err)
	}
	if err := e.OpenData(301, 16); err != nil {
		t.Fatal(err)
	}
	copy(e.Next(), "\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x00\x00\x05\x00\x00\x00\x04")
	if got, want := e.Finish(), wiretest.FormatExample(t); !bytes.Equal(got, want) {
		t.Errorf("written %x\nFORMAT.md has %x", got, want)
	}
}
