package cli

import "github.com/spf13/cobra"

func (k *command) query() *cobra.Command { return &cobra.Command{Use: "query"} }
func (k *command) top() *cobra.Command   { return &cobra.Command{Use: "top"} }
func (k *command) flows() *cobra.Command { return &cobra.Command{Use: "flows"} }
func (k *command) audit() *cobra.Command { return &cobra.Command{Use: "audit"} }
