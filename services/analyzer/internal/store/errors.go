package store

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInUse is met when another process holds the database file.
var ErrInUse = errors.New("the database is in use by another process")

// ErrNewer is met when the file was written by a newer version of NetStream or of DuckDB.
var ErrNewer = errors.New("the database was written by a newer version")

// ErrOlder is met when the file was written by a version before the first release.
var ErrOlder = errors.New("the database was written by an older version")

// ErrNotOurs is met when the file is no database, or one of another program.
var ErrNotOurs = errors.New("the file is not a NetStream database")

// ErrNotWritable is met when the file or its directory can't be written.
var ErrNotWritable = errors.New("the database can't be written")

// ErrDiskFull is met when the file system has no room left. Nothing of the transaction is in the database then.
var ErrDiskFull = errors.New("the disk is full")

// ErrMemory is met when a transaction or query needs more than the memory limit.
var ErrMemory = errors.New("the memory limit is reached")

// DuckDB tells its errors by their words alone; these are the ones that need another answer than the rest.
var phrases = []struct {
	phrase string
	err    error
	advice string
}{
	{"Could not set lock on file", ErrInUse, "stop that process, ask it through its API, or use another data directory"},
	{"different configuration than existing connections", ErrInUse, "it is open in this process already"},
	{"we can only read version", ErrNewer, "run the version that wrote it, or use another data directory"},
	{"not a valid DuckDB database file", ErrNotOurs, "use another data directory, or move the file away"},
	{"No space left on device", ErrDiskFull, "make room and start again: it goes on where it stopped"},
	{"Disk quota exceeded", ErrDiskFull, "make room and start again: it goes on where it stopped"},
	{"Read-only file system", ErrNotWritable, "mount it for writing, or use another data directory"},
	{"Permission denied", ErrNotWritable, "check owner and permissions of the file and its directory"},
	{"Out of Memory", ErrMemory, "raise analyzer.memory_limit, or ask for less at a time"},
}

// explain adds what an error of DuckDB means here and what to do about it.
func explain(err error) error {
	if err == nil {
		return nil
	}
	for _, p := range phrases {
		if strings.Contains(err.Error(), p.phrase) {
			return fmt.Errorf("%w: %s (%w)", p.err, p.advice, err)
		}
	}
	return err
}
