package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with a configuration: which key, what it holds and what is wanted.
// A Validate method builds it (see Problems.Addf); Load completes Key with the path of the
// validated struct and fills Where.
type Problem struct {
	Where string // file:line:column, or the environment variable; filled by Load
	Key   string // path of the key; in Validate relative to the struct, "" for the struct itself
	Value any    // the value in question; nil shows none
	Want  string // what would be right; "" when fault says it all

	fault     string // what is wrong, where that isn't said by value and want
	isDefault bool   // nobody set the value
	line, col int    // for sorting; 0 outside the file
}

// Error renders the problem as one line: "file:3:5: ager.active_timeout: 10s, want more than 15s".
func (p Problem) Error() string {
	var b strings.Builder
	for _, part := range []string{p.Where, p.Key} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	switch {
	case p.fault != "" && p.Value != nil:
		b.WriteString(show(p.Value) + ": " + p.fault)
	case p.fault != "":
		b.WriteString(p.fault)
	case p.Value != nil:
		b.WriteString(show(p.Value))
		if p.isDefault {
			b.WriteString(" (default)")
		}
	}
	if p.Want != "" {
		if p.fault != "" || p.Value != nil {
			b.WriteString(", ")
		}
		b.WriteString("want " + p.Want)
	}
	return b.String()
}

// Problems is every problem found in one pass, in the order of the file; problems outside the
// file come last. It is the error that Load, Parse and Check return.
type Problems []Problem

// Error puts each problem on a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Addf notes that key holds value where the formatted text is wanted. The key is relative to the
// struct that is being validated: "active_timeout", "destinations[2].address".
func (ps *Problems) Addf(key string, value any, format string, args ...any) {
	*ps = append(*ps, Problem{Key: key, Value: value, Want: fmt.Sprintf(format, args...)})
}

// Err returns the problems as an error, or nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// sort brings the problems into the order of the file, keeping the order of discovery elsewhere.
func (ps Problems) sort() {
	line := func(p Problem) uint { return uint(p.line) - 1 } // 0, outside the file, wraps to the end
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(line(a), line(b)), cmp.Compare(a.col, b.col))
	})
}

// flatten takes apart what a Validate method returned. Keys get the prefix of the validated value;
// an error that isn't a Problem becomes one of the value itself.
func flatten(err error, prefix string) Problems {
	switch e := err.(type) {
	case nil:
		return nil
	case Problem:
		e.Key = join(prefix, e.Key)
		return Problems{e}
	case Problems:
		var ps Problems
		for _, p := range e {
			ps = append(ps, flatten(p, prefix)...)
		}
		return ps
	case interface{ Unwrap() []error }:
		var ps Problems
		for _, err := range e.Unwrap() {
			ps = append(ps, flatten(err, prefix)...)
		}
		return ps
	default:
		return Problems{{Key: prefix, fault: err.Error()}}
	}
}

// join appends a relative key to a path: a.b + c = a.b.c, a.b + [2] = a.b[2].
func join(path, key string) string {
	switch {
	case path == "":
		return key
	case key == "" || key[0] == '[':
		return path + key
	default:
		return path + "." + key
	}
}

// parent cuts the last step off a path; the parent of a top-level key is "".
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// within reports whether path lies inside section.
func within(path, section string) bool {
	rest, ok := strings.CutPrefix(path, section)
	return ok && rest != "" && (section == "" || rest[0] == '.' || rest[0] == '[')
}

// maxShown bounds a value in a message, in runes: enough for an address or a path.
const maxShown = 60

// show renders a value as the file would write it, cut to maxShown.
func show(v any) string {
	var s string
	if text, ok := scalarText(v); ok {
		s = text
	} else {
		s = fmt.Sprint(v)
	}
	cut := ""
	if r := []rune(s); len(r) > maxShown {
		s, cut = string(r[:maxShown]), "…"
	}
	if _, ok := v.(string); ok {
		s = strconv.Quote(s)
	}
	return s + cut
}
