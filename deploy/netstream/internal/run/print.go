package run

import (
	"fmt"
	"io"
	"strings"
	"time"

	"netstream/deploy/netstream/internal/progress"
	"netstream/schemas/flow"
)

// Print writes the result for people. called is how a command on the same data begins.
func (r *Result) Print(w io.Writer, called string) error {
	var b strings.Builder
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "%s as source %s\n", s.File, s.Source)
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("packets", "%d", r.Packets)
	line("bytes", "%d on the wire", r.Bytes)
	line("flows", "%d%s", r.Flows, r.reasons())
	for i, t := range r.Talkers {
		name := ""
		if i == 0 {
			name = "talkers"
		}
		line(name, "%-39s %15d bytes %12d packets", t.Address, t.Bytes, t.Packets)
	}
	passed := time.Duration(r.Seconds * float64(time.Second))
	if r.Rate > 0 {
		line("time", "%s, %s packets/s", passed.Round(time.Millisecond), progress.Count(uint64(r.Rate)))
	} else {
		line("time", "%s; the packets were read before", passed.Round(time.Millisecond))
	}
	line("digest", "%s", r.Digest)
	if len(r.Sources) > 1 {
		for _, s := range r.Sources {
			line("", "%s %s", s.Digest, s.Source)
		}
	}
	if r.Closed {
		line("books", "closed: nothing was lost or counted twice")
	} else {
		line("books", "NOT closed: see below, and `%s audit`", called)
	}
	line("data", "%s: try `%[2]s query \"FROM flows LIMIT 10\"`, `%[2]s top talkers`", r.Data, called)
	_, err := io.WriteString(w, b.String())
	return err
}

// reasons lists the flows by reason, in the order of the codes.
func (r *Result) reasons() string {
	var parts []string
	for _, reason := range flow.Reasons {
		if n := r.Reasons[reason.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", reason, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
