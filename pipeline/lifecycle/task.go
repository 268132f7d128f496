package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
)

// PanicError is the failure of a component that panicked. A panic in a goroutine that the component
// started itself isn't caught and ends the process.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the component's goroutine
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap returns the panic's value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGoexit = errors.New("left by runtime.Goexit")

// task is a running component.
type task struct {
	Component
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned; err may be read from then on
	err    error
	seen   bool // the end was noted before the turn to stop
}

// launch runs a component in a goroutine of its own. Its context keeps the values of the group's but
// ends by cancel alone, so that the order of stopping is the group's to decide.
func launch(ctx context.Context, c Component, ended chan<- *task) *task {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &task{Component: c, cancel: cancel, done: make(chan struct{}), err: errGoexit}
	go func() {
		defer func() {
			if r := recover(); r != nil {
				t.err = &PanicError{Value: r, Stack: debug.Stack()}
			}
			cancel()
			close(t.done)
			ended <- t // never blocks: there is room for every task
		}()
		// Goroutines inherit the label, so that profiles tell the stages apart.
		pprof.Do(ctx, pprof.Labels("component", c.Name), func(ctx context.Context) {
			t.err = c.Run(ctx)
		})
	}()
	return t
}

func (t *task) failure() error { return fmt.Errorf("%s: %w", t.Name, t.err) }
