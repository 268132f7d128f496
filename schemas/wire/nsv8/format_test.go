package nsv8_test

import (
	"bytes"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv8"
)

// The example of FORMAT.md is what the encoder writes.
func TestFormatExample(t *testing.T) {
	h := nsv8.Header{SysUptime: 3_600_000, UnixSecs: 1_700_000_000, FlowSequence: 5001, EngineType: 1, EngineID: 7, Scheme: nsv8.ProtocolPort}
	got, err := nsv8.AppendDatagram(nil, &h, []nsv8.Record{{
		Flows: 4, Packets: 400, Octets: 300_000, First: 3_480_000, Last: 3_598_000, Protocol: 6, SrcPort: 40_000, DstPort: 443,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := wiretest.FormatExample(t); !bytes.Equal(got, want) {
		t.Errorf("written %x\nFORMAT.md has %x", got, want)
	}
}
