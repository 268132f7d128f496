package link

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// giveUpAfter ends a connection when what was sent stays without an answer for so long (tcp(7), TCP_USER_TIMEOUT). Without
// it that takes about 15 minutes.
func giveUpAfter(conn *net.TCPConn, d time.Duration) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	}); err != nil {
		return err
	}
	return set
}
