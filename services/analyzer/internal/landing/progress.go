package landing

import (
	"context"
	"maps"
	"sync"

	"netstream/schemas/ledger"
	"netstream/schemas/uint128"
)

// Landed is what of a source is in the database. A packet counts in every monitor that took it.
type Landed struct {
	Rows, Packets, Bytes uint64
	Digest               uint128.Uint128 // of its flows; comparable between runs
	Ended                bool            // on all flow shards: nothing more will come
}

// Progress knows what is landed. It is safe for use by several goroutines.
type Progress struct {
	shards int

	mu      sync.Mutex
	changed chan struct{}                    // closed when something below changes
	out     map[string]map[part]ledger.Entry // what each ager gave, by source
	ended   map[string]map[part]bool         // flow shards on which a source has ended
	stopped map[int]error                    // flow shards that can't go on
	reached map[int]uint64                   // stream sequence up to which each flow shard is landed
}

// part of a source's flows: those of a monitor on a flow shard.
type part struct {
	shard   uint16
	monitor string
}

func newProgress(flowShards int) *Progress {
	return &Progress{
		shards: flowShards, changed: make(chan struct{}),
		out: map[string]map[part]ledger.Entry{}, ended: map[string]map[part]bool{}, stopped: map[int]error{}, reached: map[int]uint64{},
	}
}

// Source tells what is landed of a source.
func (p *Progress) Source(name string) Landed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source(name)
}

func (p *Progress) source(name string) Landed {
	l := Landed{Ended: len(p.ended[name]) >= p.shards}
	for _, e := range p.out[name] {
		l.Rows, l.Packets, l.Bytes, l.Digest = l.Rows+e.Rows, l.Packets+e.Packets, l.Bytes+e.Bytes, l.Digest.Add(e.Digest)
	}
	return l
}

// Stopped lists the flow shards that can't go on, and why.
func (p *Progress) Stopped() map[int]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.stopped)
}

// Wait waits until a source has ended on all flow shards and is landed, or a shard can't go on, or ctx ends.
func (p *Progress) Wait(ctx context.Context, source string) (Landed, error) {
	for {
		p.mu.Lock()
		l, changed := p.source(source), p.changed
		var err error
		for _, err = range p.stopped {
			break
		}
		p.mu.Unlock()
		if l.Ended || err != nil {
			return l, err
		}
		select {
		case <-ctx.Done():
			return l, ctx.Err()
		case <-changed:
		}
	}
}

// commit takes the counters of a transaction that is done.
func (p *Progress) commit(entries map[ledger.Key]ledger.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, e := range entries {
		if k.Hop != ledger.Ager {
			continue
		}
		switch k.Name {
		case ledger.Out:
			at(p.out, k.Source)[part{k.Shard, k.Monitor}] = e
		case ledger.Ended:
			at(p.ended, k.Source)[part{k.Shard, ""}] = true
		}
	}
	p.broadcast()
}

// Position is the stream sequence up to which a flow shard is landed.
func (p *Progress) Position(shard int) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reached[shard]
}

// reach notes how far a flow shard is landed.
func (p *Progress) reach(shard int, sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reached[shard] = sequence
}

// stop notes that a shard can't go on.
func (p *Progress) stop(shard int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped[shard] = err
	p.broadcast()
}

func (p *Progress) broadcast() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// at is the inner map of a key, made when it is missing.
func at[V any](m map[string]map[part]V, k string) map[part]V {
	if m[k] == nil {
		m[k] = map[part]V{}
	}
	return m[k]
}
