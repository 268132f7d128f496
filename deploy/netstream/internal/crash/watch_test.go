package crash

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/pipeline/bus"
	"netstream/schemas/message"
	"netstream/schemas/subject"
	"netstream/services/exporter"
)

// published waits until the process has published the end of its capture on every packet shard. It is false when the
// process ended before.
func published(t *testing.T, p *process, data string) bool {
	t.Helper()
	var conn *nats.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if p.ended(0) {
			return false
		}
		if conn == nil {
			r, err := datadir.Running(data)
			if err != nil || r == nil || r.PID != p.cmd.Process.Pid {
				continue // starting
			}
			if conn, err = nats.Connect(r.NATS); err != nil {
				continue // ended just now
			}
		}
		if ended(conn) {
			return true
		}
	}
	t.Fatalf("the capture was not read within %s\n%s", patience, tail(p.log, 100))
	return false
}

// ended tells whether the last message of every source and packet shard says so.
func ended(conn *nats.Conn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	js, err := jetstream.New(conn)
	if err != nil {
		return false
	}
	stream, err := js.Stream(ctx, subject.Pipeline(subject.Default).PacketsStream())
	if err != nil {
		return false
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil || len(info.State.Subjects) == 0 {
		return false
	}
	for name := range info.State.Subjects {
		last, err := stream.GetLastMsgForSubject(ctx, name)
		if err != nil || last.Header.Get(message.End) == "" {
			return false
		}
	}
	return true
}

// flowsEnded tells whether as many sources as wanted have come to their end everywhere, and the sequence of the last message of
// flows. It looks at the last messages alone, since what is landed and exported may be deleted. A server that can't be reached is one
// where nothing has ended.
func flowsEnded(url string, layout bus.Layout, wanted int) (last uint64, over bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, closeBus, err := connect(url, layout)
	if err != nil {
		return 0, false
	}
	defer closeBus()
	p := b.Pipeline
	packets, err := b.Usage(ctx, p.PacketsStream(), true)
	if err != nil || len(packets.Subjects) != wanted*layout.PacketShards {
		return 0, false
	}
	published := make([]uint64, layout.PacketShards) // sequences of the last packets
	for _, name := range packets.Subjects {
		m, err := b.Last(ctx, p.PacketsStream(), name)
		if err != nil || m == nil || m.Header.Get(message.End) == "" {
			return 0, false
		}
		shard, err := p.Shard(name)
		if err != nil {
			return 0, false
		}
		published[shard] = max(published[shard], m.Sequence)
	}
	committed := uint64(0) // sequence of the last commit
	for shard, sequence := range published {
		m, err := b.Last(ctx, p.UpdatesStream(), p.Commits(shard))
		if err != nil || m == nil || position(m)[p.PacketsStream()] < sequence {
			return 0, false
		}
		committed = max(committed, m.Sequence)
	}
	for shard := range layout.FlowShards {
		m, err := b.Last(ctx, p.FlowsStream(), p.Flows(shard))
		if err != nil || m == nil {
			return 0, false
		}
		if replay, _, err := m.Header.Pair(message.Replay); err != nil || replay < committed || position(m)[p.UpdatesStream()] < committed {
			return 0, false // something is alive
		}
		last = max(last, m.Sequence)
	}
	return last, true
}

// position is how far a message covers the stream that its writer reads.
func position(m *bus.Message) message.Covered {
	covered, _ := message.ParsePosition(m.Header.Get(message.Position))
	return covered
}

// exported is the sequence of the flows stream up to which the exporter has committed.
func exported(url string, layout bus.Layout) uint64 {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, closeBus, err := connect(url, layout)
	if err != nil {
		return 0
	}
	defer closeBus()
	m, err := b.Last(ctx, b.Pipeline.ExportsStream(), b.Pipeline.Exports(exporter.DefaultConfig().Name))
	if err != nil || m == nil {
		return 0
	}
	return position(m)[b.Pipeline.FlowsStream()]
}

func connect(url string, layout bus.Layout) (*bus.Bus, func(), error) {
	cfg := bus.DefaultConfig()
	cfg.URL = url
	conn, err := bus.Connect(cfg, "crash test")
	if err != nil {
		return nil, nil, err
	}
	b, err := bus.New(conn, cfg.Pipeline, layout)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return b, conn.Close, nil
}

// lastLine of a file.
func lastLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	s := strings.TrimSpace(string(b))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
