package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"netstream/pipeline/config"
	"netstream/schemas/subject"
)

// Layout is what is fixed when the streams of a pipeline are created.
type Layout struct {
	PacketShards int         `yaml:"packet_shards" doc:"partitions of the packets; fixed when the streams are created"`
	FlowShards   int         `yaml:"flow_shards" doc:"partitions of the flows; fixed when the streams are created"`
	Replicas     int         `yaml:"replicas" doc:"copies of each stream in a JetStream cluster: 1, 3 or 5"`
	MaxBytes     config.Size `yaml:"max_bytes" doc:"hard limit of each stream; a full stream makes its writers wait"`
	SoftBytes    config.Size `yaml:"soft_bytes" doc:"when a stream is larger, what all its readers are done with is deleted"`
	Readers      []string    `yaml:"readers" doc:"who reads the flows: analyzer, and exporters by their names; what one of them hasn't read is kept"`
}

// DefaultLayout suits one machine of a few cores.
func DefaultLayout() Layout {
	return Layout{PacketShards: 2, FlowShards: 2, Replicas: 1, MaxBytes: 64 * config.GiB, SoftBytes: 64 * config.MiB, Readers: []string{"analyzer", "exporter"}}
}

// MaxShards bounds the shard counts: a hand-over has up to two parts for each flow shard, and a batch takes 1,000.
const MaxShards = 256

// minMaxBytes leaves room for the largest batch, 64 MiB, whatever else is in the stream.
const minMaxBytes = 128 * config.MiB

// Validate reports all problems.
func (l Layout) Validate() error {
	var ps config.Problems
	if l.PacketShards < 1 || l.PacketShards > MaxShards {
		ps.Addf("packet_shards", l.PacketShards, "1 to %d", MaxShards)
	}
	if l.FlowShards < 1 || l.FlowShards > MaxShards {
		ps.Addf("flow_shards", l.FlowShards, "1 to %d", MaxShards)
	}
	if l.Replicas != 1 && l.Replicas != 3 && l.Replicas != 5 {
		ps.Addf("replicas", l.Replicas, "1, 3 or 5")
	}
	if l.MaxBytes < minMaxBytes {
		ps.Addf("max_bytes", l.MaxBytes, "%s or more", minMaxBytes)
	}
	if len(l.Readers) == 0 {
		ps.Addf("readers", nil, "at least one of analyzer and the exporters' names: else flows would be deleted unread")
	}
	for i, r := range l.Readers {
		if subject.Valid(r) != nil || slices.Contains(l.Readers[:i], r) {
			ps.Addf(fmt.Sprintf("readers[%d]", i), r, "a name, each once")
		}
	}
	if l.SoftBytes < 1 || l.SoftBytes > l.MaxBytes/2 {
		ps.Addf("soft_bytes", l.SoftBytes, "1 to half of max_bytes (%s)", l.MaxBytes)
	}
	return ps.Err()
}

// CheckReader refuses a reader of the flows that isn't in the list.
func (l Layout) CheckReader(name string) error {
	if slices.Contains(l.Readers, name) {
		return nil
	}
	return fmt.Errorf("not in layout.readers (%s): flows would be deleted before it has read them; add it there for all stages", strings.Join(l.Readers, ", "))
}

// ErrLayout is met when the streams exist with other shard counts than asked for.
var ErrLayout = errors.New("the streams have another layout")

const (
	metaPacketShards = "netstream.packet_shards"
	metaFlowShards   = "netstream.flow_shards"
)

// definition is what sets a stream of a pipeline apart.
type definition struct {
	name     string
	subjects []string
	atomic   bool // takes atomic batches
}

func (b *Bus) definitions() []definition {
	p, prefix := b.Pipeline, "ns."+string(b.Pipeline)+"."
	return []definition{
		{p.PacketsStream(), []string{prefix + "packets.>"}, false},
		{p.UpdatesStream(), []string{prefix + "updates.>", prefix + "commits.>", prefix + "control"}, true},
		{p.FlowsStream(), []string{prefix + "flows.>"}, false},
		{p.ExportsStream(), []string{prefix + "exports.>"}, false},
		{p.DatagramsStream(), []string{prefix + "datagrams.>"}, false},
	}
}

// createStreams creates the pipeline's streams, or checks those that exist. It is the one place that creates any.
func (b *Bus) createStreams(want Layout) (Layout, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.Timeout)
	defer cancel()
	var missing []definition
	used := "" // a stream that has held messages
	for _, d := range b.definitions() {
		s, err := b.js.Stream(ctx, d.name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			missing = append(missing, d)
		case err != nil:
			return Layout{}, fmt.Errorf("look up stream %s: %w", d.name, err)
		default:
			info := s.CachedInfo()
			if err := b.adopt(ctx, info.Config, want); err != nil {
				return Layout{}, err
			}
			if info.State.LastSeq > 0 {
				used = d.name
			}
		}
	}
	for _, d := range missing {
		if used != "" { // a server that can't read a stream's files starts without it; an empty one in its place would hide that
			return Layout{}, fmt.Errorf("%w: stream %s is missing, though %s has been written to: "+
				"restore its files, or use another pipeline name or data directory", ErrLayout, d.name, used)
		}
		if err := b.create(ctx, d, want); err != nil {
			return Layout{}, err
		}
	}
	return want, nil
}

func (b *Bus) create(ctx context.Context, d definition, want Layout) error {
	_, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: d.name, Subjects: d.subjects, Storage: jetstream.FileStorage, Replicas: want.Replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: int64(want.MaxBytes),
		AllowAtomicPublish: d.atomic,
		// The last message on a subject is the fence: it must be read from the leader, never from a replica.
		AllowDirect: false,
		Metadata: map[string]string{
			metaPacketShards: strconv.Itoa(want.PacketShards), metaFlowShards: strconv.Itoa(want.FlowShards),
		},
	})
	if err != nil {
		return fmt.Errorf("create stream %s: %w", d.name, explain(err, want))
	}
	return nil
}

// adopt takes a stream that exists, whose limit and copies may be set anew.
func (b *Bus) adopt(ctx context.Context, cfg jetstream.StreamConfig, want Layout) error {
	if err := checkLayout(cfg, want); err != nil {
		return err
	}
	if cfg.MaxBytes == int64(want.MaxBytes) && cfg.Replicas == want.Replicas {
		return nil
	}
	cfg.MaxBytes, cfg.Replicas = int64(want.MaxBytes), want.Replicas
	if _, err := b.js.UpdateStream(ctx, cfg); err != nil {
		return fmt.Errorf("set max_bytes %s and replicas %d of stream %s: %w", want.MaxBytes, want.Replicas, cfg.Name, explain(err, want))
	}
	return nil
}

// noStorage is JetStream's error for a stream that asks for more than the server has left to promise.
const noStorage = 10047

// explain says what to do when the server can't promise the room.
func explain(err error, want Layout) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == noStorage {
		return fmt.Errorf("%w: each stream reserves max_bytes, %s; lower it, or raise the server's max_file_store", err, want.MaxBytes)
	}
	return err
}

// checkLayout compares the shard counts recorded in a stream with those asked for. They can't be changed in place: the fence
// and the position of each shard stand on its subject.
func checkLayout(cfg jetstream.StreamConfig, want Layout) error {
	packets, flows := cfg.Metadata[metaPacketShards], cfg.Metadata[metaFlowShards]
	if packets == strconv.Itoa(want.PacketShards) && flows == strconv.Itoa(want.FlowShards) {
		return nil
	}
	return fmt.Errorf("%w: stream %s was created with packet_shards %s and flow_shards %s, the configuration has %d and %d. "+
		"Set them back. Or, to go on with the new counts: stop the samplers, let the flows land, stop the other stages, and start all with "+
		"another bus.pipeline and another sampler.live.source; the analyzer may keep its database (pipeline/README.md, Other shard counts)",
		ErrLayout, cfg.Name, packets, flows, want.PacketShards, want.FlowShards)
}
