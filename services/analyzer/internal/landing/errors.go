package landing

import "errors"

// ErrGap is met when a message does not begin where the one before it on its shard ended: the stream lost messages that
// were never landed.
var ErrGap = errors.New("flows are missing before this message")

// ErrAhead is met when the database has landed more of a shard than the stream holds: it belongs to other streams.
var ErrAhead = errors.New("the database is ahead of the stream")
