package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxDepth bounds the nesting of a file; the YAML reader calls itself for each level.
const maxDepth = 100

// maxExcerpt is the most that a message quotes of the file, in bytes: seven lines of usual length.
const maxExcerpt = 1000

// parse reads the text as YAML and returns the body of its only document, nil when it is empty. ok
// is false when the text isn't YAML; the problem is noted then.
func (l *loader) parse(text []byte) (body ast.Node, ok bool) {
	defer func() {
		// The reader is not ours and has met fewer damaged files than a fuzzer writes. A file on
		// which it panics is as unreadable as one that it refuses.
		if r := recover(); r != nil {
			l.noteAt(nil, Problem{fault: fmt.Sprintf("not YAML: the reader gave up (%v)", r)})
			body, ok = nil, false
		}
	}()
	if line := tooDeep(text); line > 0 {
		l.problems = append(l.problems, Problem{Where: fmt.Sprintf("%s:%d", l.file, line),
			fault: fmt.Sprintf("nested deeper than %d levels", maxDepth)})
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // byte order mark
	// Keys given twice are reported by decode, all of them and with their path.
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		l.noteSyntax(err)
		return nil, false
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			l.noteAt(at(doc.Body), Problem{fault: "a second document; a configuration is one document"})
			return nil, false
		}
		body = doc.Body
	}
	return body, true
}

func (l *loader) noteSyntax(err error) {
	syntax, ok := errors.AsType[yaml.Error](err)
	if !ok || syntax.GetToken() == nil {
		l.noteAt(nil, Problem{fault: "not YAML: " + err.Error()})
		return
	}
	p := Problem{fault: "not YAML: " + syntax.GetMessage()}
	// FormatError gives "[line:column] message" and below it the lines around the fault.
	_, excerpt, _ := strings.Cut(syntax.FormatError(false, true), "\n")
	if len(excerpt) < maxExcerpt {
		p.fault += "\n" + strings.TrimRight(excerpt, "\n")
	}
	l.noteAt(syntax.GetToken(), p)
}

// tooDeep returns the line at which the text may nest deeper than maxDepth, 0 when it never does.
// It overestimates: brackets count wherever they stand, and every two spaces, dash or question
// mark at the start of a line can open a level.
func tooDeep(text []byte) int {
	line, brackets, indent, start := 1, 0, 0, true
	for _, c := range text {
		switch c {
		case '\n', '\r':
			indent, start = 0, true
			if c == '\n' {
				line++
			}
		case '[', '{':
			brackets, start = brackets+1, false
		case ']', '}':
			brackets, start = max(brackets-1, 0), false
		case ' ', '-', '?', ':', '\t':
			if start {
				indent++
			}
		default:
			start = false
		}
		if brackets+indent/2 > maxDepth {
			return line
		}
	}
	return 0
}
