package encode

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"netstream/schemas/key"
)

// TestBothDirectionsAreOneConversation swaps the ends of random flows, and reads them as flows of another kind.
func TestBothDirectionsAreOneConversation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 10_000 {
		k := key.IPv4{Src: rnd.Uint32N(4), Dst: rnd.Uint32N(4), SrcPort: uint16(rnd.IntN(3)), DstPort: uint16(rnd.IntN(3)), Protocol: 6, TOS: uint8(rnd.Uint32())}
		back := k
		back.Src, back.Dst, back.SrcPort, back.DstPort, back.Interface = k.Dst, k.Src, k.DstPort, k.SrcPort, 9
		wide := key.Wide{Src: key.Mapped(k.Src), Dst: key.Mapped(k.Dst), SrcPort: k.SrcPort, DstPort: k.DstPort, Protocol: 6, Version: 4, SrcMAC: rnd.Uint64()}
		one := conversationOf(&k)
		if conversationOf(&back) != one || conversationOf(&wide) != one {
			t.Fatalf("%+v: back or in another kind it is another conversation", k)
		}
		other := k
		other.SrcPort += 7
		if conversationOf(&other) == one {
			t.Fatalf("%+v: another port doesn't make another conversation", k)
		}
	}
	v6 := key.IPv6{Src: [16]byte{0x20, 1, 15: 1}, Dst: [16]byte{0x20, 1, 15: 2}, SrcPort: 5, DstPort: 4, Protocol: 17}
	v6back := key.IPv6{Src: v6.Dst, Dst: v6.Src, SrcPort: 4, DstPort: 5, Protocol: 17, FlowLabel: 77}
	if conversationOf(&v6) != conversationOf(&v6back) {
		t.Error("IPv6: back it is another conversation")
	}
	frame := key.Wide{SrcMAC: 1, DstMAC: 2, VLAN: 5}
	frameBack, frameOther := key.Wide{SrcMAC: 2, DstMAC: 1, VLAN: 6}, key.Wide{SrcMAC: 1, DstMAC: 3}
	if one := conversationOf(&frame); conversationOf(&frameBack) != one || conversationOf(&frameOther) == one {
		t.Error("frames: conversations are not told apart by their MAC addresses")
	}
	echo := key.IPv4{Src: 1, Dst: 2, DstPort: 8 << 8, Protocol: 1}
	if reply := (key.IPv4{Src: 2, Dst: 1, Protocol: 1}); conversationOf(&reply) != conversationOf(&echo) {
		t.Error("ICMP: the answer is another conversation")
	}
}

// TestShareHasOneMember gives each conversation to one member, about as many to each, and moves none between the others when one goes.
func TestShareHasOneMember(t *testing.T) {
	names := []string{"192.0.2.1:4739/ipfix", "192.0.2.2:4739/ipfix", "192.0.2.3:2055/v9", "192.0.2.4:2055/v9/7"}
	members := func(names []string) (out []*Share) {
		for i := range names {
			out = append(out, NewShare(names, i))
		}
		return out
	}
	owner := func(shares []*Share, c *conversation) int {
		at := -1
		for i, s := range shares {
			if !s.has(c) {
				continue
			}
			if at >= 0 {
				t.Fatalf("%x is of %d and %d", c, at, i)
			}
			at = i
		}
		if at < 0 {
			t.Fatalf("%x is of nobody", c)
		}
		return at
	}
	all, fewer := members(names), members(names[:3])
	const n = 40_000
	var count [4]int
	rnd := rand.New(rand.NewPCG(7, 8))
	for range n {
		k := key.IPv4{Src: 10<<24 | rnd.Uint32N(1<<10), Dst: 198<<24 | rnd.Uint32N(256), SrcPort: uint16(rnd.Uint32()), DstPort: 443, Protocol: 6}
		c := conversationOf(&k)
		was := owner(all, &c)
		count[was]++
		if now := owner(fewer, &c); was < 3 && now != was {
			t.Fatalf("%x moved from %d to %d when 3 went", c, was, now)
		}
	}
	for i, got := range count {
		if got < n/4*95/100 || got > n/4*105/100 {
			t.Errorf("member %d has %d of %d", i, got, n)
		}
	}
}

// TestShareIsFixed pins which member has what: another version of the exporter must say the same.
func TestShareIsFixed(t *testing.T) {
	names := []string{"192.0.2.1:4739/ipfix", "192.0.2.2:4739/ipfix"}
	got := ""
	for i := range 16 {
		k := key.IPv4{Src: 10<<24 | uint32(i), Dst: 198<<24 | 51<<16 | 100<<8 | 1, SrcPort: 40000, DstPort: 443, Protocol: 6}
		c := conversationOf(&k)
		for j := range names {
			if NewShare(names, j).has(&c) {
				got += fmt.Sprint(j)
			}
		}
	}
	if want := "1011111110101101"; got != want {
		t.Errorf("members %s, want %s", got, want)
	}
}
