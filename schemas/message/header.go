// Package message is the envelope of everything on the bus: a header that says what is inside and how far the input is
// covered, and a body of Arrow IPC streams one after another.
package message

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Names of header fields. All messages have Streams; the rest as the table of FORMAT.md says.
const (
	Streams   = "Ns-Streams"   // schema names and lengths of the body's streams: "packet.ipv4/1:4096 ledger/1:1200"
	Source    = "Ns-Source"    // the one source of a packets message
	Sources   = "Ns-Sources"   // the names that source columns index, separated by spaces
	Monitors  = "Ns-Monitors"  // definitions of the monitors that monitor columns index, separated by spaces; of packets: those served
	Position  = "Ns-Position"  // how far the input is covered
	Ordinal   = "Ns-Ordinal"   // of packets: "epoch:ordinal", the last packet of the source this message covers
	Watermark = "Ns-Watermark" // of packets: no packet of the source older than this (ns since the epoch) will come
	End       = "Ns-End"       // "1": the source has ended and this is its last message
	Settings  = "Ns-Settings"  // of packets and flows: fingerprint of what must not change while a source is alive
	Numbers   = "Ns-Numbers"   // of flows: "first:count", the numbers of the flows inside
	Request   = "Ns-Request"   // of control: name of the request that it comes from
	Reply     = "Ns-Reply"     // of control: subject on which each flow shard says what it did
	Replay    = "Ns-Replay"    // of flows: "sequence:number", where the ager last held nothing: replay begins behind both
)

// ErrHeader is met when a header field is missing or can't be read.
var ErrHeader = errors.New("bad header")

// Header holds header fields; it converts to nats.Header.
type Header map[string][]string

// Set sets a field.
func (h Header) Set(name, value string) { h[name] = []string{value} }

// Get is a field's value, or empty.
func (h Header) Get(name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// SetInt sets a field to a number.
func (h Header) SetInt(name string, v int64) { h.Set(name, strconv.FormatInt(v, 10)) }

// Int reads a field that must be a number.
func (h Header) Int(name string) (int64, error) {
	v, err := strconv.ParseInt(h.Get(name), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %q, want a number", ErrHeader, name, h.Get(name))
	}
	return v, nil
}

// SetPair sets a field to two numbers.
func (h Header) SetPair(name string, a, b uint64) {
	h.Set(name, strconv.FormatUint(a, 10)+":"+strconv.FormatUint(b, 10))
}

// Pair reads a field that must be two numbers.
func (h Header) Pair(name string) (a, b uint64, err error) {
	left, right, _ := strings.Cut(h.Get(name), ":")
	a, errA := strconv.ParseUint(left, 10, 64)
	b, errB := strconv.ParseUint(right, 10, 64)
	if errA != nil || errB != nil {
		return 0, 0, fmt.Errorf("%w: %s: %q, want two numbers with a colon", ErrHeader, name, h.Get(name))
	}
	return a, b, nil
}

// List reads a field that is a list.
func (h Header) List(name string) []string { return strings.Fields(h.Get(name)) }
