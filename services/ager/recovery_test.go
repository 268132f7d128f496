package ager_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/control"
	"netstream/schemas/flow"
	"netstream/schemas/ledger"
)

// BenchmarkRecovery stops an ager of a million live flows and starts the next one, which is back at work when it has told of
// a source's end. Then it does so with a million updates more to replay, as after a kill.
func BenchmarkRecovery(b *testing.B) {
	const flows = 1_000_000
	cfg := quick()
	cfg.Active, cfg.Inactive, cfg.Checkpoint = time.Hour, time.Hour, time.Hour
	var stop, back, replayed, pause, size float64
	for range b.N {
		l := newLine(b)
		publish := func() { l.publishMillion() }
		probe := func() {
			l.publish(0, newHandOver().end("probe", start))
			l.publish(1, newHandOver().end("probe", start))
			for {
				if m := l.read(); m.Ledger[ledger.Key{Source: "probe", Hop: ledger.Ager, Name: ledger.Ended}].Source != "" {
					return
				}
			}
		}
		publish()
		reg := prometheus.NewRegistry()
		r := l.start(cfg, reg, 0)
		probe()
		begin := time.Now()
		r.stop(b)
		stop += time.Since(begin).Seconds()
		m := gather(b, reg)
		pause, size = pause+m["ager_checkpoint_pause_seconds"], size+m["ager_checkpoint_bytes"]
		for _, seconds := range []*float64{&back, &replayed} {
			reg = prometheus.NewRegistry()
			begin = time.Now()
			r = l.start(cfg, reg, 0)
			probe()
			*seconds += time.Since(begin).Seconds()
			if m := gather(b, reg); m["ager_live_flows"] != flows || m["ager_recovery_seconds"] == 0 {
				b.Fatalf("%v flows are alive, want %d; reading the checkpoint took %v s", m["ager_live_flows"], flows, m["ager_recovery_seconds"])
			}
			r.stop(b)
			publish()
		}
	}
	n := float64(b.N)
	b.ReportMetric(stop/n, "s/stop")
	b.ReportMetric(back/n, "s/back")
	b.ReportMetric(replayed/n, "s/back+1M")
	b.ReportMetric(1000*pause/n, "ms/pause")
	b.ReportMetric(size/n/flows, "B/flow")
	b.ReportMetric(0, "ns/op")
}

// publishMillion publishes an update of each of a million flows, in a window of their own.
func (l *line) publishMillion() {
	const parts, rows = 25, 4000
	for n := 0; n < 1_000_000; n += parts * rows {
		var batch []bus.Part
		for p := range parts {
			h := newHandOver("tap")
			for i := range rows {
				u := up(n+p*rows+i, 0)
				u.Window, u.First, u.Last = u.Window+l.clock, u.First+l.clock, u.Last+l.clock
				h.add(u)
			}
			header, body := h.body()
			batch = append(batch, bus.Part{Subject: l.Pipeline.Updates(0, 0), Header: header, Body: body})
		}
		header, body := newHandOver().mark("tap", start+l.clock).last()
		l.send(0, batch, header, body)
	}
	l.clock += second
	l.publish(0, newHandOver().mark("tap", start+l.clock))
	l.publish(1, newHandOver().mark("tap", start+l.clock))
}

// BenchmarkForce ends a million live flows: all are out with reason forced, and none twice.
func BenchmarkForce(b *testing.B) {
	const flows = 1_000_000
	cfg := quick()
	cfg.Active, cfg.Inactive = time.Hour, time.Hour
	took := 0.0
	for range b.N {
		l := newLine(b)
		l.publishMillion()
		reg := prometheus.NewRegistry()
		r := l.start(cfg, reg, 0, 1)
		for gather(b, reg)["ager_live_flows"] != flows {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		result, err := control.Force(l.ctx, l.Bus, control.Request{})
		if err != nil {
			b.Fatal(err)
		}
		took += time.Since(begin).Seconds()
		seen := map[int]bool{}
		for len(seen) < flows {
			for _, f := range l.read().Flows {
				if f.Reason != flow.Forced || seen[f.Key] {
					b.Fatalf("flow %d: reason %s, or it came twice", f.Key, f.Reason)
				}
				seen[f.Key] = true
			}
		}
		if result.Flows != flows {
			b.Errorf("%d flows were ended, want %d", result.Flows, flows)
		}
		r.stop(b)
	}
	b.ReportMetric(took/float64(b.N), "s/1M-flows")
	b.ReportMetric(0, "ns/op")
}
