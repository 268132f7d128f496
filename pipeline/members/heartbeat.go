package members

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"netstream/pipeline/bus"
	"netstream/schemas/subject"
)

// heartbeat is the value of a member's key, as JSON. That there is a new one says that the member lives.
type heartbeat struct {
	Count uint64 `json:"count"` // from 1
	claims
}

// claims are the shards that a member works on or is about to. Who is dealt one of them waits until it isn't listed any more.
type claims struct {
	Round uint64 `json:"round"` // the list has been changed so often
	Holds []int  `json:"holds"`
}

// parse reads a heartbeat.
func parse(value []byte, shards int) (h heartbeat, err error) {
	if err := json.Unmarshal(value, &h); err != nil {
		return heartbeat{}, err
	}
	for _, n := range h.Holds {
		if n < 0 || n >= shards {
			return heartbeat{}, fmt.Errorf("shard %d of %d", n, shards)
		}
	}
	return h, nil
}

// newID is different for each start of a process. Host and process number are in it for people.
func newID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.24s-%d-%s", subject.Clean(host), os.Getpid(), nuid.Next())
}

// answer bounds the wait for the server to take a heartbeat, or to tell a change.
const answer = time.Second

// beat sends heartbeats until ctx ends: each interval, and at once when the shards have changed.
func (r *run) beat(ctx context.Context) {
	failing := false
	ticker := time.NewTicker(r.timing.beat)
	defer ticker.Stop()
	for count := uint64(1); ; count++ {
		err := r.put(ctx, count)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			r.taken.Add(1)
			if failing {
				r.log.Info("heartbeats are taken again", "member", r.id)
			}
		default:
			r.metrics.missed.Inc()
			if !failing {
				r.log.Warn("heartbeats fail; work goes on, the fence decides", "member", r.id, "err", err)
			}
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case id := <-r.dead:
			r.forget(ctx, id)
		case <-r.changed:
		case <-ticker.C:
		}
	}
}

func (r *run) put(ctx context.Context, count uint64) error {
	value, err := json.Marshal(heartbeat{count, *r.claims.Load()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	return r.bucket.Put(ctx, r.stage+"."+r.id, value)
}

// leave says goodbye: the others needn't wait. If the server doesn't hear it they find out by the silence.
func (r *run) leave() { r.forget(context.Background(), r.id) }

// forget deletes a member's key.
func (r *run) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	if err := r.bucket.Delete(ctx, r.stage+"."+id); err != nil {
		r.log.Warn("a member's key can't be deleted; the others notice by its silence", "who", id, "err", err)
	}
}

// watch passes on what the server tells of the members until ctx ends or the connection is closed. A watcher that is told
// nothing while heartbeats are taken has lost its place, in a bucket that was made anew, and begins again.
func (r *run) watch(ctx context.Context, out chan<- bus.Change) error {
	for {
		err := r.follow(ctx, out)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("shards: watch the members of %s: %w", r.stage, err)
		}
		r.log.Debug("watches the members anew", "member", r.id, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(r.timing.beat):
		}
	}
}

var errNothing = errors.New("nothing comes though heartbeats are taken")

func (r *run) follow(ctx context.Context, out chan<- bus.Change) error {
	w, err := r.bucket.Watch(ctx, r.stage+".*")
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		taken := r.taken.Load()
		c, err := w.Next(ctx, 2*answer)
		switch {
		case err != nil:
			return err
		case c == nil && r.taken.Load() > taken+1:
			return errNothing
		case c == nil:
			continue
		}
		c.Key = strings.TrimPrefix(c.Key, r.stage+".")
		select {
		case out <- *c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
