package promises

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/monitor"
	"netstream/schemas/weight"
	"netstream/services/ager"
	"netstream/services/sampler"
)

// wholeFlow is a flow with all that the line says of it.
type wholeFlow struct {
	Key            string
	First, Last    int64
	Packets, Bytes uint64
	Flags          uint8
	Reason         flow.Reason
	Sums           weight.Sums
}

func order(a, b wholeFlow) int {
	for _, c := range []int{
		strings.Compare(a.Key, b.Key), int(min(1, max(-1, a.First-b.First))), int(min(1, max(-1, a.Last-b.Last))),
		int(a.Flags) - int(b.Flags), int(a.Reason) - int(b.Reason), int(a.Bytes) - int(b.Bytes), int(a.Packets) - int(b.Packets),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}

const (
	modelSecond = int64(1e9)
	modelFIN    = 0x01 | 0x04 // or RST
	modelSYN    = 0x02
)

// modelLine is the line as its rules tell it: packets are filed into windows, and the flows stand in a map of which every
// one is looked at at the end of every window.
func modelLine(packets []seen, aging ager.Config, lateness time.Duration) (ended []wholeFlow) {
	windows := map[int64][]seen{}
	newest := int64(-1 << 62)
	for _, p := range packets {
		p.time = min(max(p.time, 0), 1<<62)
		newest = max(newest, p.time)
		if p.key != nil {
			filed := max(p.time, newest-int64(lateness))
			windows[filed/modelSecond] = append(windows[filed/modelSecond], p)
		}
	}
	live := map[any]*wholeFlow{}
	end := func(k any, why flow.Reason) {
		f := live[k]
		f.Reason, f.Sums = why, weight.Unsampled(f.Packets, f.Bytes)
		ended = append(ended, *f)
		delete(live, k)
	}
	clock := int64(0)
	for _, w := range slices.Sorted(maps.Keys(windows)) {
		for ; len(live) > 0 && clock < w; clock++ { // windows without packets
			modelExpire(live, clock, aging, end)
		}
		clock = w
		for _, u := range modelUpdates(windows[w]) {
			k := u.key
			if f := live[k]; f != nil {
				switch {
				case u.First-f.Last >= int64(aging.Inactive):
					end(k, flow.Inactive)
				case w*modelSecond-f.First >= int64(aging.Active):
					end(k, flow.Active)
				case f.Bytes+u.Bytes > aging.ByteLimit:
					end(k, flow.Bytes)
				}
			}
			if f := live[k]; f != nil {
				f.First, f.Last = min(f.First, u.First), max(f.Last, u.Last)
				f.Packets += u.Packets
				f.Bytes += u.Bytes
				f.Flags |= u.Flags
			} else {
				live[k] = &u.wholeFlow
			}
			if aging.FINRST && u.Flags&modelFIN != 0 {
				end(k, flow.FIN)
			}
		}
		modelExpire(live, clock, aging, end)
		clock++
	}
	for ; len(live) > 0 && clock <= newest/modelSecond; clock++ { // packets without a key move the clock too
		modelExpire(live, clock, aging, end)
	}
	for _, k := range slices.Collect(maps.Keys(live)) {
		end(k, flow.End)
	}
	slices.SortFunc(ended, order)
	return ended
}

type modelUpdate struct {
	key any
	wholeFlow
}

// modelUpdates merges the packets of a window.
func modelUpdates(packets []seen) (updates []modelUpdate) {
	latest := map[any]int{}
	for _, p := range packets {
		i, ok := latest[p.key]
		if !ok || p.flags&modelSYN != 0 && updates[i].Flags&modelFIN != 0 {
			i = len(updates)
			latest[p.key] = i
			updates = append(updates, modelUpdate{p.key, wholeFlow{Key: text(p.key), First: p.time, Last: p.time}})
		}
		u := &updates[i]
		u.First, u.Last = min(u.First, p.time), max(u.Last, p.time)
		u.Packets++
		u.Bytes += p.bytes
		u.Flags |= p.flags
	}
	return updates
}

// modelExpire ends what is due at the end of a window.
func modelExpire(live map[any]*wholeFlow, w int64, aging ager.Config, end func(any, flow.Reason)) {
	now := (w + 1) * modelSecond
	for k, f := range live {
		inactive, active := f.Last+int64(aging.Inactive), f.First+int64(aging.Active)
		if now >= inactive && inactive <= active {
			end(k, flow.Inactive)
		} else if now >= active {
			end(k, flow.Active)
		}
	}
}

// TestLineMatchesModel sends demo traffic through the line and compares every flow with those of the model.
func TestLineMatchesModel(t *testing.T) {
	path := capture(t, 40_000)
	putBack(t, path)
	packets, err := readCapture(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(packets) != 40_000 {
		t.Fatalf("gopacket reads %d packets", len(packets))
	}
	for _, c := range []struct {
		name     string
		change   func(*ager.Config)
		lateness time.Duration
		reasons  []flow.Reason // that must be met
	}{
		{"defaults", func(*ager.Config) {}, 0, []flow.Reason{flow.Inactive, flow.FIN, flow.End}},
		{"smallest timeouts", func(c *ager.Config) { c.Active, c.Inactive = time.Second, time.Second }, 0, []flow.Reason{flow.Inactive, flow.FIN}},
		{"a nanosecond over a second", func(c *ager.Config) { c.Active, c.Inactive = time.Second+1, time.Second+1 }, 0, []flow.Reason{flow.Inactive, flow.Active, flow.FIN}},
		{"a few seconds", func(c *ager.Config) { c.Active, c.Inactive = 4*time.Second, 2500*time.Millisecond }, 0, []flow.Reason{flow.Inactive, flow.Active, flow.FIN}},
		{"equal timeouts", func(c *ager.Config) { c.Active, c.Inactive = 5*time.Second, 5*time.Second }, 0, []flow.Reason{flow.Inactive, flow.Active, flow.FIN}},
		{"no FIN, few bytes", func(c *ager.Config) { c.Inactive, c.FINRST, c.ByteLimit = 5*time.Second, false, 1<<16 }, 0, []flow.Reason{flow.Bytes, flow.End}},
		{"some lateness", func(c *ager.Config) { c.Active, c.Inactive = 9*time.Second, 2*time.Second }, 700 * time.Millisecond, []flow.Reason{flow.Inactive, flow.Active}},
		{"much lateness", func(c *ager.Config) { c.Active, c.Inactive = 9*time.Second, 2*time.Second }, 30 * time.Second, []flow.Reason{flow.Inactive, flow.Active, flow.End}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := defaults()
			s.ager = ager.DefaultConfig()
			c.change(&s.ager)
			if err := s.ager.Validate(); err != nil {
				t.Fatal(err)
			}
			s.flowShards = 3
			want := modelLine(packets, s.ager, c.lateness)
			met := map[flow.Reason]int{}
			for _, f := range want {
				met[f.Reason]++
			}
			for _, r := range c.reasons {
				if met[r] == 0 {
					t.Errorf("no flow ends by %s: %v", r, met)
				}
			}
			got := runAll(t, s, c.lateness, path)
			for _, flows := range got {
				compareFlows(t, want, flows)
			}
			if len(got) != 1 {
				t.Errorf("flows of %d sources, want 1", len(got))
			}
		})
	}
}

// putBack makes every seventh packet of a capture late, by up to 12 seconds.
func putBack(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for at, n := 24, 0; at < len(b); n++ { // file header; records with a header of 16 bytes
		if seconds := b[at:]; n%7 == 0 {
			binary.LittleEndian.PutUint32(seconds, binary.LittleEndian.Uint32(seconds)-rng.Uint32N(13))
		}
		at += 16 + int(binary.LittleEndian.Uint32(b[at+8:]))
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// compareFlows shows the first differences.
func compareFlows(t *testing.T, want, got []wholeFlow) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	count := map[wholeFlow]int{}
	for _, f := range want {
		count[f]++
	}
	for _, f := range got {
		count[f]--
	}
	var missing, extra []wholeFlow
	for f, n := range count {
		for ; n > 0; n-- {
			missing = append(missing, f)
		}
		for ; n < 0; n++ {
			extra = append(extra, f)
		}
	}
	slices.SortFunc(missing, order)
	slices.SortFunc(extra, order)
	n, m := len(missing), len(extra)
	t.Errorf("%d flows, want %d; %d missing, %d extra, the first of which (-want +got):\n%s",
		len(got), len(want), n, m, cmp.Diff(missing[:min(n, 5)], extra[:min(m, 5)]))
}

// runAll sends captures through the line, one after another, and returns the flows by capture.
func runAll(t *testing.T, s setting, lateness time.Duration, paths ...string) map[string][]wholeFlow {
	t.Helper()
	b, closeBus := openBus(t, t.TempDir(), s)
	defer closeBus()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	defer stages(ctx, t, b, s)()
	cfg := sampler.DefaultConfig()
	cfg.MessageRows, cfg.AllowedLateness = s.messageRows, lateness
	service := sampler.New(cfg, monitor.Default(), b, prometheus.NewRegistry(), quiet())
	pathOf := map[string]string{} // by source
	for _, path := range paths {
		f, err := service.Open(ctx, path, false, func(string) (bool, error) { return false, nil })
		if err != nil {
			t.Logf("%s is refused: %v", path, err)
			continue
		}
		if err := f.Run(ctx); err != nil {
			t.Logf("%s is damaged: %v", path, err)
		}
		if other, ok := pathOf[f.Source()]; ok {
			t.Fatalf("%s and %s are one source", path, other)
		}
		pathOf[f.Source()] = path
	}
	out := map[string][]wholeFlow{}
	for source, flows := range collectFlows(ctx, t, b, s.flowShards, len(pathOf)) {
		slices.SortFunc(flows, order)
		out[pathOf[source]] = flows
	}
	return out
}

// collectFlows reads flows until so many sources have ended on all flow shards. A source without flows has an entry too.
func collectFlows(ctx context.Context, t *testing.T, b *bus.Bus, flowShards, sources int) map[string][]wholeFlow {
	t.Helper()
	reader, err := b.Reader(ctx, b.Pipeline.FlowsStream(), []string{"ns.live.flows.*"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	out := map[string][]wholeFlow{}
	for ended := 0; ended < sources*flowShards; {
		m, err := reader.Next(ctx, time.Second)
		if err != nil {
			t.Fatalf("%d of %d ends: %v", ended, sources*flowShards, err)
		}
		if m == nil {
			continue
		}
		parts, err := message.Parts(m.Header, m.Body, flow.SchemaIPv4, flow.SchemaIPv6, ledger.Schema)
		if err != nil {
			t.Fatal(err)
		}
		names := m.Header.List(message.Sources)
		for _, p := range parts {
			switch p.Schema {
			case flow.SchemaIPv4:
				takeFlows(t, out, names, p, flow.NewIPv4())
			case flow.SchemaIPv6:
				takeFlows(t, out, names, p, flow.NewIPv6())
			case ledger.Schema:
				var rows ledger.Rows
				if err := p.Read(rows.Columns()); err != nil {
					t.Fatal(err)
				}
				for i := range rows.Len() {
					if e := rows.At(i); e.Name == ledger.Ended {
						ended++
						out[e.Source] = append(out[e.Source], nil...)
					}
				}
			}
		}
	}
	return out
}

func takeFlows[K key.Key[K]](t *testing.T, out map[string][]wholeFlow, names []string, p message.Part, rows *flow.Rows[K]) {
	t.Helper()
	if err := p.Read(rows.Columns()); err != nil {
		t.Fatal(err)
	}
	var f flow.Row[K]
	for i := range rows.Len() {
		rows.Read(i, &f)
		name := names[f.Source]
		out[name] = append(out[name], wholeFlow{text(f.Key), f.First, f.Last, f.Packets, f.Bytes, f.TCPFlags, f.Reason, f.Sums})
	}
}

// differ are the captures of which gopacket makes something else than the sampler, and why. The sampler's own tests show
// each of these differences packet by packet.
var differ = map[string]string{
	"gopacket/linux_sll_oversized_addr.pcapng":    "gopacket checks the length of a cooked address",
	"pcapng-test-generator/be-test202.pcapng":     "gopacket numbers the interfaces of each section from 0",
	"pcapng-test-generator/le-test202.pcapng":     "gopacket numbers the interfaces of each section from 0",
	"tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap":         "gopacket takes a length of 0 for 65,535",
	"tcpdump/bigtcp-ipv6-hbh.pcap":                "gopacket counts the bytes of a jumbogram without its options",
	"tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap":         "gopacket wants a jumbo option where the length is 0",
	"tcpdump/bigtcp-ipv6.pcap":                    "gopacket wants a jumbo option where the length is 0",
	"tcpdump/ipv6-srh-tlv-pad1-padn-5-trunc.pcap": "gopacket stays at the number of a cut extension header",
	"zeek/icmp-header-trunc.pcap":                 "gopacket wants all of an ICMP header",
}

// TestCapturesMatchModel sends every recorded capture that gopacket can read through the line.
func TestCapturesMatchModel(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "services", "sampler", "testdata", "captures")
	var paths []string
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && !d.IsDir() && ext != ".json" && ext != ".md" {
			paths = append(paths, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s := defaults()
	s.handOver = 20 * time.Millisecond
	got := runAll(t, s, 0, paths...)
	same, flows := 0, 0
	for _, path := range paths {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			emitted, ran := got[path]
			packets, err := readCapture(path)
			if !ran {
				t.Skip("the sampler refuses it")
			}
			if err != nil && (errors.Is(err, os.ErrNotExist) || len(packets) == 0) {
				t.Skipf("gopacket refuses it: %v", err)
			}
			want := modelLine(packets, s.ager, 0)
			if why := differ[filepath.ToSlash(name)]; why != "" {
				if slices.Equal(want, emitted) {
					t.Errorf("it is the same: this can go: %s", why)
				}
				t.Skip(why)
			}
			compareFlows(t, want, emitted)
			if !t.Failed() {
				same++
				flows += len(emitted)
			}
		})
	}
	t.Logf("%d captures with %d flows are the same, of %d", same, flows, len(paths))
	if same < 100 || flows < 1000 {
		t.Errorf("only %d captures with %d flows were compared", same, flows)
	}
}
