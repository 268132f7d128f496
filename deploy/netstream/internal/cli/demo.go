package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/progress"
	"netstream/deploy/netstream/internal/run"
	"netstream/deploy/netstream/internal/traffic"
	"netstream/services/sampler"
)

// demoRate is lively on a laptop and leaves it cool.
const demoRate = 10_000

func (k *command) demo() *cobra.Command {
	var file, pcap string
	var rate int
	var flags lineFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it run, on traffic of its own",
		Long: `Runs the whole line in real time on generated traffic of a small provider: many
hosts and applications, a day that lasts ten minutes, and now and then a port
scan, a flood, a flash crowd or a dead uplink, which it announces. Endless until
Ctrl-C; a second start goes on with the same data.

With --pcap it takes a capture through the line instead, and then stays to be
asked.`,
		Example: `  netstream demo
  netstream demo --rate 50000
  netstream demo --pcap office.pcap`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := k.load(c, file, func(cfg *line.Config) {
				if file == "" {
					k.beside(cfg)
				}
				if c.Flags().Changed("rate") || cfg.Demo.Rate == 0 {
					cfg.Demo.Rate = rate
				}
				flags.apply(cfg)
			})
			if err = errors.Join(flags.err(c), err); err != nil {
				return err
			}
			return k.live(c.Context(), cfg, func(ctx context.Context, l *line.Line) error {
				if pcap != "" {
					return k.demoCapture(ctx, l, pcap)
				}
				return k.demoTraffic(ctx, l, cfg.Demo)
			})
		},
	}
	configFlag(c, &file)
	c.Flags().StringVar(&pcap, "pcap", "", "run this capture `file` instead, then answer questions")
	c.MarkFlagFilename("pcap")
	c.Flags().IntVar(&rate, "rate", demoRate, "`packets` per second, averaged over a day")
	flags.register(c)
	return c
}

// demoTraffic generates traffic and tells what it does on purpose.
func (k *command) demoTraffic(ctx context.Context, l *line.Line, cfg line.Demo) error {
	if err := k.whereToLook(ctx, l); err != nil {
		return err
	}
	var telling sync.WaitGroup
	defer telling.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return generate(ctx, l.Sampler, cfg, func(log *traffic.EventLog) {
		telling.Go(func() { k.tell(ctx, log) })
	})
}

// tell announces events as they begin.
func (k *command) tell(ctx context.Context, log *traffic.EventLog) {
	var told time.Time // start of the last event told
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, e := range log.Recent() {
			if e.Start.After(told) {
				told = e.Start
				fmt.Fprintf(k.Out, "%s  %s, for %s\n", e.Start.Format(time.TimeOnly), e.Name, e.End.Sub(e.Start).Round(time.Second))
			}
		}
	}
}

// demoCapture runs a capture and stays until ctx ends.
func (k *command) demoCapture(ctx context.Context, l *line.Line, path string) error {
	job := run.New([]string{path}, false)
	shown, hide := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() { progress.Show(shown, k.Err, k.Terminal, job.Progress) })
	result, err := job.Run(ctx, l)
	hide()
	showing.Wait()
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(k.Err, "netstream:", job.Interrupted())
		return nil
	case errors.Is(err, sampler.ErrFinished):
		fmt.Fprintln(k.Err, "netstream:", err)
	case err != nil:
		return err
	default:
		if err := k.report(l, result, false); err != nil {
			fmt.Fprintln(k.Err, "netstream:", err)
		}
	}
	fmt.Fprintln(k.Out)
	if err := k.whereToLook(ctx, l); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
