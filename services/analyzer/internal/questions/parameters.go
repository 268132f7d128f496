package questions

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrParameter is met when a parameter can't be used.
var ErrParameter = errors.New("bad parameter")

// parameter turns the text of a parameter into an SQL literal. Values are written into the statement rather than bound:
// so the planner sees which filters are not there, and which row groups a time leaves out.
type parameter struct {
	want    string
	literal func(string) (string, bool)
	none    string // the literal when it is not given
}

const null = "NULL"

var parameters = map[string]parameter{
	"since":    {"a time such as 2006-01-02T15:04:05Z", moment, null},
	"until":    {"a time such as 2006-01-02T15:04:05Z", moment, null},
	"source":   {"the name of a source", text, null},
	"monitor":  {"the name of a monitor", text, null},
	"net":      {"an address or network such as 192.0.2.0/24", network, null},
	"src":      {"an address or network such as 192.0.2.0/24", network, null},
	"dst":      {"an address or network such as 192.0.2.0/24", network, null},
	"port":     {"a number from 0 to 65535", number(0, 65535), null},
	"protocol": {"a number from 0 to 255, or tcp, udp, icmp, icmpv6, sctp", protocol, null},
	"limit":    {"a number from 1 to 100000", number(1, 100_000), "10"},
	"step":     {"seconds, from 1 to 86400", number(1, 86_400), "60"},
}

// Bind writes parameters into the question. One that is not given passes everything or has its default: 10 rows,
// steps of 60 s. All problems are reported at once.
func (q Question) Bind(values map[string]string) (string, error) {
	literals := map[string]string{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(q.Parameters, name) {
			errs = append(errs, fmt.Errorf("%w: %s: the question %s has %s", ErrParameter, name, q.Name, strings.Join(q.Parameters, ", ")))
			continue
		}
		literal, ok := parameters[name].literal(values[name])
		if !ok {
			errs = append(errs, fmt.Errorf("%w: %s: %q, want %s", ErrParameter, name, values[name], parameters[name].want))
		}
		literals[name] = literal
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return parameterName.ReplaceAllStringFunc(q.SQL, func(p string) string {
		if literal, ok := literals[p[1:]]; ok {
			return literal
		}
		return parameters[p[1:]].none
	}), nil
}

func moment(s string) (string, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return "TIMESTAMP_NS '" + t.UTC().Format("2006-01-02 15:04:05.000000000") + "'", true
		}
	}
	return "", false
}

func text(s string) (string, bool) {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'", !strings.ContainsRune(s, 0)
}

func network(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return "'" + netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()).String() + "'", true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return "", false
	}
	return "'" + p.Masked().String() + "'", true
}

func number(lowest, highest uint64) func(string) (string, bool) {
	return func(s string) (string, bool) {
		n, err := strconv.ParseUint(s, 10, 32)
		return strconv.FormatUint(n, 10), err == nil && n >= lowest && n <= highest
	}
}

func protocol(s string) (string, bool) {
	switch strings.ToLower(s) {
	case "tcp":
		return "6", true
	case "udp":
		return "17", true
	case "icmp":
		return "1", true
	case "icmpv6":
		return "58", true
	case "sctp":
		return "132", true
	}
	return number(0, 255)(s)
}
