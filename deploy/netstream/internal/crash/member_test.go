package crash

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

// member is one process of the line that is started anew whenever it ends, as a service manager would.
type member struct {
	name    string
	command []string // program and arguments
	log     string   // file
	finite  bool     // an exit with code 0 is its end
	rivals  bool     // a second one may run beside it

	mu      sync.Mutex
	current *process
	killed  bool // on purpose
	halted  bool // not to be started anew
	counts

	over chan struct{} // closed when the member is halted or has done its work
}

// counts of what happened to a member.
type counts struct {
	lives, kills, stops, rivalries int
	exits                          int // of its own, such as when another one took its place or the server was away
}

// keep starts a member and keeps it alive until halt or the end of the test.
func keep(t *testing.T, m *member) {
	t.Helper()
	m.over = make(chan struct{})
	if err := m.start(); err != nil {
		t.Fatal(err)
	}
	go m.supervise()
	t.Cleanup(func() { m.halt(syscall.SIGKILL) })
}

func (m *member) start() error {
	p, err := begin(m.log, m.command[0], m.command[1:]...)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current, m.killed = p, false
	m.lives++
	if m.halted {
		p.signal(syscall.SIGKILL)
	}
	return nil
}

func (m *member) supervise() {
	defer close(m.over)
	for {
		p := m.process()
		<-p.done
		m.mu.Lock()
		halted, killed := m.halted, m.killed
		if !halted && !killed && !(m.finite && p.code() == 0) {
			m.exits++
		}
		m.mu.Unlock()
		if halted || m.finite && p.code() == 0 {
			return
		}
		if !killed {
			time.Sleep(100 * time.Millisecond) // it would fail again at once
		}
		if m.isHalted() {
			return
		}
		if err := m.start(); err != nil {
			return // which the test meets as a line that never ends, with the reason in the log
		}
	}
}

// process is the member's life of the moment, or its last one.
func (m *member) process() *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// idle tells whether the member has done its work.
func (m *member) idle() bool {
	select {
	case <-m.over:
		return true
	default:
		return false
	}
}

// kill ends the life of the moment as a power cut would.
func (m *member) kill() {
	m.mu.Lock()
	m.killed = true
	m.kills++
	p := m.current
	m.mu.Unlock()
	p.kill()
}

// stop lets the process stand still, and what meanwhile happen, for a while.
func (m *member) stop(meanwhile func()) {
	m.mu.Lock()
	m.stops++
	p := m.current
	m.mu.Unlock()
	p.signal(syscall.SIGSTOP)
	meanwhile()
	p.signal(syscall.SIGCONT)
}

// rival runs a second process of the same kind for a while: two believe that they own the work, and the fence decides.
func (m *member) rival(during time.Duration) error {
	m.mu.Lock()
	m.rivalries++
	m.mu.Unlock()
	p, err := begin(m.log, m.command[0], m.command[1:]...)
	if err != nil {
		return err
	}
	p.ended(during)
	p.kill()
	return nil
}

func (m *member) isHalted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halted
}

// farewell is how a member ended that was halted.
type farewell struct {
	took   time.Duration
	heeded bool // the signal
	code   int
}

// halt ends the member for good, with a signal that lets it finish or doesn't.
func (m *member) halt(s syscall.Signal) farewell {
	m.mu.Lock()
	m.halted = true
	p := m.current
	m.mu.Unlock()
	if p.ended(0) { // between two lives
		<-m.over
		return farewell{heeded: true}
	}
	begin := time.Now()
	p.signal(s)
	p.signal(syscall.SIGCONT)
	heeded := p.ended(20 * time.Second) // a guard against hanging; the aim is 3 s
	if !heeded {
		p.kill()
	}
	<-m.over
	return farewell{time.Since(begin), heeded, p.code()}
}

// revive starts a halted member again.
func (m *member) revive(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	m.halted = false
	m.mu.Unlock()
	m.over = make(chan struct{})
	if err := m.start(); err != nil {
		t.Fatal(err)
	}
	go m.supervise()
}

func (c counts) String() string {
	return fmt.Sprintf("%d lives, %d kills, %d stops, %d rivals, %d own exits", c.lives, c.kills, c.stops, c.rivalries, c.exits)
}

func (c *counts) add(o counts) {
	c.lives += o.lives
	c.kills += o.kills
	c.stops += o.stops
	c.rivalries += o.rivalries
	c.exits += o.exits
}
