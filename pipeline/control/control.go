// Package control asks for forced aging: live flows end now, as an operator wants it.
//
//	who asks -> ns.P.request.age -> owner of flow shard 0 -> ns.P.control -> all agers -> who asks
//
// The owner checks the request and writes it to the log; each ager acts when it reads it there, and says how many flows
// ended once they are published.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"netstream/pipeline/bus"
)

var (
	// ErrRefused is met when a request says what can't be done.
	ErrRefused = errors.New("refused")
	// ErrNobody is met when no ager owns flow shard 0, which takes requests.
	ErrNobody = errors.New("no ager takes requests")
	// ErrUnanswered is met when some flow shards didn't answer in time. They end their flows when they come to it.
	ErrUnanswered = errors.New("no answer in time")
)

// Request is what to end; what is empty is all.
type Request struct {
	Source  string `json:"source,omitempty"`
	Monitor string `json:"monitor,omitempty"`
	Filter  string `json:"filter,omitempty"` // see package filter
}

// ParseRequest reads a request as JSON: one object, with no other members.
func ParseRequest(from io.Reader) (r Request, err error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	err = d.Decode(&r)
	if err == nil && d.Decode(new(any)) != io.EOF {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return Request{}, fmt.Errorf(`want a JSON object with source, monitor and filter, each of which may be left out, such as {"filter": "dst_port == 443"}: %w`, err)
	}
	return r, nil
}

// Shard is what a flow shard did.
type Shard struct {
	Shard int `json:"shard"`
	Flows int `json:"flows"`
}

// Result is what became of a request.
type Result struct {
	ID       string  `json:"id"`
	Sequence uint64  `json:"sequence"` // of the message in the updates stream
	Flows    int     `json:"flows"`    // that ended, all published
	Seconds  float64 `json:"seconds"`
	Shards   []Shard `json:"shards"`
}

// Answer is what comes back on the bus: first that the request is in the log, or why not; then an answer of each flow shard.
// The order isn't certain.
type Answer struct {
	ID       string `json:"id"`
	Error    string `json:"error,omitempty"`    // it was refused
	Sequence uint64 `json:"sequence,omitempty"` // it is in the log
	Shards   int    `json:"shards,omitempty"`   // so many will answer
	Shard    *int   `json:"shard,omitempty"`    // a shard's answer
	Flows    *int   `json:"flows,omitempty"`    // that ended there
}

// Force asks for forced aging and waits until all flow shards have answered or ctx ends; what is known by then is returned
// beside the error.
func Force(ctx context.Context, b *bus.Bus, r Request) (Result, error) {
	began := time.Now()
	body, err := json.Marshal(r)
	if err != nil {
		return Result{}, err
	}
	asked, err := b.Ask(b.Pipeline.RequestAge(), body)
	if err != nil {
		return Result{}, err
	}
	defer asked.Close()
	g := gathering{shards: map[int]int{}}
	for !g.complete() && err == nil {
		var answer []byte
		if answer, err = asked.Next(ctx); err == nil {
			err = g.take(answer)
		}
	}
	result := g.result()
	result.Seconds = time.Since(began).Seconds()
	switch {
	case err == nil:
		return result, nil
	case errors.Is(err, bus.ErrNobody):
		return result, fmt.Errorf("%w on %s: is the ager of flow shard 0 running?", ErrNobody, b.Pipeline.RequestAge())
	case ctx.Err() != nil:
		return result, g.missing()
	}
	return result, err
}

// gathering is the answers to one request.
type gathering struct {
	accepted *Answer
	shards   map[int]int // flows by shard; one that restarts answers twice
}

// take takes an answer.
func (g *gathering) take(body []byte) error {
	var a Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("an answer can't be read: %w", err)
	}
	switch {
	case a.Error != "":
		return fmt.Errorf("%w: %s", ErrRefused, a.Error)
	case a.Shard != nil && a.Flows != nil:
		g.shards[*a.Shard] = *a.Flows
	case g.accepted == nil && a.Shards > 0:
		g.accepted = &a
	}
	return nil
}

func (g *gathering) complete() bool { return g.accepted != nil && len(g.shards) >= g.accepted.Shards }

func (g *gathering) result() Result {
	r := Result{Shards: []Shard{}}
	if g.accepted != nil {
		r.ID, r.Sequence = g.accepted.ID, g.accepted.Sequence
	}
	for shard, flows := range g.shards {
		r.Flows += flows
		r.Shards = append(r.Shards, Shard{shard, flows})
	}
	slices.SortFunc(r.Shards, func(a, b Shard) int { return a.Shard - b.Shard })
	return r
}

// missing says which shards haven't answered.
func (g *gathering) missing() error {
	if g.accepted == nil {
		return fmt.Errorf("%w: the ager of flow shard 0 took the request and hasn't written it to the log; it may still do so", ErrUnanswered)
	}
	var missing []string
	for shard := range g.accepted.Shards {
		if _, ok := g.shards[shard]; !ok {
			missing = append(missing, fmt.Sprint(shard))
		}
	}
	return fmt.Errorf("%w of flow shard %s to message %d of the updates stream; %d flows ended on the others. They act when they come to it: see that their agers run",
		ErrUnanswered, strings.Join(missing, ", "), g.accepted.Sequence, g.result().Flows)
}
