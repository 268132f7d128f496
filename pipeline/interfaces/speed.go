package interfaces

import (
	"math"
	"strconv"
	"strings"

	"netstream/pipeline/config"
)

// Speed is in bits per second, written as a whole number with a decimal unit, as those who sell interfaces do: "10G".
type Speed uint64

// speedUnits is ordered for String: the largest unit that divides wins.
var speedUnits = []struct {
	name string
	bits Speed
}{{"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}

// String writes the speed exactly.
func (s Speed) String() string {
	for _, u := range speedUnits {
		if s > 0 && s%u.bits == 0 {
			return strconv.FormatUint(uint64(s/u.bits), 10) + u.name
		}
	}
	return strconv.FormatUint(uint64(s), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (s Speed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Speed) UnmarshalText(text []byte) error {
	number, unit := string(text), Speed(1)
	for _, u := range speedUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = n, u.bits
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > math.MaxUint64/uint64(unit) {
		return config.Problem{Value: string(text), Want: "bits per second with or without k, M, G or T, such as 10G"}
	}
	*s = Speed(n) * unit
	return nil
}
