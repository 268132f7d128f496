package packet

// Verdict is what became of a frame. Its String is the drop reason in metrics and in the ledger.
type Verdict uint8

const (
	// OK: the frame has an IP key.
	OK Verdict = iota
	// UnknownLink: the link type isn't one of SupportedLinkType.
	UnknownLink
	// NotIP: the frame is sound as far as it was read and carries something else: ARP, LLC, PPP control.
	NotIP
	// UnknownEtherType: the frame is sound as far as it was read, and what it carries isn't known.
	UnknownEtherType
	// MPLSPayload: what is below the label stack isn't IP (a pseudowire), or there is nothing.
	MPLSPayload
	// Short: a header before the IP header is cut short.
	Short
	// MPLSStack: the label stack has no bottom.
	MPLSStack
	// IPHeaderShort: the IP header is cut short, or the IPv4 options.
	IPHeaderShort
	// IPVersion: the header's version isn't the one announced below it.
	IPVersion
	// IPHeaderLength: the IPv4 header length is below 20.
	IPHeaderLength
	// IPTotalLength: the IPv4 total length is below the header length and not 0.
	IPTotalLength

	// Verdicts is how many there are, for tables with one entry each.
	Verdicts = int(iota)
)

var verdictNames = [Verdicts]string{
	OK:               "ok",
	UnknownLink:      "unknown_link",
	NotIP:            "not_ip",
	UnknownEtherType: "unknown_ethertype",
	MPLSPayload:      "mpls_payload",
	Short:            "short",
	MPLSStack:        "mpls_stack",
	IPHeaderShort:    "ip_header_short",
	IPVersion:        "ip_version",
	IPHeaderLength:   "ip_header_length",
	IPTotalLength:    "ip_total_length",
}

// String is the verdict in snake_case.
func (v Verdict) String() string {
	if int(v) < Verdicts {
		return verdictNames[v]
	}
	return "unknown_verdict"
}
