package afpacket

import (
	"fmt"
	"math/bits"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ring is one socket with its memory.
type ring struct {
	fd       int
	memory   []byte
	busy     []atomic.Bool // by block: handed on and not yet given back
	iface    uint32
	linkType uint16
	wanted   [2]bool
	hardware bool
}

const (
	// blockSize is what the kernel fills before it hands it over, unless its patience ends.
	blockSize = 1 << 18
	// frameSize is of no meaning with blocks, but must divide them.
	frameSize = 1 << 11
	// headroom is kept free before each frame, for a VLAN tag.
	headroom = 16
)

// openRing opens a ring on an interface.
func openRing(cfg Config, index int, linkType uint16, program []bpf.RawInstruction) (_ *ring, err error) {
	// With protocol 0 nothing arrives before the ring is ready and the filter attached.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	r := &ring{fd: fd, iface: uint32(index), linkType: linkType, wanted: cfg.Directions}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	blocks := max(cfg.Ring/blockSize, 2)
	r.hardware = hardwareTime(fd, index) == nil
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"PACKET_VERSION", func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3) }},
		{"PACKET_RESERVE", func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_RESERVE, headroom) }},
		{"PACKET_RX_RING", func() error {
			return unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
				Block_size: blockSize, Block_nr: uint32(blocks), Frame_size: frameSize, Frame_nr: uint32(blocks * blockSize / frameSize),
				Retire_blk_tov: uint32(max(cfg.Patience/time.Millisecond, 1)),
			})
		}},
		{"mmap", func() (err error) {
			r.memory, err = unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		}},
		{"SO_ATTACH_FILTER", func() error { return attach(fd, program) }},
		{"bind", func() error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(unix.ETH_P_ALL), Ifindex: index})
		}},
		{"PACKET_ADD_MEMBERSHIP", func() error {
			if !cfg.Promiscuous {
				return nil
			}
			return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC})
		}},
		{"PACKET_FANOUT", func() error {
			if cfg.Fanout < 2 {
				return nil
			}
			group := (os.Getpid()*31 + index) & 0xffff // of this process and interface
			return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, group|(unix.PACKET_FANOUT_HASH|unix.PACKET_FANOUT_FLAG_DEFRAG)<<16)
		}},
	} {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	r.busy = make([]atomic.Bool, blocks)
	return r, nil
}

// attach attaches a filter to a socket.
func attach(fd int, program []bpf.RawInstruction) error {
	raw := make([]unix.SockFilter, len(program))
	for i, p := range program {
		raw[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]})
}

// hardwareTime asks the network card for time stamps; an error means that the kernel's are used.
func hardwareTime(fd, index int) error {
	name, err := nameOf(fd, index)
	if err != nil {
		return err
	}
	cfg := unix.HwTstampConfig{Tx_type: unix.HWTSTAMP_TX_OFF, Rx_filter: unix.HWTSTAMP_FILTER_ALL}
	if err := unix.IoctlSetHwTstamp(fd, name, &cfg); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_TIMESTAMP, unix.SOF_TIMESTAMPING_RAW_HARDWARE)
}

// nameOf is the name of an interface.
func nameOf(fd, index int) (string, error) {
	request, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	request.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request); err != nil {
		return "", err
	}
	return request.Name(), nil
}

// state of a block.
type state int

const (
	empty state = iota // the kernel fills it
	ready              // full, to be handed on
	held               // handed on and not given back
)

func (r *ring) state(block int) state {
	switch {
	case r.busy[block].Load():
		return held
	case atomic.LoadUint32(r.status(block))&unix.TP_STATUS_USER != 0:
		return ready
	}
	return empty
}

// status is the word by which kernel and program hand a block to each other.
func (r *ring) status(block int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.memory[block*blockSize+blockStatusAt]))
}

// block is the memory of a block.
func (r *ring) block(n int) []byte { return r.memory[n*blockSize : (n+1)*blockSize : (n+1)*blockSize] }

// release gives a block back to the kernel.
func (r *ring) release(block int) {
	atomic.StoreUint32(r.status(block), unix.TP_STATUS_KERNEL)
	r.busy[block].Store(false)
}

// wait waits until a block may be ready.
func (r *ring) wait(most time.Duration) {
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, int(most/time.Millisecond))
	if err == nil && fds[0].Revents&unix.POLLERR != 0 { // the interface is down: asking for the error clears it
		_, _ = unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		time.Sleep(10 * time.Millisecond)
	}
}

// retire closes the ring once all of its blocks are given back; after stop that is for Close to do.
func (r *ring) retire(stop <-chan struct{}) {
	for i := range r.busy {
		for r.busy[i].Load() {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	r.close()
}

// close gives back what the ring has taken.
func (r *ring) close() {
	if r.memory != nil {
		_ = unix.Munmap(r.memory)
		r.memory = nil
	}
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}
