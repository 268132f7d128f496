// Package traffic invents the packets of `netstream demo`: an endless, lively
// and repeatable stream of Ethernet frames in time order.
//
// # The story
//
// The frames are what taps see at the edge of a small regional provider that
// also runs a company network and a datacentre:
//
//	north, south and harbour districts, mobile ─┐
//	head office, branches, telephones ──────────┼── core ──┬── 1 uplink-a ── Internet,
//	                                            │          ├── 2 uplink-b ── content caches
//	                                            │          └── 3 datacentre ── servers, storage, hosting
//
// A conversation is tapped once: with the Internet on the uplink it takes (one
// in eight goes out on one uplink and comes back on the other), inside the
// network on the datacentre port, whose frames carry VLAN tags. All addresses
// come from ranges that are private or kept for documentation and benchmarks.
//
// People browse, watch, play and telephone; servers answer, back up at night
// and keep time. Which hosts and servers they use follows Zipf laws, how much
// they fetch follows Pareto laws, and how many of them are awake follows the
// hour of a day that lasts [Config.Day]. TCP connections open, acknowledge,
// lose a segment now and then and close with FIN or RST.
//
// Every few minutes something happens: a port scan, a flood of reflected DNS
// or NTP answers, a SYN flood, a flash crowd, or an uplink that fails and
// leaves its traffic to the other one. [EventLog] says what and when, so that
// what the flows show can be held against what was done.
//
// # How it works
//
//	arrivals (Poisson, one per application) ─┐
//	conversations (next packet of each) ─────┼─> queue by time ─> step ─> frame
//	clock ticks (rhythm, noise, events) ─────┘
//
// A conversation is a small state machine in a fixed slab; the queue holds one
// entry for each. Everything is drawn from one seeded generator in time order,
// so a seed and a start give the same frames on every run. Payload is zero
// but for the few bytes by which a decoder recognises the protocol, which
// makes checksums cheap: they are right in every frame.
package traffic
