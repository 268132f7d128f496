package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bucket is a JetStream key-value store of the pipeline: the last values of each key. It is for what may be lost or old without
// harm, such as heartbeats and what may be deleted; where a stage goes on stands in the streams. It is safe for use by several
// goroutines.
type Bucket struct {
	bus *Bus
	cfg jetstream.KeyValueConfig
	kv  jetstream.KeyValue
}

// bucketBytes is a limit that thousands of small values don't reach.
const bucketBytes = 16 << 20

// Bucket opens a bucket, and creates it if need be. It keeps so many values of each key, so that a watcher that is late
// misses none, and each for ttl: a key that is not written any more goes away.
//
// Buckets are not created with the streams: who needs none needs no rights to it either, and one that is missing is made
// anew, which must never happen to a stream that has been used.
func (b *Bus) Bucket(ctx context.Context, name string, history int, ttl time.Duration) (*Bucket, error) {
	k := &Bucket{bus: b, cfg: jetstream.KeyValueConfig{
		Bucket: name, History: uint8(history), TTL: ttl, Replicas: b.Layout.Replicas, MaxBytes: bucketBytes, Storage: jetstream.FileStorage,
	}}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	var err error
	if k.kv, err = b.js.CreateOrUpdateKeyValue(ctx, k.cfg); err != nil {
		return nil, fmt.Errorf("create bucket %s: %w", name, err)
	}
	return k, nil
}

// Put writes a key. It doesn't wait for a server that is away.
func (k *Bucket) Put(ctx context.Context, key string, value []byte) error {
	ctx, release := k.bus.link.bound(ctx)
	defer release()
	_, err := k.kv.Put(ctx, key, value)
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // it was deleted, or the server has lost it
		if _, err = k.bus.js.CreateOrUpdateKeyValue(ctx, k.cfg); err == nil {
			_, err = k.kv.Put(ctx, key, value)
		}
	}
	if err != nil {
		return fmt.Errorf("put %s in bucket %s: %w", key, k.cfg.Bucket, err)
	}
	return nil
}

// Get returns the last value of a key, nil if there is none.
func (k *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	ctx, release := k.bus.link.bound(ctx)
	defer release()
	entry, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s from bucket %s: %w", key, k.cfg.Bucket, err)
	}
	return entry.Value(), nil
}

// Delete deletes a key with all its values, which watchers are told.
func (k *Bucket) Delete(ctx context.Context, key string) error {
	ctx, release := k.bus.link.bound(ctx)
	defer release()
	if err := k.kv.Purge(ctx, key); err != nil {
		return fmt.Errorf("delete %s in bucket %s: %w", key, k.cfg.Bucket, err)
	}
	return nil
}

// Change is a key that was written or deleted.
type Change struct {
	Key     string
	Value   []byte // nil: deleted
	Deleted bool
}

// Watch follows the keys of a bucket. It is not safe for use by several goroutines.
type Watch struct {
	reader *Reader
	prefix string
}

// Watch starts with what is kept of the keys that match, oldest first; keys are as in subjects, such as "ager.*". The library's
// own watcher is not used: like its ordered consumer, it is deaf for seconds after a lost connection.
func (k *Bucket) Watch(ctx context.Context, keys string) (*Watch, error) {
	prefix := "$KV." + k.cfg.Bucket + "."
	r, err := k.bus.Reader(ctx, "KV_"+k.cfg.Bucket, []string{prefix + keys}, 0)
	if err != nil {
		return nil, err
	}
	return &Watch{r, prefix}, nil
}

// Next returns the next change, or nil when none came within wait.
func (w *Watch) Next(ctx context.Context, wait time.Duration) (*Change, error) {
	m, err := w.reader.Next(ctx, wait)
	if m == nil || err != nil {
		return nil, err
	}
	c := &Change{Key: strings.TrimPrefix(m.Subject, w.prefix), Value: m.Body}
	if m.Header.Get(jetstreamOperation) != "" { // DEL or PURGE; a value has none
		c.Value, c.Deleted = nil, true
	}
	return c, nil
}

// jetstreamOperation is the header by which a key-value store marks deletions (NATS ADR-8).
const jetstreamOperation = "KV-Operation"

// Close ends watching.
func (w *Watch) Close() { w.reader.Close() }
