package nsv9_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// Golden datagrams read as their description says, every byte of them.
func TestVectors(t *testing.T) {
	store := make(map[templateKey]*nsv9.Layout) // v9_all comes before v9_data_only and has its templates
	for _, v := range wiretest.Vectors(t, "v9_") {
		t.Run(v.Name, func(t *testing.T) {
			want := make([]described, len(v.Fields))
			for i, f := range v.Fields {
				want[i] = described{f.Offset, f.Length, f.Name, strings.Trim(string(f.Value), `"`)}
			}
			got := describe(t, store, v.Bytes)
			if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(described{})); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// Golden datagrams are written again byte for byte.
func TestVectorsWritten(t *testing.T) {
	store := make(map[templateKey]*nsv9.Layout)
	for _, v := range wiretest.Vectors(t, "v9_") {
		t.Run(v.Name, func(t *testing.T) {
			describe(t, store, v.Bytes) // learns the templates, those behind their data too
			again := rewrite(t, store, v.Bytes)
			if diff := gocmp.Diff(hex.EncodeToString(v.Bytes), hex.EncodeToString(again)); diff != "" {
				t.Errorf("written again (-want +got):\n%s", diff)
			}
		})
	}
}

type templateKey struct {
	source uint32
	id     uint16
}

type described struct {
	offset, length int
	name, value    string
}

// describe names every field of a datagram as the vectors do.
func describe(t *testing.T, store map[templateKey]*nsv9.Layout, b []byte) []described {
	t.Helper()
	var ds []described
	put := func(offset, length int, name string, v any) {
		ds = append(ds, described{offset, length, name, fmt.Sprint(v)})
	}
	h, sets, err := nsv9.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	put(0, 2, "header.version", 9)
	put(2, 2, "header.count", h.Count)
	put(4, 4, "header.sys_uptime_ms", h.SysUptime)
	put(8, 4, "header.unix_secs", h.UnixSecs)
	put(12, 4, "header.package_sequence", h.Sequence)
	put(16, 4, "header.source_id", h.SourceID)

	head := func(kind string, s nsv9.Set) string {
		name := fmt.Sprintf("%s[id=%d].", kind, s.ID)
		put(s.Offset, 2, name+"set_id", s.ID)
		put(s.Offset+2, 2, name+"length", len(s.Body)+4)
		return name
	}
	var early []nsv9.Set
	data := func(s nsv9.Set) {
		layout := store[templateKey{h.SourceID, s.ID}]
		kind := "data_flowset"
		if layout.Options() {
			kind = "options_data_flowset"
		}
		name := head(kind, s)
		at := s.Offset + 4
		records := layout.Records(s.Body)
		for records.Next() {
			at += describeRecord(put, at, name, layout, records.Record())
		}
		if err := records.Err(); err != nil {
			t.Fatal(err)
		}
		if n := records.Rest(); n > 0 {
			put(at, n, name+"padding", hex.EncodeToString(s.Body[len(s.Body)-n:]))
		}
	}
	for sets.Next() {
		s := sets.Set()
		switch s.Kind() {
		case nsv9.Templates:
			describeTemplates(t, put, head, s, func(tmpl *nsv9.Template) {
				layout, err := nsv9.Compile(tmpl)
				if err != nil {
					t.Fatal(err)
				}
				store[templateKey{h.SourceID, tmpl.ID}] = layout
			})
		case nsv9.Data:
			if store[templateKey{h.SourceID, s.ID}] == nil {
				early = append(early, s)
				continue
			}
			data(s)
		default:
			t.Fatalf("flowset %d", s.ID)
		}
	}
	if err := sets.Err(); err != nil || sets.Trailing() != 0 {
		t.Fatalf("end of the walk: %v, %d bytes trailing", err, sets.Trailing())
	}
	for _, s := range early {
		data(s)
	}
	slices.SortStableFunc(ds, func(a, b described) int { return cmp.Compare(a.offset, b.offset) })
	return ds
}

func describeTemplates(t *testing.T, put func(int, int, string, any), head func(string, nsv9.Set) string, s nsv9.Set, learn func(*nsv9.Template)) {
	t.Helper()
	kind, prefix := "template_flowset", "field"
	if s.ID == 1 {
		kind, prefix = "options_template_flowset", "option_field"
	}
	name, at := head(kind, s), s.Offset+4
	u16 := func(field string, v any) {
		put(at, 2, name+field, v)
		at += 2
	}
	templates := s.Templates()
	var tmpl nsv9.Template
	for templates.Next(&tmpl) {
		learn(&tmpl)
		u16("template_id", tmpl.ID)
		if tmpl.Options {
			u16("option_scope_length", 4*len(tmpl.Scope))
			u16("option_length", 4*len(tmpl.Fields))
		} else {
			u16("field_count", len(tmpl.Fields))
		}
		for _, f := range tmpl.Scope {
			u16("scope_field_type", uint16(f.Type))
			u16("scope_field_length", f.Length)
		}
		for _, f := range tmpl.Fields {
			u16(prefix+"_type", uint16(f.Type))
			u16(prefix+"_length", f.Length)
		}
	}
	if err := templates.Err(); err != nil {
		t.Fatal(err)
	}
	if n := s.Offset + 4 + len(s.Body) - at; n > 0 {
		put(at, n, name+"padding", strings.Repeat("00", n))
	}
}

func describeRecord(put func(int, int, string, any), at int, name string, layout *nsv9.Layout, rec []byte) int {
	tmpl, start := layout.Template(), at
	for i := range layout.Len() {
		b := layout.Field(rec, i)
		if i < len(tmpl.Scope) {
			scope := tmpl.Scope[i].Type
			v, _ := nsv9.Uint(b)
			if scope == nsv9.ScopeSystem {
				put(at, len(b), name+"scope.System", netip.AddrFrom4([4]byte(b)))
			} else {
				put(at, len(b), name+"scope."+scope.String(), v)
			}
			at += len(b)
			continue
		}
		f := tmpl.Fields[i-len(tmpl.Scope)]
		field := map[nsv9.FieldType]string{0: "reserved0", 232: "vendorField232"}[f.Type]
		if field == "" {
			field = f.Type.String()
		}
		if f.Length == nsv9.VarLen {
			put(at, 1, name+field+".len", len(b))
			at++
		}
		put(at, len(b), name+field, printed(f.Type, b))
		at += len(b)
	}
	return at - start
}

// printed is a value as the vectors have it.
func printed(f nsv9.FieldType, b []byte) string {
	switch f {
	case nsv9.IPv4SrcAddr, nsv9.IPv4DstAddr, nsv9.IPv4NextHop, nsv9.BGPIPv4NextHop, nsv9.MPLSTopLabelIPAddr,
		nsv9.IPv6SrcAddr, nsv9.IPv6DstAddr, nsv9.IPv6NextHop, nsv9.BGPIPv6NextHop:
		a, _ := netip.AddrFromSlice(b)
		return a.String()
	case nsv9.InSrcMAC, nsv9.InDstMAC:
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5])
	case nsv9.SamplerName, nsv9.IfName, nsv9.IfDesc, nsv9.VRFName:
		return string(nsv9.Text(b))
	case nsv9.MPLSLabel1, nsv9.MPLSLabel2, nsv9.MPLSLabel3, nsv9.PaddingOctets:
		return hex.EncodeToString(b)
	}
	v, ok := nsv9.Uint(b)
	if !ok {
		return "no number: " + hex.EncodeToString(b)
	}
	return strconv.FormatUint(v, 10)
}

// rewrite reads a datagram and writes it again with an Encoder: records of our own templates from their values, others
// from their bytes.
func rewrite(t *testing.T, store map[templateKey]*nsv9.Layout, b []byte) []byte {
	t.Helper()
	h, sets, err := nsv9.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	var e nsv9.Encoder
	if err := e.Begin([]byte("before"), 1472, &h); err != nil {
		t.Fatal(err)
	}
	for sets.Next() {
		s := sets.Set()
		if s.Kind() == nsv9.Templates {
			var ts []*nsv9.Template
			var tmpl nsv9.Template
			for templates := s.Templates(); templates.Next(&tmpl); {
				c := tmpl.Clone()
				ts = append(ts, &c)
			}
			if err := e.Templates(ts...); err != nil {
				t.Fatal(err)
			}
			continue
		}
		layout := store[templateKey{h.SourceID, s.ID}]
		plan := nsv9.NewPlan(layout)
		records := layout.Records(s.Body)
		for first := true; records.Next(); first = false {
			rec := records.Record()
			if first {
				if err := e.OpenData(s.ID, len(rec)); err != nil {
					t.Fatal(err)
				}
			}
			rewriteRecord(t, plan, s.ID, e.Next(), rec)
		}
	}
	if e.Count() != int(h.Count) {
		t.Errorf("%d records and templates written, want %d", e.Count(), h.Count)
	}
	out := e.Finish()
	if !strings.HasPrefix(string(out), "before") {
		t.Errorf("bytes before the datagram changed: %q", out[:6])
	}
	return out[len("before"):]
}

func rewriteRecord(t *testing.T, plan *nsv9.Plan, id uint16, out, rec []byte) {
	t.Helper()
	for i := range out {
		out[i] = 0xff // each byte must be written
	}
	var r nsv9.Record
	if !plan.Decode(&r, rec) {
		t.Fatalf("Decode refuses a record of template %d", id)
	}
	switch id {
	case nsv9.IPv4TemplateID:
		nsv9.PutIPv4((*[nsv9.IPv4RecordLen]byte)(out), &r)
	case nsv9.IPv6TemplateID:
		nsv9.PutIPv6((*[nsv9.IPv6RecordLen]byte)(out), &r)
	default:
		copy(out, rec)
	}
}
