package telemetry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		report := func(wantReady bool, want ...State) {
			t.Helper()
			got, ready := h.Report()
			if diff := cmp.Diff(want, got); diff != "" || ready != wantReady {
				t.Errorf("ready %v, want %v; -want +got:\n%s", ready, wantReady, diff)
			}
		}
		if _, ready := h.Report(); !ready {
			t.Error("nothing registered: not ready, want ready")
		}
		start := time.Now()
		bus, ager := h.Register("bus"), h.Register("ager/0")
		report(false, State{"bus", false, start, "starting"}, State{"ager/0", false, start, "starting"})

		time.Sleep(time.Second)
		bus.Ready()
		ager.NotReady("replaying") // another reason, not another state: since stays
		report(false, State{"bus", true, start.Add(time.Second), ""}, State{"ager/0", false, start, "replaying"})

		time.Sleep(time.Second)
		bus.Ready()
		ager.Ready()
		report(true, State{"bus", true, start.Add(time.Second), ""}, State{"ager/0", true, start.Add(2 * time.Second), ""})

		time.Sleep(time.Second)
		bus.NotReady("reconnecting")
		report(false, State{"bus", false, start.Add(3 * time.Second), "reconnecting"}, State{"ager/0", true, start.Add(2 * time.Second), ""})

		want := `
			# HELP netstream_ready Whether the check is ready: 1 or 0.
			# TYPE netstream_ready gauge
			netstream_ready{check="ager/0"} 1
			netstream_ready{check="bus"} 0
		`
		if err := testutil.CollectAndCompare(&h, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

func TestHealthNameTakenPanics(t *testing.T) {
	var h Health
	h.Register("bus")
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	h.Register("bus")
}
