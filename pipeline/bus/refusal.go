package bus

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ack is what the server answers to a publish.
type ack struct {
	Sequence uint64    `json:"seq"`
	Error    *apiError `json:"error"`
}

// apiError is the server's refusal.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (JetStream error %d)", e.Description, e.ErrCode)
}

// Refusals after which trying again can help, though their codes are those of a request that is wrong.
const (
	wrongLastSequence = 10071 // the fence; perhaps because of an earlier try of the same message
	incompleteBatch   = 10176 // parts were lost with a connection or a server, came too slowly, or could not be staged
	accountFull       = 10002 // the account's storage is used up, as a full stream is
)

// hopeless tells whether an error stays the same however often the message is sent.
func hopeless(err error) bool {
	var api *apiError
	if errors.As(err, &api) {
		switch api.ErrCode {
		case wrongLastSequence, incompleteBatch, accountFull:
			return false
		}
		return api.Code < 500 && api.Code != 429 // 5xx: full or short of something for the moment; 429: too much at once
	}
	for _, e := range []error{
		nats.ErrMaxPayload, nats.ErrConnectionClosed, nats.ErrBadSubject, nats.ErrInvalidMsg, nats.ErrHeadersNotSupported,
		nats.ErrBadHeaderMsg, jetstream.ErrStreamNotFound,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
