package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/line"
	"netstream/pipeline/config"
)

func (k *command) config() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check, show or start a configuration",
		Long: `One YAML file configures everything. Each key may be left out, and each can be
set by the environment: NETSTREAM_AGER_ACTIVE_TIMEOUT=30s is ager.active_timeout.`,
		Example: `  netstream config init > netstream.yaml
  netstream config check -c netstream.yaml
  netstream config dump -c netstream.yaml         with defaults and environment`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(k.configCheck(), k.configDump(), k.configInit())
	return c
}

func (k *command) configCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check [-c FILE]",
		Short: "Report everything that is wrong, each with line and column",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := k.load(c, file, nil); err != nil {
				return err
			}
			_, err := fmt.Fprintln(k.Out, "the configuration is valid")
			return err
		},
	}
	configFlag(c, &file)
	return c
}

func (k *command) configDump() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "dump [-c FILE]",
		Short: "Print the values in effect: defaults, file and environment",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := k.load(c, file, nil)
			if err != nil {
				return err
			}
			return config.Dump(k.Out, cfg)
		},
	}
	configFlag(c, &file)
	return c
}

func (k *command) configInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Print a commented file to start from",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			return config.Init(k.Out, line.DefaultConfig())
		},
	}
}
