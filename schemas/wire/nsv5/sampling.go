package nsv5

// Sampling is the last word of the header: two bits of mode over fourteen bits of interval. Zero announces nothing;
// Huawei devices always send zero, so their rate has to be configured at the collector.
type Sampling uint16

// SamplingMode is how packets were chosen.
type SamplingMode uint8

// Modes of the sampling word. The value 3 is undefined.
const (
	SamplingUnannounced   SamplingMode = 0
	SamplingDeterministic SamplingMode = 1 // every n-th packet
	SamplingRandom        SamplingMode = 2 // one at random of n packets
)

// MaxSamplingInterval is the largest ratio that fits the 14 bits.
const MaxSamplingInterval = 0x3fff

// NewSampling makes the word for one packet in interval. A larger interval than MaxSamplingInterval cannot be
// announced: the word is then 0 and ok is false, and the collector must be configured by hand.
func NewSampling(mode SamplingMode, interval uint32) (s Sampling, ok bool) {
	if interval > MaxSamplingInterval || mode > SamplingRandom {
		return 0, false
	}
	return Sampling(uint16(mode)<<14 | uint16(interval)), true
}

// Mode is the top two bits.
func (s Sampling) Mode() SamplingMode { return SamplingMode(s >> 14) }

// Interval is the low 14 bits: one packet in that many. 1 is every packet; 0 is not announced.
func (s Sampling) Interval() uint32 { return uint32(s & MaxSamplingInterval) }
