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
	"netstream/schemas/message"
	"netstream/schemas/subject"
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

// lastLine of a file.
func lastLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	s := strings.TrimSpace(string(b))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
