// Package cli is the command line: one file for each command, which reads flags and the configuration, lets the package
// concerned do the work, and shows what came of it. Results go to stdout, all else to stderr.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"netstream/pipeline/config"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2 // wrong usage or configuration
)

// Streams are what a command line is connected to.
type Streams struct {
	Out, Err io.Writer
	Terminal bool     // whether Err is a terminal
	Env      []string // as of os.Environ
	Name     string   // how this program was called, for commands it suggests; empty: netstream
}

// System is this process's own.
func System() Streams {
	return Streams{Out: os.Stdout, Err: os.Stderr, Terminal: term.IsTerminal(int(os.Stderr.Fd())), Env: os.Environ(), Name: os.Args[0]}
}

// Main runs one command line and returns the exit code. SIGINT and SIGTERM end ctx for it; a second one kills.
func Main(ctx context.Context, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop()
	}()
	root := newRoot(s)
	root.SetArgs(args)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Done
	}
	for l := range strings.Lines(err.Error()) { // several problems are several lines
		if !strings.HasPrefix(l, root.Name()+" ") && !strings.HasPrefix(l, root.Name()+": ") { // wrong usage names its command itself
			l = root.Name() + ": " + l
		}
		fmt.Fprintln(s.Err, strings.TrimRight(l, "\n"))
	}
	var usage *usageError
	var problems config.Problems
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(s.Err, "See `%s --help`.\n", usage.command)
		return Usage
	case errors.As(err, &problems):
		return Usage
	}
	return Failed
}

// usageError is a command line that makes no sense.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// wrongUsage makes a usage error of a command.
func wrongUsage(c *cobra.Command, format string, args ...any) error {
	return &usageError{c.CommandPath(), fmt.Errorf(format, args...)}
}

// args makes a usage error of what a check of arguments finds; wanted says what is.
func args(check cobra.PositionalArgs, wanted string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check(c, args) != nil {
			return wrongUsage(c, "%s: got %d arguments, want %s", c.CommandPath(), len(args), wanted)
		}
		return nil
	}
}

// none is the check of a command without arguments.
var none = args(cobra.NoArgs, "none")
