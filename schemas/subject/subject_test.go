package subject_test

import (
	"strings"
	"testing"

	"netstream/schemas/subject"
)

func TestNames(t *testing.T) {
	const p = subject.Pipeline("live")
	for got, want := range map[string]string{
		p.PacketsStream():           "live-PACKETS",
		p.UpdatesStream():           "live-UPDATES",
		p.FlowsStream():             "live-FLOWS",
		p.ExportsStream():           "live-EXPORTS",
		p.DatagramsStream():         "live-DATAGRAMS",
		p.MembersBucket():           "live-members",
		p.PositionsBucket():         "live-positions",
		p.CheckpointsBucket():       "live-checkpoints",
		p.RoutesBucket():            "live-routes",
		p.Packets(3, "edge-1"):      "ns.live.packets.3.edge-1",
		p.Packets(3, "*"):           "ns.live.packets.3.*",
		p.Updates(1, 2):             "ns.live.updates.1.2",
		p.Commits(7):                "ns.live.commits.7",
		p.Control():                 "ns.live.control",
		p.RequestAge():              "ns.live.request.age",
		p.Flows(11):                 "ns.live.flows.11",
		p.Exports("nfcapd"):         "ns.live.exports.nfcapd",
		p.Datagrams(0, "collector"): "ns.live.datagrams.0.collector",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestPacketShard(t *testing.T) {
	const p = subject.Pipeline("live")
	for _, c := range []struct {
		subject string
		shard   int
		commit  bool
		ok      bool
	}{
		{p.Updates(1, 2), 2, false, true},
		{p.Commits(1023), 1023, true, true},
		{p.Control(), 0, false, false},
		{p.Flows(1), 0, false, false},
		{subject.Pipeline("other").Commits(1), 0, false, false},
		{subject.Pipeline("live2").Commits(1), 0, false, false},
		{"ns.live.commits", 0, false, false},
		{"ns.live.commits.", 0, false, false},
		{"ns.live.commits.one", 0, false, false},
		{"ns.live.commits.-1", 0, false, false},
		{"ns.live.commits.+1", 0, false, false},
		{"ns.live.commits.1.2", 0, false, false},
		{"ns.live.updates.1", 0, false, false},
		{"ns.live.updates.1.99999999999999999999", 0, false, false},
		{"", 0, false, false},
	} {
		shard, commit, err := p.PacketShard(c.subject)
		if shard != c.shard || commit != c.commit || (err == nil) != c.ok {
			t.Errorf("%q: shard %d, commit %v, error %v; want %d, %v, ok %v", c.subject, shard, commit, err, c.shard, c.commit, c.ok)
		}
	}
}

func TestShard(t *testing.T) {
	const p = subject.Pipeline("live")
	for _, c := range []struct {
		subject string
		shard   int
		ok      bool
	}{
		{p.Packets(3, "edge-1"), 3, true},
		{p.Updates(1, 2), 1, true},
		{p.Flows(255), 255, true},
		{p.Datagrams(4, "collector"), 4, true},
		{p.Commits(1), 0, false},
		{p.Control(), 0, false},
		{p.Exports("1"), 0, false},
		{subject.Pipeline("other").Flows(1), 0, false},
		{"ns.live.flows", 0, false},
		{"ns.live.flows.1.2", 0, false},
		{"ns.live.packets.1", 0, false},
		{"ns.live.packets.-1.a", 0, false},
		{"ns.live.datagrams.x.a", 0, false},
		{"", 0, false},
	} {
		shard, err := p.Shard(c.subject)
		if shard != c.shard || (err == nil) != c.ok {
			t.Errorf("%q: shard %d, error %v; want %d, ok %v", c.subject, shard, err, c.shard, c.ok)
		}
	}
}

func TestValid(t *testing.T) {
	for name, ok := range map[string]bool{
		"live": true, "A-z_09": true, "-": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a.b": false, "a b": false, "*": false, ">": false, "a\n": false, "ü": false,
	} {
		if err := subject.Valid(name); (err == nil) != ok {
			t.Errorf("%q: error %v, want ok %v", name, err, ok)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"edge-1": "edge-1", "": "_", "a.b c": "a_b_c", "captures/x.pcap": "captures_x_pcap", "ü": "__", "*": "_",
		strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		if got := subject.Clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"live", "", "a.b", "ns.live.commits.1", "ns.live.updates.1.2", "ü\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := subject.Valid(subject.Clean(s)); err != nil {
			t.Errorf("cleaned %q: %v", s, err)
		}
		if subject.Valid(s) == nil && subject.Clean(s) != s {
			t.Errorf("%q is valid and was changed to %q", s, subject.Clean(s))
		}
		const p = subject.Pipeline("live")
		shard, commit, err := p.PacketShard(s)
		if err == nil && commit && p.Commits(shard) != s {
			t.Errorf("%q was read as commit of shard %d", s, shard)
		}
	})
}
