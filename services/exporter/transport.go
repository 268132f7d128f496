package exporter

import (
	"netstream/pipeline/config"
	"netstream/services/exporter/internal/link"
)

// Transport is what the datagrams of a destination travel by.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp" // for IPFIX: a session for each connection (RFC 7011 §10.4)
	TLS Transport = "tls" // on TCP (RFC 7011 §11)
)

// UnmarshalText implements encoding.TextUnmarshaler and refuses unknown transports.
func (t *Transport) UnmarshalText(text []byte) error {
	switch u := Transport(text); u {
	case UDP, TCP, TLS:
		*t = u
		return nil
	default:
		return config.Problem{Value: string(text), Want: string(UDP + ", " + TCP + " or " + TLS)}
	}
}

// link is the transport as links know it.
func (t Transport) link() link.Transport {
	switch t {
	case TCP:
		return link.TCP
	case TLS:
		return link.TCPWithTLS
	}
	return link.UDP
}

// Certificates are the files of a destination with transport TLS, in PEM. They are read for each connection.
type Certificates struct {
	CA         string `yaml:"ca" doc:"file with the authorities that the collector's certificate may be of; empty: those of the system"`
	Cert       string `yaml:"cert" doc:"file with the certificate to show to the collector; empty: none"`
	Key        string `yaml:"key" doc:"file with its key"`
	ServerName string `yaml:"server_name" doc:"name in the collector's certificate; empty: the host of its address"`
}

// validateTransport reports what a transport can't do.
func (d Destination) validateTransport(ps *config.Problems) {
	switch d.Transport {
	case "", UDP, TCP, TLS:
	default:
		ps.Addf("transport", string(d.Transport), "%s, %s or %s", UDP, TCP, TLS)
	}
	if d.stream() && d.Format != IPFIX {
		ps.Addf("transport", string(d.Transport), "%s with format %s: only format %s goes over %s or %s", UDP, d.Format, IPFIX, TCP, TLS)
	}
	if d.TLS != (Certificates{}) && d.Transport != TLS {
		ps.Addf("transport", string(d.Transport), "%s, since there are settings of tls", TLS)
	}
	if (d.TLS.Cert == "") != (d.TLS.Key == "") {
		ps.Addf("tls.cert", d.TLS.Cert, "both cert and key, or neither")
	}
}

// stream tells whether datagrams go over connections.
func (d Destination) stream() bool { return d.Transport == TCP || d.Transport == TLS }
