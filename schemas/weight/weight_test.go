package weight_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/columns"
	"netstream/schemas/uint128"
	"netstream/schemas/weight"
)

func toBig(u uint128.Uint128) *big.Int {
	b := new(big.Int).SetUint64(u.Hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(u.Lo))
}

// TestSumsAgainstBig adds packets in parts of random size and compares with sums that can't overflow.
func TestSumsAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var total weight.Sums
	packets, octets, varPackets, varBytes := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	for range 200 {
		var part weight.Sums
		for range r.IntN(20) {
			w, l := uint32(1), r.Uint32N(9217)
			switch r.IntN(3) {
			case 0:
				w = 1 + r.Uint32N(65536)
			case 1:
				w, l = math.MaxUint32-r.Uint32N(2), math.MaxUint32-r.Uint32N(2)
			}
			part.AddPacket(w, l)
			bw, bl := big.NewInt(int64(w)), big.NewInt(int64(l))
			v := new(big.Int).Mul(bw, new(big.Int).Sub(bw, big.NewInt(1)))
			packets.Add(packets, bw)
			octets.Add(octets, new(big.Int).Mul(bw, bl))
			varPackets.Add(varPackets, v)
			varBytes.Add(varBytes, new(big.Int).Mul(v, new(big.Int).Mul(bl, bl)))
		}
		total.Add(&part)
	}
	wrap := func(b *big.Int, n uint) *big.Int {
		return new(big.Int).And(b, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), n), big.NewInt(1)))
	}
	if wrap(packets, 64).Cmp(new(big.Int).SetUint64(total.Packets)) != 0 || wrap(octets, 64).Cmp(new(big.Int).SetUint64(total.Bytes)) != 0 {
		t.Errorf("packets %d and bytes %d, want %d and %d", total.Packets, total.Bytes, packets, octets)
	}
	if toBig(total.VarPackets).Cmp(wrap(varPackets, 128)) != 0 || toBig(total.VarBytes).Cmp(wrap(varBytes, 128)) != 0 {
		t.Errorf("variances %s and %s, want %x and %x", total.VarPackets, total.VarBytes, varPackets, varBytes)
	}
	if varPackets.BitLen() <= 64 {
		t.Error("the test stayed within 64 bits")
	}
}

func TestUnsampled(t *testing.T) {
	var s weight.Sums
	for _, l := range []uint32{40, 1500, 0} {
		s.AddPacket(1, l)
	}
	if diff := cmp.Diff(weight.Unsampled(3, 1540), s); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestColumns(t *testing.T) {
	want := []weight.Sums{
		{Packets: 1, Bytes: 2, VarPackets: uint128.Uint128{Hi: 3, Lo: 4}, VarBytes: uint128.Uint128{Hi: 5, Lo: 6}},
		{Packets: 7, Bytes: 8, VarPackets: uint128.Uint128{Hi: 9, Lo: 10}, VarBytes: uint128.Uint128{Hi: 11, Lo: 12}},
	}
	var out, in weight.Columns
	for i := range want {
		out.Append(&want[i])
	}
	b, err := columns.Append(nil, out.Columns())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := columns.Read(b, in.Columns()); err != nil {
		t.Fatal(err)
	}
	if !in.Present() || !in.Complete() {
		t.Error("columns that were sent are not there")
	}
	for i := range want {
		if diff := cmp.Diff(want[i], in.Read(i, 99, 99)); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
	if out.Reset(); out.Present() || !out.Complete() {
		t.Error("Reset left something")
	}
}

func TestColumnsAbsent(t *testing.T) {
	var c weight.Columns
	if diff := cmp.Diff(weight.Unsampled(5, 700), c.Read(3, 5, 700)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSomeColumnsMissing(t *testing.T) {
	for i := range (&weight.Columns{}).Columns() {
		var out, in weight.Columns
		out.Append(&weight.Sums{Packets: 1})
		cols := slices.Delete(out.Columns(), i, i+1)
		b, err := columns.Append(nil, cols)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := columns.Read(b, in.Columns()); err != nil {
			t.Fatal(err)
		}
		if in.Complete() {
			t.Errorf("without column %d it is called complete", i)
		}
	}
}
