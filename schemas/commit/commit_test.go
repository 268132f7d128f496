package commit_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/commit"
)

func TestWatermarks(t *testing.T) {
	want := []commit.Watermark{
		{Source: "edge-1", Time: 1_700_000_000_000_000_000},
		{Source: "capture_pcap-1", Time: math.MaxInt64, Ended: true},
		{Source: "edge-2", Time: 5, Live: true},
		{Source: "new", Time: math.MinInt64},
		{},
	}
	var out, in commit.Watermarks
	for range 2 { // the second time in the memory of the first
		out.Reset()
		for _, m := range want {
			out.Append(m)
		}
	}
	b, err := columns.Append(nil, out.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := columns.Read(b, in.Columns()); err != nil {
		t.Fatal(err)
	}
	var got []commit.Watermark
	for i := range in.Len() {
		got = append(got, in.At(i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if out.Reset(); out.Len() != 0 {
		t.Error("Reset left something")
	}
}

func TestNoWatermarks(t *testing.T) {
	var out, in commit.Watermarks
	b, err := columns.Append(nil, out.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := columns.Read(b, in.Columns()); n != 0 || err != nil || in.Len() != 0 {
		t.Errorf("%d rows, %d watermarks, error %v", n, in.Len(), err)
	}
}
