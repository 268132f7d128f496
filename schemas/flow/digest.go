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

// Hash is XXH3-128, seeded with key.Seed of the monitor's name, of the key's canonical form followed by first, last,
// packets, bytes, the weighted sums (Σw, Σw·l, Σw(w−1), Σw(w−1)·l²; big-endian, 8 or 16 bytes each), TCP flags and
// reason. The source is left out, so that two runs of one capture can be compared.
func Hash[K key.Key[K]](f *Row[K], seed uint64) Digest {
	var buf [160]byte
	b := f.Key.AppendBytes(buf[:0])
	for _, v := range [...]uint64{
		uint64(f.First), uint64(f.Last), f.Packets, f.Bytes, f.Sums.Packets, f.Sums.Bytes,
		f.Sums.VarPackets.Hi, f.Sums.VarPackets.Lo, f.Sums.VarBytes.Hi, f.Sums.VarBytes.Lo,
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	h := xxh3.Hash128Seed(append(b, f.TCPFlags, byte(f.Reason)), seed)
	return Digest{Hi: h.Hi, Lo: h.Lo}
}
