package packet_test

import (
	"testing"

	"netstream/schemas/internal/formattest"
	"netstream/schemas/packet"
)

func TestFormatPage(t *testing.T) {
	formattest.Columns(t, packet.SchemaIPv4, packet.NewIPv4().Columns())
	formattest.Columns(t, packet.SchemaIPv6, packet.NewIPv6().Columns())
	formattest.Columns(t, packet.SchemaWide, packet.NewWide().Columns())
}
