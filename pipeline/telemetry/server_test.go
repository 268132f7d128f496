package telemetry

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var quiet = slog.New(slog.DiscardHandler)

// serve runs a server until the test ends and fails the test when it doesn't stop cleanly.
func serve(t *testing.T, listen string, h http.Handler) *Server {
	t.Helper()
	s := NewServer(listen, h, quiet)
	if s.Addr() != nil {
		t.Error("an address before Run")
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-stopped:
		stopped <- nil
		t.Fatal(err)
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	return s
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServer(t *testing.T) {
	registry, health := NewRegistry("1.2.3"), new(Health)
	registry.MustRegister(health)
	bus := health.Register("bus")
	s := serve(t, "127.0.0.1:0", Handler(registry, health))
	base := "http://" + s.Addr().String()

	if status, body := get(t, base+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	_, metrics := get(t, base+"/metrics")
	for _, want := range []string{`netstream_build_info{goversion="go`, `version="1.2.3"} 1`, `netstream_ready{check="bus"} 0`,
		"go_goroutines ", "process_resident_memory_bytes "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s:\n%s", want, metrics)
		}
	}
	if status, body := get(t, base+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("/debug/pprof/goroutine: %d %.80q", status, body)
	}
	if status, _ := get(t, base+"/"); status != 404 {
		t.Errorf("/: %d, want 404", status)
	}

	bus.NotReady("reconnecting")
	for _, want := range []struct {
		status int
		ready  bool
		reason string
	}{{503, false, "reconnecting"}, {200, true, ""}} {
		status, body := get(t, base+"/readyz")
		var got struct {
			Ready  bool
			Checks []State
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("/readyz: %v in %s", err, body)
		}
		if status != want.status || got.Ready != want.ready || len(got.Checks) != 1 ||
			got.Checks[0].Name != "bus" || got.Checks[0].Ready != want.ready || got.Checks[0].Reason != want.reason {
			t.Errorf("/readyz: %d %s, want %+v", status, body, want)
		}
		bus.Ready()
	}
}

func TestProfilesAreLocal(t *testing.T) {
	h := Handler(NewRegistry("test"), new(Health))
	for remote, want := range map[string]int{
		"127.0.0.1:4000":   200,
		"127.8.8.8:4000":   200,
		"[::1]:4000":       200,
		"192.0.2.1:4000":   403,
		"[2001:db8::1]:40": 403,
		"":                 403,
		"@":                403,
	} {
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline"} {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr = remote
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s from %q: %d, want %d", path, remote, w.Code, want)
			}
		}
	}
}

func TestServerOff(t *testing.T) {
	if s := serve(t, "", http.NotFoundHandler()); s.Addr() != nil {
		t.Errorf("address %v of a server that is off", s.Addr())
	}
}

func TestServerAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = NewServer(l.Addr().String(), http.NotFoundHandler(), quiet).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "telemetry.listen") {
		t.Errorf("got %v, want the address and the key that changes it", err)
	}
}

// An answer that takes longer than the process has left is cut off, and Run still ends.
func TestServerStopsInSpiteOfASlowAnswer(t *testing.T) {
	asked := make(chan struct{})
	s := serve(t, "127.0.0.1:0", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	go func() {
		if resp, err := http.Get("http://" + s.Addr().String()); err == nil {
			resp.Body.Close()
		}
	}()
	<-asked // the clean-up of serve stops the server now and waits for it
}
