// Package embeddedtest gives a test a JetStream of its own.
package embeddedtest

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"

	"netstream/pipeline/embedded"
)

// Connect starts a JetStream with its files in a folder of the test and connects to it, both until the test ends.
func Connect(t testing.TB) (*embedded.Server, *nats.Conn) {
	t.Helper()
	srv, err := embedded.Start(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	conn, err := srv.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return srv, conn
}
