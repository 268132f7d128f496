package flow

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"netstream/schemas/key"
	"netstream/schemas/uint128"
)

// Digest is the sum modulo 2^128 of the hashes of flows: equal sets of flows have equal digests, whatever their order
// and however they were cut into messages.
type Digest = uint128.Uint128

// Hasher hashes flows of one monitor without allocating; Seed is key.Seed of the monitor's name. It is not safe for use
// by several goroutines.
type Hasher[K key.Key[K]] struct {
	Seed uint64
	buf  []byte
}

// Hash is XXH3-128, with the seed, of the key's canonical form followed by first, last, packets, bytes, the weighted
// sums (Σw, Σw·l, Σw(w−1), Σw(w−1)·l²; big-endian, 8 or 16 bytes each), TCP flags and reason, and the canonical form of
// the collected values where the flow has any. The source is left out, so that two runs of one capture can be compared.
func (h *Hasher[K]) Hash(f *Row[K]) Digest {
	b := f.Key.AppendBytes(h.buf[:0])
	for _, v := range [...]uint64{
		uint64(f.First), uint64(f.Last), f.Packets, f.Bytes, f.Sums.Packets, f.Sums.Bytes,
		f.Sums.VarPackets.Hi, f.Sums.VarPackets.Lo, f.Sums.VarBytes.Hi, f.Sums.VarBytes.Lo,
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = append(b, f.TCPFlags, byte(f.Reason))
	if f.Values != nil {
		b = f.Values.AppendBytes(b)
	}
	h.buf = b
	sum := xxh3.Hash128Seed(h.buf, h.Seed)
	return Digest{Hi: sum.Hi, Lo: sum.Lo}
}

// Hash is the hash of one flow; who hashes many keeps a Hasher.
func Hash[K key.Key[K]](f *Row[K], seed uint64) Digest {
	h := Hasher[K]{Seed: seed, buf: make([]byte, 0, 160)}
	return h.Hash(f)
}

// ID is a flow's number: XXH3-64 of first, big-endian, with the hash of the key as seed, which is that with key.FlowSeed of source
// and monitor. Flows of one key differ by when they began.
func ID(hash uint64, first int64) uint64 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(first))
	return xxh3.HashSeed(b[:], hash)
}
