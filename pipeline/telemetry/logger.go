package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes records from level on to w, one per line.
func NewLogger(w io.Writer, format Format, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
