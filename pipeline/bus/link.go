package bus

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

// link ends the waiting for answers that can't come any more: a request that was under way when its connection was cut
// would otherwise wait for its timeout.
type link struct {
	mu  sync.Mutex
	up  context.Context // ends when the connection is cut
	cut context.CancelFunc
}

// watch follows the connection until it is closed.
func watch(conn *nats.Conn) *link {
	l := &link{}
	l.up, l.cut = context.WithCancel(context.Background())
	changes := conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		defer conn.RemoveStatusListener(changes)
		for status := range changes {
			l.mu.Lock()
			l.cut()
			if status != nats.CLOSED {
				l.up, l.cut = context.WithCancel(context.Background())
			}
			l.mu.Unlock()
			if status == nats.CLOSED {
				return
			}
		}
	}()
	return l
}

// bound returns a context that also ends when the connection, as it is now, is cut.
func (l *link) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(up, cancel)
	return ctx, func() { stop(); cancel() }
}
