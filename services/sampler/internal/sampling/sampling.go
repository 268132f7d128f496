// Package sampling decides which packets are sampled, and how many each of them stands for. A mode is a file.
//
// A sampler is bound to an interface and a direction and counts every packet there (spec section 7.1). Draws are a hash
// of what names the sampling interval, so that the same packets are chosen when a capture is read again.
package sampling

// Selector chooses packets. It is not safe for use by several goroutines.
type Selector interface {
	// Select tells how many packets the next packet of an interface stands for; 0 is not selected.
	Select(iface uint32) (weight uint32)
}

// All selects every packet.
type All struct{}

// Select returns 1.
func (All) Select(uint32) uint32 { return 1 }
