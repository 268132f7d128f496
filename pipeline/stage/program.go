package stage

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"netstream/pipeline/bus"
	"netstream/pipeline/config"
	"netstream/pipeline/telemetry"
)

// Program is a service's main. T is its configuration file.
type Program[T any] struct {
	Name     string
	Defaults T
	Base     func(T) Base
	Shards   func(T) int // how many there are to deal among its processes; nil: none
	Args     string      // what its arguments are, of which it wants one or more; empty: it takes none
	Create   func(cfg T, own Own, b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) (run func(context.Context) error)
}

// Own is what the command line gives to this process.
type Own struct {
	Shards Shards // nil: of a stage without
	Args   []string
}

// Exit codes.
const (
	failed = 1
	usage  = 2 // wrong usage or configuration
)

// Main runs the program and exits.
func (p Program[T]) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func (p Program[T]) run(ctx context.Context, args, env []string, out, errOut io.Writer) int {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(errOut)
	file := flags.String("c", "", "configuration `file` (YAML); NETSTREAM_… variables override it")
	check := flags.Bool("check", false, "check the configuration and exit")
	dump := flags.Bool("dump", false, "print the effective configuration and exit")
	list := new(string)
	if p.Shards != nil {
		list = flags.String("shards", "", ShardsFlag)
	}
	flags.Usage = func() {
		fmt.Fprintln(errOut, "Usage:", strings.TrimSpace(p.Name+" [flags] "+p.Args))
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return usage
	}
	cfg := p.Defaults
	err := config.Load(*file, env, &cfg)
	owner := func(*bus.Bus, prometheus.Registerer, *slog.Logger) Shards { return nil }
	if err == nil && p.Shards != nil {
		if owner, err = ParseOwner(*list, p.Name, p.Shards(cfg)); err != nil {
			err = fmt.Errorf("-shards: %w", err)
		}
	}
	base := p.Base(cfg)
	switch n := flags.NArg(); {
	case err != nil || *dump || *check:
	case p.Args == "" && n > 0:
		err = fmt.Errorf("got %d arguments, want none", n)
	case p.Args != "" && n == 0:
		err = fmt.Errorf("got no arguments, want %s", p.Args)
	}
	if err == nil && base.Bus.URL == "" && !*dump {
		err = errors.New("bus.url: no NATS server, want one such as nats://127.0.0.1:4222 (also as NETSTREAM_BUS_URL)")
	}
	if err != nil {
		fmt.Fprintln(errOut, err)
		return usage
	}
	switch {
	case *dump:
		err = config.Dump(out, cfg)
	case !*check:
		log := telemetry.NewLogger(errOut, base.Telemetry.LogFormat, base.Telemetry.LogLevel)
		err = Run(ctx, base, p.Name, log, func(b *bus.Bus, reg prometheus.Registerer, log *slog.Logger) func(context.Context) error {
			return p.Create(cfg, Own{owner(b, reg, log), flags.Args()}, b, reg, log)
		})
	}
	if err != nil {
		fmt.Fprintln(errOut, err)
		return failed
	}
	return 0
}
