// Package subject names the streams and subjects of a pipeline: the one place where the picture of the line is spelled.
//
//	PACKETS    ns.P.packets.<packet-shard>.<source>       sampler     -> flow cache
//	UPDATES    ns.P.updates.<flow-shard>.<packet-shard>   flow cache  -> ager
//	UPDATES    ns.P.commits.<packet-shard>                flow cache  -> all agers
//	UPDATES    ns.P.control                               one writer  -> all agers
//	FLOWS      ns.P.flows.<flow-shard>                    ager        -> exporter, analyzer
//	EXPORTS    ns.P.exports.<exporter>                    exporter    -> itself on start
//	DATAGRAMS  ns.P.datagrams.<shard>.<collector>         collector   -> decoder
//
// Requests, which no stream keeps:
//
//	ns.P.request.age                                      anyone      -> owner of flow shard 0
package subject

import (
	"fmt"
	"strconv"
	"strings"
)

// Default is the pipeline that runs when none is named.
const Default = "live"

// Pipeline names one set of streams.
type Pipeline string

// Valid tells whether name can be a pipeline, a source, an exporter or a collector: 1 to 64 of A-Z a-z 0-9 _ and -.
func Valid(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("name %q: want 1 to 64 characters", name)
	}
	for _, c := range []byte(name) {
		if !valid(c) {
			return fmt.Errorf("name %q: character %q, want letters, digits, _ or -", name, c)
		}
	}
	return nil
}

// Clean makes a valid name of any text: other characters become _, and what is too long is cut.
func Clean(text string) string {
	b := []byte(text[:min(len(text), 64)])
	for i, c := range b {
		if !valid(c) {
			b[i] = '_'
		}
	}
	if len(b) == 0 {
		return "_"
	}
	return string(b)
}

func valid(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// Names of the streams. Packet shard p lives in stream group p mod G; G is 1 today, so the group is not in the name.
func (p Pipeline) PacketsStream() string   { return string(p) + "-PACKETS" }
func (p Pipeline) UpdatesStream() string   { return string(p) + "-UPDATES" }
func (p Pipeline) FlowsStream() string     { return string(p) + "-FLOWS" }
func (p Pipeline) ExportsStream() string   { return string(p) + "-EXPORTS" }
func (p Pipeline) DatagramsStream() string { return string(p) + "-DATAGRAMS" }

// MembersBucket is the key-value store in which the processes of the stages meet. Keys are <stage>.<process>.
func (p Pipeline) MembersBucket() string { return string(p) + "-members" }

// PositionsBucket is the key-value store of the positions of the streams' readers. Keys are <stream>.<shard>.<reader>.
func (p Pipeline) PositionsBucket() string { return string(p) + "-positions" }

// CheckpointsBucket is the object store of the agers' checkpoints.
func (p Pipeline) CheckpointsBucket() string { return string(p) + "-checkpoints" }

// RoutesBucket is the object store of the routing tables, named by their versions, and the key-value store of which is in use.
func (p Pipeline) RoutesBucket() string { return string(p) + "-routes" }

// Packets carries the sampled packet headers of one source for one packet shard.
func (p Pipeline) Packets(shard int, source string) string {
	return p.join("packets", strconv.Itoa(shard), source)
}

// Updates carries what one flow cache adds to the flows of one flow shard.
func (p Pipeline) Updates(flowShard, packetShard int) string {
	return p.join("updates", strconv.Itoa(flowShard), strconv.Itoa(packetShard))
}

// Commits carries the last message of each hand-over of a packet shard's flow cache.
func (p Pipeline) Commits(packetShard int) string {
	return p.join("commits", strconv.Itoa(packetShard))
}

// Control carries what the wall clock or an operator decided.
func (p Pipeline) Control() string { return p.join("control") }

// RequestAge is where forced aging is asked for. It is no stream's subject.
func (p Pipeline) RequestAge() string { return p.join("request", "age") }

// Flows carries the expired flows of a flow shard.
func (p Pipeline) Flows(shard int) string { return p.join("flows", strconv.Itoa(shard)) }

// Exports carries the positions of an exporter.
func (p Pipeline) Exports(exporter string) string { return p.join("exports", exporter) }

// Datagrams carries other devices' export datagrams as received.
func (p Pipeline) Datagrams(shard int, collector string) string {
	return p.join("datagrams", strconv.Itoa(shard), collector)
}

// join builds a subject of this pipeline.
func (p Pipeline) join(parts ...string) string {
	return "ns." + string(p) + "." + strings.Join(parts, ".")
}

// Shard reads the shard by which a reader of packets, updates, flows or datagrams is done with a subject: of updates the flow shard.
func (p Pipeline) Shard(subject string) (int, error) {
	rest, ok := strings.CutPrefix(subject, "ns."+string(p)+".")
	f := strings.Split(rest, ".")
	shard := 0
	switch {
	case ok && len(f) == 2 && f[0] == "flows", ok && len(f) == 3 && (f[0] == "packets" || f[0] == "updates" || f[0] == "datagrams"):
		shard, ok = number(f[1])
	default:
		ok = false
	}
	if !ok {
		return 0, fmt.Errorf("subject %q: want packets, updates, flows or datagrams of pipeline %s", subject, p)
	}
	return shard, nil
}

// PacketShard reads the packet shard out of an updates or commits subject, and says which of the two it is.
func (p Pipeline) PacketShard(subject string) (shard int, commit bool, err error) {
	rest, ok := strings.CutPrefix(subject, "ns."+string(p)+".")
	f := strings.Split(rest, ".")
	switch {
	case ok && len(f) == 2 && f[0] == "commits":
		shard, ok = number(f[1])
		commit = ok
	case ok && len(f) == 3 && f[0] == "updates":
		shard, ok = number(f[2])
	default:
		ok = false
	}
	if !ok {
		return 0, false, fmt.Errorf("subject %q: want updates or commits of pipeline %s", subject, p)
	}
	return shard, commit, nil
}

// number reads a number as this package writes it.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || strconv.Itoa(n) != s {
		return 0, false
	}
	return n, true
}
