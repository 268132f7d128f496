package bus

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Objects is a JetStream object store of the pipeline: large values by name, each written once and checked against its
// SHA-256 when it is read. It is safe for use by several goroutines.
type Objects struct {
	bus    *Bus
	bucket string
	store  jetstream.ObjectStore
}

// Object is one that is stored.
type Object struct {
	Name string
	Size uint64
	id   string // of its chunks
}

const (
	// objectChunk is the size of the messages that an object is cut into; each is acknowledged.
	objectChunk = 512 << 10
	// orphaned is the age at which chunks without an object are leftovers of a writer that died, and no longer a writer's at work.
	orphaned = 10 * time.Minute
)

// Objects opens an object store, and creates it if need be.
func (b *Bus) Objects(ctx context.Context, bucket string) (*Objects, error) {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	store, err := b.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: bucket, Storage: jetstream.FileStorage, Replicas: b.Layout.Replicas})
	if err != nil {
		return nil, fmt.Errorf("create object store %s: %w", bucket, err)
	}
	return &Objects{b, bucket, store}, nil
}

// Put writes an object.
func (o *Objects) Put(ctx context.Context, name string, r io.Reader) (Object, error) {
	info, err := o.store.Put(ctx, jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: objectChunk}}, r)
	if err != nil {
		return Object{}, fmt.Errorf("put %s in object store %s: %w", name, o.bucket, err)
	}
	return Object{name, info.Size, info.NUID}, nil
}

// Get opens an object. That it is whole is known when it has been read to its end without an error. The store's own reader
// isn't used: it waits for ever for chunks that are lost.
func (o *Objects) Get(ctx context.Context, name string) (*ObjectReader, error) {
	opening, cancel := context.WithTimeout(ctx, o.bus.Timeout)
	defer cancel()
	info, err := o.store.GetInfo(opening, name)
	if err != nil {
		return nil, fmt.Errorf("get %s from object store %s: %w", name, o.bucket, err)
	}
	s, err := o.stream(opening)
	if err != nil {
		return nil, err
	}
	subject := o.prefix("C") + info.NUID
	state, err := s.Info(opening, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return nil, fmt.Errorf("get %s from object store %s: %w", name, o.bucket, err)
	}
	if n := state.State.Subjects[subject]; n != uint64(info.Chunks) {
		return nil, fmt.Errorf("%w: %s in object store %s has %d chunks, want %d", ErrObject, name, o.bucket, n, info.Chunks)
	}
	r, err := o.bus.Reader(ctx, "OBJ_"+o.bucket, []string{subject}, 0)
	if err != nil {
		return nil, err
	}
	return &ObjectReader{ctx: ctx, reader: r, name: name, left: int(info.Chunks), digest: info.Digest, hash: sha256.New()}, nil
}

// ErrObject is met when an object is not what was written.
var ErrObject = errors.New("damaged object")

// ObjectReader reads an object.
type ObjectReader struct {
	ctx    context.Context
	reader *Reader
	name   string
	left   int // chunks
	chunk  []byte
	digest string
	hash   hash.Hash
}

// Read reads on. The end comes as io.EOF if all that was read has the digest of what was written.
func (r *ObjectReader) Read(b []byte) (int, error) {
	for len(r.chunk) == 0 {
		if r.left == 0 {
			if got := "SHA-256=" + base64.URLEncoding.EncodeToString(r.hash.Sum(nil)); got != r.digest {
				return 0, fmt.Errorf("%w: %s has digest %s, want %s", ErrObject, r.name, got, r.digest)
			}
			return 0, io.EOF
		}
		m, err := r.reader.Next(r.ctx, time.Second)
		if err != nil {
			return 0, err
		}
		if m != nil {
			r.chunk, r.left = m.Body, r.left-1
			r.hash.Write(m.Body)
		}
	}
	n := copy(b, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// Close ends reading.
func (r *ObjectReader) Close() { r.reader.Close() }

// List lists the objects whose names match a pattern as in package path, by name.
func (o *Objects) List(ctx context.Context, pattern string) ([]Object, error) {
	ctx, cancel := context.WithTimeout(ctx, o.bus.Timeout)
	defer cancel()
	infos, err := o.store.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("list object store %s: %w", o.bucket, err)
	}
	var out []Object
	for _, i := range infos {
		if ok, err := path.Match(pattern, i.Name); err != nil {
			return nil, err
		} else if ok {
			out = append(out, Object{i.Name, i.Size, i.NUID})
		}
	}
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Delete deletes an object. The store's own way would leave a mark for each name for ever.
func (o *Objects) Delete(ctx context.Context, object Object) error {
	ctx, cancel := context.WithTimeout(ctx, o.bus.Timeout)
	defer cancel()
	s, err := o.stream(ctx)
	if err != nil {
		return err
	}
	for _, subject := range []string{o.prefix("M") + base64.URLEncoding.EncodeToString([]byte(object.Name)), o.prefix("C") + object.id} {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("delete %s from object store %s: %w", object.Name, o.bucket, err)
		}
	}
	return nil
}

// DeleteOrphans deletes chunks that belong to no object: their writer died some time ago.
func (o *Objects) DeleteOrphans(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.bus.Timeout)
	defer cancel()
	s, err := o.stream(ctx)
	if err != nil {
		return err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(o.prefix("C")+">"))
	if err != nil {
		return fmt.Errorf("look at object store %s: %w", o.bucket, err)
	}
	objects, err := o.List(ctx, "*") // after the chunks: whatever is complete by now is no orphan
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		if slices.ContainsFunc(objects, func(b Object) bool { return o.prefix("C")+b.id == subject }) {
			continue
		}
		last, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && time.Since(last.Time) < orphaned {
			continue
		}
		if err == nil {
			err = s.Purge(ctx, jetstream.WithPurgeSubject(subject))
		}
		if err != nil {
			return fmt.Errorf("delete orphans from object store %s: %w", o.bucket, err)
		}
	}
	return nil
}

// stream is where the store keeps its messages (NATS ADR-20).
func (o *Objects) stream(ctx context.Context) (jetstream.Stream, error) {
	s, err := o.bus.js.Stream(ctx, "OBJ_"+o.bucket)
	if err != nil {
		return nil, fmt.Errorf("look up object store %s: %w", o.bucket, err)
	}
	return s, nil
}

func (o *Objects) prefix(of string) string { return "$O." + o.bucket + "." + of + "." }
