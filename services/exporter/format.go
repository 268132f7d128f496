package exporter

import (
	"netstream/pipeline/config"
	"netstream/services/exporter/internal/encode"
)

// Format is a version of NetStream.
type Format string

// The formats.
const (
	V5 Format = "v5" // original IPv4 flows
	V8 Format = "v8" // aggregates of IPv4 flows
	V9 Format = "v9" // flows of all kinds, by templates

	// IPFIX is version 9's successor, with absolute times, counters of 64 bits, and why a flow ended.
	IPFIX Format = "ipfix"
)

// Formats lists the formats.
func Formats() []Format { return []Format{V5, V8, V9, IPFIX} }

const formatNames = string(V5 + ", " + V8 + ", " + V9 + " or " + IPFIX)

// UnmarshalText implements encoding.TextUnmarshaler and refuses unknown formats.
func (f *Format) UnmarshalText(text []byte) error {
	switch g := Format(text); g {
	case V5, V8, V9, IPFIX:
		*f = g
		return nil
	default:
		return config.Problem{Value: string(text), Want: formatNames}
	}
}

// encoder makes the encoder of a destination of an exporter, which goes on at a cursor.
func (d Destination) encoder(c *Config, share *encode.Share, at encode.Cursor) encode.Encoder {
	o := encode.Options{
		Filter: d.filter(), Share: share, SourceID: d.SourceID, Limit: d.payload(), Sampling: c.Sampling, Routes: c.Routes,
		Introduce: d.stream() || len(d.Standby) > 0, Once: d.stream(),
		RefreshDatagrams: d.TemplateDatagrams, RefreshSeconds: int64(d.TemplateInterval.Seconds()), Modes: d.modes(),
	}
	switch flows := len(o.Modes) == 0; {
	case d.Format == V5:
		return encode.NewV5(o, at)
	case d.Format == V8:
		return encode.NewV8(o, at)
	case d.Format == V9 && flows:
		return encode.NewV9(o, at)
	case d.Format == V9:
		return encode.NewV9Aggregates(o, at)
	case flows:
		return encode.NewIPFIX(o, at)
	}
	return encode.NewIPFIXAggregates(o, at)
}
