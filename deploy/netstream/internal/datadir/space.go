package datadir

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"netstream/pipeline/config"
)

const (
	// roomToStart is what a start needs at least: the first files of streams and database.
	roomToStart = 64 << 20
	// roomToGoOn is where a process stops by itself, while there is still room to stop in order.
	roomToGoOn = 32 << 20
	// spaceInterval is how often the room is looked at; at 100 MB/s a fast line writes a tenth of roomToGoOn meanwhile.
	spaceInterval = 30 * time.Millisecond
)

// free is the room in bytes for a process without privileges on the disk of a directory.
var free = func(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// checkSpace refuses a disk with less than want bytes of room.
func (d *Dir) checkSpace(want uint64) error {
	have, err := free(d.path)
	if err != nil {
		return err
	}
	if have < want {
		return fmt.Errorf("%w: %s left, want at least %s: make room or choose another directory with --data",
			ErrFull, config.Size(have), config.Size(want))
	}
	return nil
}

// Watch returns when ctx ends, or with ErrFull before the disk is so full that what runs would break rather than stop.
func (d *Dir) Watch(ctx context.Context) error {
	tick := time.NewTicker(spaceInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := d.checkSpace(roomToGoOn); err != nil {
				return explain(d.path, err)
			}
		}
	}
}
