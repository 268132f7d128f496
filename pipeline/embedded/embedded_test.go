package embedded_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/embedded"
)

func start(t *testing.T, dir string) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

func stream(t *testing.T, conn *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsStoredIsThereAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	for n := range uint64(3) {
		srv := start(t, dir)
		conn, err := srv.Connect("test")
		if err != nil {
			t.Fatal(err)
		}
		s := stream(t, conn)
		if got := s.CachedInfo().State.LastSeq; got != n {
			t.Errorf("start %d: last sequence %d", n, got)
		}
		if _, err := conn.Request("s", []byte("x"), 5e9); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		srv.Close()
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".writable-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestURLReachesTheServer(t *testing.T) {
	srv := start(t, t.TempDir())
	conn, err := nats.Connect(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !strings.HasPrefix(conn.ConnectedAddr(), "127.0.0.1:") {
		t.Errorf("listens on %s, want loopback alone", conn.ConnectedAddr())
	}
	stream(t, conn)
}

func TestDirectoriesThatCantBeUsed(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) string
		want string
	}{
		{"below a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"))
			return filepath.Join(dir, "file", "store")
		}, "not a directory"},
		{"not writable", func(t *testing.T, dir string) string {
			if os.Getuid() == 0 {
				t.Skip("root may write anywhere")
			}
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "permission denied"},
		{"a file where the server wants a directory", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "jetstream"))
			return dir
		}, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := c.make(t, t.TempDir())
			srv, err := embedded.Start(dir, slog.New(slog.DiscardHandler))
			if err == nil {
				srv.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want it to name %s and %q", err, dir, c.want)
			}
		})
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
