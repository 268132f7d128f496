// Package pace plays generated traffic in real time: it stands between the generator, which knows no clock, and the
// sampler, which takes packets as they come.
package pace

import (
	"time"

	"netstream/deploy/netstream/internal/traffic"
	"netstream/services/sampler"
)

const (
	frameBytes = 128                   // kept of a frame: all headers that are generated
	atOnce     = 5 * time.Millisecond  // packets due within this are handed over together
	patience   = 50 * time.Millisecond // longest Read without a packet
	linkType   = 1                     // Ethernet
)

// Input is the generator as an input of the sampler. It is for one goroutine.
type Input struct {
	gen   *traffic.Generator
	due   sampler.Packet // generated, not yet handed over; its time is when it is due
	data  [frameBytes]byte
	store []byte // of the packets of the last Read
	now   func() time.Time
	sleep func(time.Duration)
}

// New makes an input of a generator that starts now.
func New(cfg traffic.Config) *Input {
	cfg.SnapLen = frameBytes
	in := &Input{gen: traffic.New(cfg, time.Now()), now: time.Now, sleep: time.Sleep}
	in.generate()
	return in
}

// Events is the log of what the generator does on purpose.
func (in *Input) Events() *traffic.EventLog { return in.gen.Events() }

func (in *Input) generate() {
	n, t, wire, iface := in.gen.Next(in.data[:])
	in.due = sampler.Packet{Time: t, Data: in.data[:n], WireLen: wire, Interface: iface, LinkType: linkType}
}

// Read returns the packets that are due by now. It waits a little for the next one, and returns none when that isn't
// due yet.
func (in *Input) Read(dst []sampler.Packet) (int, error) {
	now := in.now()
	if wait := time.Duration(in.due.Time - now.UnixNano()); wait > 0 {
		in.sleep(min(wait+atOnce, patience))
		now = in.now()
	}
	if need := len(dst) * frameBytes; len(in.store) < need {
		in.store = make([]byte, need)
	}
	store := in.store
	n := 0
	for ; n < len(dst) && in.due.Time <= now.UnixNano(); n++ {
		kept := copy(store, in.due.Data)
		dst[n] = in.due
		dst[n].Data = store[:kept:kept]
		store = store[frameBytes:]
		in.generate()
	}
	return n, nil
}
