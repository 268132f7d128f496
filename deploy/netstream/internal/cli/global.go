package cli

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/deploy/netstream/internal/line"
	"netstream/pipeline/config"
	"netstream/pipeline/telemetry"
)

// dataVariable names the data directory when the flag doesn't.
const dataVariable = "NETSTREAM_DATA"

// defaultData is the data directory when nobody names one.
const defaultData = "./" + datadir.Default

// globalFlags are understood by every command.
type globalFlags struct {
	data     string
	logLevel string
}

func (g *globalFlags) register(root *cobra.Command, env []string) {
	f := root.PersistentFlags()
	dir := defaultData
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, dataVariable+"="); ok && value != "" {
			dir = value
		}
	}
	f.StringVar(&g.data, "data", dir, "`directory` of the streams and the database (also $"+dataVariable+")")
	f.StringVar(&g.logLevel, "log-level", "", "debug, info, warn or error (default: as configured; of run and demo: error)")
	root.MarkPersistentFlagDirname("data")
	root.RegisterFlagCompletionFunc("log-level", words("debug", "info", "warn", "error"))
}

// words completes a flag or argument from a fixed list.
func words(list ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// configFlag adds -c to a command.
func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVarP(file, "config", "c", "", "configuration `file` (netstream config init writes one to start from)")
	c.MarkFlagFilename("config", "yaml", "yml")
}

// load reads the configuration of a command: defaults, file, environment, then what the flags change.
func (k *command) load(c *cobra.Command, file string, flags func(*line.Config)) (line.Config, error) {
	cfg := line.DefaultConfig()
	if err := config.Load(file, k.Env, &cfg, dataVariable); err != nil {
		return cfg, err
	}
	if flags != nil {
		flags(&cfg)
	}
	if k.global.logLevel != "" {
		if err := cfg.Telemetry.LogLevel.UnmarshalText([]byte(k.global.logLevel)); err != nil {
			return cfg, wrongUsage(c, "--log-level: %q, want debug, info, warn or error", k.global.logLevel)
		}
	}
	return cfg, config.Check(&cfg)
}

// log is the command's log.
func (k *command) log(cfg line.Config) *slog.Logger {
	return telemetry.NewLogger(k.Err, cfg.Telemetry.LogFormat, cfg.Telemetry.LogLevel)
}
