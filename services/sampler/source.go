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
	"netstream/schemas/monitor"
	"netstream/schemas/packet"
	"netstream/schemas/window"
	"netstream/services/sampler/internal/anonymise"
	"netstream/services/sampler/internal/capture"
	parser "netstream/services/sampler/internal/packet"
)

// readBatch is how many packets are read at a time.
const readBatch = 1024

// source is one observation point on its way to the packet shards.
type source struct {
	*Service
	name       string
	seed       uint64
	names      interfaceNames
	vrfs       *vrfs
	ports      map[portKey]*port
	inOrder    []*port // as they came
	latest     *port
	anonymiser *anonymise.Anonymiser // nil: addresses are published as they are
	shards     []*shard
	books      books
	shown      books // what the metrics have of it
	pressure   pressure
	ordinal    uint64
	newest     int64  // highest packet time seen
	mark       int64  // watermark
	limit      int    // rows at which a message is cut
	last       int    // shard of the latest row
	lostBefore Losses // of the input, booked already
	flushed    time.Time
	sending    context.Context // ends when a sender fails

	sample sample
	row4   packet.Row[key.IPv4]
	row6   packet.Row[key.IPv6]
	wide   packet.WideRow

	packets, bytes atomic.Uint64 // observed, for progress
}

// rowBytes bounds a row on the bus: a narrow one takes 64 bytes at the most and a window column 8 more.
const (
	rowBytes     = 80
	wideRowBytes = 400
)

// newSource makes a source with messages of at most limit rows; its packet shards are still to be opened.
func newSource(s *Service, name string, names interfaceNames, limit int) *source {
	return &source{
		Service: s, name: name, seed: key.Seed(name), names: names, vrfs: newVRFs(s.cfg.VRFs, names),
		ports: map[portKey]*port{}, newest: math.MinInt64, mark: math.MinInt64,
		pressure: newPressure(OverloadWait, s.cfg.Sampling.Seed), limit: limit,
	}
}

// openSource opens the fences of all packet shards of a source and returns their last messages.
func openSource(ctx context.Context, s *Service, name string, names interfaceNames) (*source, []*bus.Message, error) {
	limit := min(s.cfg.MessageRows, s.bus.MaxBody()/rowBytes, monitor.MessageRows(s.monitors))
	if len(s.needs.wide) > 0 {
		limit = min(limit, s.bus.MaxBody()/wideRowBytes)
	}
	src := newSource(s, name, names, limit)
	if s.cfg.Anonymise.KeyFile != "" {
		a, err := anonymise.Load(s.cfg.Anonymise.KeyFile)
		if err != nil {
			return nil, nil, err
		}
		src.anonymiser = a
	}
	settings := src.fingerprint()
	n := s.bus.Layout.PacketShards
	src.books.out, src.books.frames = make([]count, n), make([]count, n)
	var lasts []*bus.Message
	for p := range n {
		sh, last, err := openShard(ctx, s, name, settings, p)
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
			if s.full() && !s.makeRoom(ctx) {
				break
			}
		}
		s.countLosses(in)
		s.packets.Store(s.books.observed.packets)
		s.bytes.Store(s.books.observed.bytes)
		if now := time.Now(); now.Sub(s.flushed) >= s.cfg.Flush {
			if n == 0 && !end { // a live line is idle: only then does the clock move the watermark
				s.newest = max(s.newest, now.UnixNano()-idleMargin) // the watermark stays AllowedLateness behind that
				s.advance()
			}
			s.watch()
			if s.pressure.policy == OverloadWait || s.roomFor() {
				s.flush(ctx, false)
			}
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
		s.closePorts()
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

// take counts a packet and, if it is taken up and some monitor wants it, adds what was read of it to its shard.
func (s *source) take(p *Packet) {
	s.ordinal++
	s.books.observed.add(p.WireLen)
	t := min(max(p.Time, 0), window.MaxTime)
	s.newest = max(s.newest, t)
	at := s.port(p.Interface, p.Direction)
	at.observed.add(p.WireLen)
	d := at.sampler.Next(t)
	if d.Release != 0 {
		s.release(at, d.Release)
	}
	switch {
	case !d.Keep:
		s.books.unselected.add(p.WireLen)
	case d.Weight != 0:
		s.read(p, t, &s.sample)
		s.emit(at, &s.sample, d.Weight)
	default:
		s.discard(at)
		s.read(p, t, &at.held)
		at.holds = true
		s.books.held.add(p.WireLen)
	}
}

// release hands on the packet that a port holds.
func (s *source) release(p *port, weight uint32) {
	if p.holds {
		p.holds = false
		s.books.held.sub(p.held.wireLen)
		s.emit(p, &p.held, weight)
	}
}

// discard gives up the packet that a port holds: another one of its interval is taken.
func (s *source) discard(p *port) {
	if p.holds {
		p.holds = false
		s.books.held.sub(p.held.wireLen)
		s.books.unselected.add(p.held.wireLen)
	}
}

// advance hands on held packets whose interval is over by the clock.
func (s *source) advance() {
	for _, p := range s.inOrder {
		if w := p.sampler.Advance(s.newest); w != 0 {
			s.release(p, w)
		}
	}
}

// closePorts hands on all held packets: the input has ended.
func (s *source) closePorts() {
	for _, p := range s.inOrder {
		if w := p.sampler.Close(); w != 0 {
			s.release(p, w)
		}
	}
}

// emit adds a packet that stands for others to its shard, in the class that the monitors ask for.
func (s *source) emit(at *port, m *sample, weight uint32) {
	at.selected.add(m.wireLen)
	if m.stands > 1 {
		weight = uint32(min(uint64(weight)*uint64(m.stands), math.MaxUint32))
	}
	wide := s.needs.takesWide(m.layers)
	switch {
	case wide || m.layers&s.needs.narrow != 0:
	case m.verdict == parser.OK:
		s.books.unmonitored.add(m.wireLen)
		return
	default:
		s.books.dropped[m.verdict].add(m.wireLen)
		return
	}
	number := s.shardOf(m)
	sh := s.room(number)
	if sh == nil {
		s.books.overload.add(m.wireLen)
		return
	}
	if s.ordinal > sh.covered {
		h := &m.header
		switch {
		case wide:
			m.wide(&s.needs, weight, &s.wide)
			sh.fill.wide.append(&s.wide, m.wireLen)
		case h.Kind == parser.IPv4:
			s.row4 = packet.Row[key.IPv4]{Key: s.row4.Key, Time: m.time, Window: m.filed, Bytes: h.Bytes, Weight: weight, TCPFlags: h.TCPFlags}
			sh.fill.ipv4.append(&s.row4, m.wireLen)
		default:
			s.row6 = packet.Row[key.IPv6]{Key: s.row6.Key, Time: m.time, Window: m.filed, Bytes: h.Bytes, Weight: weight, TCPFlags: h.TCPFlags}
			sh.fill.ipv6.append(&s.row6, m.wireLen)
		}
	}
	s.emitted(number, m.bytes(), m)
}

// shardOf is the packet shard of a packet, by the hash of its 5-tuple or of what it has instead. It leaves the key of an IP
// packet in the row of its class.
func (s *source) shardOf(m *sample) int {
	switch m.header.Kind {
	case parser.IPv4:
		s.row4.Key = m.ipv4()
		return key.Shard(s.row4.Key.TupleHash(s.seed), len(s.shards))
	case parser.IPv6:
		s.row6.Key = m.ipv6()
		return key.Shard(s.row6.Key.TupleHash(s.seed), len(s.shards))
	}
	k := m.outer()
	return key.Shard(k.TupleHash(s.seed), len(s.shards))
}

// room is the shard, or nil when it is full and the policy is to drop.
func (s *source) room(number int) *shard {
	sh := s.shards[number]
	if s.pressure.policy == OverloadDrop && sh.fill.len() >= s.limit {
		return nil
	}
	return sh
}

// emitted books a packet that was added to a shard.
func (s *source) emitted(shard int, bytes uint32, m *sample) {
	s.books.out[shard].add(bytes)
	s.books.frames[shard].add(m.wireLen)
	if m.verdict != parser.OK || m.header.Cut {
		s.books.partial[m.verdict].add(m.wireLen)
	}
	s.last = shard
}

// full tells whether the shard that got the latest row has a message's worth.
func (s *source) full() bool { return s.shards[s.last].fill.len() >= s.limit }

// makeRoom flushes a full message. Where the bus is too slow for that, the policy says what gives. It returns false when the
// senders, or ctx, have ended.
func (s *source) makeRoom(ctx context.Context) bool {
	switch {
	case s.pressure.policy == OverloadWait || s.roomFor():
		return s.flush(ctx, false)
	case s.pressure.policy == OverloadThin:
		s.relieve()
	}
	return ctx.Err() == nil && s.sending.Err() == nil
}

// watermark is how far the source is complete. It waits for packets that are held.
func (s *source) watermark(end bool) int64 {
	mark := s.newest
	if !end && s.newest != math.MinInt64 {
		mark -= int64(s.cfg.AllowedLateness)
		for _, p := range s.inOrder {
			if p.holds {
				mark = min(mark, p.held.filed)
			}
		}
	}
	s.mark = max(s.mark, mark)
	return s.mark
}

// flush hands what is filled to the senders. It returns false when they, or ctx, have ended.
func (s *source) flush(ctx context.Context, end bool) bool {
	s.flushed = time.Now()
	s.metrics.observe(&s.books, &s.shown)
	mark := s.watermark(end)
	for _, sh := range s.shards {
		f := sh.fill
		f.ordinal, f.end, f.watermark = s.ordinal, end, mark
		f.entries = s.books.entries(f.entries[:0], s.name, sh.number)
		if sh.number == 0 {
			f.entries = s.portEntries(f.entries)
		}
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
		parts, err := message.Parts(m.Header, m.Body, packet.SchemaIPv4, packet.SchemaIPv6, packet.SchemaWide, ledger.Schema)
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
