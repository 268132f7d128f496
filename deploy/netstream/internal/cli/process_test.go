package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mainVariable makes the test binary be the program.
const mainVariable = "NETSTREAM_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainVariable) != "" {
		s := System()
		s.Env = slices.DeleteFunc(s.Env, func(v string) bool { return strings.HasPrefix(v, "NETSTREAM_TEST") })
		os.Exit(Main(context.Background(), os.Args[1:], s))
	}
	os.Exit(m.Run())
}

// process makes the program a process of its own, in an empty working directory.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "NETSTREAM_") }), mainVariable+"=1")
	c.Dir = t.TempDir()
	return c
}

// code is the exit code of a process that was waited for; -1 if it was killed.
func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

// outcome is what a command line gives.
type outcome struct {
	Code     int
	Out, Err string
}

// execute runs a command line in this process, with an environment of its own.
func execute(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	c := Main(t.Context(), args, Streams{Out: &out, Err: &err, Env: env})
	return outcome{c, out.String(), err.String()}
}
