package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// loader is one pass over file, environment and Validate methods.
type loader struct {
	file     string
	keys     []key // every key that the type has outside of lists and tables
	problems Problems
	origins  map[string]origin // by key path: who set it; holds the keys that are present only
}

// origin is the place that set a key: the environment when variable is set, else the file.
type origin struct {
	variable  string
	line, col int
	faulty    bool // a problem of this key is noted already
}

func (o origin) where(file string) string {
	switch {
	case o.variable != "":
		return o.variable
	case o.line != 0:
		return fmt.Sprintf("%s:%d:%d", file, o.line, o.col)
	default:
		return file
	}
}

func originOf(t *token.Token) origin {
	if t == nil || t.Position == nil {
		return origin{}
	}
	return origin{line: t.Position.Line, col: t.Position.Column}
}

// set notes that a place sets a key.
func (l *loader) set(path string, o origin) { l.origins[path] = o }

// note records a problem of a key at the place that set it.
func (l *loader) note(p Problem) {
	o, path := l.origins[p.Key], p.Key
	o.faulty = true
	l.origins[path] = o
	p.line, p.col = o.line, o.col
	if o.variable != "" {
		p.line, p.col = 0, 0
	}
	p.Where = o.where(l.file)
	l.problems = append(l.problems, p)
}

// noteAt records a problem at a token, for keys that have no place of their own.
func (l *loader) noteAt(t *token.Token, p Problem) {
	o := originOf(t)
	p.line, p.col, p.Where = o.line, o.col, o.where(l.file)
	l.problems = append(l.problems, p)
}

// at tells where a node begins: a block mapping begins at its first key, where its own token is
// the colon behind it.
func at(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}
