package config

import (
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as a whole number with a unit: "512MiB" (1024²), "1GB"
// (1000³), or a bare number of bytes.
type Size int64

// Units of Size.
const (
	KiB Size = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

// sizeUnits is ordered for String: the largest unit that divides wins.
var sizeUnits = []struct {
	name  string
	bytes Size
}{
	{"TiB", TiB}, {"TB", 1e12},
	{"GiB", GiB}, {"GB", 1e9},
	{"MiB", MiB}, {"MB", 1e6},
	{"KiB", KiB}, {"kB", 1e3}, {"KB", 1e3},
	{"B", 1},
}

// String writes the size exactly, in the largest unit that leaves a whole number.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits {
		if s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return "" // not reached: every size is a multiple of one byte
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Negative sizes are refused.
func (s *Size) UnmarshalText(text []byte) error {
	wrong := Problem{Value: plain(text), Want: "a size such as 512MiB or 1GB"}
	digits := strings.TrimRight(string(text), "BiKkMGT")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || digits[0] < '0' || digits[0] > '9' {
		return wrong
	}
	unit := Size(1)
	if name := string(text[len(digits):]); name != "" {
		unit = 0
		for _, u := range sizeUnits {
			if u.name == name {
				unit = u.bytes
			}
		}
		if unit == 0 {
			return wrong
		}
	}
	if n > math.MaxInt64/int64(unit) {
		wrong.Want = "less than 8 EiB"
		return wrong
	}
	*s = Size(n) * unit
	return nil
}
