package bus

import (
	"strings"

	"github.com/nats-io/nats.go"

	"netstream/schemas/message"
)

// headerAttempt tells a writer's own message from another's after a doubt; headerPad aligns the body.
const (
	headerAttempt = "Ns-Attempt"
	headerPad     = "Ns-Pad"
)

// copyHeader copies the fields, not their values, with room for what the writer adds.
func copyHeader(h message.Header) nats.Header {
	c := make(nats.Header, len(h)+5)
	for k, v := range h {
		c[k] = v
	}
	return c
}

// align pads the header to a multiple of 8 bytes on the wire. The client library puts header and body in one piece of
// memory, so that the columns in the body then lie where they can be used without copying.
func align(h nats.Header) {
	delete(h, headerPad)
	n := len("NATS/1.0\r\n") + len("\r\n") + len(headerPad) + len(": \r\n")
	for k, values := range h {
		for _, v := range values {
			n += len(k) + len(": \r\n") + len(v)
		}
	}
	h.Set(headerPad, strings.Repeat(".", 8-n%8))
}
