package message

import (
	"fmt"
	"strconv"
	"strings"
)

// Covered is how far the input is covered: for each stream the sequence of the last message taken in. It is a vector
// from the first version, so that a stage can read several streams.
type Covered map[string]uint64

// FormatPosition writes a position of one stream.
func FormatPosition(stream string, seq uint64) string {
	return stream + ":" + strconv.FormatUint(seq, 10)
}

// ParsePosition reads a position header field. An empty one covers nothing.
func ParsePosition(s string) (Covered, error) {
	p := Covered{}
	for _, f := range strings.Fields(s) {
		stream, seq, _ := strings.Cut(f, ":")
		n, err := strconv.ParseUint(seq, 10, 64)
		if _, twice := p[stream]; err != nil || stream == "" || twice {
			return nil, fmt.Errorf("%w: %s: %q, want stream:sequence, each stream once", ErrHeader, Position, f)
		}
		p[stream] = n
	}
	return p, nil
}
