package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// peer is another flow probe.
type peer struct {
	name    string
	brings  string   // Debian's package
	version []string // a command that prints it
	does    string   // with the capture, for the report
	run     func(ctx context.Context, program, capture string) (cost, error)
}

// peers lists the probes. Their scratch data goes to a directory that is there.
func peers(scratch string) []peer {
	return []peer{
		{
			name: "nfpcapd", brings: "nfdump", version: []string{"nfdump", "-V"},
			does: "flows aged at 60 s and 15 s into nfdump files",
			run: func(ctx context.Context, program, capture string) (c cost, err error) {
				dir, err := os.MkdirTemp(scratch, "nfpcapd-")
				if err != nil {
					return cost{}, err
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
				_, c, err = run(ctx, program, "-r", capture, "-w", dir, "-e", "60,15")
				return c, err
			},
		},
		{
			name: "softflowd", brings: "softflowd", version: []string{"softflowd", "-h"},
			does: "flows as NetFlow v9 to a UDP socket; reading a file, it ages none before the end",
			run: func(ctx context.Context, program, capture string) (cost, error) {
				s, err := openSink()
				if err != nil {
					return cost{}, err
				}
				defer s.close()
				// -d: stay in the foreground; -6: IPv6 too; -m: as many flows as come, where the default of 8192 would push flows out.
				_, c, err := run(ctx, program, "-r", capture, "-n", s.addr(), "-v", "9", "-d", "-6", "-m", "4000000",
					"-p", filepath.Join(scratch, "softflowd.pid"), "-c", "none")
				if err == nil && s.datagrams.Load() == 0 {
					err = fmt.Errorf("%s exported nothing of %s", program, capture)
				}
				return c, err
			},
		},
	}
}

// find returns the path of a peer's program; "" when it isn't installed. Debian keeps softflowd where only root looks.
func (p peer) find() string {
	for _, name := range []string{p.name, filepath.Join("/usr/sbin", p.name)} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// title is its name and, where it tells, its version.
func (p peer) title(ctx context.Context, program string) string {
	name := p.version[0]
	if name == p.name {
		name = program
	}
	out, _ := exec.CommandContext(ctx, name, p.version[1:]...).CombinedOutput() // some exit with 1
	if v := versionNumber.Find(out); v != nil {
		return p.name + " " + string(v)
	}
	return p.name
}
