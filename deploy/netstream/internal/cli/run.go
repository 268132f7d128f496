package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/line"
	"netstream/deploy/netstream/internal/progress"
	"netstream/deploy/netstream/internal/run"
)

// runFlags are those of `run`, and of `demo --pcap`.
type runFlags struct {
	config     string
	again      bool
	json       bool
	cpuProfile string
	line       lineFlags
}

func (k *command) run() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE...",
		Short: "Take captures through the whole line to the end",
		Long: `Reads captures (pcap and pcapng, plain, gzip or zstd), makes flows of them, lands
them in the database, closes the books and prints a summary. Each capture is a
source of its own. An interrupted run, by Ctrl-C or worse, is resumed by the same
command; nothing is counted twice.`,
		Example: `  netstream run office.pcap
  netstream run monday.pcapng.gz tuesday.pcapng.gz --json
  netstream run office.pcap --sample 100                        one packet of 100, with estimates
  netstream run office.pcap --export 127.0.0.1:9995 --format v5
  netstream run office.pcap --export 10.0.0.1:2055 --format v9 --export 10.0.0.2:2055 --format v5
  netstream run office.pcap --again                             once more, as another source`,
		Args: args(cobra.MinimumNArgs(1), "one or more captures"),
		RunE: func(c *cobra.Command, args []string) error {
			return profiled(f.cpuProfile, func() error { return k.runFiles(c, args, &f) })
		},
	}
	configFlag(c, &f.config)
	c.Flags().BoolVar(&f.again, "again", false, "run captures that have been run before once more, as new sources")
	c.Flags().BoolVar(&f.json, "json", false, "print the summary as JSON")
	c.Flags().StringVar(&f.cpuProfile, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	_ = c.Flags().MarkHidden("cpuprofile") // for `make bench`; it is there, so no error
	f.line.register(c)
	return c
}

func (k *command) runFiles(c *cobra.Command, paths []string, f *runFlags) error {
	cfg, err := k.load(c, f.config, func(cfg *line.Config) {
		if f.config == "" {
			k.beside(cfg)
		}
		f.line.apply(cfg)
	})
	if err = errors.Join(f.line.err(c), err); err != nil {
		return err
	}
	var missing []error
	for _, path := range paths { // before a data directory is made for nothing
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, err)
		}
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	l, err := line.Open(cfg, k.global.data, k.log(cfg))
	if err != nil {
		return err
	}
	result, err := k.runJob(c.Context(), l, run.New(paths, f.again))
	if err == nil {
		err = k.report(l, result, f.json)
	}
	return errors.Join(err, l.Close())
}

// report shows what came of a job.
func (k *command) report(l *line.Line, result *run.Result, asJSON bool) error {
	for _, s := range result.Skipped {
		fmt.Fprintln(k.Err, "netstream:", s)
	}
	var err error
	if asJSON {
		e := json.NewEncoder(k.Out)
		e.SetIndent("", "  ")
		err = e.Encode(result)
	} else {
		err = result.Print(k.Out, k.called(l.Data()))
	}
	if err == nil {
		err = result.Reported(l)
	}
	return errors.Join(err, result.Err())
}

// runJob runs a job with its progress shown.
func (k *command) runJob(ctx context.Context, l *line.Line, job *run.Job) (result *run.Result, err error) {
	shown, hide := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() { progress.Show(shown, k.Err, k.Terminal, job.Progress) })
	err = l.Run(ctx, func(ctx context.Context) (err error) {
		result, err = job.Run(ctx, l)
		return err
	})
	hide()
	showing.Wait()
	if ctx.Err() != nil && err == nil && result == nil {
		err = errors.New(job.Interrupted())
	}
	return result, err
}

// beside makes room for other processes of this machine: a command that nobody configured listens on any free port,
// which the data directory names, and says little.
func (k *command) beside(cfg *line.Config) {
	cfg.Telemetry.Listen, cfg.Analyzer.API.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Telemetry.LogLevel = slog.LevelError
}
