package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"netstream/pipeline/telemetry"
)

func (k *command) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  none,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(k.Out, "netstream %s, %s, %s/%s\n", telemetry.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
