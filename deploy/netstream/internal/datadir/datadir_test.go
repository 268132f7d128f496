package datadir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// fails wants an error that is what and says all of the words.
func fails(t *testing.T, err, what error, words ...string) {
	t.Helper()
	if !errors.Is(err, what) {
		t.Fatalf("got error %v, want %v", err, what)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q doesn't say %q", err, w)
		}
	}
}

func TestOpenIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := open(t, path)
	_, err := Open(path)
	fails(t, err, ErrInUse, path, fmt.Sprintf("process with id %d", os.Getpid()), "--data")
	_, err = Read(path)
	fails(t, err, ErrInUse, path)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestReadersShare(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := os.WriteFile(d.Database(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d.Close()
	first, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	fails(t, err, ErrInUse)
	first.Close()
	second.Close()
	open(t, path)
}

func TestReadOfNothing(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none"))
	fails(t, err, ErrNone, "netstream run FILE")
	path := t.TempDir()
	open(t, path).Close()
	_, err = Read(path)
	fails(t, err, ErrNone)
}

func TestVersion(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    string
	}{
		"newer":   {"2\n", "layout 2, this program knows up to 1"},
		"foreign": {"hello\n", `holds "hello", want a number`},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			if err := os.WriteFile(filepath.Join(path, "VERSION"), []byte(test.content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			entries, _ := os.ReadDir(path)
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			if diff := cmp.Diff([]string{"LOCK", "VERSION"}, names); diff != "" {
				t.Errorf("a refused directory was written to (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotWritable(t *testing.T) {
	t.Run("below a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(filepath.Join(file, "data"))
		fails(t, err, ErrNotWritable, "--data")
		_, err = Open(file)
		fails(t, err, ErrNotWritable)
	})
	t.Run("another user's", func(t *testing.T) {
		path := t.TempDir()
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() {
			_, err := Open(path)
			fails(t, err, ErrNotWritable, "permission denied")
		})
	})
}

// asNobody runs f without the rights of root, which permissions don't stop.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread() // the file-system user belongs to the thread
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	f()
}

func TestFullDisk(t *testing.T) {
	real := free
	defer func() { free = real }()
	free = func(string) (uint64, error) { return 5 << 20, nil }
	path := t.TempDir()
	_, err := Open(path)
	fails(t, err, ErrFull, path, "5MiB left, want at least 64MiB")

	free = real
	d := open(t, path)
	free = func(string) (uint64, error) { return 5 << 20, nil }
	fails(t, d.Watch(context.Background()), ErrFull, path, "5MiB left")
}

func TestErrorsOfAFullDisk(t *testing.T) {
	err := explain("dir", &os.PathError{Op: "write", Path: "dir/LOCK", Err: syscall.ENOSPC})
	fails(t, err, ErrFull, "dir/LOCK", "make room")
}

func TestRunning(t *testing.T) {
	path := t.TempDir()
	none := func(when string) {
		t.Helper()
		if r, err := Running(path); r != nil || err != nil {
			t.Errorf("%s: Running gives %v, %v, want nothing", when, r, err)
		}
	}
	none("before")
	d := open(t, path)
	if _, err := Running(path); err == nil || !strings.Contains(err.Error(), "starting or stopping") {
		t.Errorf("while starting: got %v", err)
	}
	want := Runtime{PID: os.Getpid(), NATS: "nats://127.0.0.1:1", API: "http://127.0.0.1:2"}
	if err := d.Publish(want); err != nil {
		t.Fatal(err)
	}
	got, err := Running(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.lock.Close() // as a kill would: the file stays
	none("after a kill")
	d = open(t, path)
	d.Close()
	none("after")
}

func TestReports(t *testing.T) {
	d := open(t, t.TempDir())
	for range 2 {
		if err := d.Report("a-r1"); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]bool{"a-r1": true, "a-r2": false} {
		if got, err := d.Reported(source); got != want || err != nil {
			t.Errorf("Reported(%q) is %t, %v, want %t", source, got, err, want)
		}
	}
}
