package line

import (
	"context"
	"fmt"

	"netstream/schemas/message"
	"netstream/services/analyzer"
)

// Published tells whether a source's last message is in the packets stream, on every shard.
func (l *Line) Published(ctx context.Context, source string) (bool, error) {
	p := l.bus.Pipeline
	for shard := range l.bus.Layout.PacketShards {
		last, err := l.bus.Last(ctx, p.PacketsStream(), p.Packets(shard, source))
		if err != nil || last == nil || last.Header.Get(message.End) == "" {
			return false, err
		}
	}
	return true, nil
}

// Landed tells whether a source has passed the last stages: it is in the database, and exported as far as anything is.
func (l *Line) Landed(ctx context.Context, source string) (bool, error) {
	if !l.Analyzer.Landed(source).Ended {
		return false, nil
	}
	last, err := l.lastFlows(ctx)
	if err != nil {
		return false, err
	}
	p := l.bus.Pipeline
	commit, err := l.bus.Last(ctx, p.ExportsStream(), p.Exports(l.cfg.Exporter.Name))
	if err != nil || commit == nil {
		return false, err
	}
	covered, err := message.ParsePosition(commit.Header.Get(message.Position))
	if err != nil {
		return false, fmt.Errorf("%s: %w", commit.Where(), err)
	}
	return covered[p.FlowsStream()] >= last, nil
}

// Wait waits until a source has ended and passed the last stages.
func (l *Line) Wait(ctx context.Context, source string) (analyzer.Landed, error) {
	landed, err := l.Analyzer.Wait(ctx, source)
	if err != nil {
		return landed, err
	}
	last, err := l.lastFlows(ctx)
	if err != nil {
		return landed, err
	}
	return landed, l.Exporter.Wait(ctx, last)
}

// lastFlows is the sequence of the last message of flows.
func (l *Line) lastFlows(ctx context.Context) (uint64, error) {
	p := l.bus.Pipeline
	sequence := uint64(0)
	for shard := range l.bus.Layout.FlowShards {
		last, err := l.bus.Last(ctx, p.FlowsStream(), p.Flows(shard))
		if err != nil {
			return 0, err
		}
		if last != nil {
			sequence = max(sequence, last.Sequence)
		}
	}
	return sequence, nil
}

// Reported tells whether the end of a source has been reported to who asked for it.
func (l *Line) Reported(source string) (bool, error) { return l.dir.Reported(source) }

// Report notes that the end of a source has been reported.
func (l *Line) Report(source string) error { return l.dir.Report(source) }
