// Package datagram is what the collector publishes: other devices' export datagrams as received.
package datagram

import "netstream/schemas/columns"

// Schema is the schema's name, with the major version.
const Schema = "datagram/1"

// Rows holds datagrams, a slice a column.
type Rows struct {
	Received []int64    // arrival, ns since the epoch
	Exporter [][16]byte // sender's address; IPv4 as ::ffff:a.b.c.d
	Port     []uint16   // sender's UDP port
	Payload  columns.Binary
}

// Len is the number of datagrams.
func (r *Rows) Len() int { return len(r.Received) }

// Append adds one; payload is copied.
func (r *Rows) Append(received int64, exporter [16]byte, port uint16, payload []byte) {
	r.Received = append(r.Received, received)
	r.Exporter = append(r.Exporter, exporter)
	r.Port = append(r.Port, port)
	r.Payload.Append(payload)
}

// Reset empties the rows and keeps their memory.
func (r *Rows) Reset() {
	r.Received, r.Exporter, r.Port = r.Received[:0], r.Exporter[:0], r.Port[:0]
	r.Payload.Reset()
}

// Columns lists the columns.
func (r *Rows) Columns() []columns.Column {
	return []columns.Column{
		columns.Of("received", &r.Received), columns.Of("exporter", &r.Exporter),
		columns.Of("port", &r.Port), columns.Bytes("payload", &r.Payload),
	}
}
