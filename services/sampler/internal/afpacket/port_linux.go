package afpacket

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"netstream/services/sampler/internal/filter"
)

// port is one interface with its rings.
type port struct {
	cfg   Config
	name  string
	log   *slog.Logger
	rings []*ring // nil while the interface is away; each belongs to its goroutine

	received, dropped, freezes, lost atomic.Uint64

	mu   sync.Mutex // guards info
	info Info
}

// retry is how often an interface is looked for, and looked after.
const retry = 500 * time.Millisecond

// openPort opens all rings of an interface.
func openPort(cfg Config, name string, log *slog.Logger) (*port, error) {
	p := &port{cfg: cfg, name: name, log: log, rings: make([]*ring, max(cfg.Fanout, 1))}
	for n := range p.rings {
		r, err := p.open()
		if err != nil {
			for _, r := range p.rings[:n] {
				r.close()
			}
			return nil, err
		}
		p.rings[n] = r
	}
	return p, nil
}

// open opens one ring.
func (p *port) open() (*ring, error) {
	iface, err := net.InterfaceByName(p.name)
	if err != nil {
		return nil, fmt.Errorf("%w: there is none of that name, there are %s", ErrInterface, strings.Join(names(), ", "))
	}
	linkType, err := linkTypeOf(p.name)
	if err != nil {
		return nil, err
	}
	program, err := p.program(linkType)
	if err != nil {
		return nil, err
	}
	r, err := openRing(p.cfg, iface.Index, linkType, program)
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		self, _ := os.Executable()
		return nil, fmt.Errorf("%w: run as root, or once: setcap cap_net_raw,cap_net_admin=ep %s", ErrPermission, self)
	case errors.Is(err, unix.ENOMEM):
		return nil, fmt.Errorf("a ring of %d bytes: %w; make it smaller", p.cfg.Ring, err)
	case err != nil:
		return nil, err
	}
	p.mu.Lock()
	p.info = Info{Name: p.name, Index: uint32(iface.Index), LinkType: linkType, Speed: speedOf(p.name), HardwareTimestamp: r.hardware}
	p.mu.Unlock()
	return r, nil
}

// program is the filter; it also cuts packets to the snap length.
func (p *port) program(linkType uint16) ([]bpf.RawInstruction, error) {
	if p.cfg.Filter == "" {
		return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: uint32(p.cfg.SnapLen)}})
	}
	return filter.Compile(p.cfg.Filter, linkType, p.cfg.SnapLen)
}

// serve hands on the blocks of ring n until stop is closed, over the losses of the interface.
func (p *port) serve(n int, blocks chan<- handed, stop <-chan struct{}) {
	for {
		p.hand(p.rings[n], blocks, stop)
		select {
		case <-stop:
			return
		default:
		}
		p.lost.Add(1)
		p.log.Warn("interface went away", "interface", p.name)
		p.rings[n].retire(stop)
		p.rings[n] = nil
		for p.rings[n] == nil {
			select {
			case <-stop:
				return
			case <-time.After(retry):
			}
			p.rings[n], _ = p.open() // it isn't back yet
		}
		p.log.Info("interface is back", "interface", p.name)
	}
}

// hand hands on blocks until the interface goes away or stop is closed.
func (p *port) hand(r *ring, blocks chan<- handed, stop <-chan struct{}) {
	looked := time.Now()
	for at := 0; ; {
		switch r.state(at) {
		case ready:
			r.busy[at].Store(true)
			select {
			case blocks <- handed{r, at}:
			case <-stop:
				return
			}
			at = (at + 1) % len(r.busy)
		case held: // the reader is a whole ring behind
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		case empty:
			r.wait(idle)
		}
		if time.Since(looked) >= idle {
			looked = time.Now()
			p.count(r)
			if iface, err := net.InterfaceByName(p.name); (err != nil || uint32(iface.Index) != r.iface) && r.state(at) != ready {
				return
			}
		}
		select {
		case <-stop:
			p.count(r)
			return
		default:
		}
	}
}

// count takes over what the kernel has counted.
func (p *port) count(r *ring) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return
	}
	p.received.Add(uint64(s.Packets - s.Drops))
	p.dropped.Add(uint64(s.Drops))
	p.freezes.Add(uint64(s.Freeze_q_cnt))
}

func (p *port) describe() Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info
}

func (p *port) stats() Stats {
	return Stats{Name: p.name, Received: p.received.Load(), Dropped: p.dropped.Load(), Freezes: p.freezes.Load(), Lost: p.lost.Load()}
}

// names lists the interfaces there are.
func names() []string {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	list := make([]string, len(all))
	for i, iface := range all {
		list[i] = iface.Name
	}
	return list
}

// linkTypeOf is the link type of an interface, by its hardware type.
func linkTypeOf(name string) (uint16, error) {
	text, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return 0, err
	}
	hardware, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, err
	}
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return linkEthernet, nil
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP:
		return linkRaw, nil
	}
	return 0, fmt.Errorf("%w: hardware type %d can't be captured, Ethernet, loopback and raw IP can", ErrInterface, hardware)
}

// speedOf is the speed of an interface in bits per second, 0 if it is unknown.
func speedOf(name string) uint64 {
	text, err := os.ReadFile("/sys/class/net/" + name + "/speed")
	if err != nil {
		return 0
	}
	megabits, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || megabits < 0 {
		return 0
	}
	return uint64(megabits) * 1e6
}
