package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench reads the command line, measures and prints. What comes after the flags is passed on to `netstream run`.
func bench(ctx context.Context) error {
	binary := flag.String("netstream", filepath.Join("bin", "netstream"), "the binary to measure")
	capture := flag.String("capture", "", "uncompressed pcap file to use instead of generated traffic")
	packets := flag.Int("packets", 10_000_000, "length of the generated capture")
	cache := flag.String("cache", filepath.Join(os.TempDir(), "netstream-bench"), "directory for generated captures, data while it is needed, and the profile")
	rounds := flag.Int("n", 3, "rounds; the median counts")
	asJSON := flag.Bool("json", false, "print the report as JSON")
	flag.Parse()
	if *rounds < 1 || *packets < 4 {
		return fmt.Errorf("-n %d -packets %d: want at least 1 and 4", *rounds, *packets)
	}
	if err := os.MkdirAll(*cache, 0o755); err != nil {
		return err
	}
	if *capture == "" {
		path, err := generated(*cache, *packets)
		if err != nil {
			return err
		}
		*capture = path
	}
	t := turn{
		netstream: netstream{binary: *binary, args: flag.Args(), scratch: *cache},
		peers:     peers(*cache),
		capture:   *capture,
		rounds:    *rounds,
	}
	r, err := t.measure(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.print(os.Stdout)
}
