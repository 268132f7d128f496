package store_test

import (
	"context"
	"errors"
	"testing"

	"netstream/services/analyzer/internal/store"
)

func TestLandingWaitsForMemory(t *testing.T) {
	s, _ := open(t)
	b, tries := store.NewBatch(), 0
	b.Positions[store.Shard{Stream: "s"}] = store.Position{Sequence: 1}
	b.Also = func(context.Context, store.Execer) error {
		if tries++; tries < 3 {
			return errors.New("Out of Memory Error: failed to allocate")
		}
		return nil
	}
	retried := 0
	b.Retried = func() { retried++ }
	if err := s.Land(t.Context(), b); err != nil || tries != 3 || retried != 2 {
		t.Errorf("%d tries, %d retries, %v", tries, retried, err)
	}
	tries = -1000
	ctx, cancel := context.WithCancel(t.Context())
	b.Retried = cancel
	if err := s.Land(ctx, b); !errors.Is(err, store.ErrMemory) {
		t.Errorf("after the end of its context: %v, want ErrMemory", err)
	}
}
