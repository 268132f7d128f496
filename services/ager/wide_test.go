package ager_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/schemas/collect"
	"netstream/schemas/key"
	"netstream/schemas/message"
	"netstream/schemas/update"
	"netstream/schemas/window"
)

// TestCollectedValuesMustBeThere sends updates of a monitor that collects, of which one has no values: first, in the middle
// of others, and in all.
func TestCollectedValuesMustBeThere(t *testing.T) {
	for name, has := range map[string][]bool{"one of two": {true, false}, "the first": {false, true}, "none": {false, false}} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			rows := update.NewWide()
			for i, with := range has {
				u := update.Row[key.Wide]{Key: key.Wide{VLAN: uint16(i + 1)}, Window: start, First: start, Last: start, Packets: 1, Bytes: 100}
				if with {
					v := collect.Packet(key.Wide{SrcMAC: 1}, start, 100, 64)
					u.Values = &v
				}
				rows.Append(&u, false)
			}
			var body message.Body
			add(&body, rows.Schema(), rows.Columns())
			header := message.Header{
				message.Streams: {body.Streams()}, message.Sources: {"tap"}, message.Monitors: {"m=flexible:vlan;src_mac,extremes"},
			}
			last, end := newHandOver("tap").mark("tap", start+second).last()
			l.send(0, []bus.Part{{Subject: l.Pipeline.Updates(0, 0), Header: header, Body: body.Bytes()}}, last, end)
			err := <-l.start(quick(), prometheus.NewRegistry(), 0).done
			wantError(t, err, message.ErrBody, "update.wide/1 row", "collected values false, of monitor m=flexible:vlan;src_mac,extremes")
		})
	}
}

// TestCheckpointOfHeldValues saves updates with collected values while the worker goes on to merge them: for the race detector.
func TestCheckpointOfHeldValues(t *testing.T) {
	l := newLine(t)
	r := l.start(saving(), prometheus.NewRegistry(), 0)
	rows := update.NewWide()
	for i := range 4000 {
		at := start + int64(i)*window.Length
		v := collect.Packet(key.Wide{SrcMAC: 1}, at, 100, 64)
		rows.Append(&update.Row[key.Wide]{Key: key.Wide{VLAN: 7}, Window: at, First: at, Last: at, Packets: 1, Bytes: 100, Values: &v}, false)
	}
	var body message.Body
	add(&body, rows.Schema(), rows.Columns())
	parts := []bus.Part{{Subject: l.Pipeline.Updates(0, 0), Body: body.Bytes(), Header: message.Header{
		message.Streams: {body.Streams()}, message.Sources: {"tap"}, message.Monitors: {"m=flexible:vlan;src_mac,extremes"},
	}}}
	l.publish(1, newHandOver().mark("tap", start+4000*window.Length))
	for i := range 40 { // all are held, then a hundred at a time are merged
		last, end := newHandOver("tap").mark("tap", start+int64(i)*100*window.Length).last()
		l.send(0, parts, last, end)
		parts = nil
	}
	r.stop(t)
	if len(l.checkpoints()) == 0 {
		t.Error("no checkpoint was written")
	}
}
