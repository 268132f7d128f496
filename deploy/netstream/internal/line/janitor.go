package line

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"netstream/pipeline/janitor"
	"netstream/pipeline/stage"
	"netstream/schemas/message"
)

// janitor keeps the streams whose readers' positions this process knows: packets are done with once a flow cache has
// committed them, flows once they are landed and exported, and of an exporter's commits only the last counts. Updates stay as
// long as an ager may replay them: until no source is alive.
func (l *Line) janitor() *janitor.Janitor {
	p := l.bus.Pipeline
	return janitor.New(l.bus, uint64(l.cfg.Layout.SoftBytes), []janitor.Stream{
		{Name: p.PacketsStream(), Released: l.packetsReleased},
		{Name: p.UpdatesStream(), Released: l.updatesReleased},
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

// updatesReleased is where a replay of the flow shard would begin, and for commits and control, which all agers read, of any.
func (l *Line) updatesReleased(ctx context.Context, subject string) (uint64, error) {
	p := l.bus.Pipeline
	shards := stage.AllShards(l.bus.Layout.FlowShards)
	if _, commit, err := p.PacketShard(subject); err == nil && !commit {
		shard, err := shardOf(subject)
		if err != nil {
			return 0, err
		}
		shards = []int{shard}
	}
	released := uint64(math.MaxInt64)
	for _, shard := range shards {
		last, err := l.bus.Last(ctx, p.FlowsStream(), p.Flows(shard))
		if err != nil || last == nil {
			return 0, err
		}
		replay, _, err := last.Header.Pair(message.Replay)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", last.Where(), err)
		}
		released = min(released, replay)
	}
	return released, nil
}

// flowsReleased is what is both landed and exported.
func (l *Line) flowsReleased(_ context.Context, subject string) (uint64, error) {
	shard, err := shardOf(subject)
	if err != nil {
		return 0, err
	}
	return min(l.Analyzer.Position(shard), l.Exporter.Position()), nil
}

// shardOf is the shard in ns.P.packets.<shard>.<source>, ns.P.updates.<shard>.<packet-shard> or ns.P.flows.<shard>.
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
