package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/ask"
)

// ranked are the questions of `top`, and how else people call them.
var ranked = []struct{ name, alias string }{
	{"talkers", "senders"}, {"receivers", ""}, {"pairs", "conversations"}, {"applications", "ports"},
	{"protocols", ""}, {"interfaces", ""}, {"sources", ""}, {"reasons", ""},
}

// filterFlags narrow a question down.
type filterFlags struct {
	last  time.Duration
	texts map[string]*string // by the question's parameter
	limit int
}

// filters are the parameters that a flag of the same name sets.
var filters = []struct{ name, help string }{
	{"since", "only flows seen at or after this `time`, such as 2026-01-31T12:00:00Z"},
	{"until", "only flows seen before this `time`"},
	{"source", "only flows of this `source`"},
	{"monitor", "only flows of this `monitor` (default: the first of kind ipv4 and of kind ipv6)"},
	{"host", "only flows from or to this `address` or network"},
	{"src", "only flows from this `address` or network"},
	{"dst", "only flows to this `address` or network"},
	{"port", "only flows from or to this `port`"},
	{"protocol", "only flows of this `protocol`: a number, tcp, udp, icmp, icmpv6 or sctp"},
}

func (f *filterFlags) register(c *cobra.Command, limit int) {
	f.texts = map[string]*string{}
	for _, filter := range filters {
		f.texts[filter.name] = c.Flags().String(filter.name, "", filter.help)
	}
	c.Flags().DurationVar(&f.last, "last", 0, "only flows seen within this `time` until now, such as 10m")
	c.Flags().IntVarP(&f.limit, "limit", "n", limit, "`rows` at most")
	c.RegisterFlagCompletionFunc("protocol", words("tcp", "udp", "icmp", "icmpv6", "sctp"))
}

// parameters are the flags as the question's parameters.
func (f *filterFlags) parameters(c *cobra.Command, now time.Time) (map[string]string, error) {
	p := map[string]string{"limit": fmt.Sprint(f.limit)}
	for name, value := range f.texts {
		if *value == "" {
			continue
		}
		if name == "host" {
			name = "net" // which is what the question calls it
		}
		p[name] = *value
	}
	if f.last < 0 || f.last > 0 && p["since"] != "" {
		return nil, wrongUsage(c, "--last: %s, want a positive time, and not together with --since", f.last)
	}
	if f.last > 0 {
		p["since"] = now.Add(-f.last).UTC().Format(time.RFC3339Nano)
	}
	return p, nil
}

func (k *command) top() *cobra.Command {
	var f askFlags
	var filter filterFlags
	names := make([]string, len(ranked))
	for i, r := range ranked {
		names[i] = r.name
	}
	c := &cobra.Command{
		Use:   "top [" + strings.Join(names, "|") + "]",
		Short: "Who and what causes the traffic",
		Long: `Ranks talkers (the default), receivers, pairs, applications, protocols or
interfaces by bytes, or lists sources or reasons. Where traffic was sampled,
bytes and packets are estimates of the whole, and columns such as bytes_ci tell
how far off they may be: the truth is within ±bytes_ci of bytes in 95 of 100
cases. An empty one says that a device doesn't tell its sampling rate.`,
		Example: `  netstream top
  netstream top applications --last 10m
  netstream top pairs --host 10.10.0.0/16 -n 20
  netstream top receivers --protocol udp --port 53 --format json`,
		ValidArgs: names,
		Args:      args(cobra.MaximumNArgs(1), "one of "+strings.Join(names, ", ")),
		RunE: func(c *cobra.Command, args []string) error {
			question := ranked[0].name
			if len(args) == 1 {
				question = ""
				for _, r := range ranked {
					if args[0] == r.name || args[0] == r.alias {
						question = r.name
					}
				}
			}
			if question == "" {
				return wrongUsage(c, "%s: %q, want one of %s", c.CommandPath(), args[0], strings.Join(names, ", "))
			}
			return k.askQuestion(c, f, question, &filter)
		},
	}
	f.register(c)
	filter.register(c, 10)
	return c
}

func (k *command) flows() *cobra.Command {
	var f askFlags
	var filter filterFlags
	c := &cobra.Command{
		Use:   "flows",
		Short: "Single flows, the latest first",
		Example: `  netstream flows
  netstream flows --host 192.0.2.7 --last 5m
  netstream flows --src 10.0.0.0/8 --port 443 --protocol tcp -n 100`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return k.askQuestion(c, f, "flows", &filter) },
	}
	f.register(c)
	filter.register(c, 20)
	return c
}

// askQuestion prints the answer to one of the analyzer's questions.
func (k *command) askQuestion(c *cobra.Command, f askFlags, question string, filter *filterFlags) error {
	p, err := filter.parameters(c, time.Now())
	if err != nil {
		return err
	}
	return k.ask(c.Context(), f, true, func(a ask.Answers, f ask.Format, w io.Writer) error {
		return a.Ask(c.Context(), question, p, f, w)
	})
}
