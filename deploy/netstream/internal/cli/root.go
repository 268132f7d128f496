package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// command is what all commands share.
type command struct {
	Streams
	global globalFlags
}

func newRoot(s Streams) *cobra.Command {
	k := &command{Streams: s}
	root := &cobra.Command{
		Use:   "netstream",
		Short: "Packets in, NetStream out, flows in SQL",
		Long: `NetStream turns packets into flows, sends them to any NetStream or NetFlow
collector, and keeps them in a database that answers SQL. Every hop keeps books
of what came in, what went out and what was lost and why; the books must close.

  capture or line -> sampler -> flow cache -> ager -> exporter -> collectors
                                                   -> analyzer -> SQL

This one binary runs all of it, with its bus and its database inside.`,
		Example: `  netstream demo                                  traffic of its own, until Ctrl-C
  netstream run office.pcap                       a capture, from packets to SQL
  netstream query "FROM flows ORDER BY bytes DESC LIMIT 10"
  netstream top talkers
  netstream audit                                 do the books close?`,
		Args:              rootArgs,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return wrongUsage(c, "%s: %w", c.CommandPath(), err) })
	k.global.register(root, s.Env)
	root.AddGroup(
		&cobra.Group{ID: "whole", Title: "Everything in one process:"},
		&cobra.Group{ID: "ask", Title: "Asking:"},
		&cobra.Group{ID: "act", Title: "Telling the running process:"},
		&cobra.Group{ID: "stage", Title: "One stage, on a NATS server of yours:"},
	)
	for _, group := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{"whole", []*cobra.Command{k.demo(), k.run(), k.up()}},
		{"ask", []*cobra.Command{k.query(), k.top(), k.flows(), k.audit()}},
		{"act", []*cobra.Command{k.age()}},
		{"stage", k.stages()},
		{"", []*cobra.Command{k.config(), k.version()}},
	} {
		for _, c := range group.commands {
			c.GroupID = group.id
			root.AddCommand(c)
		}
	}
	return root
}

// rootArgs refuses what isn't a command, and suggests some that are.
func rootArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(": did you mean %s?", strings.Join(near, " or "))
	}
	return wrongUsage(c, "unknown command %q%s", args[0], hint)
}
