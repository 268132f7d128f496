package run

import (
	"context"
	"errors"
	"fmt"
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
	Talkers  []Talker          `json:"talkers"`  // hosts with most bytes, sent and received
	Seconds  float64           `json:"seconds"`  // from the first packet read to the last flow landed
	Rate     float64           `json:"rate"`     // packets a second
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

// Talker is a host.
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

// finish waits until everything is landed and sums up.
func (j *Job) finish(ctx context.Context, l *line.Line) (*Result, error) {
	r := &Result{Data: l.Data(), Reasons: map[string]uint64{}}
	var digest uint128.Uint128
	for _, f := range j.files {
		landed, err := l.Wait(ctx, f.Source())
		if err != nil {
			return nil, err
		}
		p := f.Progress()
		s := Source{File: f.path, Source: f.Source(), Packets: p.Packets, Bytes: p.Bytes, Flows: landed.Rows, Digest: landed.Digest.String()}
		if f.damage != nil {
			s.Damage = f.damage.Error()
			r.Failures = append(r.Failures, fmt.Sprintf("%v; the %d packets before it are landed", f.damage, p.Packets))
		}
		r.Sources = append(r.Sources, s)
		r.Packets += p.Packets
		r.Bytes += p.Bytes
		r.Flows += landed.Rows
		digest = digest.Add(landed.Digest)
	}
	r.Digest = digest.String()
	passed := time.Since(j.opened)
	r.Seconds, r.Rate = passed.Seconds(), float64(r.Packets)/passed.Seconds()
	for _, err := range j.skipped {
		r.Skipped = append(r.Skipped, err.Error())
	}
	report, err := l.Analyzer.Audit(ctx)
	if err != nil {
		return nil, err
	}
	r.Closed = true
	for _, b := range report.Lines {
		if b.State == audit.Fails || b.State == audit.Open && r.has(b.Source) {
			r.Closed = false
			r.Failures = append(r.Failures, fmt.Sprintf("the books of source %s don't close at hop %s: %s", b.Source, b.Hop, b.Detail))
		}
	}
	return r, j.ask(ctx, l, r)
}

func (r *Result) has(source string) bool {
	for _, s := range r.Sources {
		if s.Source == source {
			return true
		}
	}
	return false
}
