// Command accuracy measures how good estimates of sampled traffic are, by repeating what can be repeated: it samples
// generated traffic hundreds of times in each mode and prints bias and coverage of the 95 % intervals as a table.
package main

import (
	"fmt"
	"os"
	"time"

	"netstream/services/sampler/internal/sampling"
)

// setting is one line of the table for each kind of traffic.
type setting struct {
	sampling.Settings
	ratio int // about one packet of so many
}

// settings are all modes at three ratios. Traffic has about 100,000 packets a second.
func settings() (all []setting) {
	for _, ratio := range []int{10, 100, 1000} {
		for _, mode := range []string{sampling.PacketRandom, sampling.PacketRegular, sampling.TimeRandom, sampling.TimeRegular} {
			s := setting{sampling.Settings{Mode: mode}, ratio}
			switch mode {
			case sampling.PacketRandom, sampling.PacketRegular:
				s.Interval = uint32(ratio)
			default:
				s.Period = time.Duration(ratio) * 10 * time.Microsecond
			}
			all = append(all, s)
		}
	}
	return all
}

// promised tells whether theory promises that intervals hold in 95 of 100 cases or more: a draw with the same probability for each
// packet of its interval. A fixed place in the interval is as good only where traffic doesn't keep step with it.
func promised(mode, traffic string) bool {
	return mode == sampling.PacketRandom || mode == sampling.TimeRandom || mode == sampling.PacketRegular && traffic == "realistic"
}

// busyPackets is three rounds of busy and quiet traffic.
const busyPackets = 925_000

// repetitions of each line.
const repetitions = 200

func main() {
	fmt.Println("| traffic | mode | about | bias, packets | bias, bytes | 95 % interval holds |")
	fmt.Println("|---|---|---:|---:|---:|---:|")
	for _, s := range settings() {
		n := max(20_000, 400*s.ratio)
		for _, t := range traffics {
			o := measure(s.Settings, t.make, n, repetitions, 1)
			mark := ""
			if !promised(s.Mode, t.name) {
				mark = " (not promised)"
			}
			fmt.Fprintf(os.Stdout, "| %s | %s | 1:%d | %+.2f %% | %+.2f %% | %.1f %%%s |\n", t.name, s.Mode, s.ratio, o.biasPackets, o.biasBytes, o.coverage, mark)
		}
	}
	fmt.Println()
	fmt.Println("| busy and quiet traffic | weights: quiet class, of the truth | one average ratio |")
	fmt.Println("|---|---:|---:|")
	for _, mode := range []string{sampling.TimeRandom, sampling.TimeRegular} {
		o := measure(sampling.Settings{Mode: mode, Period: 10 * time.Millisecond}, busyQuiet, busyPackets, 20, 1)
		fmt.Printf("| %s, 10 ms | %.3f | %.2f |\n", mode, o.own, o.average)
	}
}
