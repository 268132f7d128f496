package bus_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
)

func TestPurgeKeepsTheLast(t *testing.T) {
	b := open(t, bus.DefaultLayout())
	stream := b.Pipeline.PacketsStream()
	publish := func(source string, n int) {
		t.Helper()
		w, _, err := b.Writer(t.Context(), stream, b.Pipeline.Packets(0, source))
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := w.Publish(t.Context(), message.Header{}, []byte(source)); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("old", 3)  // 1 to 3
	publish("live", 5) // 4 to 8
	left := func() (out []string) {
		for _, m := range readAll(t, b, stream, []string{"ns.live.packets.>"}, 0) {
			out = append(out, fmt.Sprintf("%d %s", m.Sequence, m.Body))
		}
		return out
	}
	for _, c := range []struct {
		before uint64
		want   []string
	}{
		{0, []string{"1 old", "2 old", "3 old", "4 live", "5 live", "6 live", "7 live", "8 live"}},
		{3, []string{"3 old", "4 live", "5 live", "6 live", "7 live", "8 live"}},
		{7, []string{"3 old", "7 live", "8 live"}},
		{6, []string{"3 old", "7 live", "8 live"}}, // stale
		{1 << 40, []string{"3 old", "8 live"}},
	} {
		for _, source := range []string{"old", "live", "unheard-of"} {
			if err := b.Purge(t.Context(), stream, b.Pipeline.Packets(0, source), c.before); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(c.want, left()); diff != "" {
			t.Errorf("purged before %d (-want +got):\n%s", c.before, diff)
		}
	}
	w, last, err := b.Writer(t.Context(), stream, b.Pipeline.Packets(0, "old"))
	if err != nil || last == nil || last.Sequence != 3 {
		t.Fatalf("last %v, error %v", last, err)
	}
	if err := w.Publish(t.Context(), message.Header{}, nil); err != nil {
		t.Errorf("the fence is gone: %v", err)
	}
}
