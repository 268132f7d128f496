package routes

// interner keeps each path once, as long as it is in use: peers tell of hundreds of prefixes in the same words.
type interner struct {
	paths []Path
	refs  []uint32
	known map[Path]uint32
	free  []uint32 // indexes in paths
}

// add counts one more use of a path and returns its number.
func (n *interner) add(p Path) uint32 {
	if i, ok := n.known[p]; ok {
		n.refs[i]++
		return i
	}
	if n.known == nil {
		n.known = map[Path]uint32{}
	}
	var i uint32
	if last := len(n.free) - 1; last >= 0 {
		i, n.free = n.free[last], n.free[:last]
		n.paths[i], n.refs[i] = p, 1
	} else {
		i = uint32(len(n.paths))
		n.paths, n.refs = append(n.paths, p), append(n.refs, 1)
	}
	n.known[p] = i
	return i
}

// release counts one use less.
func (n *interner) release(i uint32) {
	if n.refs[i]--; n.refs[i] == 0 {
		delete(n.known, n.paths[i])
		n.free = append(n.free, i)
	}
}

// at is a path; it is valid until the next call of add.
func (n *interner) at(i uint32) *Path { return &n.paths[i] }
