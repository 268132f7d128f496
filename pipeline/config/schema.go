package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// shape is how a type is written in YAML.
type shape int

const (
	scalar  shape = iota // one word
	mapping              // a struct: the keys are known
	list                 // a slice
	table                // a map: the keys are the operator's names
)

var (
	unmarshaler  = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

// isText reports whether values of t read themselves from text.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(unmarshaler) }

// shapeOf sees through pointers: *bool is written like bool.
func shapeOf(t reflect.Type) shape {
	switch {
	case t.Kind() == reflect.Pointer:
		return shapeOf(t.Elem())
	case isText(t):
		return scalar
	case t.Kind() == reflect.Struct:
		return mapping
	case t.Kind() == reflect.Slice:
		return list
	case t.Kind() == reflect.Map:
		return table
	default:
		return scalar
	}
}

// field is one key of a mapping.
type field struct {
	name  string // YAML key
	doc   string // text of the doc tag, may have several lines
	index int    // in the Go struct
}

// fields lists the keys of a struct in the order of its declaration.
func fields(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		fs = append(fs, field{name: name, doc: f.Tag.Get("doc"), index: i})
	}
	return fs
}

func fieldNames(fs []field) []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.name
	}
	return names
}

// keysOf lists the path of each key that a type has outside of lists and tables, leaves only. It
// panics when the type can't be a configuration: that is a mistake of the programmer, and shows in
// the first test that loads the type.
func keysOf(t reflect.Type) []key {
	var keys []key
	byVariable := map[string]string{}
	checkType(t, "", nil, func(path string, s shape) {
		k := key{path: path, shape: s, variable: variable(path)}
		if other, taken := byVariable[k.variable]; taken {
			panic(fmt.Sprintf("config: %s and %s share the variable %s", other, path, k.variable))
		}
		byVariable[k.variable] = path
		keys = append(keys, k)
	})
	return keys
}

// key is a leaf of the configuration as the environment sees it.
type key struct {
	path     string
	variable string
	shape    shape // never mapping
}

// checkType walks a type, refuses what can't be configured, and tells leaf about each key; leaf is
// nil below lists and tables, whose keys aren't known beforehand.
func checkType(t reflect.Type, path string, above []reflect.Type, leaf func(string, shape)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, a := range above {
		if a == t {
			panic(fmt.Sprintf("config: %s: %s contains itself", path, t))
		}
	}
	s := shapeOf(t)
	if s != mapping && leaf != nil {
		leaf(path, s)
	}
	switch s {
	case scalar:
		if want := wanted(t); want == "" {
			panic(fmt.Sprintf("config: %s: a %s can't be configured", path, t))
		}
	case list:
		checkType(t.Elem(), path+"[]", append(above, t), nil)
	case table:
		if t.Key().Kind() != reflect.String {
			panic(fmt.Sprintf("config: %s: the keys of a %s aren't strings", path, t))
		}
		checkType(t.Elem(), path+".*", append(above, t), nil)
	case mapping:
		for _, f := range fields(t) {
			sf := t.Field(f.index)
			if f.name == "" || sf.Anonymous {
				panic(fmt.Sprintf("config: %s: field %s of %s needs a name and a yaml tag", path, sf.Name, t))
			}
			checkType(sf.Type, join(path, f.name), append(above, t), leaf)
		}
	}
}
