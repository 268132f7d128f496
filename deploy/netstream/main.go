// Command netstream is all of NetStream in one binary: packets in, NetStream datagrams and SQL out.
package main

import (
	"context"
	"os"

	"netstream/deploy/netstream/internal/cli"
)

func main() {
	boundMemory()
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.System()))
}
