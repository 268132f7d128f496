package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/ask"
	"netstream/services/analyzer/audit"
)

func (k *command) audit() *cobra.Command {
	var f askFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "audit",
		Short: "Do the books close over every hop?",
		Long: `Compares for each source, hop by hop, what one stage gave with what the next one
took, down to the rows in the database, whose digest is computed from the rows
themselves. Exit code 1, and the hop, when something is lost, doubled or altered.
Of a live source some packets are always on their way: that is open, not wrong.`,
		Example: `  netstream audit
  netstream audit --json`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := ask.Open(c.Context(), k.global.data, f.url)
			if err != nil {
				return err
			}
			report, err := a.Audit(c.Context())
			if err = errors.Join(err, a.Close()); err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(k.Out)
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				err = e.Encode(report)
			} else {
				_, err = fmt.Fprintf(k.Out, "%s%s\n", report, verdict(report))
			}
			return errors.Join(err, report.Err())
		},
	}
	f.registerURL(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the books as JSON")
	return c
}

// verdict sums a report up.
func verdict(r *audit.Report) string {
	sources, open := map[string]bool{}, map[string]bool{}
	for _, l := range r.Lines {
		sources[l.Source] = true
		if l.State == audit.Open {
			open[l.Source] = true
		}
	}
	switch {
	case len(sources) == 0:
		return "nothing has come in yet"
	case r.Failed() != nil:
		return "the books do not close"
	case len(open) > 0:
		return fmt.Sprintf("the books close over every hop, sources: %d; of %d, live, packets are on their way", len(sources), len(open))
	default:
		return fmt.Sprintf("the books close over every hop, sources: %d", len(sources))
	}
}
