package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/ask"
)

// askFlags are those of the commands that ask.
type askFlags struct {
	format ask.Format
	url    string
}

func (f *askFlags) register(c *cobra.Command) {
	f.format = ask.Table
	c.Flags().Var((*formatFlag)(&f.format), "format", "table, csv or json")
	c.RegisterFlagCompletionFunc("format", words(ask.Formats...))
	f.registerURL(c)
}

func (f *askFlags) registerURL(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "url", "", "ask the analyzer at this `URL` (default: the one that uses --data, else the database there)")
}

// formatFlag is a format as a flag.
type formatFlag ask.Format

func (f *formatFlag) String() string     { return string(*f) }
func (f *formatFlag) Type() string       { return "format" }
func (f *formatFlag) Set(s string) error { return (*ask.Format)(f).UnmarshalText([]byte(s)) }

func (k *command) query() *cobra.Command {
	var f askFlags
	c := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask in SQL",
		Long: `Asks the analyzer that runs on the data directory, or the database there when none
runs, and prints the answer. The view flows has every flow; DESCRIBE flows lists
its columns. Nothing can be changed by a question.`,
		Example: `  netstream query "DESCRIBE flows"
  netstream query "SELECT src_addr, sum(bytes) AS bytes FROM flows GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
  netstream query "FROM flows" --format csv > flows.csv
  echo "SELECT count(*) FROM flows" | netstream query -`,
		Args: args(cobra.ExactArgs(1), "one SQL statement in quotes, or - to read it from the input"),
		RunE: func(c *cobra.Command, args []string) error {
			sql := args[0]
			if sql == "-" {
				b, err := io.ReadAll(c.InOrStdin())
				if err != nil {
					return fmt.Errorf("read the statement: %w", err)
				}
				sql = string(b)
			}
			if strings.TrimSpace(sql) == "" {
				return wrongUsage(c, "%s: the statement is empty", c.CommandPath())
			}
			return k.ask(c.Context(), f, false, func(a ask.Answers, f ask.Format, w io.Writer) error {
				return a.Query(c.Context(), sql, f, w)
			})
		},
	}
	f.register(c)
	return c
}

// ask prints the answer to one question; a brief table leaves out intervals that are 0.
func (k *command) ask(ctx context.Context, f askFlags, brief bool, question func(ask.Answers, ask.Format, io.Writer) error) error {
	a, err := ask.Open(ctx, k.global.data, f.url)
	if err != nil {
		return err
	}
	if f.format != ask.Table {
		return errors.Join(question(a, f.format, k.Out), a.Close())
	}
	var answer bytes.Buffer
	if err := errors.Join(question(a, ask.JSON, &answer), a.Close()); err != nil {
		return err
	}
	rows, cut, err := ask.WriteTable(k.Out, &answer, brief)
	if cut {
		fmt.Fprintf(k.Err, "netstream: there are more than these %d rows: ask for less, or raise analyzer.api.row_limit\n", rows)
	}
	return err
}
