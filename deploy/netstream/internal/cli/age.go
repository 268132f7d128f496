package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"netstream/deploy/netstream/internal/ask"
	"netstream/pipeline/control"
)

func (k *command) age() *cobra.Command {
	var request control.Request
	var url string
	var force, asJSON bool
	c := &cobra.Command{
		Use:   "age --force",
		Short: "End flows now that are alive",
		Long: `Ends flows that are alive now, with reason "forced", and waits until they are
published: all, or those of a source, of a monitor, or that a filter accepts. The
packets that follow begin new flows; none is lost or counted twice.

A filter is an expression over what makes a flow, with the names that the view
flows has: source, monitor, kind, direction, src_addr, dst_addr, src_port,
dst_port, protocol, tos, flow_label, in_if, out_if, vlan, inner_vlan, ethertype,
src_mac, dst_mac, mpls_label_1 to _3, vrf, ttl, ip_version. What a flow doesn't
have is 0 or "". in_net(src_addr, "10.0.0.0/8") asks for a network.`,
		Example: `  netstream age --force
  netstream age --force --source eth0
  netstream age --force --filter 'protocol == 6 && dst_port in [80, 443]'
  netstream age --force --filter 'in_net(src_addr, "10.10.0.0/16")' --json`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if !force {
				return wrongUsage(c, "%s: flows end by themselves when their time has come; --force ends them now", c.CommandPath())
			}
			result, err := ask.Age(c.Context(), k.global.data, url, request)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(k.Out)
				e.SetIndent("", "  ")
				return e.Encode(result)
			}
			seconds := time.Duration(result.Seconds * float64(time.Second)).Round(time.Millisecond)
			_, err = fmt.Fprintf(k.Out, "%s ended in %s, on %s\n", plural(result.Flows, "flow"), seconds, plural(len(result.Shards), "flow shard"))
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&force, "force", false, "end them now")
	f.StringVar(&request.Source, "source", "", "only flows of this `source`")
	f.StringVar(&request.Monitor, "monitor", "", "only flows of this `monitor`")
	f.StringVar(&request.Filter, "filter", "", "only flows that this `expression` accepts")
	f.StringVar(&url, "url", "", "ask the analyzer at this `URL` (default: the one that uses --data)")
	f.BoolVar(&asJSON, "json", false, "print what ended on each flow shard, as JSON")
	return c
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
