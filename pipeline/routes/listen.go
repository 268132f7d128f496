package routes

import (
	"context"
	"net"
	"sync"
)

// listen takes connections at an address until ctx ends or accepting fails.
func (l *live) listen(ctx context.Context, what, kind, address string, take func(net.Conn) (session func(context.Context))) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		l.log.Error(what+" can't listen", "error", err)
		l.metrics.ends.WithLabelValues(kind).Inc()
		return
	}
	l.serve(ctx, what, listener, take)
}

// serve takes connections: take says what is run for one, or nil if it is refused and closed. It closes the listener, and returns when the
// sessions have ended, whose ctx ends when accepting does.
func (l *live) serve(ctx context.Context, what string, listener net.Listener, take func(net.Conn) (session func(context.Context))) {
	l.log.Info(what+" listens", "address", listener.Addr().String())
	var sessions sync.WaitGroup
	defer sessions.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	defer listener.Close()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() == nil {
				l.log.Error(what+" stopped accepting", "error", err)
			}
			return
		}
		if session := take(conn); session != nil {
			sessions.Go(func() { session(ctx) })
		}
	}
}
