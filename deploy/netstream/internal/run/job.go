// Package run takes captures through a line to the end and says what came of it.
//
//	open all -> read one after another -> wait until landed -> close the books -> sum up
package run

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/progress"
	"netstream/services/sampler"
)

// Job is one command's captures on their way.
type Job struct {
	paths []string
	again bool

	files   []*file
	current atomic.Pointer[file]
	opened  time.Time
	read    atomic.Bool // all files are read
	skipped []error     // sampler.ErrFinished of captures that were landed before
}

// file is one capture.
type file struct {
	*sampler.File
	path   string
	damage error // why it couldn't be read to its end; all before is landed
}

// New makes a job of captures. again runs those that were landed before once more.
func New(paths []string, again bool) *Job { return &Job{paths: paths, again: again} }

// Run does the job on a line that runs. Nothing is published unless every capture can be opened. When ctx ends first, the
// same job on the same data goes on from there; see Interrupted. The caller calls Result.Reported when it has shown the
// result.
func (j *Job) Run(ctx context.Context, l *line.Line) (*Result, error) {
	if err := j.open(ctx, l); err != nil {
		return nil, err
	}
	for _, f := range j.files {
		if err := j.readFile(ctx, l, f); err != nil {
			return nil, err
		}
	}
	j.read.Store(true)
	return j.finish(ctx, l)
}

// open opens every capture, and reports every one that can't be.
func (j *Job) open(ctx context.Context, l *line.Line) error {
	var bad []error
	for _, path := range j.paths {
		f, err := l.Sampler.Open(ctx, path, j.again, func(source string) (bool, error) { return over(ctx, l, source) })
		switch {
		case err == nil:
			j.files = append(j.files, &file{File: f, path: path})
		case errors.Is(err, sampler.ErrFinished):
			j.skipped = append(j.skipped, err)
		default:
			bad = append(bad, err)
		}
	}
	if len(bad) == 0 && len(j.files) == 0 {
		bad = j.skipped
	}
	j.opened = time.Now()
	if len(j.files) > 0 {
		j.current.Store(j.files[0])
	}
	return errors.Join(bad...)
}

// over tells whether a run needs nothing more: it has passed the last stage, and its end has been reported.
func over(ctx context.Context, l *line.Line, source string) (bool, error) {
	reported, err := l.Reported(source)
	if err != nil || !reported {
		return false, err
	}
	return l.Landed(ctx, source)
}

// readFile publishes a capture. Damage further on doesn't stop the job.
func (j *Job) readFile(ctx context.Context, l *line.Line, f *file) error {
	j.current.Store(f)
	err := f.File.Run(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	// Either the capture is damaged and everything before the damage is published, or publishing failed.
	ended, endErr := l.Published(ctx, f.Source())
	if endErr != nil {
		return errors.Join(err, endErr)
	}
	if !ended {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.damage = err
	return nil
}

// Progress is how far the job is. It is for any goroutine.
func (j *Job) Progress() progress.State {
	f := j.current.Load()
	if f == nil {
		return progress.State{Doing: "starting"}
	}
	s := progress.State{Doing: "reading " + f.path}
	if j.read.Load() {
		s.Doing = "landing"
	}
	for _, f := range j.files {
		p := f.Progress()
		s.Done += p.Offset
		s.Size += p.Size
		s.Packets += p.Packets
	}
	return s
}

// Interrupted says how far an interrupted job came.
func (j *Job) Interrupted() string {
	s := j.Progress()
	if s.Doing == "landing" {
		return "stopped while landing; nothing is lost: the same command goes on from here"
	}
	return fmt.Sprintf("stopped after %d packets, %s; nothing is lost: the same command goes on from here", s.Packets, s.Doing)
}
