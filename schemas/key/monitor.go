package key

// Monitors are the flow definitions, one of each record kind; their index is the monitor column of updates and flows.
var Monitors = [...]string{MonitorIPv4: "ipv4", MonitorIPv6: "ipv6"}

// Indexes of the monitors.
const (
	MonitorIPv4 = iota
	MonitorIPv6
)
