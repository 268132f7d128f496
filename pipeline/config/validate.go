package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

type validator interface{ Validate() error }

// validate runs every Validate method below v and adds what they say, at the place of the key that
// they name or of its nearest parent that is present.
func (l *loader) validate(v reflect.Value) {
	for _, p := range validate(v) {
		if l.locate(&p) {
			l.problems = append(l.problems, p)
		}
	}
}

// locate fills in where a key was set. It returns false when that key, a section around it or a key
// inside it has a problem already: the value that Validate saw isn't the one that was written.
func (l *loader) locate(p *Problem) bool {
	p.Where = l.file
	for path, o := range l.origins {
		if o.faulty && within(path, p.Key) {
			return false
		}
	}
	place, set := l.origins[p.Key]
	for path := p.Key; path != ""; path = parent(path) {
		o, ok := l.origins[path]
		if o.faulty {
			return false
		}
		if ok && place == (origin{}) {
			place = o
		}
	}
	p.Where, p.line, p.col = place.where(l.file), place.line, place.col
	p.isDefault = !set
	return true
}

// validate collects the problems of v and everything in it, keys as full paths.
func validate(v reflect.Value) Problems {
	var ps Problems
	visit(v, "", func(path string, val validator) {
		ps = append(ps, flatten(val.Validate(), path)...)
	})
	return ps
}

// visit calls f for each value that has a Validate method, outer before inner.
func visit(v reflect.Value, path string, f func(string, validator)) {
	if v.Kind() == reflect.Pointer {
		if !v.IsNil() {
			visit(v.Elem(), path, f)
		}
		return
	}
	p := settable(v) // for methods on the pointer; items of a map have no address
	if val, ok := p.Interface().(validator); ok {
		f(path, val)
	}
	switch shapeOf(v.Type()) {
	case mapping:
		for _, fd := range fields(v.Type()) {
			visit(v.Field(fd.index), join(path, fd.name), f)
		}
	case list:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case table:
		items := map[string]reflect.Value{}
		for it := v.MapRange(); it.Next(); {
			items[it.Key().String()] = it.Value()
		}
		for _, name := range slices.Sorted(maps.Keys(items)) {
			visit(items[name], join(path, name), f)
		}
	}
}
