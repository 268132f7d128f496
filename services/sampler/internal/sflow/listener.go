// Package sflow takes in the packets that other devices have sampled, as sFlow version 5 sends them over UDP
// (sflow.org/sflow_version_5.txt): each agent is an input of its own.
//
//	UDP -> Listener, by agent -> queue -> Agent.Read -> []capture.Packet
//
// Flow samples with the header of a packet, in their short and their expanded form, are packets. Counters and all that
// describes a packet otherwise are passed over.
package sflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"netstream/schemas/subject"
)

const (
	// maxDatagram is the largest UDP payload.
	maxDatagram = 65535
	// socketBuffer is asked of the kernel, which may give less.
	socketBuffer = 16 << 20
)

// Listener receives the datagrams of all agents on one address.
type Listener struct {
	conn    *net.UDPConn
	limit   int
	metrics *Metrics
	log     *slog.Logger
	spare   spares
	agents  map[agentKey]*Agent
	full    bool // an agent too many was met
}

// agentKey names an agent: it is what has numbers of its own.
type agentKey struct {
	address  netip.Addr
	subAgent uint32
}

// spares are datagrams that were read.
type spares struct{ pool sync.Pool }

func (s *spares) get() *datagram {
	if d, ok := s.pool.Get().(*datagram); ok {
		return d
	}
	return &datagram{}
}

func (s *spares) put(d *datagram) { s.pool.Put(d) }

// Listen takes the address; Run receives on it, of at most limit agents.
func Listen(address string, limit int, m *Metrics, log *slog.Logger) (*Listener, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(socketBuffer); err != nil {
		log.Warn("the socket for sFlow keeps its default buffer", "error", err)
	}
	return &Listener{conn: conn, limit: limit, metrics: m, log: log, agents: map[agentKey]*Agent{}}, nil
}

// Address is where it listens.
func (l *Listener) Address() string { return l.conn.LocalAddr().String() }

// Close gives the address up; Run does it too.
func (l *Listener) Close() error { return l.conn.Close() }

// Run receives until ctx ends. It tells begin of each agent that is new; whoever is told must read it to its end. What is
// no datagram of sFlow 5 is counted and passed over.
func (l *Listener) Run(ctx context.Context, begin func(*Agent)) error {
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	defer l.conn.Close()
	defer func() {
		for _, a := range l.agents {
			close(a.queue)
		}
	}()
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive sFlow on %s: %w", l.Address(), err)
		}
		l.metrics.Datagrams.Inc()
		l.receive(ctx, time.Now().UnixNano(), from.Addr().Unmap(), buf[:n], begin)
	}
}

// receive hands a datagram to its agent.
func (l *Listener) receive(ctx context.Context, at int64, from netip.Addr, b []byte, begin func(*Agent)) {
	h, samples, err := readHeader(b)
	switch {
	case errors.Is(err, errVersion):
		l.refuse(refusedVersion, from, err)
		return
	case err != nil:
		l.refuse(refusedMalformed, from, err)
		return
	}
	k := agentKey{h.agent, h.subAgent}
	if !k.address.IsValid() || k.address.IsUnspecified() {
		k.address = from.WithZone("")
	}
	a := l.agents[k]
	if a == nil {
		if len(l.agents) >= l.limit {
			if !l.full {
				l.full = true
				l.log.Warn("more sFlow agents than sampler.sflow.agents: the rest is refused", "agents", l.limit, "agent", k.address)
			}
			l.refuse(refusedAgents, from, nil)
			return
		}
		a = &Agent{name: k.source(), metrics: l.metrics, spare: &l.spare, queue: make(chan *datagram, queueDatagrams), sequences: map[dataSource]*sequence{}}
		l.agents[k] = a
		l.log.Info("sFlow agent", "agent", k.address, "sub_agent", k.subAgent, "from", from, "source", a.name)
		begin(a)
	}
	d := l.spare.get()
	d.at, d.header, d.samples = at, h, append(d.samples[:0], samples...)
	a.offer(ctx, d)
}

// refuse counts a datagram that can't be used.
func (l *Listener) refuse(reason string, from netip.Addr, err error) {
	l.metrics.Refused.WithLabelValues(reason).Inc()
	l.log.Debug("datagram refused", "reason", reason, "from", from, "error", err)
}

// source is the name of an agent as a source.
func (k agentKey) source() string {
	name := "sflow-" + k.address.String()
	if k.subAgent != 0 {
		name += "-" + strconv.FormatUint(uint64(k.subAgent), 10)
	}
	return subject.Clean(name)
}
