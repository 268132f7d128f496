package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// netstream is the program that is measured.
type netstream struct {
	binary  string
	args    []string // added to its command line
	scratch string   // directory for its data
}

// landed is what it says of a run, of which this is the part that matters here.
type landed struct {
	Packets uint64  `json:"packets"`
	Flows   uint64  `json:"flows"`
	Seconds float64 `json:"seconds"` // from the capture's first packet to the last row
	Digest  string  `json:"digest"`
}

// run takes a capture through the line with fresh data, which it removes.
func (n netstream) run(ctx context.Context, capture string, more ...string) (l landed, c cost, err error) {
	data, err := os.MkdirTemp(n.scratch, "data-")
	if err != nil {
		return landed{}, cost{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	args := append([]string{"run", capture, "--data", data, "--json"}, n.args...)
	out, c, err := run(ctx, n.binary, append(args, more...)...)
	if err != nil {
		return landed{}, c, err
	}
	if err := json.Unmarshal(out, &l); err != nil {
		return landed{}, c, fmt.Errorf("summary of %s: %w", n.binary, err)
	}
	if l.Packets == 0 {
		return landed{}, c, fmt.Errorf("%s: no packets in it", capture)
	}
	return l, c, nil
}
