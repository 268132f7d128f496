package main

import (
	"net"
	"sync"
	"sync/atomic"
)

// sink is a UDP socket that takes whatever comes.
type sink struct {
	conn      *net.UDPConn
	datagrams atomic.Uint64
	reading   sync.WaitGroup
}

// sinkBuffer is asked of the kernel, which gives what it allows.
const sinkBuffer = 8 << 20

func openSink() (*sink, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	s := &sink{conn: conn}
	_ = conn.SetReadBuffer(sinkBuffer) // the peer is measured, not what arrives
	s.reading.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			s.datagrams.Add(1)
		}
	})
	return s, nil
}

func (s *sink) addr() string { return s.conn.LocalAddr().String() }

// close ends when the reader has ended.
func (s *sink) close() {
	_ = s.conn.Close()
	s.reading.Wait()
}
