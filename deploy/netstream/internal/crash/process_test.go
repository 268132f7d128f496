package crash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newLife begins the line of a log that tells of a process, before anything of its own.
const newLife = "--- "

// process is one life of a command. Its log goes to a file, its output to memory.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	log  string // file
	done chan struct{}
	err  error // of waiting; valid when done is closed
}

// launch starts a command that the test's end kills.
func launch(t *testing.T, log, name string, args ...string) *process {
	t.Helper()
	p, err := begin(log, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// begin starts a command. What it says is appended to log.
func begin(log, name string, args ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Env = surroundings()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, f
	if err := p.cmd.Start(); err != nil {
		fmt.Fprintf(f, newLife+"not started: %v\n", err)
		return nil, err
	}
	fmt.Fprintf(f, newLife+"%s: process %d: %s %s\n", time.Now().Format("15:04:05.000"), p.cmd.Process.Pid, filepath.Base(name), strings.Join(args, " "))
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// surroundings is the environment without what would configure the program.
func surroundings() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "NETSTREAM_") })
}

// signal sends a signal, unless the process has ended.
func (p *process) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// kill ends the process as a power cut would, and waits for it.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// ended waits until the process has ended by itself, at most so long.
func (p *process) ended(within time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(within):
		return false
	}
}

// code is the exit code; -1 of a killed process.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// killed tells whether a signal ended the process.
func (p *process) killed() bool {
	var exit *exec.ExitError
	return errors.As(p.err, &exit) && exit.ExitCode() == -1
}

// wait waits for the end; a process that doesn't end within patience fails the test.
func (p *process) wait(t *testing.T) {
	t.Helper()
	if !p.ended(patience) {
		p.signal(syscall.SIGQUIT) // where is it?
		p.ended(5 * time.Second)
		t.Fatalf("%s has not ended within %s\n%s", p.cmd.Args, patience, tail(p.log, 200))
	}
}

// tail is the end of a file, for messages.
func tail(path string, lines int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	return fmt.Sprintf("%s ends with:\n%s", path, strings.Join(all[max(0, len(all)-lines):], "\n"))
}
