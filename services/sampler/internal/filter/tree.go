package filter

// node is a condition on a packet.
type node interface{}

type (
	both   struct{ a, b node }
	either struct{ a, b node }
	not    struct{ a node }
	// always matches every packet.
	always struct{}
	// test compares a number in the packet.
	test struct {
		load  load
		mask  uint32 // 0: all bits
		op    op
		value uint32
	}
)

// op is a comparison.
type op uint8

const (
	equal op = iota
	atLeast
	atMost
)

// load says where a number is.
type load struct {
	offset uint32
	size   int // bytes; 0: the length of the packet
	// header is where the IPv4 header begins behind whose options the offset counts; -1: the offset counts from the start.
	header int
}

// at is a number at a fixed place.
func at(offset, size int) load { return load{uint32(offset), size, -1} }

// is compares for equality.
func is(l load, value uint32) node { return test{load: l, value: value} }

// masked compares some bits.
func masked(l load, mask, value uint32) node { return test{load: l, mask: mask, value: value} }

// all and some combine conditions.
func all(nodes ...node) node  { return fold(nodes, func(a, b node) node { return both{a, b} }) }
func some(nodes ...node) node { return fold(nodes, func(a, b node) node { return either{a, b} }) }

func fold(nodes []node, join func(a, b node) node) node {
	n := nodes[0]
	for _, next := range nodes[1:] {
		n = join(n, next)
	}
	return n
}
