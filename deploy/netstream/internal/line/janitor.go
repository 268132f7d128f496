package line

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"netstream/pipeline/janitor"
	"netstream/schemas/message"
)

// janitor keeps the streams whose readers' positions this process knows: packets are done with once a flow cache has
// committed them, flows once they are landed and exported, and of an exporter's commits only the last counts. Updates stay: an
// ager replays them.
func (l *Line) janitor() *janitor.Janitor {
	p := l.bus.Pipeline
	return janitor.New(l.bus, uint64(l.cfg.Layout.SoftBytes), []janitor.Stream{
		{Name: p.PacketsStream(), Released: l.packetsReleased},
		{Name: p.FlowsStream(), Released: l.flowsReleased},
		{Name: p.ExportsStream(), Released: func(context.Context, string) (uint64, error) { return math.MaxInt64, nil }},
	}, l.log)
}

// packetsReleased is the position of the packet shard's last commit.
func (l *Line) packetsReleased(ctx context.Context, subject string) (uint64, error) {
	shard, err := shardOf(subject)
	if err != nil {
		return 0, err
	}
	p := l.bus.Pipeline
	commit, err := l.bus.Last(ctx, p.UpdatesStream(), p.Commits(shard))
	if err != nil || commit == nil {
		return 0, err
	}
	covered, err := message.ParsePosition(commit.Header.Get(message.Position))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", commit.Where(), err)
	}
	return covered[p.PacketsStream()], nil
}

// flowsReleased is what is both landed and exported.
func (l *Line) flowsReleased(_ context.Context, subject string) (uint64, error) {
	shard, err := shardOf(subject)
	if err != nil {
		return 0, err
	}
	return min(l.Analyzer.Position(shard), l.Exporter.Position()), nil
}

// shardOf is the shard in ns.P.packets.<shard>.<source> or ns.P.flows.<shard>.
func shardOf(subject string) (int, error) {
	f := strings.Split(subject, ".")
	if len(f) < 4 {
		return 0, fmt.Errorf("subject %q: no shard", subject)
	}
	shard, err := strconv.Atoi(f[3])
	if err != nil {
		return 0, fmt.Errorf("subject %q: %w", subject, err)
	}
	return shard, nil
}
