package ipfix_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
)

// verdict is what a reader makes of one message with no templates known before.
type verdict struct {
	open, sets, template, record error
	templates, records           int
	reserved                     int // sets
}

func TestMalformed(t *testing.T) {
	verdicts := map[string]verdict{
		"empty": {open: ipfix.ErrHeader}, "one_byte": {open: ipfix.ErrHeader}, "version_0": {open: ipfix.ErrVersion}, "version_6": {open: ipfix.ErrVersion},
		"ipfix_header_cut":        {open: ipfix.ErrHeader},
		"ipfix_length_too_long":   {open: ipfix.ErrLength},
		"ipfix_length_15":         {open: ipfix.ErrLength},
		"ipfix_set_0":             {reserved: 1},
		"ipfix_varlen_over":       {templates: 1, record: nsv9.ErrRecordCut},
		"ipfix_varlen16_cut":      {templates: 1, record: nsv9.ErrRecordCut},
		"ipfix_enterprise_cut":    {template: ipfix.ErrTemplateCut},
		"ipfix_scope_count_0":     {template: ipfix.ErrScope},
		"ipfix_scope_over_fields": {template: ipfix.ErrScope},
		"ipfix_int_length_9":      {templates: 1}, // and no whole record
	}
	for name, b := range wiretest.Malformed(t) {
		want, known := verdicts[name]
		if strings.HasPrefix(name, "v5_") || strings.HasPrefix(name, "v8_") || strings.HasPrefix(name, "v9_") {
			want = verdict{open: ipfix.ErrVersion}
		} else if !known {
			t.Errorf("%s: no verdict in this test", name)
			continue
		}
		delete(verdicts, name)
		got := judge(b)
		same := errors.Is(got.open, want.open) && errors.Is(got.sets, want.sets) && errors.Is(got.template, want.template) && errors.Is(got.record, want.record)
		if !same || got.templates != want.templates || got.records != want.records || got.reserved != want.reserved {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for name := range verdicts {
		t.Errorf("%s: no such datagram", name)
	}
}

func judge(b []byte) (v verdict) {
	_, sets, err := ipfix.Open(b)
	if err != nil {
		return verdict{open: err}
	}
	layouts := map[uint16]*nsv9.Layout{}
	for sets.Next() {
		s := sets.Set()
		switch s.Kind() {
		case ipfix.Templates:
			var tmpl ipfix.Template
			templates := s.Templates()
			for ; templates.Next(&tmpl); v.templates++ {
				layouts[tmpl.ID], _ = tmpl.Compile()
			}
			v.template = errors.Join(v.template, templates.Err())
		case ipfix.Data:
			if l := layouts[s.ID]; l != nil {
				records := l.Records(s.Body)
				for records.Next() {
					v.records++
				}
				v.record = errors.Join(v.record, records.Err())
			}
		default:
			v.reserved++
		}
	}
	v.sets = sets.Err()
	return v
}

// TestTemplateVerdicts has what the golden files have no case for.
func TestTemplateVerdicts(t *testing.T) {
	fields := func(n int) []byte {
		return append([]byte{1, 0, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0, 1, 0, 4}, n)...)
	}
	for name, tt := range map[string]struct {
		set  uint16
		body []byte
		good int
		err  error
	}{
		"as many fields as allowed":          {2, fields(1024), 1, nil},
		"one field more":                     {2, fields(1025), 0, ipfix.ErrTooManyFields},
		"65535 fields claimed":               {2, []byte{1, 0, 255, 255, 0, 1, 0, 4}, 0, ipfix.ErrTemplateCut},
		"a field behind an enterprise's cut": {2, []byte{1, 0, 0, 2, 0x80, 1, 0, 4, 0, 0, 0x72, 0x79}, 0, ipfix.ErrTemplateCut},
		"a good one before a bad one":        {2, append(fields(2), 1, 1, 0, 9, 0, 1, 0, 4), 1, ipfix.ErrTemplateCut},
		"zeros behind":                       {2, append(fields(2), make([]byte, 9)...), 1, nil},
		"records of no bytes":                {2, []byte{1, 0, 0, 1, 0, 1, 0, 0}, 0, ipfix.ErrZeroLength},
		"id 255":                             {2, []byte{0, 255, 0, 1, 0, 1, 0, 4}, 0, ipfix.ErrTemplateID},
		"withdrawal of id 255":               {2, []byte{0, 255, 0, 0}, 0, ipfix.ErrTemplateID},
		"withdrawal of all":                  {2, []byte{0, 2, 0, 0}, 1, nil},
		"withdrawal of all of another kind":  {2, []byte{0, 3, 0, 0}, 0, ipfix.ErrTemplateID},
		"withdrawals of options":             {3, []byte{0, 3, 0, 0, 1, 4, 0, 0}, 2, nil},
		"options head cut":                   {3, []byte{1, 4, 0, 1, 0}, 0, ipfix.ErrTemplateCut},
		"options, all scope":                 {3, []byte{1, 4, 0, 1, 0, 1, 0, 149, 0, 4}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			templates := ipfix.Set{ID: tt.set, Body: tt.body}.Templates()
			var tmpl ipfix.Template
			n := 0
			for templates.Next(&tmpl) {
				n++
			}
			if err := templates.Err(); n != tt.good || !errors.Is(err, tt.err) {
				t.Errorf("%d templates, error %v; want %d, %v", n, err, tt.good, tt.err)
			}
			var te *ipfix.TemplateError
			if err := templates.Err(); err != nil && !errors.As(err, &te) {
				t.Errorf("error %v tells no template id", err)
			}
		})
	}
}

func TestEncoderRefuses(t *testing.T) {
	var e ipfix.Encoder
	if err := e.Begin(nil, 23, &ipfix.Header{}); !errors.Is(err, ipfix.ErrLimit) {
		t.Errorf("a limit of 23 bytes: %v", err)
	}
	if err := e.Begin(nil, 64, &ipfix.Header{}); err != nil {
		t.Fatal(err)
	}
	four := []ipfix.Field{{Type: nsv9.InBytes, Length: 4}}
	for name, tt := range map[string]struct {
		ts   []*ipfix.Template
		want error
	}{
		"flows and options in one set": {[]*ipfix.Template{{ID: 256, Fields: four}, {ID: 257, Options: true, Scope: 1, Fields: four}}, ipfix.ErrMixed},
		"scope without options":        {[]*ipfix.Template{{ID: 256, Scope: 1, Fields: four}}, ipfix.ErrScope},
		"more than there is room for":  {[]*ipfix.Template{{ID: 256, Fields: bytes20(four[0])}}, ipfix.ErrNoRoom},
	} {
		if err := e.Templates(tt.ts...); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
	if err := e.OpenData(255, 4); !errors.Is(err, ipfix.ErrTemplateID) {
		t.Errorf("data of template 255: %v", err)
	}
	if err := e.OpenData(256, 45); !errors.Is(err, ipfix.ErrNoRoom) {
		t.Errorf("a record that is too long: %v", err)
	}
	if out := e.Finish(); len(out) != ipfix.HeaderLen || out[3] != ipfix.HeaderLen {
		t.Errorf("after refusals %x, want the header alone", out)
	}
}

func bytes20(f ipfix.Field) (fs []ipfix.Field) {
	for range 20 {
		fs = append(fs, f)
	}
	return fs
}

// FuzzMessage wants every message read to its end, and templates that were read to be the same after they were written.
func FuzzMessage(f *testing.F) {
	for _, v := range wiretest.Vectors(f, "ipfix_") {
		f.Add(v.Bytes)
	}
	for _, b := range wiretest.Malformed(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, sets, err := ipfix.Open(b)
		if err != nil {
			return
		}
		layouts, size := map[uint16]*nsv9.Layout{}, ipfix.HeaderLen
		for sets.Next() {
			s := sets.Set()
			size += 4 + len(s.Body)
			var tmpl ipfix.Template
			for templates := s.Templates(); templates.Next(&tmpl); {
				var e ipfix.Encoder
				if err := e.Begin(nil, ipfix.MaxLen, &ipfix.Header{}); err != nil {
					t.Fatal(err)
				}
				if tmpl.Withdrawal() {
					continue
				}
				if err := e.Templates(&tmpl); err != nil {
					t.Fatalf("%+v can be read, not written: %v", tmpl, err)
				}
				_, again, err := ipfix.Open(e.Finish())
				if err != nil || !again.Next() {
					t.Fatalf("written again it can't be read: %v", err)
				}
				var u ipfix.Template
				if reader := again.Set().Templates(); !reader.Next(&u) || !u.Equal(&tmpl) {
					t.Fatalf("%+v became %+v", tmpl, u)
				}
				if layouts[tmpl.ID], err = tmpl.Compile(); err != nil {
					t.Fatal(err)
				}
			}
			if l := layouts[s.ID]; l != nil && s.Kind() == ipfix.Data {
				plan, records, n := nsv9.NewPlan(l), l.Records(s.Body), 0
				for ; records.Next(); n += len(records.Record()) {
					var r nsv9.Record
					if !plan.Decode(&r, records.Record()) {
						t.Fatalf("Decode refuses %x", records.Record())
					}
				}
				if n+records.Rest() != len(s.Body) {
					t.Fatalf("%d bytes of records and %d behind them in a body of %d", n, records.Rest(), len(s.Body))
				}
			}
		}
		if size+sets.Trailing() != len(b) {
			t.Fatalf("%d bytes in sets and %d behind them, of %d", size, sets.Trailing(), len(b))
		}
	})
}
