package routes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"netstream/pipeline/bus"
)

// Store is where tables are on the bus: an object for each version in the object store <pipeline>-routes, and in the key-value
// store of that name, under the key "versions", the versions that are kept, the one in use first. One process at a time may
// publish; any number may load and watch.
type Store struct {
	objects *bus.Objects
	bucket  *bus.Bucket
}

const (
	// keptVersions is how many versions are kept, for replays of flows that were told of with them.
	keptVersions = 8
	versionsKey  = "versions"
)

// ErrNoTable is met when a version isn't kept, or none has been published.
var ErrNoTable = errors.New("no such routing table")

// NewStore opens the store of the bus's pipeline, and creates it if need be.
func NewStore(ctx context.Context, b *bus.Bus) (*Store, error) {
	objects, err := b.Objects(ctx, b.Pipeline.RoutesBucket())
	if err != nil {
		return nil, err
	}
	bucket, err := b.Bucket(ctx, b.Pipeline.RoutesBucket(), 1, 0)
	if err != nil {
		return nil, err
	}
	return &Store{objects, bucket}, nil
}

// Publish makes a table the one in use. Its bytes are written only if its version isn't kept yet; versions but the last 8 are
// deleted.
func (s *Store) Publish(ctx context.Context, t *Table) error {
	versions, err := s.Versions(ctx)
	if err != nil {
		return err
	}
	version := t.Version()
	if len(versions) > 0 && versions[0] == version {
		return nil
	}
	if !slices.Contains(versions, version) {
		if _, err := s.objects.Put(ctx, version, bytes.NewReader(t.Encode())); err != nil {
			return err
		}
	}
	versions = slices.Insert(slices.DeleteFunc(versions, func(v string) bool { return v == version }), 0, version)
	gone := versions[min(len(versions), keptVersions):]
	versions = versions[:min(len(versions), keptVersions)]
	// In this order: whoever reads the versions finds all of them.
	if err := s.bucket.Put(ctx, versionsKey, []byte(strings.Join(versions, "\n"))); err != nil {
		return err
	}
	return s.delete(ctx, gone)
}

// delete deletes versions, and what a writer that died has left behind.
func (s *Store) delete(ctx context.Context, versions []string) error {
	if len(versions) == 0 {
		return nil
	}
	objects, err := s.objects.List(ctx, "*")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if slices.Contains(versions, o.Name) {
			if err := s.objects.Delete(ctx, o); err != nil {
				return err
			}
		}
	}
	return s.objects.DeleteOrphans(ctx)
}

// Versions lists the versions that are kept, the one in use first.
func (s *Store) Versions(ctx context.Context) ([]string, error) {
	value, err := s.bucket.Get(ctx, versionsKey)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(value)), nil
}

// Load reads the table of a version; ErrNoTable if it isn't kept.
func (s *Store) Load(ctx context.Context, version string) (*Table, error) {
	objects, err := s.objects.List(ctx, "*")
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(objects, func(o bus.Object) bool { return o.Name == version }) {
		return nil, fmt.Errorf("%w: version %q", ErrNoTable, version)
	}
	r, err := s.objects.Get(ctx, version)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read routing table %s: %w", version, err)
	}
	t, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("read routing table %s: %w", version, err)
	}
	if t.Version() != version {
		return nil, fmt.Errorf("read routing table %s: %w: it is that of version %s", version, ErrDamaged, t.Version())
	}
	return t, nil
}

// Current is the table in use; ErrNoTable if none has been published.
func (s *Store) Current(ctx context.Context) (*Table, error) {
	versions, err := s.Versions(ctx)
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, ErrNoTable
	}
	return s.Load(ctx, versions[0])
}

// Watch calls f with the table in use, now and whenever another one takes its place, until ctx ends. Versions that come and
// go while f runs or a table is loaded may be passed over. It returns nil when ctx has ended.
func (s *Store) Watch(ctx context.Context, f func(*Table)) error {
	w, err := s.bucket.Watch(ctx, versionsKey)
	if err != nil {
		return ended(ctx, err)
	}
	defer w.Close()
	var now string
	for {
		change, err := w.Next(ctx, time.Second)
		if err != nil {
			return ended(ctx, err)
		}
		if change == nil {
			continue
		}
		versions := strings.Fields(string(change.Value))
		if len(versions) == 0 || versions[0] == now {
			continue
		}
		t, err := s.Load(ctx, versions[0])
		if errors.Is(err, ErrNoTable) {
			continue // 8 others have come since: one of them is the next change
		}
		if err != nil {
			return ended(ctx, err)
		}
		now = versions[0]
		f(t)
	}
}

// ended is nil in place of an error that comes of the end of ctx.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
