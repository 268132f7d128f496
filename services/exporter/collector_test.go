package exporter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv5"
	"netstream/schemas/wire/nsv9"
	"netstream/services/exporter"
)

// collector is a UDP socket that keeps what comes.
type collector struct {
	conn  *net.UDPConn
	mu    sync.Mutex
	got   [][]byte
	ports map[uint16]bool // of senders
}

func listen(t testing.TB) *collector {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	c := &collector{conn: conn, ports: map[uint16]bool{}}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			c.mu.Lock()
			c.got = append(c.got, append([]byte(nil), buf[:n]...))
			c.ports[from.Port()] = true
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return c
}

// destination completes a destination with this collector's address and the defaults.
func (c *collector) destination(d exporter.Destination) exporter.Destination {
	defaults := exporter.DefaultDestination()
	if d.TemplateDatagrams == 0 {
		d.TemplateDatagrams = defaults.TemplateDatagrams
	}
	if d.TemplateInterval == 0 {
		d.TemplateInterval = defaults.TemplateInterval
	}
	if d.Rate == 0 {
		d.Rate = 20_000 // a socket buffer is soon full
	}
	d.Address = c.conn.LocalAddr().String()
	return d
}

// from is the set of ports of the senders.
func (c *collector) from() map[uint16]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ports)
}

// received is what came so far.
func (c *collector) received() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([][]byte(nil), c.got...)
}

// await waits for n datagrams.
func (c *collector) await(t testing.TB, n int) [][]byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if got := c.received(); len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d datagrams came, want %d", len(c.received()), n)
		}
	}
}

// receive waits for all that the exporter has sent to this collector.
func (c *collector) receive(t testing.TB, s *running) [][]byte {
	t.Helper()
	for _, total := range s.Totals() {
		if name := c.conn.LocalAddr().String(); len(total.Destination) > len(name) && total.Destination[:len(name)] == name {
			return c.await(t, int(total.Datagrams))
		}
	}
	t.Fatal("the exporter has no such destination")
	return nil
}

// running is an exporter at work.
type running struct {
	*exporter.Service
	stop    func() error // stops it and returns what Run returned
	done    chan struct{}
	metrics *prometheus.Registry
}

// ended is what Run has returned, nil as long as it hasn't.
func (r *running) ended() error {
	select {
	case <-r.done:
		return r.stop()
	default:
		return nil
	}
}

// start runs an exporter until stop or the end of the test.
func (l *line) start(t testing.TB, cfg exporter.Config) *running {
	t.Helper()
	registry := prometheus.NewRegistry()
	s := exporter.New(cfg, l.readBy(cfg.Name), registry, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	done := make(chan struct{})
	go func() { defer close(done); err = s.Run(ctx) }()
	stop := func() error { cancel(); <-done; return err }
	t.Cleanup(func() { _ = stop() })
	return &running{s, stop, done, registry}
}

// export runs an exporter and returns when it has sent all there is.
func (l *line) export(t testing.TB, cfg exporter.Config) *running {
	t.Helper()
	r := l.start(t, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.Wait(ctx, l.last); err != nil {
		t.Fatalf("at message %d of %d: %v", r.Position(), l.last, errors.Join(err, r.stop()))
	}
	return r
}

// decode checks the datagrams against the destination's settings and returns their records.
func decode(t testing.TB, datagrams [][]byte, d exporter.Destination) []record {
	t.Helper()
	limit := d.MTU
	if limit == 0 {
		limit = 1472
		if d.Transport == exporter.TCP || d.Transport == exporter.TLS {
			limit = 16384
		}
	}
	for i, b := range datagrams {
		if len(b) > limit {
			t.Errorf("datagram %d has %d bytes, want %d at most", i, len(b), limit)
		}
	}
	switch d.Format {
	case exporter.V5:
		return decode5(t, datagrams, d)
	case exporter.V9:
		return decode9(t, datagrams, d)
	}
	return decodeIPFIX(t, datagrams, d)
}

// hasSessions tells whether a collector may be one of several that the destination has had: sequences go on then from the one before,
// and templates come when it is its turn.
func hasSessions(d exporter.Destination) bool { return d.Transport != "" || len(d.Standby) > 0 }

func decodeIPFIX(t testing.TB, datagrams [][]byte, d exporter.Destination) (out []record) {
	t.Helper()
	layouts := map[uint16]*nsv9.Layout{}
	sequence, before, templates := uint32(0), uint32(0), refresh{}
	for i, b := range datagrams {
		h, sets, err := ipfix.Open(b)
		if err != nil {
			t.Fatalf("datagram %d: %v", i, err)
		}
		if i == 0 && hasSessions(d) {
			sequence = h.Sequence
		}
		if h.Sequence != sequence || h.DomainID != d.SourceID || h.ExportTime < before {
			t.Errorf("datagram %d: %+v, want sequence %d, domain %d, time from %d on", i, h, sequence, d.SourceID, before)
		}
		before = h.ExportTime
		hasTemplates := false
		for sets.Next() {
			set := sets.Set()
			if set.Kind() == ipfix.Templates {
				hasTemplates = true
				var template ipfix.Template
				for in := set.Templates(); in.Next(&template); {
					if layouts[template.ID], err = template.Compile(); err != nil {
						t.Fatalf("datagram %d: %v", i, err)
					}
				}
				continue
			}
			layout := layouts[set.ID]
			if layout == nil {
				t.Fatalf("datagram %d: data before template %d", i, set.ID)
			}
			plan := nsv9.NewPlan(layout)
			records := layout.Records(set.Body)
			for ; records.Next(); sequence++ {
				if layout.Options() {
					continue
				}
				var r nsv9.Record
				if !plan.Decode(&r, records.Record()) || r.Has&nsv9.HasFlowEndReason == 0 || r.FlowEndReason == 0 {
					t.Fatalf("datagram %d: record %+v", i, r)
				}
				out = append(out, record9(t, &nsv9.Header{}, &r))
			}
			if records.Err() != nil {
				t.Fatalf("datagram %d: %v", i, records.Err())
			}
		}
		if sets.Err() != nil || sets.Trailing() != 0 {
			t.Errorf("datagram %d: %d bytes behind the sets, error %v", i, sets.Trailing(), sets.Err())
		}
		if !hasSessions(d) {
			templates.check(t, i, h.ExportTime, hasTemplates, d)
		} else if d.Transport != "" && hasTemplates != (i == 0) {
			t.Errorf("datagram %d: templates %t; over a connection they come first and once", i, hasTemplates)
		}
	}
	return out
}

func decode5(t testing.TB, datagrams [][]byte, d exporter.Destination) (out []record) {
	t.Helper()
	sequence, before := uint32(0), uint32(0)
	for i, b := range datagrams {
		h, records, surplus, err := nsv5.Append(nil, b)
		if err != nil || surplus != 0 || len(records) == 0 {
			t.Fatalf("datagram %d: %d records, %d bytes too many, error %v", i, len(records), surplus, err)
		}
		if i == 0 && hasSessions(d) {
			sequence = h.FlowSequence
		}
		if h.FlowSequence != sequence || h.UnixSecs < before || h.UnixNsecs != 0 {
			t.Errorf("datagram %d: sequence %d, time %d.%09d; want sequence %d and a whole second from %d on", i, h.FlowSequence, h.UnixSecs, h.UnixNsecs, sequence, before)
		}
		if id := uint32(h.EngineType)<<8 | uint32(h.EngineID); id != d.SourceID {
			t.Errorf("datagram %d: engine %#x, want %#x", i, id, d.SourceID)
		}
		sequence, before = sequence+uint32(len(records)), h.UnixSecs
		for _, r := range records {
			out = append(out, record{
				Src: address4(r.SrcAddr), Dst: address4(r.DstAddr), Ports: fmt.Sprint(r.SrcPort, " ", r.DstPort),
				Kind: kind(r.Protocol, r.TOS, r.TCPFlags, 0), In: uint32(r.Input), Out: uint32(r.Output),
				Packets: uint64(r.Packets), Bytes: uint64(r.Octets), First: h.Millis(r.First), Last: h.Millis(r.Last),
			})
		}
	}
	return out
}

// refresh is when templates came last.
type refresh struct{ since, at uint32 } // datagrams, and the header's time

// check wants templates in a datagram exactly if they are due.
func (r *refresh) check(t testing.TB, i int, now uint32, has bool, d exporter.Destination) {
	t.Helper()
	due := i == 0 || r.since+1 == d.TemplateDatagrams || time.Duration(now-r.at)*time.Second >= d.TemplateInterval
	if has != due {
		t.Errorf("datagram %d, %d after the last templates and %d s: templates %t, want %t", i, r.since+1, now-r.at, has, due)
	}
	r.since++
	if has {
		r.since, r.at = 0, now
	}
}

func decode9(t testing.TB, datagrams [][]byte, d exporter.Destination) (out []record) {
	t.Helper()
	plans, layouts := map[uint16]*nsv9.Plan{}, map[uint16]*nsv9.Layout{}
	sequence, before, templates := uint32(0), uint32(0), refresh{}
	for i, b := range datagrams {
		h, sets, err := nsv9.Open(b)
		if err != nil {
			t.Fatalf("datagram %d: %v", i, err)
		}
		if i == 0 && hasSessions(d) {
			sequence = h.Sequence
		}
		if h.Sequence != sequence+uint32(i) || h.SourceID != d.SourceID || h.UnixSecs < before {
			t.Errorf("datagram %d: %+v, want sequence %d, source id %d, time from %d on", i, h, sequence+uint32(i), d.SourceID, before)
		}
		before = h.UnixSecs
		count, hasTemplates := 0, false
		for sets.Next() {
			switch set := sets.Set(); set.Kind() {
			case nsv9.Templates:
				hasTemplates = true
				var template nsv9.Template
				in := set.Templates()
				for ; in.Next(&template); count++ {
					layout, err := nsv9.Compile(&template)
					if err != nil {
						t.Fatalf("datagram %d: %v", i, err)
					}
					plans[template.ID], layouts[template.ID] = nsv9.NewPlan(layout), layout
				}
				if err := in.Err(); err != nil {
					t.Fatalf("datagram %d: %v", i, err)
				}
			case nsv9.Data:
				plan := plans[set.ID]
				if plan == nil {
					t.Fatalf("datagram %d: data before template %d", i, set.ID)
				}
				if options := layouts[set.ID]; options.Options() {
					for records := options.Records(set.Body); records.Next(); {
						count++
					}
					continue
				}
				records, err := plan.Append(nil, set.Body)
				if err != nil {
					t.Fatalf("datagram %d: %v", i, err)
				}
				count += len(records)
				for j := range records {
					out = append(out, record9(t, &h, &records[j]))
				}
			}
		}
		if sets.Err() != nil || sets.Trailing() != 0 || count != int(h.Count) {
			t.Errorf("datagram %d: %d records of %d, %d bytes behind them, error %v", i, count, h.Count, sets.Trailing(), sets.Err())
		}
		if !hasSessions(d) {
			templates.check(t, i, h.UnixSecs, hasTemplates, d)
		}
	}
	return out
}

func record9(t testing.TB, h *nsv9.Header, r *nsv9.Record) record {
	first, last, ok := h.Times(r)
	if !ok {
		t.Error("a record without times")
	}
	var layer2 string
	if r.Has&nsv9.HasEtherType != 0 {
		mac := func(a [6]byte) (v uint64) {
			for _, b := range a {
				v = v<<8 | uint64(b)
			}
			return v
		}
		layer2 = frame(mac(r.SrcMAC), mac(r.DstMAC), r.VLAN, r.EtherType)
	}
	return record{
		Frame: layer2,
		Src:   netip.AddrFrom16(r.SrcAddr).Unmap().String(), Dst: netip.AddrFrom16(r.DstAddr).Unmap().String(),
		Ports: fmt.Sprint(r.SrcPort, " ", r.DstPort), Kind: kind(r.Protocol, r.TOS, r.TCPFlags, r.FlowLabel),
		In: r.InIf, Out: r.OutIf, Packets: r.Packets, Bytes: r.Bytes, First: first, Last: last,
	}
}

// compareDatagrams compares byte for byte.
func compareDatagrams(t testing.TB, want, got [][]byte) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d datagrams, want %d", len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		if string(want[i]) != string(got[i]) {
			t.Fatalf("datagram %d differs:\n%x\nwant\n%x", i, got[i], want[i])
		}
	}
}
