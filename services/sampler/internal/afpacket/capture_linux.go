package afpacket

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"netstream/services/sampler/internal/capture"
)

// Capture reads packets from interfaces. Its methods are for one goroutine, except Stats, Lost and Close.
type Capture struct {
	ports   []*port
	blocks  chan handed
	stop    chan struct{}
	closing sync.Once
	working sync.WaitGroup

	walker walker
	now    handed // being walked
	done   handed // walked; its packets are valid until the next Read
}

// handed is a block on its way from a ring to the reader and back.
type handed struct {
	ring  *ring
	index int
}

// idle is how long Read waits for a packet.
const idle = 100 * time.Millisecond

// Open opens the rings of all interfaces, or none.
func Open(cfg Config, log *slog.Logger) (*Capture, error) {
	c := &Capture{blocks: make(chan handed, 64), stop: make(chan struct{})}
	var errs []error
	for _, name := range cfg.Interfaces {
		p, err := openPort(cfg, name, log)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		c.ports = append(c.ports, p)
	}
	if err := errors.Join(errs...); err != nil {
		c.Close()
		return nil, err
	}
	for _, p := range c.ports {
		for n := range p.rings {
			c.working.Go(func() { p.serve(n, c.blocks, c.stop) })
		}
	}
	return c, nil
}

// Read fills dst and returns how many packets there are; they are valid until the next Read. It returns none without an
// error when none came for a while, and io.EOF after Close.
func (c *Capture) Read(dst []capture.Packet) (int, error) {
	if c.done.ring != nil {
		c.done.ring.release(c.done.index)
		c.done = handed{}
	}
	if c.now.ring == nil {
		timeout := time.NewTimer(idle)
		defer timeout.Stop()
		select {
		case c.now = <-c.blocks:
		case <-c.stop:
			return 0, io.EOF
		case <-timeout.C:
			return 0, nil
		}
		r := c.now.ring
		c.walker.linkType, c.walker.iface, c.walker.wanted = r.linkType, r.iface, r.wanted
		c.walker.start(r.block(c.now.index))
	}
	n := 0
	for n < len(dst) && c.walker.next(&dst[n]) {
		n++
	}
	if n < len(dst) || c.walker.left == 0 {
		c.done, c.now = c.now, handed{}
	}
	return n, nil
}

// Interfaces says what is known of the interfaces.
func (c *Capture) Interfaces() []Info {
	infos := make([]Info, len(c.ports))
	for i, p := range c.ports {
		infos[i] = p.describe()
	}
	return infos
}

// Name is the name of an interface by its ifIndex.
func (c *Capture) Name(iface uint32) string {
	for _, p := range c.ports {
		if p.describe().Index == iface {
			return p.name
		}
	}
	return ""
}

// Stats counts by interface.
func (c *Capture) Stats() []Stats {
	stats := make([]Stats, len(c.ports))
	for i, p := range c.ports {
		stats[i] = p.stats()
	}
	return stats
}

// Lost is how many packets the kernel had to drop on all interfaces.
func (c *Capture) Lost() (l capture.Losses) {
	for _, p := range c.ports {
		l.Kernel += p.dropped.Load()
	}
	return l
}

// Close ends the capture. A Read that waits returns io.EOF; packets that were read must not be used any more.
func (c *Capture) Close() error {
	c.closing.Do(func() {
		close(c.stop)
		c.working.Wait()
		for _, p := range c.ports {
			for _, r := range p.rings {
				if r != nil {
					r.close()
				}
			}
		}
	})
	return nil
}
