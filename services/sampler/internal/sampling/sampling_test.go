package sampling

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// take lists the packets that are sampled of those at some times, in the order in which they leave, and their weights.
func take(s Sampler, times []int64) (taken []int, weights []uint32) {
	held := -1
	emit := func(i int, w uint32) { taken, weights = append(taken, i), append(weights, w) }
	for i, t := range times {
		d := s.Next(t)
		if d.Release != 0 {
			emit(held, d.Release)
			held = -1
		}
		switch {
		case d.Keep && d.Weight != 0:
			emit(i, d.Weight)
		case d.Keep:
			held = i
		}
	}
	if w := s.Close(); w != 0 {
		emit(held, w)
	}
	return taken, weights
}

// upTo are the numbers from 1 to n.
func upTo(n int) []int64 {
	times := make([]int64, n)
	for i := range times {
		times[i] = int64(i + 1)
	}
	return times
}

// choosing makes draws that choose the given places of 1..n, interval by interval.
func choosing(n uint32, places ...uint32) drawer {
	return func(interval uint64, _ uint32) uint64 {
		q, _ := bits.Div64(uint64(places[interval%uint64(len(places))]-1), 0, uint64(n))
		return q + 1
	}
}

const ms = int64(time.Millisecond)

// TestExamples are those of the reference, section 7.2.
func TestExamples(t *testing.T) {
	at := func(tenths ...int64) []int64 {
		for i := range tenths {
			tenths[i] *= ms / 10
		}
		return tenths
	}
	for _, tt := range []struct {
		name    string
		sampler Sampler
		times   []int64
		want    []int // numbers from 1
		weights []uint32
	}{
		{"packet-regular, 5th, then 105th", newPacketRegular(100, 5), upTo(350), []int{5, 105, 205, 305}, []uint32{100, 100, 100, 100}},
		{"packet-regular, all", newPacketRegular(1, 1), upTo(3), []int{1, 2, 3}, []uint32{1, 1, 1}},
		{"packet-random", newPacketRandom(100, choosing(100, 37, 2, 100)), upTo(300), []int{37, 102, 300}, []uint32{100, 100, 100}},
		{"time-regular", newTimeRegular(100*time.Millisecond, 5*ms), at(30, 50, 500, 1040, 1050, 1060, 2070, 4200, 4210), []int{2, 5, 7, 8}, []uint32{3, 2, 1, 2}},
		{"time-regular, on the tick", newTimeRegular(100*time.Millisecond, 5*ms), []int64{100 * ms, 105*ms - 1000, 105 * ms}, []int{1, 3}, []uint32{2, 1}},
		{"time-random", newTimeRandom(100*time.Millisecond, 0, func(w uint64, n uint32) uint64 {
			if w == 0 && n == 2 {
				return 0 // takes the place of the held one
			}
			return 1<<64 - 1
		}), at(100, 200, 900, 2500), []int{2, 4}, []uint32{3, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			taken, weights := take(tt.sampler, tt.times)
			for i := range taken {
				taken[i]++
			}
			if diff := cmp.Diff(tt.want, taken) + cmp.Diff(tt.weights, weights); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// modes are the settings that the tests below run.
var modes = []Settings{
	{Mode: Off}, {Mode: PacketRandom, Interval: 10, Seed: 3}, {Mode: PacketRandom, Interval: 65535, Seed: 3}, {Mode: PacketRegular, Interval: 10, Start: 4},
	{Mode: TimeRandom, Period: 5 * time.Millisecond, Seed: 3}, {Mode: TimeRegular, Period: 5 * time.Millisecond},
}

// jumpy are times of packets in bursts and pauses, some of which go back.
func jumpy(rng *rand.Rand, n int) []int64 {
	now, times := int64(1_800_000_000e9), make([]int64, n)
	for i := range times {
		switch rng.IntN(50) {
		case 0:
			now += rng.Int64N(200 * ms)
		case 1:
			now -= rng.Int64N(ms)
		default:
			now += rng.Int64N(ms / 5)
		}
		times[i] = now
	}
	return times
}

// model says slowly which packets are sampled: it cuts them into intervals first.
func model(s Settings, iface uint32, times []int64) (taken []int, weights []uint32) {
	draw := draws{seed: s.Seed, iface: iface}.draw
	place := func(interval uint64, n uint32) int { hi, _ := bits.Mul64(draw(interval, 0), uint64(n)); return int(hi) }
	var windows [][]int
	var numbers []uint64
	latest := int64(-1 << 62)
	for i, t := range times {
		latest = max(latest, t)
		number := uint64(i)
		switch s.Mode {
		case PacketRandom, PacketRegular:
			number = uint64(i) / uint64(s.Interval)
		case TimeRandom, TimeRegular:
			number = uint64(latest / int64(s.Period))
		}
		if n := len(numbers); n == 0 || numbers[n-1] != number {
			windows, numbers = append(windows, nil), append(numbers, number)
		}
		windows[len(windows)-1] = append(windows[len(windows)-1], i)
	}
	for w, packets := range windows {
		chosen, weight := 0, uint32(len(packets))
		switch s.Mode {
		case Off:
			weight = 1
		case PacketRegular:
			chosen, weight = int(s.Start)-1, s.Interval
		case PacketRandom:
			chosen, weight = place(numbers[w], s.Interval), s.Interval
		case TimeRandom:
			for i := 2; i <= len(packets); i++ {
				if hi, _ := bits.Mul64(draw(numbers[w], uint32(i)), uint64(i)); hi == 0 {
					chosen = i - 1
				}
			}
		}
		if chosen < len(packets) {
			taken, weights = append(taken, packets[chosen]), append(weights, weight)
		}
	}
	return taken, weights
}

func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range modes {
		for round := range 5 {
			t.Run(fmt.Sprintf("%s %d", s.Mode, round), func(t *testing.T) {
				times := jumpy(rng, 5000)
				taken, weights := take(New(s, 7, 0), times)
				wantTaken, wantWeights := model(s, 7, times)
				if diff := cmp.Diff(wantTaken, taken) + cmp.Diff(wantWeights, weights); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestTimeWeightsAddUp counts each packet exactly once, also when windows end by the clock and when they are thinned.
func TestTimeWeightsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, s := range modes[4:] {
		sampler, sum := New(s, 1, 1), uint64(0)
		times := jumpy(rng, 20_000)
		for i, at := range times {
			sum += uint64(sampler.Next(at).Release)
			if i%37 == 0 {
				sum += uint64(sampler.Advance(at + rng.Int64N(10*ms)))
			}
			if i%1000 == 0 {
				sampler.Thin(1 + rng.Uint32N(16))
			}
		}
		if sum += uint64(sampler.Close()); sum != uint64(len(times)) {
			t.Errorf("%s: %d packets stand for %d", s.Mode, len(times), sum)
		}
	}
}

// TestThinnedWeightsStayRight changes the factor at any moment: what is taken stands for what was passed, but for the last
// interval.
func TestThinnedWeightsStayRight(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, s := range []Settings{{Mode: Off}, modes[1], {Mode: PacketRegular, Interval: 10, Start: 1}} {
		sampler, sum, largest := New(s, 1, 0), uint64(0), uint64(1)
		const packets = 100_000
		for range packets {
			if rng.IntN(500) == 0 {
				f := 1 + rng.Uint32N(64)
				sampler.Thin(f)
				largest = max(largest, uint64(f)*uint64(max(s.Interval, 1)))
			}
			if w := sampler.Next(0).Weight; w != 0 {
				sum += uint64(w)
			}
		}
		if sum > packets+largest || sum+largest < packets {
			t.Errorf("%s: %d packets stand for %d, the largest interval is %d", s.Mode, packets, sum, largest)
		}
	}
}

// TestEachPortIsSampledAlone has other draws for another interface, direction and seed.
func TestEachPortIsSampledAlone(t *testing.T) {
	s := Settings{Mode: PacketRandom, Interval: 100, Seed: 1}
	other := s
	other.Seed = 2
	base, _ := take(New(s, 1, 0), upTo(10_000))
	again, _ := take(New(s, 1, 0), upTo(10_000))
	if !cmp.Equal(base, again) {
		t.Error("the same seed takes other packets")
	}
	for name, x := range map[string]Sampler{"interface": New(s, 2, 0), "direction": New(s, 1, 1), "seed": New(other, 1, 0)} {
		if taken, _ := take(x, upTo(10_000)); cmp.Equal(base, taken) {
			t.Errorf("another %s takes the same packets", name)
		}
	}
}

// TestDrawsAreEven counts which place of an interval is drawn: 20,000 draws of 10 places have a standard deviation of 42; five
// of them either way never happen by chance.
func TestDrawsAreEven(t *testing.T) {
	for _, mode := range []string{PacketRandom, TimeRandom} {
		s := New(Settings{Mode: mode, Interval: 10, Period: 5 * time.Millisecond, Seed: 42}, 0, 0)
		times := make([]int64, 200_000)
		for i := range times {
			times[i] = int64(i) * ms / 2
		}
		var places [10]int
		taken, _ := take(s, times)
		for _, i := range taken {
			places[i%10]++
		}
		for place, n := range places {
			if n < 2000-215 || n > 2000+215 {
				t.Errorf("%s: place %d was drawn %d times of 20,000, want about 2,000", mode, place, n)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for _, s := range modes {
		sampler, now := New(s, 1, 0), int64(0)
		if n := testing.AllocsPerRun(1000, func() { now += ms / 3; sampler.Next(now) }); n != 0 {
			t.Errorf("%s: %v allocations a packet", s.Mode, n)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, s := range []Settings{
		{Mode: Off}, {Mode: PacketRandom, Interval: 1000}, {Mode: PacketRegular, Interval: 1000, Start: 1},
		{Mode: TimeRandom, Period: 5 * time.Millisecond}, {Mode: TimeRegular, Period: 5 * time.Millisecond},
	} {
		b.Run(s.Mode, func(b *testing.B) {
			sampler, now := New(s, 1, 0), int64(0)
			b.ReportAllocs()
			for b.Loop() {
				now += 5000
				sampler.Next(now)
			}
		})
	}
}
