// Package config reads the one YAML file of a NetStream process into plain structs. It stands
// before everything else in the pipeline: what a service's New receives has passed through here.
//
//	defaults in the struct <- file <- environment (NETSTREAM_...) -> Validate -> the struct
//
// Reading is strict. Unknown keys, wrong types, keys given twice and values that contradict each
// other are errors, all reported in one pass, each with its line and column (see Problem).
//
// A configuration is a struct whose exported fields carry a yaml tag with the key, and a doc tag
// with the sentence that Dump and Init print above it (unit, meaning of zero). Fields are structs,
// slices, maps with string keys, pointers (nil = not set), text unmarshalers, durations, Size and
// the basic types. Three methods are looked for on any of these types:
//
//	Validate() error   checks the value; returns Problems, any joined errors, or nil
//	SetDefaults()      on the pointer, fills a new element of a list or map, or what a nil pointer
//	                   gets to point to, before it is read
//	UnmarshalText      reads the value; may return a Problem to say what is wanted
//
// Load calls Validate everywhere, so the Validate of a struct doesn't call those of its fields.
package config

import (
	"fmt"
	"io"
	"os"
	"reflect"
)

// maxFile bounds the file: a configuration is written by people, and the time of the YAML reader
// grows with the square of some kinds of file.
const maxFile = 256 << 10

// Load fills the struct that into points to, which holds the defaults, from the YAML file and from
// env (as of os.Environ), and validates it. Without a path only the environment counts. allow names
// NETSTREAM_ variables that the program reads itself; any other that matches no key is a problem.
//
// The error is Problems when the configuration is wrong, another when the file can't be read. After
// an error the struct is as before.
func Load(path string, env []string, into any, allow ...string) error {
	if path == "" {
		return Parse("", nil, env, into, allow...)
	}
	text, err := readFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text, env, into, allow...)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: longer than %s", path, Size(maxFile))
	}
	return text, err
}

// Parse is Load for a text in memory; name stands for the file in messages.
func Parse(name string, text []byte, env []string, into any, allow ...string) error {
	target := structOf(into)
	result := reflect.New(target.Type()).Elem()
	result.Set(target)

	l := &loader{file: name, keys: keysOf(target.Type()), origins: map[string]origin{}}
	if body, ok := l.parse(text); ok && body != nil {
		l.decode(body, result, "")
	} else if !ok {
		return l.problems // nothing further can be said about a file that isn't YAML
	}
	l.override(result, env, allow)
	l.validate(result)
	if l.problems.sort(); len(l.problems) > 0 {
		return l.problems
	}
	target.Set(result)
	return nil
}

// Check validates a struct that didn't come from a file, or was changed since. The argument is a
// struct or a pointer to one; the error is Problems.
func Check(cfg any) error {
	v := reflect.Indirect(reflect.ValueOf(cfg))
	keysOf(v.Type())
	return validate(v).Err()
}

// structOf refuses anything but a pointer to a struct, a mistake of the programmer.
func structOf(into any) reflect.Value {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: want a pointer to a struct, got %T", into))
	}
	return v.Elem()
}
