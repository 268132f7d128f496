package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// prefix of every environment variable that belongs to the product.
const prefix = "NETSTREAM_"

// variable names the environment variable of a key: ager.active_timeout is overridden by
// NETSTREAM_AGER_ACTIVE_TIMEOUT.
func variable(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// override applies the environment to v. A list of scalars is written with commas, an empty
// variable is the empty list; tables and lists of mappings are set in the file only.
func (l *loader) override(v reflect.Value, env, allow []string) {
	values := map[string]string{}
	for _, e := range env {
		name, value, ok := strings.Cut(e, "=")
		if ok && strings.HasPrefix(name, prefix) && !slices.Contains(allow, name) {
			values[name] = value
		}
	}
	l.overrideStruct(v, "", values)
	l.noteUnused(values)
}

// overrideStruct applies the variables to the keys below path, takes them out of values, and
// reports whether there were any.
func (l *loader) overrideStruct(v reflect.Value, path string, values map[string]string) bool {
	used := false
	for _, f := range fields(v.Type()) {
		fv, fpath := v.Field(f.index), join(path, f.name)
		if text, ok := values[variable(fpath)]; ok && shapeOf(fv.Type()) != mapping {
			delete(values, variable(fpath))
			l.set(fpath, origin{variable: variable(fpath)})
			l.overrideValue(fv, fpath, text)
			used = true
		}
		if shapeOf(fv.Type()) == mapping {
			target := settable(fv)
			if l.overrideStruct(target.Elem(), fpath, values) {
				assign(fv, target)
				used = true
			}
		}
	}
	return used
}

func (l *loader) overrideValue(v reflect.Value, path, text string) {
	switch shapeOf(v.Type()) {
	case scalar:
		target := settable(v)
		if err := setScalar(target.Elem(), text); err != nil {
			p := err.(Problem)
			p.Key = path
			l.note(p)
			return
		}
		assign(v, target)
	case list:
		l.overrideList(v, path, text)
	default:
		l.note(Problem{Key: path, fault: "can be set in the file only"})
	}
}

func (l *loader) overrideList(v reflect.Value, path, text string) {
	t := v.Type()
	if t.Kind() == reflect.Pointer || shapeOf(t.Elem()) != scalar {
		l.note(Problem{Key: path, fault: "can be set in the file only"})
		return
	}
	items := reflect.MakeSlice(t, 0, 0)
	for i, word := range strings.Split(text, ",") {
		if text == "" {
			break
		}
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		l.set(itemPath, origin{variable: variable(path)})
		item := newItem(t.Elem())
		l.overrideValue(item, itemPath, strings.TrimSpace(word))
		items = reflect.Append(items, item)
	}
	v.Set(items)
}

// noteUnused reports the variables that match no key.
func (l *loader) noteUnused(values map[string]string) {
	var known, names []string
	for _, k := range l.keys {
		known = append(known, k.variable)
	}
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := Problem{Where: name, fault: "unknown variable, matches no key"}
		for _, k := range l.keys {
			if k.shape == table && strings.HasPrefix(name, k.variable+"_") {
				p.Key, p.fault = k.path, "can be set in the file only"
			}
		}
		if n := nearest(name[len(prefix):], trimAll(known, prefix)); n != "" && p.Key == "" {
			p.fault = fmt.Sprintf("unknown variable, did you mean %s%s?", prefix, n)
		}
		l.problems = append(l.problems, p)
	}
}

func trimAll(names []string, prefix string) []string {
	trimmed := make([]string, len(names))
	for i, n := range names {
		trimmed[i] = strings.TrimPrefix(n, prefix)
	}
	return trimmed
}
