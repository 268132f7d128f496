package members

import (
	"maps"
	"slices"
	"time"
)

// view is what one member knows of all, from the heartbeats in the order in which the server stored them. It takes time as
// an argument; only the local monotonic clock counts, so clocks of machines are never compared.
//
// Its own heartbeats come back to it among the others' and are its proof of hearing: somebody is dead who was not heard
// for a while in which this member heard itself. A server that is away makes nobody look dead.
type view struct {
	self string
	timing
	peers map[string]*peer
	echo  time.Time // when its own heartbeat came back last; zero: not yet, so not all members are known
}

// peer is a member, perhaps this one.
type peer struct {
	count uint64    // of its last heartbeat
	heard time.Time // when that came
	holds []int     // shards that it worked on then
	dead  bool      // kept for a while, since its last heartbeat may be read again
}

// timing is how patient a member is with the others.
type timing struct {
	beat time.Duration // between two heartbeats
	dead time.Duration // so long without a new heartbeat
	deaf time.Duration // so long without an own one: then others may have been missed too
	wait time.Duration // for a member that has to give a shard up; then it hangs, and the fence stops it
}

// farewell is a member that is no longer there.
type farewell struct {
	id     string
	silent time.Duration // since its last heartbeat came
	holds  []int
}

func newView(self string, t timing) *view {
	return &view{self: self, timing: t, peers: map[string]*peer{}}
}

// news tells whether a heartbeat is a new one. A watcher that begins again reads the last ones once more, those of the dead
// too.
func (v *view) news(id string, h heartbeat) bool {
	p := v.peers[id]
	return p == nil || h.Count > p.count
}

// heard takes a new heartbeat. It tells whether the member is a new one, and who is dead by now.
func (v *view) heard(id string, h heartbeat, now time.Time) (joined bool, died []farewell) {
	p := v.peers[id]
	joined = p == nil || p.dead
	v.peers[id] = &peer{count: h.Count, heard: now, holds: h.Holds}
	if id == v.self {
		died = v.judge(now)
	}
	return joined, died
}

// judge tells who is dead, now that an own heartbeat has come back.
func (v *view) judge(now time.Time) (died []farewell) {
	wasDeaf := now.Sub(v.echo) > v.deaf
	v.echo = now
	for _, id := range slices.Sorted(maps.Keys(v.peers)) {
		switch p := v.peers[id]; {
		case p.dead && now.Sub(p.heard) > 2*remembered:
			delete(v.peers, id)
		case p.dead:
		case wasDeaf:
			p.heard = now
		case now.Sub(p.heard) >= v.dead:
			p.dead = true
			died = append(died, farewell{id, now.Sub(p.heard), p.holds})
		}
	}
	return died
}

// left takes a member that has said goodbye. It is nil for one that is not known.
func (v *view) left(id string, now time.Time) *farewell {
	p := v.peers[id]
	if p == nil || p.dead {
		return nil
	}
	p.dead = true
	return &farewell{id, now.Sub(p.heard), p.holds}
}

// complete tells whether all who had joined before this member are known.
func (v *view) complete() bool { return !v.echo.IsZero() }

// live lists the members in order.
func (v *view) live() (ids []string) {
	for id, p := range v.peers {
		if !p.dead {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// holder is another live member that works on a shard; empty if there is none.
func (v *view) holder(shard int) string {
	for id, p := range v.peers {
		if id != v.self && !p.dead && slices.Contains(p.holds, shard) {
			return id
		}
	}
	return ""
}
