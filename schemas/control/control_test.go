package control_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/commit"
	"netstream/schemas/control"
	"netstream/schemas/message"
	"netstream/schemas/window"
)

var update = flag.Bool("update", false, "rewrite the golden bytes")

// example is the one of FORMAT.md.
var example = []control.Row{
	{Action: control.Force, Filter: "dst_port == 443", Time: commit.NoTime},
	{Action: control.Force, Source: "edge-1", Monitor: "ipv4", Time: commit.NoTime},
	{Action: control.Idle, Source: "edge-2", Time: 1_700_000_030_000_000_000},
}

func TestGolden(t *testing.T) {
	h, body, err := control.Write(example)
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/control.hex"
	if *update {
		var lines strings.Builder
		for i := 0; i < len(body); i += 32 {
			lines.WriteString(hex.EncodeToString(body[i:min(i+32, len(body))]) + "\n")
		}
		if err := os.WriteFile(file, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden, body); diff != "" {
		t.Errorf("bytes (-golden +got):\n%s", diff)
	}
	got, err := control.Read(h, golden)
	if diff := cmp.Diff(example, got); diff != "" || err != nil {
		t.Errorf("rows, error %v (-want +got):\n%s", err, diff)
	}
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := message.Streams + ": " + h.Get(message.Streams) + "\n"; !strings.Contains(string(page), want) {
		t.Errorf("FORMAT.md doesn't say %q", want)
	}
}

func TestRowsAreReused(t *testing.T) {
	var rows control.Rows
	for range 2 {
		rows.Reset()
		for _, r := range example {
			rows.Append(r)
		}
	}
	var got []control.Row
	for i := range rows.Len() {
		got = append(got, rows.At(i))
	}
	if diff := cmp.Diff(example, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	force, idle := example[0], example[2]
	with := func(r control.Row, change func(*control.Row)) control.Row {
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		row  control.Row
		says string // empty: it is fine
	}{
		"force":            {force, ""},
		"force a monitor":  {example[1], ""},
		"longest filter":   {with(force, func(r *control.Row) { r.Filter = strings.Repeat(" ", control.MaxFilter) }), ""},
		"idle":             {idle, ""},
		"idle to the last": {with(idle, func(r *control.Row) { r.Time = window.MaxTime }), ""},
		"no action":        {with(force, func(r *control.Row) { r.Action = 0 }), "action 0"},
		"unknown action":   {with(idle, func(r *control.Row) { r.Action = 3 }), "action 3"},
		"force at a time":  {with(force, func(r *control.Row) { r.Time = 7 }), "time 7"},
		"filter too long":  {with(force, func(r *control.Row) { r.Filter = strings.Repeat(" ", control.MaxFilter+1) }), "4097 bytes"},
		"no source's name": {with(force, func(r *control.Row) { r.Source = "a b" }), `name "a b"`},
		"no monitor's name": {
			with(force, func(r *control.Row) { r.Monitor = "a.b" }), `name "a.b"`,
		},
		"idle of all":       {with(idle, func(r *control.Row) { r.Source = "" }), "want a source"},
		"idle of a monitor": {with(idle, func(r *control.Row) { r.Monitor = "ipv4" }), "want a source alone"},
		"idle with filter":  {with(idle, func(r *control.Row) { r.Filter = "true" }), "want a source alone"},
		"idle without time": {with(idle, func(r *control.Row) { r.Time = commit.NoTime }), "want 0 to"},
		"idle beyond time":  {with(idle, func(r *control.Row) { r.Time = window.MaxTime + 1 }), "want 0 to"},
	} {
		err := c.row.Check()
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (!errors.Is(err, control.ErrRow) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
}

func TestActionNames(t *testing.T) {
	for a, want := range map[control.Action]string{control.Force: "force", control.Idle: "idle", 0: "unknown", 9: "unknown"} {
		if a.String() != want {
			t.Errorf("action %d is %s, want %s", a, a, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	h, body, err := control.Write(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.Get(message.Streams), body)
	f.Add("control/2:8", make([]byte, 8))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, streams string, body []byte) {
		rows, err := control.Read(message.Header{message.Streams: {streams}}, body)
		if err != nil {
			if rows != nil {
				t.Fatal("rows beside an error")
			}
			return
		}
		for i := range rows {
			_ = rows[i].Check()
		}
		h, again, err := control.Write(rows)
		if err != nil {
			t.Fatal(err)
		}
		back, err := control.Read(h, again)
		if diff := cmp.Diff(rows, back); len(rows) > 0 && (diff != "" || err != nil) {
			t.Errorf("written and read again, error %v:\n%s", err, diff)
		}
	})
}
