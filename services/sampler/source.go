package sampler

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"netstream/pipeline/bus"
	"netstream/schemas/key"
	"netstream/schemas/ledger"
	"netstream/schemas/message"
	"netstream/schemas/packet"
	"netstream/schemas/window"
	"netstream/services/sampler/internal/capture"
	parser "netstream/services/sampler/internal/packet"
	"netstream/services/sampler/internal/sampling"
)

// readBatch is how many packets are read at a time.
const readBatch = 1024

// source is one observation point on its way to the packet shards.
type source struct {
	*Service
	name     string
	seed     uint64
	selector sampling.Selector
	shards   []*shard
	books    books
	shown    books // what the metrics have of it
	ordinal  uint64
	newest   int64 // highest packet time seen
	limit    int   // rows at which a message is cut
	last     int   // shard of the latest row
	flushed  time.Time
	sending  context.Context // ends when a sender fails

	header parser.Header

	packets, bytes atomic.Uint64 // observed, for progress
}

// openSource opens the fences of all packet shards of a source and returns their last messages.
func openSource(ctx context.Context, s *Service, name string) (*source, []*bus.Message, error) {
	src := &source{
		Service: s, name: name, seed: key.Seed(name), selector: s.cfg.Sampling.selector(), newest: math.MinInt64,
		// A row takes 64 bytes at the most, and a window column 8 more.
		limit: min(s.cfg.MessageRows, s.bus.MaxBody()/80),
	}
	n := s.bus.Layout.PacketShards
	src.books.out, src.books.frames = make([]count, n), make([]count, n)
	var lasts []*bus.Message
	for p := range n {
		sh, last, err := openShard(ctx, s, name, p)
		if err != nil {
			return nil, nil, err
		}
		src.shards = append(src.shards, sh)
		lasts = append(lasts, last)
	}
	return src, lasts, nil
}

// pump reads the input to its end, or until ctx ends, and publishes all of it. end says that the source is over then; damage
// in a capture is an end too, with all packets before it published. Any other error of the input isn't: it may be gone when
// the input is read again.
func (s *source) pump(ctx context.Context, in Input, end bool) error {
	// What is in hand when ctx ends is still sent, if the bus takes it within the grace.
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, giveUp) })()
	var senders *errgroup.Group
	senders, s.sending = errgroup.WithContext(patient)
	for _, sh := range s.shards {
		senders.Go(func() error { return sh.send(s.sending) })
	}
	s.flushed = time.Now()
	batch := make([]Packet, readBatch)
	var inputErr error
	for inputErr == nil && ctx.Err() == nil && s.sending.Err() == nil {
		var n int
		n, inputErr = in.Read(batch)
		for i := range batch[:n] {
			s.take(&batch[i])
			if s.full() && !s.flush(ctx, false) {
				break
			}
		}
		s.packets.Store(s.books.observed.packets)
		s.bytes.Store(s.books.observed.bytes)
		if now := time.Now(); now.Sub(s.flushed) >= s.cfg.Flush {
			if n == 0 && !end { // a live line is idle: only then does the clock move the watermark
				s.newest = max(s.newest, now.UnixNano()-idleMargin) // the watermark stays AllowedLateness behind that
			}
			s.flush(ctx, false)
		}
	}
	if errors.Is(inputErr, io.EOF) {
		inputErr = nil
	}
	var damage *capture.Error
	over := end && ctx.Err() == nil && (inputErr == nil || errors.As(inputErr, &damage))
	if over && damage != nil {
		s.books.damaged = count{1, uint64(max(damage.Have, 0))}
	}
	if s.sending.Err() == nil && (over || !end) {
		s.flush(patient, over)
	}
	for _, sh := range s.shards {
		close(sh.queue)
	}
	if err := senders.Wait(); err != nil {
		return err
	}
	if inputErr == nil {
		inputErr = ctx.Err()
	}
	return inputErr
}

// stopGrace is how long a stop waits for the bus.
const stopGrace = 2 * time.Second

// idleMargin is how far behind the clock the watermark of an idle live line stays, for packets on their way.
const idleMargin = int64(time.Second)

// take counts a packet and, if it is selected and has a key, adds its header to its shard.
func (s *source) take(p *Packet) {
	s.ordinal++
	s.books.observed.add(p.WireLen)
	t := min(max(p.Time, 0), window.MaxTime)
	s.newest = max(s.newest, t)
	weight := s.selector.Select(p.Interface)
	if weight == 0 {
		s.books.unselected.add(p.WireLen)
		return
	}
	h := &s.header
	if v := parser.Parse(p.LinkType, p.Data, h); v != parser.OK {
		s.books.dropped[v].add(p.WireLen)
		return
	}
	filed := window.Of(max(t, s.newest-int64(s.cfg.AllowedLateness)))
	var number int
	if h.Kind == parser.IPv4 {
		k := key.IPv4{
			Src: h.Src4, Dst: h.Dst4, SrcPort: h.SrcPort, DstPort: h.DstPort, Protocol: h.Protocol, TOS: h.TOS, Interface: p.Interface,
		}
		number = key.Shard(k.TupleHash(s.seed), len(s.shards))
		if sh := s.shards[number]; s.ordinal > sh.covered {
			r := packet.Row[key.IPv4]{Key: k, Time: t, Window: filed, Bytes: h.Bytes, Weight: weight, TCPFlags: h.TCPFlags}
			sh.fill.ipv4.Append(&r)
		}
	} else {
		k := key.IPv6{
			Src: h.Src6, Dst: h.Dst6, SrcPort: h.SrcPort, DstPort: h.DstPort, Protocol: h.Protocol, TOS: h.TOS,
			FlowLabel: h.FlowLabel, Interface: p.Interface,
		}
		number = key.Shard(k.TupleHash(s.seed), len(s.shards))
		if sh := s.shards[number]; s.ordinal > sh.covered {
			r := packet.Row[key.IPv6]{Key: k, Time: t, Window: filed, Bytes: h.Bytes, Weight: weight, TCPFlags: h.TCPFlags}
			sh.fill.ipv6.Append(&r)
		}
	}
	s.books.out[number].add(h.Bytes)
	s.books.frames[number].add(p.WireLen)
	s.last = number
}

// full tells whether the shard that got the latest row has a message's worth.
func (s *source) full() bool {
	f := s.shards[s.last].fill
	return f.ipv4.Len()+f.ipv6.Len() >= s.limit
}

// flush hands what is filled to the senders. It returns false when they, or ctx, have ended.
func (s *source) flush(ctx context.Context, end bool) bool {
	s.flushed = time.Now()
	s.metrics.observe(&s.books, &s.shown)
	for _, sh := range s.shards {
		f := sh.fill
		f.ordinal, f.end = s.ordinal, end
		f.watermark = s.newest - int64(s.cfg.AllowedLateness)
		if end || s.newest == math.MinInt64 {
			f.watermark = s.newest
		}
		f.entries = s.books.entries(f.entries[:0], s.name, sh.number)
		select {
		case sh.queue <- f:
		case <-s.sending.Done():
			return false
		case <-ctx.Done():
			return false
		}
		select {
		case sh.fill = <-sh.free:
		case <-s.sending.Done():
			return false
		}
	}
	return true
}

// lastEntries reads the ledger out of a source's last messages.
func lastEntries(lasts []*bus.Message) ([]ledger.Entry, error) {
	var out []ledger.Entry
	for _, m := range lasts {
		if m == nil {
			continue
		}
		parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, ledger.Schema)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			if p.Schema != ledger.Schema {
				continue
			}
			var rows ledger.Rows
			if err := p.Read(rows.Columns()); err != nil {
				return nil, err
			}
			for i := range rows.Len() {
				out = append(out, rows.At(i))
			}
		}
	}
	return out, nil
}
