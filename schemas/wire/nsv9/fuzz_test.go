package nsv9_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// content is what a decoder finds in a datagram. Templates act on the data behind them.
type content struct {
	Templates []nsv9.Template
	Records   []nsv9.Record
	Fields    [][]byte // values, in order
	Broken    bool     // a flowset, template or record was refused
}

// equal compares quickly; thousands of records through cmp.Diff would take the fuzzer seconds.
func (c content) equal(d content) bool {
	return c.Broken == d.Broken && slices.Equal(c.Records, d.Records) && slices.EqualFunc(c.Fields, d.Fields, bytes.Equal) &&
		slices.EqualFunc(c.Templates, d.Templates, func(a, b nsv9.Template) bool { return a.Equal(&b) })
}

// fast is the package's own view.
func fast(t *testing.T, b []byte) (c content) {
	_, sets, err := nsv9.Open(b)
	if err != nil {
		return content{Broken: true}
	}
	layouts := make(map[uint16]*nsv9.Layout)
	for sets.Next() {
		s := sets.Set()
		if s.Kind() == nsv9.Templates {
			var tmpl nsv9.Template
			templates := s.Templates()
			for templates.Next(&tmpl) {
				c.Templates = append(c.Templates, tmpl.Clone())
				if layouts[tmpl.ID], err = nsv9.Compile(&tmpl); err != nil {
					t.Fatalf("read a template that does not compile: %v", err)
				}
			}
			c.Broken = c.Broken || templates.Err() != nil
			continue
		}
		layout := layouts[s.ID]
		if layout == nil {
			continue
		}
		plan := nsv9.NewPlan(layout)
		records := layout.Records(s.Body)
		n := len(c.Records)
		for records.Next() {
			var r nsv9.Record
			if !plan.Decode(&r, records.Record()) {
				t.Fatalf("Decode refuses %x", records.Record())
			}
			c.Records = append(c.Records, r)
			for i := range layout.Len() {
				c.Fields = append(c.Fields, layout.Field(records.Record(), i))
			}
		}
		c.Broken = c.Broken || records.Err() != nil
		appended, err := plan.Append(nil, s.Body)
		if !slices.Equal(c.Records[n:], appended) || !errors.Is(err, records.Err()) {
			t.Fatalf("Append: error %v, records (-one by one +appended):\n%s", err, cmp.Diff(c.Records[n:], appended))
		}
	}
	c.Broken = c.Broken || sets.Err() != nil
	return c
}

// slow is the judge's view.
func slow(b []byte) (c content) {
	if len(b) < 20 || b[0] != 0 || b[1] != 9 {
		return content{Broken: true}
	}
	known := make(map[uint16]nsv9.Template)
	for b = b[20:]; len(b) >= 4; {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			c.Broken = c.Broken || !bytes.Equal(b, make([]byte, len(b)))
			break
		}
		body := b[4:n]
		b = b[n:]
		if id <= 1 {
			for len(body) >= 4 && !bytes.Equal(body, make([]byte, len(body))) {
				tmpl, rest, ok := slowTemplate(id == 1, body)
				if !ok {
					c.Broken = true
					break
				}
				body, known[tmpl.ID] = rest, tmpl
				c.Templates = append(c.Templates, tmpl)
			}
			continue
		}
		tmpl, ok := known[id]
		if !ok {
			continue
		}
		least, _ := tmpl.RecordLen()
		for len(body) >= least {
			fields, rest, ok := naiveFields(&tmpl, body)
			if !ok {
				c.Broken = true
				break
			}
			c.Records = append(c.Records, naiveRecord(&tmpl, body[:len(body)-len(rest)]))
			for _, f := range fields {
				c.Fields = append(c.Fields, f.value)
			}
			body = rest
		}
	}
	return c
}

func slowTemplate(options bool, b []byte) (tmpl nsv9.Template, rest []byte, ok bool) {
	words := make([]uint16, len(b)/2)
	for i := range words {
		words[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	tmpl = nsv9.Template{ID: words[0], Options: options}
	scopes, fields, at := 0, int(words[1]), 2
	if options {
		if len(words) < 3 || words[1]%4 != 0 || words[2]%4 != 0 {
			return tmpl, nil, false
		}
		scopes, fields, at = int(words[1]/4), int(words[2]/4), 3
	}
	if tmpl.ID < 256 || at+2*(scopes+fields) > len(words) || scopes+fields > 1024 {
		return tmpl, nil, false
	}
	total := 0
	for ; scopes > 0; scopes, at = scopes-1, at+2 {
		tmpl.Scope = append(tmpl.Scope, nsv9.ScopeField{Type: nsv9.ScopeType(words[at]), Length: words[at+1]})
		total += int(words[at+1])
	}
	for ; fields > 0; fields, at = fields-1, at+2 {
		tmpl.Fields = append(tmpl.Fields, nsv9.Field{Type: nsv9.FieldType(words[at]), Length: words[at+1]})
		total += int(words[at+1])
	}
	return tmpl, b[2*at:], total > 0
}

func FuzzDatagram(f *testing.F) {
	for _, v := range wiretest.Vectors(f, "v9_") {
		f.Add(v.Bytes)
	}
	for _, b := range wiretest.Malformed(f) {
		f.Add(b)
	}
	for _, s := range wiretest.Sets(f) {
		for _, d := range s.Datagrams[:min(2, len(s.Datagrams))] {
			f.Add(d.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 { // the judge is slow, and more of the same finds nothing more
			return
		}
		want := slow(b)
		if got := fast(t, b); !got.equal(want) {
			t.Fatalf("content (-naive +got):\n%s", cmp.Diff(want, got, equateEmpty))
		}
		rewritten(t, want)
	})
}

// rewritten: templates that could be read are the same after they were written and read once more.
func rewritten(t *testing.T, c content) {
	var e nsv9.Encoder
	if err := e.Begin(nil, nsv9.MaxLen, &nsv9.Header{}); err != nil {
		t.Fatal(err)
	}
	for i := range c.Templates {
		if err := e.Templates(&c.Templates[i]); err != nil && !errors.Is(err, nsv9.ErrNoRoom) {
			t.Fatal(err)
		}
	}
	n := e.Count()
	again := fast(t, e.Finish())
	if diff := cmp.Diff(c.Templates[:n], again.Templates, equateEmpty); diff != "" || again.Broken {
		t.Fatalf("templates written again (-want +got):\n%s", diff)
	}
}

// A record of our templates is the same after it was written and read.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("some bytes to fill a record with"), true)
	f.Add(bytes.Repeat([]byte{0xff}, 200), false)
	f.Fuzz(func(t *testing.T, seed []byte, ipv6 bool) {
		tmpl := nsv9.IPv4Template()
		if ipv6 {
			tmpl = nsv9.IPv6Template()
		}
		n, _ := tmpl.RecordLen()
		rec := make([]byte, n)
		copy(rec, seed)
		if ipv6 {
			rec[96] &= 0x0f // the flow label has 20 bits
		}
		l, err := nsv9.Compile(&tmpl)
		if err != nil {
			t.Fatal(err)
		}
		var r nsv9.Record
		if !nsv9.NewPlan(l).Decode(&r, rec) {
			t.Fatal("Decode refuses the record")
		}
		out := bytes.Repeat([]byte{0xaa}, n)
		if ipv6 {
			nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(out), &r)
		} else {
			nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(out), &r)
		}
		if !bytes.Equal(rec, out) {
			t.Fatalf("written again: %x, want %x", out, rec)
		}
	})
}
