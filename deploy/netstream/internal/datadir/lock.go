package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func lockFile(path string) string { return filepath.Join(path, "LOCK") }

// acquire takes the lock for writing and notes this process in it. The kernel releases it when the process ends, in
// whatever way.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(lockFile(path), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// share takes the lock for reading.
func share(path string) (*os.File, error) {
	f, err := os.Open(lockFile(path))
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_SH); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// flock locks without waiting.
func flock(f *os.File, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%w by %s: stop it, or choose another directory with --data", ErrInUse, holder(f))
	}
	return err
}

// holder names the process in a lock file. A reader leaves no name.
func holder(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || syscall.Kill(pid, 0) == syscall.ESRCH {
		return "another netstream process"
	}
	return fmt.Sprintf("the process with id %d", pid)
}
