package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/bus"
)

// changes reads so many changes, as text.
func changes(t *testing.T, w *bus.Watch, n int) (got string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n > 0 {
		c, err := w.Next(ctx, time.Second)
		if err != nil {
			t.Fatalf("after %s: %v", got, err)
		}
		if c == nil {
			continue
		}
		if c.Deleted {
			got += "-" + c.Key + " "
		} else {
			got += fmt.Sprintf("%s=%s ", c.Key, c.Value)
		}
		n--
	}
	return got
}

func TestBucket(t *testing.T) {
	b := open(t, bus.DefaultLayout())
	k, err := b.Bucket(t.Context(), "live-test", 2, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		t.Helper()
		if err := k.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("ager.a", "1")
	put("ager.a", "2")
	put("flowcache.a", "3")
	put("ager.b", "")
	put("ager.a", "4")
	w, err := k.Watch(t.Context(), "ager.*")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got, want := changes(t, w, 3), "ager.a=2 ager.b= ager.a=4 "; got != want {
		t.Errorf("at first %s, want %s", got, want)
	}
	if err := k.Delete(t.Context(), "ager.b"); err != nil {
		t.Fatal(err)
	}
	put("ager.c", "5")
	if got, want := changes(t, w, 2), "-ager.b ager.c=5 "; got != want {
		t.Errorf("then %s, want %s", got, want)
	}
	for key, want := range map[string]string{"ager.a": "4", "ager.b": "", "ager.z": ""} {
		if got, err := k.Get(t.Context(), key); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", key, got, err, want)
		}
	}
	if again, err := b.Bucket(t.Context(), "live-test", 2, time.Hour); err != nil {
		t.Errorf("opened again: %v", err)
	} else if err := again.Put(t.Context(), "ager.d", nil); err != nil {
		t.Error(err)
	}
}

// TestABucketIsMadeAnew where a stream would not be: what was in it is worth nothing.
func TestABucketIsMadeAnew(t *testing.T) {
	conn := connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	k, err := b.Bucket(t.Context(), "live-test", 1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), "live-test"); err != nil {
		t.Fatal(err)
	}
	if err := k.Put(t.Context(), "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	w, err := k.Watch(t.Context(), "*")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got := changes(t, w, 1); got != "a=1 " {
		t.Errorf("got %s", got)
	}
}

// TestKeysGoAway when nobody writes them any more.
func TestKeysGoAway(t *testing.T) {
	conn := connect(t)
	b, err := bus.New(conn, "live", bus.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	k, err := b.Bucket(t.Context(), "live-test", 1, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Put(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "KV_live-test")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.State.LastSeq == 1 && info.State.Msgs == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d values are still there", info.State.Msgs)
		}
	}
}
