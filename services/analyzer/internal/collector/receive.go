// Package collector takes in what other devices export: it keeps their datagrams on the bus as received, and decodes
// them from there into rows.
//
//	UDP -> Receiver -> DATAGRAMS datagrams.<shard>.<collector> -> Decoder -> rows, state and position in one transaction
//
// Nothing is decoded before it is on the bus, so that a crash, an unknown template or a mistake here costs no data.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"netstream/pipeline/bus"
	"netstream/schemas/datagram"
	"netstream/schemas/key"
	"netstream/schemas/message"
)

const (
	// maxDatagram is the largest UDP payload over IPv4.
	maxDatagram = 65507
	// socketBuffer is asked of the kernel, which may give less: room for a burst of a second at 64 MB/s.
	socketBuffer = 64 << 20
	// flushBytes and flushAfter end a message of datagrams.
	flushBytes = 256 << 10
	flushAfter = 100 * time.Millisecond
	// queueMessages is how many messages may wait for the bus before datagrams are dropped.
	queueMessages = 64
)

// Receiver puts datagrams on the bus. Its order within a shard is that of their arrival.
type Receiver struct {
	conn    *net.UDPConn
	name    string
	bus     *bus.Bus
	metrics *Metrics
	log     *slog.Logger
}

// Listen takes the address; Run receives on it. name is the collector's own subject: two of them must not share one.
func Listen(address, name string, b *bus.Bus, m *Metrics, log *slog.Logger) (*Receiver, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for datagrams: %w", err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for datagrams: %w; set analyzer.collector.listen to a free port", err)
	}
	if err := conn.SetReadBuffer(socketBuffer); err != nil {
		log.Warn("the socket keeps its default buffer", "error", err)
	}
	return &Receiver{conn: conn, name: name, bus: b, metrics: m, log: log}, nil
}

// Address is where the collector listens.
func (r *Receiver) Address() string { return r.conn.LocalAddr().String() }

// Close gives the address up; Run does it too.
func (r *Receiver) Close() error { return r.conn.Close() }

// full is a message of one shard on its way to the bus.
type full struct {
	shard int
	rows  *datagram.Rows
}

// Run receives until ctx ends or the bus is lost. What was received by then is published.
func (r *Receiver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { r.conn.Close() })
	defer stop()

	queue := make(chan full, queueMessages)
	var published error
	var wait sync.WaitGroup
	wait.Go(func() {
		// A stream that is full makes the publisher wait. The queue takes it up for a while, then datagrams are dropped.
		published = r.publish(ctx, queue)
		cancel()
	})
	err := r.receive(queue)
	close(queue)
	wait.Wait()
	if published != nil {
		return published
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// receive reads datagrams into messages until the socket is closed.
func (r *Receiver) receive(queue chan<- full) error {
	shards := make([]*datagram.Rows, r.bus.Layout.FlowShards)
	for i := range shards {
		shards[i] = &datagram.Rows{}
	}
	flush := func(i int) {
		rows := shards[i]
		if rows.Len() == 0 {
			return
		}
		select {
		case queue <- full{i, rows}:
		default:
			r.metrics.Dropped.Add(float64(rows.Len()))
		}
		shards[i] = &datagram.Rows{}
	}
	defer func() {
		for i := range shards {
			flush(i)
		}
	}()
	buf := make([]byte, maxDatagram)
	due := time.Now().Add(flushAfter)
	for {
		if err := r.conn.SetReadDeadline(due); err != nil {
			return err
		}
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
			return err
		}
		if err == nil {
			r.metrics.Received.Inc()
			i := r.shard(from.Addr())
			shards[i].Append(now.UnixNano(), from.Addr().As16(), from.Port(), buf[:n])
			if len(shards[i].Payload.Data) >= flushBytes {
				flush(i)
			}
		}
		if !now.Before(due) {
			for i := range shards {
				flush(i)
			}
			due = now.Add(flushAfter)
		}
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// shard depends on the exporter's address alone, so that one decoder sees all that its templates are about.
func (r *Receiver) shard(a netip.Addr) int {
	b := a.As16()
	return key.Shard(xxh3.Hash(b[:]), r.bus.Layout.FlowShards)
}

// publish writes messages, each fenced on the collector's subject of its shard.
func (r *Receiver) publish(ctx context.Context, queue <-chan full) error {
	p := r.bus.Pipeline
	epoch := uint64(time.Now().UnixNano())
	writers := map[int]*bus.Writer{}
	counts := map[int]uint64{}
	var body message.Body
	for m := range queue {
		w := writers[m.shard]
		if w == nil {
			var err error
			if w, _, err = r.bus.Writer(context.WithoutCancel(ctx), p.DatagramsStream(), p.Datagrams(m.shard, r.name)); err != nil {
				return err
			}
			writers[m.shard] = w
		}
		counts[m.shard] += uint64(m.rows.Len())
		body.Reset()
		if err := body.Add(datagram.Schema, m.rows.Columns()); err != nil {
			return err
		}
		h := message.Header{}
		h.Set(message.Streams, body.Streams())
		h.SetPair(message.Ordinal, epoch, counts[m.shard])
		if err := r.store(ctx, w, h, body.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// lastWait is how long a stopping collector tries to store what it has received.
const lastWait = 2 * time.Second

// store publishes a message, and once more for a moment when the collector is stopping.
func (r *Receiver) store(ctx context.Context, w *bus.Writer, h message.Header, body []byte) error {
	if ctx.Err() == nil {
		err := w.Publish(ctx, h, body)
		if err == nil || ctx.Err() == nil {
			return err
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
	defer cancel()
	return w.Publish(last, h, body)
}
