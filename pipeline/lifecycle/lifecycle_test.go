package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// journal notes what components do, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) check(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(want, j.lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// part returns a component that gets ready after warmUp, runs until it is stopped, and takes
// coolDown to stop.
func (j *journal) part(name string, warmUp, coolDown time.Duration) Component {
	ready := make(chan struct{})
	return Component{Name: name, Ready: ready, Run: func(ctx context.Context) error {
		j.note("start " + name)
		time.Sleep(warmUp)
		j.note("ready " + name)
		close(ready)
		<-ctx.Done()
		j.note("stop " + name)
		time.Sleep(coolDown)
		j.note("done " + name)
		return ctx.Err()
	}}
}

// group runs the components in virtual time, with a stop timeout of 3 s, and returns Run's error.
func group(t *testing.T, ctx context.Context, components ...Component) error {
	g := New(slog.New(slog.DiscardHandler), 3*time.Second)
	for _, c := range components {
		g.Add(c)
	}
	return g.Run(ctx)
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := group(t, ctx, j.part("bus", 2*time.Second, time.Second), j.part("ager", 0, 2*time.Second), j.part("sampler", time.Second, 0))
		if err != nil {
			t.Errorf("clean stop: %v", err)
		}
		j.check(t, "start bus", "ready bus", "start ager", "ready ager", "start sampler", "ready sampler",
			"stop sampler", "done sampler", "stop ager", "done ager", "stop bus", "done bus")
	})
}

func TestStopDuringStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		never := Component{Name: "ager", Ready: make(chan struct{}), Run: func(ctx context.Context) error {
			j.note("start ager")
			<-ctx.Done()
			return nil
		}}
		if err := group(t, ctx, j.part("bus", 0, 0), never, j.part("sampler", 0, 0)); err != nil {
			t.Errorf("clean stop: %v", err)
		}
		j.check(t, "start bus", "ready bus", "start ager", "stop bus", "done bus")
	})
}

func TestNothingStartsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := group(t, ctx, j.part("bus", 0, 0)); err != nil {
			t.Error(err)
		}
		j.check(t)
	})
}

func TestFirstErrorStopsAll(t *testing.T) {
	full := errors.New("disk full")
	for name, tt := range map[string]struct {
		run    func(ctx context.Context) error
		finite bool
		is     error
		says   string
	}{
		"error": {
			run:  func(context.Context) error { time.Sleep(time.Second); return full },
			is:   full,
			says: "ager: disk full",
		},
		"error of a finite component": {
			run:    func(context.Context) error { time.Sleep(time.Second); return full },
			finite: true,
			is:     full,
			says:   "ager: disk full",
		},
		"canceled though nobody asked": {
			run:  func(context.Context) error { return context.Canceled },
			is:   context.Canceled,
			says: "ager: context canceled",
		},
		"ends by itself": {
			run:  func(context.Context) error { return nil },
			is:   ErrEnded,
			says: "ager: ended without being asked to stop",
		},
		"panic": {
			run:  func(context.Context) error { panic("slot out of range") },
			says: "ager: panic: slot out of range\ngoroutine ",
		},
		"panic with an error": {
			run:  func(context.Context) error { panic(full) },
			is:   full,
			says: "lifecycle_test.go",
		},
		"goexit": {
			run:  func(context.Context) error { runtime.Goexit(); return nil },
			is:   errGoexit,
			says: "ager: left by runtime.Goexit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var j journal
				ager := Component{Name: "ager", Run: tt.run, Finite: tt.finite}
				err := group(t, t.Context(), j.part("bus", 0, 0), ager, Component{Name: "last", Run: func(ctx context.Context) error {
					<-ctx.Done()
					j.note("done last")
					return ctx.Err()
				}})
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want it to say %q", err, tt.says)
				}
				if tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got %v, want it to be %v", err, tt.is)
				}
				if strings.Count(err.Error(), "ager:") != 1 || strings.Contains(err.Error(), "last:") {
					t.Errorf("got %v, want the failure once and no other", err)
				}
				j.check(t, "start bus", "ready bus", "done last", "stop bus", "done bus")
			})
		})
	}
}

func TestPanicErrorHasTheStack(t *testing.T) {
	err := group(t, t.Context(), Component{Name: "ager", Run: func(context.Context) error { panic(7) }})
	p, ok := errors.AsType[*PanicError](err)
	if !ok || p.Value != 7 || !strings.Contains(string(p.Stack), "TestPanicErrorHasTheStack") {
		t.Errorf("got %v, want a PanicError with 7 and a stack that leads to this test", err)
	}
}

// A finite component that ends leaves the others running; it may end them by the group's context.
func TestFinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sampler := Component{Name: "sampler", Finite: true, Run: func(context.Context) error {
			time.Sleep(time.Second)
			j.note("end of file")
			return nil
		}}
		landed := Component{Name: "landed", Finite: true, Run: func(context.Context) error {
			time.Sleep(5 * time.Second)
			j.note("all landed")
			cancel()
			return nil
		}}
		if err := group(t, ctx, j.part("ager", 0, 0), sampler, landed); err != nil {
			t.Error(err)
		}
		j.check(t, "start ager", "ready ager", "end of file", "all landed", "stop ager", "done ager")
	})
}

func TestGroupEndsWithItsLastComponent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick := func(context.Context) error { return nil }
		err := group(t, t.Context(),
			Component{Name: "a", Run: quick, Finite: true, Ready: make(chan struct{})}, // ends without ever being ready
			Component{Name: "b", Run: quick, Finite: true})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestEmptyGroup(t *testing.T) {
	if err := group(t, t.Context()); err != nil {
		t.Error(err)
	}
}

// A component that hangs is named, and the others are stopped all the same.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		defer close(release)
		hangs := Component{Name: "ager", Run: func(context.Context) error { <-release; return nil }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := group(t, ctx, j.part("bus", 0, 2*time.Second), hangs, j.part("sampler", 0, time.Second))
		if !errors.Is(err, ErrHangs) || err.Error() != "ager: did not stop in time (3s)" {
			t.Errorf("got %v, want that the ager hangs", err)
		}
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("took %s of virtual time, want 7s: 1s until the stop, 1s, 3s and 2s of stopping", took)
		}
		j.check(t, "start bus", "ready bus", "start sampler", "ready sampler",
			"stop sampler", "done sampler", "stop bus", "done bus")
	})
}

func TestErrorsWhileStoppingAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := func(name string) Component {
			return Component{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				return errors.New("flush refused")
			}}
		}
		first := Component{Name: "first", Run: func(context.Context) error { time.Sleep(time.Second); return errors.New("no bus") }}
		err := group(t, t.Context(), fails("a"), first, fails("b"))
		if err == nil || err.Error() != "first: no bus\nb: flush refused\na: flush refused" {
			t.Errorf("got %v, want the first failure and then b's and a's", err)
		}
	})
}

// Run's context carries the values of the group's, and the label that tells profiles apart.
func TestContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	err := group(t, ctx, Component{Name: "ager", Finite: true, Run: func(ctx context.Context) error {
		if ctx.Value(key{}) != "value" {
			t.Error("the context lost its value")
		}
		if label, _ := pprof.Label(ctx, "component"); label != "ager" {
			t.Errorf("label %q, want ager", label)
		}
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
}
