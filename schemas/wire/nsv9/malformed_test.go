package nsv9_test

import (
	"errors"
	"strings"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// verdict is what a reader makes of one datagram with no templates known before.
type verdict struct {
	open, sets, template error
	templates, records   int
	unknown, reserved    int // flowsets
	padding              int // bytes behind the records of data flowsets
	trailing             int
}

func TestMalformed(t *testing.T) {
	verdicts := map[string]verdict{
		"empty":                     {open: nsv9.ErrHeader},
		"one_byte":                  {open: nsv9.ErrHeader},
		"version_0":                 {open: nsv9.ErrVersion},
		"version_6":                 {open: nsv9.ErrVersion},
		"v9_header_cut":             {open: nsv9.ErrHeader},
		"v9_set_length_0":           {trailing: 12}, // all zero: no flowset, and nothing behind it
		"v9_set_length_3":           {sets: nsv9.ErrSetLength, trailing: 12},
		"v9_set_too_long":           {sets: nsv9.ErrSetLength, trailing: 12},
		"v9_template_fields_cut":    {template: nsv9.ErrTemplateCut},
		"v9_template_id_255":        {template: nsv9.ErrTemplateID},
		"v9_template_no_fields":     {template: nsv9.ErrNoFields},
		"v9_zero_length_record":     {template: nsv9.ErrZeroLength, unknown: 1},
		"v9_options_lengths_odd":    {template: nsv9.ErrOptionsLength},
		"v9_options_lengths_long":   {template: nsv9.ErrTemplateCut},
		"v9_reserved_set_2":         {reserved: 1},
		"v9_record_longer_than_set": {templates: 1, padding: 8},
		"v9_unknown_template":       {unknown: 1},
	}
	for name, b := range wiretest.Malformed(t) {
		want, known := verdicts[name]
		if strings.HasPrefix(name, "v5_") || strings.HasPrefix(name, "v8_") || strings.HasPrefix(name, "ipfix_") {
			want = verdict{open: nsv9.ErrVersion}
		} else if !known {
			t.Errorf("%s: no verdict in this test", name)
			continue
		}
		delete(verdicts, name)
		if got := judge(b); !same(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for name := range verdicts {
		t.Errorf("%s: no such datagram", name)
	}
}

func same(a, b verdict) bool {
	ok := errors.Is(a.open, b.open) && errors.Is(a.sets, b.sets) && errors.Is(a.template, b.template)
	a.open, a.sets, a.template = nil, nil, nil
	b.open, b.sets, b.template = nil, nil, nil
	return ok && a == b
}

func judge(b []byte) (v verdict) {
	_, sets, err := nsv9.Open(b)
	if err != nil {
		return verdict{open: err}
	}
	layouts := make(map[uint16]*nsv9.Layout)
	for sets.Next() {
		s := sets.Set()
		switch s.Kind() {
		case nsv9.Templates:
			var tmpl nsv9.Template
			templates := s.Templates()
			for templates.Next(&tmpl) {
				layouts[tmpl.ID], _ = nsv9.Compile(&tmpl)
				v.templates++
			}
			v.template = errors.Join(v.template, templates.Err())
		case nsv9.Data:
			if layouts[s.ID] == nil {
				v.unknown++
				continue
			}
			records := layouts[s.ID].Records(s.Body)
			for records.Next() {
				v.records++
			}
			v.padding += records.Rest()
		default:
			v.reserved++
		}
	}
	v.sets, v.trailing = sets.Err(), sets.Trailing()
	return v
}

// What the golden files have no case for.
func TestTemplateVerdicts(t *testing.T) {
	fields := func(n int) []byte {
		b := []byte{1, 0, byte(n >> 8), byte(n)}
		for range n {
			b = append(b, 0, 1, 0, 4)
		}
		return b
	}
	tests := []struct {
		name string
		set  uint16
		body []byte
		good int
		err  error
	}{
		{"as many fields as allowed", 0, fields(1024), 1, nil},
		{"one field more", 0, fields(1025), 0, nsv9.ErrTooManyFields},
		{"65535 fields claimed", 0, []byte{1, 0, 255, 255, 0, 1, 0, 4}, 0, nsv9.ErrTemplateCut},
		{"a good one before a bad one", 0, append(fields(2), 1, 1, 0, 9, 0, 1, 0, 4), 1, nsv9.ErrTemplateCut},
		{"a good one behind a bad one is refused too", 0, append([]byte{0, 255, 0, 1, 0, 1, 0, 4}, fields(2)...), 0, nsv9.ErrTemplateID},
		{"zeros behind", 0, append(fields(2), make([]byte, 9)...), 1, nil},
		{"two bytes behind", 0, append(fields(2), 7, 7), 1, nil},
		{"options without scope", 1, []byte{1, 4, 0, 0, 0, 4, 0, 48, 0, 1}, 1, nil},
		{"options with a scope of no bytes", 1, []byte{1, 4, 0, 4, 0, 4, 0, 1, 0, 0, 0, 48, 0, 1}, 1, nil},
		{"options head cut", 1, []byte{1, 4, 0, 4, 0}, 0, nsv9.ErrTemplateCut},
		{"option length odd", 1, []byte{1, 4, 0, 4, 0, 3, 0, 1, 0, 4, 0, 48, 0, 1}, 0, nsv9.ErrOptionsLength},
		{"options of no bytes", 1, []byte{1, 4, 0, 4, 0, 0, 0, 1, 0, 0}, 0, nsv9.ErrZeroLength},
		{"options without fields", 1, []byte{1, 4, 0, 0, 0, 0}, 0, nsv9.ErrNoFields},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			templates := nsv9.Set{ID: tt.set, Body: tt.body}.Templates()
			var tmpl nsv9.Template
			n := 0
			for templates.Next(&tmpl) {
				n++
			}
			err := templates.Err()
			if n != tt.good || !errors.Is(err, tt.err) {
				t.Errorf("%d templates, error %v; want %d, %v", n, err, tt.good, tt.err)
			}
			if len(tmpl.Fields)+len(tmpl.Scope) != 0 || tmpl.ID != 0 {
				t.Errorf("after the last: %+v, want an empty template", tmpl)
			}
			var te *nsv9.TemplateError
			if err != nil && !errors.As(err, &te) {
				t.Errorf("error %v tells no template id", err)
			}
		})
	}
}
