package sampler

import (
	"context"

	"netstream/pipeline/bus"
	"netstream/schemas/message"
	"netstream/schemas/subject"
)

// Live publishes the packets of a live input as a source, until ctx or the input ends. Each start is an epoch of its
// own: counters and watermark go on from the last one, what passed in between is unobserved. overload is the policy for a
// bus that is too slow, one of the Overload constants.
func (s *Service) Live(ctx context.Context, name string, in Input, overload string) error {
	if err := subject.Valid(name); err != nil {
		return err
	}
	src, lasts, err := openSource(ctx, s, name, namesOf(in))
	if err != nil {
		return err
	}
	src.pressure.policy = overload
	return s.live(ctx, src, lasts, in)
}

func namesOf(in Input) interfaceNames {
	if n, ok := in.(Named); ok {
		return n.Name
	}
	return nil
}

// live goes on from the last messages of a live source.
func (s *Service) live(ctx context.Context, src *source, lasts []*bus.Message, in Input) error {
	entries, err := lastEntries(lasts)
	if err != nil {
		return err
	}
	src.books.restore(entries)
	src.restorePorts(entries)
	src.shown = src.books
	epoch := uint64(0)
	for p, sh := range src.shards {
		epoch = max(epoch, sh.epoch)
		if last := lasts[p]; last != nil {
			mark, err := last.Header.Int(message.Watermark)
			if err != nil {
				return err
			}
			// Nothing may be filed behind what was promised, not even when the clock was set back meanwhile.
			src.newest = max(src.newest, mark+int64(s.cfg.AllowedLateness))
		}
	}
	for _, sh := range src.shards {
		sh.epoch, sh.covered = epoch+1, 0
	}
	s.log.Info("live source starts", "source", src.name, "epoch", epoch+1)
	return src.pump(ctx, in, false)
}

// countLosses books what the input lost before it could be sampled: it was observed, by somebody else, and dropped. Its
// bytes nobody knows.
func (s *source) countLosses(in Input) {
	lossy, ok := in.(Lossy)
	if !ok {
		return
	}
	now, before := lossy.Lost(), s.lostBefore
	s.lostBefore = now
	for _, l := range [...]struct {
		lost uint64
		in   *count
	}{{now.Kernel - before.Kernel, &s.books.kernel}, {now.Agent - before.Agent, &s.books.agent}, {now.Network - before.Network, &s.books.network}} {
		s.books.observed.packets += l.lost
		l.in.packets += l.lost
	}
}
