// Package datadir is the directory that `--data` names: the one place where a process keeps what it must not lose.
//
//	LOCK              held by the process that uses the directory; its process id
//	VERSION           number of this layout
//	runtime.json      where the process that holds the lock can be reached
//	streams/          the embedded JetStream
//	netstream.duckdb  the database
//	runs/             a file for each capture whose run is over and reported
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Default is the directory used when none is named.
const Default = "netstream-data"

var (
	// ErrInUse is met when another process holds the directory.
	ErrInUse = errors.New("in use")
	// ErrNewer is met when a newer version of the program wrote the directory.
	ErrNewer = errors.New("written by a newer version")
	// ErrFull is met when the disk has too little room.
	ErrFull = errors.New("disk full")
	// ErrNotWritable is met when the directory can't be made or written to.
	ErrNotWritable = errors.New("not writable")
	// ErrNone is met when there is nothing to read.
	ErrNone = errors.New("no data")
)

// Dir is a data directory this process may use until Close.
type Dir struct {
	path string
	lock *os.File
	own  bool // locked for writing
}

// Open makes the directory if need be and takes it for this process alone.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, explain(path, err)
	}
	lock, err := acquire(path)
	if err != nil {
		return nil, explain(path, err)
	}
	d := &Dir{path: path, lock: lock, own: true}
	if err := d.prepare(); err != nil {
		d.Close()
		return nil, explain(path, err)
	}
	return d, nil
}

// prepare checks what is in the directory, and what room there is, before anything else is written to it.
func (d *Dir) prepare() error {
	if err := d.checkVersion(); err != nil {
		return err
	}
	if err := d.checkSpace(roomToStart); err != nil {
		return err
	}
	if err := d.writeVersion(); err != nil {
		return err
	}
	return os.MkdirAll(d.Streams(), 0o755)
}

// Read opens a directory that no process writes to, for reading; others may read it at the same time.
func Read(path string) (*Dir, error) {
	lock, err := share(path)
	if err != nil {
		return nil, explain(path, err)
	}
	d := &Dir{path: path, lock: lock}
	if err := d.checkVersion(); err != nil {
		d.Close()
		return nil, explain(path, err)
	}
	if _, err := os.Stat(d.Database()); err != nil {
		d.Close()
		return nil, explain(path, err)
	}
	return d, nil
}

// Path is the directory as it was named.
func (d *Dir) Path() string { return d.path }

// Streams is where the embedded JetStream keeps its files.
func (d *Dir) Streams() string { return filepath.Join(d.path, "streams") }

// Database is the database file.
func (d *Dir) Database() string { return filepath.Join(d.path, "netstream.duckdb") }

// Close gives the directory back.
func (d *Dir) Close() error {
	if d.own {
		if err := os.Remove(runtimeFile(d.path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, d.lock.Close())
		}
	}
	return d.lock.Close() // which releases the lock
}

// explain says what an error means for the directory and what to do about it.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, ErrInUse), errors.Is(err, ErrNewer), errors.Is(err, ErrFull):
		return fmt.Errorf("data directory %s: %w", path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("data directory %s: %w: make room or choose another directory with --data (%v)", path, ErrFull, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fmt.Errorf("data directory %s: %w: choose another directory with --data (%v)", path, ErrNotWritable, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("data directory %s: %w: name the right one with --data, or fill this one with `netstream run FILE` or `netstream demo`", path, ErrNone)
	default:
		return fmt.Errorf("data directory %s: %w", path, err)
	}
}
