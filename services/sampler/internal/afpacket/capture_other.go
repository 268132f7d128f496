//go:build !linux

package afpacket

import (
	"log/slog"

	"netstream/services/sampler/internal/capture"
)

// Capture is there on Linux only.
type Capture struct{}

// Open returns ErrSystem.
func Open(Config, *slog.Logger) (*Capture, error) { return nil, ErrSystem }

// Read returns ErrSystem.
func (*Capture) Read([]capture.Packet) (int, error) { return 0, ErrSystem }

// Interfaces are none.
func (*Capture) Interfaces() []Info { return nil }

// Name is empty.
func (*Capture) Name(uint32) string { return "" }

// Stats are none.
func (*Capture) Stats() []Stats { return nil }

// Lost is 0.
func (*Capture) Lost() capture.Losses { return capture.Losses{} }

// Close does nothing.
func (*Capture) Close() error { return nil }
