package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"netstream/deploy/netstream/internal/line"
	"netstream/schemas/uint128"
	"netstream/services/analyzer/audit"
)

// Result is what came of a job.
type Result struct {
	Sources  []Source          `json:"sources"`
	Packets  uint64            `json:"packets"`  // observed
	Bytes    uint64            `json:"bytes"`    // of their frames on the wire
	Flows    uint64            `json:"flows"`    // landed
	Reasons  map[string]uint64 `json:"reasons"`  // flows by the reason why they ended
	Talkers  []Talker          `json:"talkers"`  // hosts that sent most bytes
	Seconds  float64           `json:"seconds"`  // from the first packet read to the last flow landed
	Rate     float64           `json:"rate"`     // packets a second that this process read; 0 if all were read before
	Digest   string            `json:"digest"`   // of all flows, comparable between runs
	Closed   bool              `json:"closed"`   // whether the books close
	Failures []string          `json:"failures"` // what doesn't close, and captures that couldn't be read to their end
	Skipped  []string          `json:"skipped"`  // captures that were landed before
	Data     string            `json:"data"`     // directory
}

// Source is one capture of a result.
type Source struct {
	File    string `json:"file"`
	Source  string `json:"source"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Flows   uint64 `json:"flows"`
	Digest  string `json:"digest"`
	Damage  string `json:"damage,omitempty"`
}

// Talker is a host, and what it sent as counted.
type Talker struct {
	Address string `json:"address"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Err is why the command fails although it came to its end.
func (r *Result) Err() error {
	var errs []error
	for _, f := range r.Failures {
		errs = append(errs, errors.New(f))
	}
	return errors.Join(errs...)
}

// Reported notes that the result has been shown: from now on the same captures are asked for again.
func (r *Result) Reported(l *line.Line) error {
	for _, s := range r.Sources {
		if err := l.Report(s.Source); err != nil {
			return err
		}
	}
	return nil
}

// finish waits until everything is landed and sums up.
func (j *Job) finish(ctx context.Context, l *line.Line) (*Result, error) {
	r := &Result{Data: l.Data(), Reasons: map[string]uint64{}, Talkers: []Talker{}, Failures: []string{}, Skipped: []string{}}
	var digest uint128.Uint128
	for _, f := range j.files {
		landed, err := l.Wait(ctx, f.Source())
		if err != nil {
			return nil, err
		}
		r.Sources = append(r.Sources, Source{File: f.path, Source: f.Source(), Flows: landed.Rows, Digest: landed.Digest.String()})
		r.Flows += landed.Rows
		digest = digest.Add(landed.Digest)
	}
	r.Digest = digest.String()
	r.Seconds = time.Since(j.opened).Seconds()
	for _, err := range j.skipped {
		r.Skipped = append(r.Skipped, err.Error())
	}
	db, err := l.Analyzer.Database(ctx)
	if err != nil {
		return nil, err
	}
	report, err := db.Audit(ctx)
	if err != nil {
		return nil, err
	}
	r.close(report)
	r.Rate = float64(j.Progress().Packets) / r.Seconds
	for i, f := range j.files {
		s := &r.Sources[i]
		if f.damage != nil {
			s.Damage = f.damage.Error()
			r.Failures = append(r.Failures, fmt.Sprintf("%v; the %d packets before it are landed", f.damage, s.Packets))
		}
	}
	return r, r.ask(ctx, db)
}

// close takes over what the books say.
func (r *Result) close(report *audit.Report) {
	r.Closed = true
	for _, b := range report.Lines {
		i := slices.IndexFunc(r.Sources, func(s Source) bool { return s.Source == b.Source })
		if b.State == audit.Fails || b.State == audit.Open && i >= 0 {
			r.Closed = false
			r.Failures = append(r.Failures, fmt.Sprintf("the books of source %s don't close at hop %s: %s", b.Source, b.Hop, b.Detail))
		}
		if i >= 0 && b.Hop == audit.HopSampler {
			r.Sources[i].Packets, r.Sources[i].Bytes = b.Left.Packets, b.Left.Bytes
			r.Packets += b.Left.Packets
			r.Bytes += b.Left.Bytes
		}
	}
}
