package routes

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"netstream/pipeline/bus"
	"netstream/pipeline/embedded/embeddedtest"
)

// openStore is a store on a JetStream of the test.
func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := NewStore(t.Context(), openBus(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openBus(t *testing.T) *bus.Bus {
	t.Helper()
	_, conn := embeddedtest.Connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tableOf is a table of one route.
func tableOf(origin uint32) *Table {
	b := NewBuilder()
	b.Announce(Source{}, 0, netip.MustParsePrefix("192.0.2.0/24"), Path{Origin: origin})
	return b.Compile(nil)
}

func TestStore(t *testing.T) {
	s := openStore(t)
	if _, err := s.Current(t.Context()); !errors.Is(err, ErrNoTable) {
		t.Errorf("before anything is published: %v", err)
	}
	if _, err := s.Load(t.Context(), tableOf(1).Version()); !errors.Is(err, ErrNoTable) {
		t.Errorf("before it is published: %v", err)
	}
	var published []string
	publish := func(origin uint32) {
		t.Helper()
		if err := s.Publish(t.Context(), tableOf(origin)); err != nil {
			t.Fatal(err)
		}
		published = append(published, tableOf(origin).Version())
	}
	for origin := range uint32(keptVersions + 2) {
		publish(origin)
	}
	publish(keptVersions + 1) // the same again
	publish(5)                // an earlier one
	versions, err := s.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{tableOf(5).Version()}
	for _, origin := range []uint32{9, 8, 7, 6, 4, 3, 2} {
		want = append(want, tableOf(origin).Version())
	}
	if !slices.Equal(versions, want) {
		t.Errorf("versions %v, want %v", versions, want)
	}
	objects, err := s.objects.List(t.Context(), "*")
	if err != nil || len(objects) != keptVersions {
		t.Errorf("%d objects, %v; want %d", len(objects), err, keptVersions)
	}
	for i, v := range versions {
		table, err := s.Load(t.Context(), v)
		if err != nil || table.Version() != v {
			t.Errorf("version %d: %v", i, err)
		}
	}
	if _, err := s.Load(t.Context(), tableOf(1).Version()); !errors.Is(err, ErrNoTable) {
		t.Errorf("one that isn't kept any more: %v", err)
	}
	table, err := s.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := table.Lookup(netip.MustParseAddr("192.0.2.1")); r.Origin != 5 {
		t.Errorf("in use is %+v", r)
	}
}

func TestWatch(t *testing.T) {
	s := openStore(t)
	seen := make(chan uint32)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- s.Watch(ctx, func(table *Table) {
			r, _ := table.Lookup(netip.MustParseAddr("192.0.2.1"))
			seen <- r.Origin
		})
	}()
	for origin := uint32(1); origin < 4; origin++ {
		if err := s.Publish(t.Context(), tableOf(origin)); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-seen:
			if got != origin {
				t.Errorf("origin %d, want %d", got, origin)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing seen")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("watching ends with %v", err)
	}
}
