package sflow

import (
	"context"
	"io"
	"time"

	"netstream/services/sampler/internal/capture"
)

const (
	// queueDatagrams is how many datagrams of an agent may wait. Then the listener waits too, and the socket fills up.
	queueDatagrams = 32
	// idle is how long Read waits for a datagram.
	idle = 100 * time.Millisecond
	// settleAfter is how long a sample may come late on a line that is otherwise silent.
	settleAfter = time.Second
	// maxSources bounds the data sources of an agent whose numbers are followed.
	maxSources = 4096
)

// datagram is one on its way from the listener to its agent.
type datagram struct {
	at      int64 // ns since the epoch, when it was received
	header  header
	samples []byte
}

// Agent is one sFlow agent as an input: the packets it sampled, each standing for as many as the agent says. Read and Lost
// are for one goroutine.
type Agent struct {
	name    string
	metrics *Metrics
	spare   *spares
	queue   chan *datagram // closed when there will be no more

	now       *datagram // being walked; its packets are valid until the next Read
	walker    walker
	sample    sample
	uptime    uint32
	sequences map[dataSource]*sequence
	losses    capture.Losses
	silent    time.Duration
}

// Name is the name of the agent as a source.
func (a *Agent) Name() string { return a.name }

// Lost is what the agent sampled and didn't arrive, as its sequence numbers and its own counters tell.
func (a *Agent) Lost() capture.Losses { return a.losses }

// Read fills dst with the packets of a datagram. It returns none without an error when none came for a while, and io.EOF
// once the listener has ended.
func (a *Agent) Read(dst []capture.Packet) (int, error) {
	for {
		if n := a.walk(dst); n > 0 {
			return n, nil
		}
		a.release()
		d, ok := a.receive()
		switch {
		case !ok:
			return 0, io.EOF
		case d == nil:
			if a.silent += idle; a.silent >= settleAfter {
				a.settle()
			}
			return 0, nil
		}
		a.silent = 0
		a.begin(d)
	}
}

// release gives back the datagram that was walked.
func (a *Agent) release() {
	if a.now != nil {
		a.spare.put(a.now)
		a.now = nil
	}
}

// walk goes on with the datagram at hand.
func (a *Agent) walk(dst []capture.Packet) (n int) {
	for n < len(dst) {
		more, err := a.walker.next(&a.sample)
		switch {
		case err != nil:
			a.metrics.Malformed.Inc()
		case !more:
			return n
		case a.fresh(&a.sample):
			a.fill(&dst[n])
			n++
		}
	}
	return n
}

// receive waits for a datagram, for a while.
func (a *Agent) receive() (d *datagram, ok bool) {
	select {
	case d, ok = <-a.queue:
		return d, ok
	default:
	}
	timeout := time.NewTimer(idle)
	defer timeout.Stop()
	select {
	case d, ok = <-a.queue:
		return d, ok
	case <-timeout.C:
		return nil, true
	}
}

// An uptime that goes back by more than lateUptime is a restart of the agent, unless it went over the end of its 32 bits.
const (
	lateUptime = 60_000    // ms
	wrapUptime = 3_600_000 // ms
)

// begin starts to walk a datagram.
func (a *Agent) begin(d *datagram) {
	a.now = d
	a.walker.start(d.samples, d.header.samples)
	if back := int64(a.uptime) - int64(d.header.uptime); back > lateUptime && back < 1<<32-wrapUptime {
		a.settle()
		clear(a.sequences) // all count anew
	}
	a.uptime = d.header.uptime
}

// settle gives up the samples that are missing so far.
func (a *Agent) settle() {
	for _, s := range a.sequences {
		a.losses.Network += s.settle()
	}
}

// fresh tells whether a sample is there for the first time, and counts what is missing before it.
func (a *Agent) fresh(s *sample) bool {
	q := a.sequences[s.source]
	if q == nil {
		if len(a.sequences) >= maxSources {
			return true
		}
		q = &sequence{}
		a.sequences[s.source] = q
	}
	fresh, lost, dropped := q.take(s.sequence, s.drops)
	a.losses.Network += lost
	a.losses.Agent += dropped
	if !fresh {
		a.metrics.Duplicates.Inc()
	}
	return fresh
}

// fill makes a packet of the sample.
func (a *Agent) fill(p *capture.Packet) {
	s := &a.sample
	iface, egress := s.iface()
	*p = capture.Packet{
		Time: a.now.at, Data: s.data, WireLen: s.wireLen, Interface: iface, LinkType: s.linkType, Weight: s.rate,
	}
	if egress {
		p.Direction = capture.Egress
	}
}

// offer hands a datagram to the agent. It waits while the agent's queue is full.
func (a *Agent) offer(ctx context.Context, d *datagram) {
	select {
	case a.queue <- d:
	case <-ctx.Done():
	}
}
