package ager_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/monitors"
	"netstream/pipeline/stage"
	"netstream/services/ager"
)

// saving ages within seconds and writes a checkpoint whenever none is being written.
func saving() ager.Config {
	cfg := quick()
	cfg.Checkpoint = time.Nanosecond
	return cfg
}

// dying is an ager that can be killed: it loses its connection.
type dying struct {
	running
	kill func()
}

func (l *line) startDying(cfg ager.Config, reg prometheus.Registerer) dying {
	l.t.Helper()
	own, err := server.Connect("mortal")
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := bus.New(own, string(l.Pipeline), bus.DefaultLayout())
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.ctx)
	d := dying{running{make(chan error, 1), cancel}, own.Close}
	go func() {
		d.done <- ager.New(cfg, monitors.Default(), b, stage.Static([]int{0}), reg, slog.New(slog.DiscardHandler)).Run(ctx)
		own.Close()
	}()
	return d
}

// store is where the line's checkpoints are.
func (l *line) store() jetstream.ObjectStore {
	l.t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		l.t.Fatal(err)
	}
	s, err := js.CreateOrUpdateObjectStore(l.ctx, jetstream.ObjectStoreConfig{Bucket: string(l.Pipeline) + "-checkpoints"})
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// checkpoints lists them, the newest last.
func (l *line) checkpoints() (names []string) {
	l.t.Helper()
	list, err := l.store().List(l.ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		l.t.Fatal(err)
	}
	for _, o := range list {
		names = append(names, o.Name)
	}
	return names
}

// damage does something to a checkpoint.
func (l *line) damage(rng *rand.Rand, name string) {
	l.t.Helper()
	s := l.store()
	soon, cancel := context.WithTimeout(l.ctx, time.Second)
	defer cancel()
	b, err := s.GetBytes(soon, name)
	if err != nil {
		return // its chunks are lost already
	}
	switch rng.IntN(5) {
	case 0:
		b = b[:rng.IntN(len(b))]
	case 1:
		b = bytes.Replace(b, []byte(`"version": 1`), []byte(`"version": 2`), 1)
	case 2:
		b = bytes.Replace(b, []byte(`"shard": 0`), []byte(`"shard": 1`), 1)
	case 3:
		b = []byte("no archive")
	case 4: // its chunks are lost
		o, err := s.GetInfo(l.ctx, name)
		if err != nil {
			l.t.Fatal(err)
		}
		js, _ := jetstream.New(conn)
		stream, err := js.Stream(l.ctx, "OBJ_"+string(l.Pipeline)+"-checkpoints")
		if err == nil {
			err = stream.Purge(l.ctx, jetstream.WithPurgeSubject("$O."+string(l.Pipeline)+"-checkpoints.C."+o.NUID))
		}
		if err != nil {
			l.t.Fatal(err)
		}
		return
	}
	if _, err := s.PutBytes(l.ctx, name, b); err != nil {
		l.t.Fatal(err)
	}
}

// TestCheckpointsChangeNothing kills and stops agers at random while sources come and go, and damages checkpoints: the flows are
// those of an ager that was never disturbed.
func TestCheckpointsChangeNothing(t *testing.T) {
	restored, refused := 0.0, 0.0
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			reference := newLine(t)
			publishLives(reference, rand.New(rand.NewPCG(seed, 1)), func() {})
			want := reference.life(reference.start(quick(), prometheus.NewRegistry(), 0))

			l, chance := newLine(t), rand.New(rand.NewPCG(seed, 2))
			publishLives(l, rand.New(rand.NewPCG(seed, 1)), func() {
				if chance.IntN(3) > 0 {
					return
				}
				reg := prometheus.NewRegistry()
				d := l.startDying(saving(), reg)
				time.Sleep(time.Duration(chance.IntN(100)) * time.Millisecond) // somewhere in its work
				if chance.IntN(2) == 0 {
					d.kill()
					<-d.done
				} else {
					d.stop(t)
				}
				m := gather(t, reg)
				refused += m["ager_checkpoints_refused_total"]
				if m["ager_recovery_seconds"] > 0 {
					restored++
				}
				if names := l.checkpoints(); len(names) > 0 && chance.IntN(5) == 0 {
					l.damage(chance, names[len(names)-1])
				}
			})
			got := l.life(l.start(saving(), prometheus.NewRegistry(), 0))
			flows := func(ms []received) (out []ended) {
				for _, m := range ms {
					out = append(out, m.Flows...)
				}
				return out
			}
			if diff := cmp.Diff(flows(want), flows(got)); diff != "" {
				t.Errorf("(-undisturbed +disturbed):\n%s", diff)
			}
			if diff := cmp.Diff(want[len(want)-1].Ledger, got[len(got)-1].Ledger); diff != "" {
				t.Errorf("books (-undisturbed +disturbed):\n%s", diff)
			}
			if n := len(l.checkpoints()); n > 4 {
				t.Errorf("%d checkpoints are kept", n)
			}
		})
	}
	if restored < 5 || refused < 2 {
		t.Errorf("%v agers used a checkpoint, %v checkpoints were refused: the test tests little", restored, refused)
	}
}

// alive publishes a flow that lives on and a flow that ends, and waits until it has.
func alive(l *line, r running) {
	l.publish(1, newHandOver().mark("tap", start+30*second))
	l.publish(0, newHandOver("tap").add(up(1, 0), up(2, 20*second)).mark("tap", start+21*second))
	if m := l.read(); len(m.Flows) != 1 || m.Flows[0].Key != 1 {
		l.t.Fatalf("got %+v, want flow 1", m)
	}
	r.stop(l.t)
}

func TestNoCheckpointCanBeUsed(t *testing.T) {
	l := newLine(t)
	alive(l, l.start(saving(), prometheus.NewRegistry(), 0))
	names := l.checkpoints()
	for len(names) < 2 {
		r := l.start(saving(), prometheus.NewRegistry(), 0)
		l.quiet()
		r.stop(t)
		names = l.checkpoints()
	}
	for _, name := range names {
		if _, err := l.store().PutString(l.ctx, name, "no archive"); err != nil {
			t.Fatal(err)
		}
	}
	r := l.start(saving(), prometheus.NewRegistry(), 0)
	if err := <-r.done; !errors.Is(err, ager.ErrNoCheckpoint) {
		t.Errorf("error %v, want ErrNoCheckpoint", err)
	}
}

// TestSettingsMayChangeAfterAStop begins with other timers on flows that a checkpoint brought.
func TestSettingsMayChangeAfterAStop(t *testing.T) {
	l := newLine(t)
	alive(l, l.start(saving(), prometheus.NewRegistry(), 0))
	cfg := saving()
	cfg.Active, cfg.Inactive = 2*time.Second, time.Second
	r := l.start(cfg, prometheus.NewRegistry(), 0)
	l.publish(0, newHandOver().mark("tap", start+22*second))
	if m := l.read(); len(m.Flows) != 1 || m.Flows[0].Key != 2 || m.Flows[0].Number != 2 {
		t.Errorf("got %+v, want flow 2, which is overdue by the new timers", m)
	}
	r.stop(t)
}

// TestCheckpointsTurnedOff goes on from a checkpoint though no more are to be written: the updates before may be purged.
func TestCheckpointsTurnedOff(t *testing.T) {
	l := newLine(t)
	alive(l, l.start(saving(), prometheus.NewRegistry(), 0))
	before := l.checkpoints()
	reg := prometheus.NewRegistry()
	r := l.start(quick(), reg, 0)
	l.quiet()
	r.stop(t)
	if m := gather(t, reg); m["ager_recovery_seconds"] == 0 || m["ager_updates_total"] != 0 {
		t.Errorf("%v updates were read again, reading the checkpoint took %v s; want none, and some time", m["ager_updates_total"], m["ager_recovery_seconds"])
	}
	if diff := cmp.Diff(before, l.checkpoints()); diff != "" {
		t.Errorf("checkpoints (-before +after):\n%s", diff)
	}
}

// TestStreamsMadeAnew begins with new streams where the checkpoints of the old ones are left.
func TestStreamsMadeAnew(t *testing.T) {
	l := newLine(t)
	alive(l, l.start(saving(), prometheus.NewRegistry(), 0))
	for len(l.checkpoints()) < 2 {
		r := l.start(saving(), prometheus.NewRegistry(), 0)
		l.quiet()
		r.stop(t)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	p := l.Pipeline
	for _, stream := range []string{p.PacketsStream(), p.UpdatesStream(), p.FlowsStream(), p.ExportsStream(), p.DatagramsStream()} {
		if err := js.DeleteStream(l.ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	if l.Bus, err = bus.New(conn, string(p), bus.DefaultLayout()); err != nil {
		t.Fatal(err)
	}
	l.commits = map[int]*bus.Writer{}
	l.rewind()
	r := l.start(saving(), prometheus.NewRegistry(), 0)
	l.quiet()
	r.stop(t)
}

// TestCheckpointIsAnArchive opens one with nothing but the standard library.
func TestCheckpointIsAnArchive(t *testing.T) {
	l := newLine(t)
	alive(l, l.start(saving(), prometheus.NewRegistry(), 0))
	names := l.checkpoints()
	b, err := l.store().GetBytes(l.ctx, names[len(names)-1])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Name)
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "checkpoint.json" && !strings.Contains(string(text), `"ipv4=ipv4"`) {
			t.Errorf("the description says nothing of monitors: %s", text)
		}
	}
	want := []string{"checkpoint.json", "flows/flow.ipv4/1/000001.arrows", "ledger/ledger/2/000002.arrows"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
