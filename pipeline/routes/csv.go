package routes

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Columns of a CSV file.
const (
	columnPrefix     = "prefix"
	columnOrigin     = "origin_as"
	columnPeer       = "peer_as"
	columnNextHop    = "next_hop"
	columnBGPNextHop = "bgp_next_hop"
)

var columns = []string{columnPrefix, columnOrigin, columnPeer, columnNextHop, columnBGPNextHop}

// fromCSV is the source of all CSV files, so that of two rows with the same prefix the later one counts.
var fromCSV = Source{From: "csv"}

// ReadCSV reads routes from lines with commas and hands them to sink. The first line names the columns, in any order: prefix,
// and any of origin_as, peer_as, next_hop, bgp_next_hop. An empty field is one that isn't known. Lines that begin with # and empty
// ones are passed over. What a person wrote goes before what routers tell: a row is better than any path of another source. An
// error names line and column; the rows before it have been handed over and are counted.
func ReadCSV(r io.Reader, sink Sink) (Stats, error) {
	in := bufio.NewReader(r)
	if bom, _ := in.Peek(3); string(bom) == "\xef\xbb\xbf" { // byte order mark, as spreadsheets write
		in.Discard(3)
	}
	c := csv.NewReader(in)
	c.Comment, c.TrimLeadingSpace, c.ReuseRecord = '#', true, true
	var stats Stats
	names, err := csvHeader(c)
	if err != nil {
		return stats, err
	}
	for {
		fields, err := c.Read()
		if err == io.EOF {
			return stats, nil
		}
		if err != nil {
			return stats, csvError(err)
		}
		prefix, path, err := csvRow(c, names, fields)
		if err != nil {
			return stats, err
		}
		sink.Announce(fromCSV, 0, prefix, path)
		stats.Records++
		stats.Announced++
	}
}

// csvHeader reads the line with the names of the columns.
func csvHeader(c *csv.Reader) ([]string, error) {
	names, err := c.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("line 1: nothing, want the names of the columns: %s", strings.Join(columns, ","))
	}
	if err != nil {
		return nil, csvError(err)
	}
	names = slices.Clone(names)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		if !slices.Contains(columns, names[i]) {
			return nil, csvFault(c, i, "unknown column %q, want some of %s", names[i], strings.Join(columns, ","))
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, csvFault(c, i, "column %s for the second time", names[i])
		}
	}
	if !slices.Contains(names, columnPrefix) {
		return nil, csvFault(c, 0, "no column %s", columnPrefix)
	}
	return names, nil
}

// csvRow reads one route.
func csvRow(c *csv.Reader, names, fields []string) (prefix netip.Prefix, path Path, err error) {
	path = Path{Preference: math.MaxUint32}
	for i, name := range names {
		field := strings.TrimSpace(fields[i])
		switch name {
		case columnPrefix:
			prefix, err = netip.ParsePrefix(field)
			if err == nil && prefix != prefix.Masked() {
				err = fmt.Errorf("has bits set behind its length: %s", prefix.Masked())
			}
			if err == nil && prefix.Addr().Is4In6() {
				err = errors.New("an IPv4 prefix is written as such")
			}
		case columnOrigin:
			path.Origin, err = csvAS(field)
		case columnPeer:
			path.Peer, err = csvAS(field)
		case columnNextHop:
			path.NextHop, err = csvAddr(field)
		case columnBGPNextHop:
			path.BGPNextHop, err = csvAddr(field)
		}
		if err != nil {
			return prefix, path, csvFault(c, i, "%s %q: %v", name, field, err)
		}
	}
	return prefix, path, nil
}

// csvAS reads an AS number such as 64500 or AS64500.
func csvAS(field string) (uint32, error) {
	if field == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(field), "AS"), 10, 32)
	if err != nil {
		return 0, errors.New("want an AS number, 0 to 4294967295")
	}
	return uint32(n), nil
}

func csvAddr(field string) (netip.Addr, error) {
	if field == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(field)
	if err != nil {
		return a, errors.New("want an IPv4 or IPv6 address")
	}
	return a.Unmap().WithZone(""), nil
}

// csvFault tells what is wrong with a field of the line that was read last.
func csvFault(c *csv.Reader, field int, format string, args ...any) error {
	line, column := c.FieldPos(field)
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

// csvError tells what is wrong with a line that couldn't be taken apart.
func csvError(err error) error {
	var e *csv.ParseError
	if errors.As(err, &e) {
		return fmt.Errorf("line %d, column %d: %w", e.Line, e.Column, e.Err)
	}
	return err
}
