package config

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// Dump writes the values of cfg, a struct or a pointer to one, as a YAML file that Load reads back
// to the same values. The doc tags stand above their keys.
func Dump(w io.Writer, cfg any) error {
	v := reflect.Indirect(reflect.ValueOf(cfg))
	keysOf(v.Type())
	return (&dumper{}).write(w, v)
}

const initHeader = `# NetStream configuration. Every key may be left out; the values below are the defaults.
# Durations: 500ms, 15s, 1h30m. Sizes: 512MiB (1024²), 1GB (1000³), or a number of bytes.
# The environment overrides the file: %s stands for %s.

`

// Init writes a file to start from: the defaults with their comments, below a few words on how
// values are written, and in comments what an entry of each empty list or table looks like.
func Init(w io.Writer, defaults any) error {
	v := reflect.Indirect(reflect.ValueOf(defaults))
	keys := keysOf(v.Type())
	example := key{path: "a.b", variable: variable("a.b")}
	for _, k := range keys {
		if k.shape == scalar {
			example = k
			break
		}
	}
	if _, err := fmt.Fprintf(w, initHeader, example.variable, example.path); err != nil {
		return err
	}
	return (&dumper{examples: true}).write(w, v)
}

// dumper turns values into lines of YAML.
type dumper struct {
	examples bool  // show in comments what an entry of an empty list or table looks like
	err      error // the first value that has no text
}

func (d *dumper) write(w io.Writer, v reflect.Value) error {
	lines := d.mapping(v, true)
	if d.err != nil {
		return d.err
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

// value returns either what stands behind the key or the dash, or the lines that stand below it.
func (d *dumper) value(v reflect.Value) (inline string, below []string) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null", nil
		}
		v = v.Elem()
	}
	switch shapeOf(v.Type()) {
	case mapping:
		inline, below = "{}", d.mapping(v, false)
	case list:
		inline, below = "[]", d.list(v)
	case table:
		inline, below = "{}", d.table(v)
	case scalar:
		inline = d.scalar(v)
	}
	if len(below) > 0 {
		inline = ""
	}
	return inline, below
}

// mapping gives each key its comment; top sets the keys apart with an empty line.
func (d *dumper) mapping(v reflect.Value, top bool) []string {
	var lines []string
	for i, f := range fields(v.Type()) {
		if top && i > 0 {
			lines = append(lines, "")
		}
		if f.doc != "" {
			lines = append(lines, indent("# ", "# ", strings.Split(f.doc, "\n"))...)
		}
		lines = append(lines, d.entry(f.name, v.Field(f.index))...)
		if d.examples {
			lines = append(lines, d.example(v.Field(f.index))...)
		}
	}
	return lines
}

func (d *dumper) entry(name string, v reflect.Value) []string {
	inline, below := d.value(v)
	if inline != "" {
		return []string{word(name) + ": " + inline}
	}
	return append([]string{word(name) + ":"}, indent("  ", "  ", below)...)
}

func (d *dumper) list(v reflect.Value) []string {
	var lines []string
	for i := range v.Len() {
		inline, below := d.value(v.Index(i))
		if inline != "" {
			below = []string{inline}
		}
		lines = append(lines, indent("- ", "  ", below)...)
	}
	return lines
}

func (d *dumper) table(v reflect.Value) []string {
	var lines []string
	items := map[string]reflect.Value{}
	for it := v.MapRange(); it.Next(); {
		items[it.Key().String()] = it.Value()
	}
	for _, name := range slices.Sorted(maps.Keys(items)) {
		lines = append(lines, d.entry(name, items[name])...)
	}
	return lines
}

// example shows, as comments, an entry of a list or table of mappings that is empty.
func (d *dumper) example(v reflect.Value) []string {
	t := v.Type()
	if s := shapeOf(t); s != list && s != table || t.Kind() == reflect.Pointer || v.Len() > 0 || shapeOf(t.Elem()) != mapping {
		return nil
	}
	item := newItem(t.Elem())
	if item.Kind() == reflect.Pointer {
		item = newItem(t.Elem().Elem())
	}
	below := d.mapping(item, false)
	if shapeOf(t) == list {
		below = indent("- ", "  ", below)
	} else {
		below = append([]string{"name:"}, indent("  ", "  ", below)...)
	}
	return append([]string{"# An entry:"}, indent("#   ", "#   ", below)...)
}

// indent puts first before the first line and rest before the others.
func indent(first, rest string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = first + l
		first = rest
	}
	return out
}

func (d *dumper) scalar(v reflect.Value) string {
	text, ok := scalarText(v.Interface())
	if !ok && d.err == nil {
		d.err = fmt.Errorf("config: a %s can't be written", v.Type())
	}
	if isWord(v.Type()) {
		return word(text)
	}
	return text
}

// plainWord is what needs no quotes in any version of YAML, as far as letters go.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./+-][A-Za-z0-9_./:+-]*$`)

// word writes a text, in double quotes unless every YAML reader takes it for a text as it is.
func word(text string) string {
	switch {
	case !plainWord.MatchString(text), token.IsNeedQuoted(text):
		return strconv.Quote(text)
	}
	switch strings.ToLower(text) {
	case "y", "yes", "on", "n", "no", "off", "true", "false", "null", ".inf", ".nan", "---", "...":
		return strconv.Quote(text)
	}
	return text
}
