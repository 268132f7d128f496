package ipfix_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
)

// stretch is a piece of a message as a vector tells of it.
type stretch struct {
	Offset, Length int
	Name, Value    string
}

// TestVectors reads golden messages as their description says, every byte of them.
func TestVectors(t *testing.T) {
	for _, v := range wiretest.Vectors(t, "ipfix_") {
		t.Run(v.Name, func(t *testing.T) {
			var want []stretch
			for _, f := range v.Fields {
				want = append(want, stretch{f.Offset, f.Length, f.Name, strings.Trim(string(f.Value), `"`)})
			}
			if diff := cmp.Diff(want, describe(t, v.Bytes)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// description collects stretches.
type description struct {
	t    *testing.T
	all  []stretch
	at   int
	head string
}

func (d *description) put(length int, name string, value any) {
	d.all = append(d.all, stretch{d.at, length, d.head + name, fmt.Sprint(value)})
	d.at += length
}

func describe(t *testing.T, b []byte) []stretch {
	h, sets, err := ipfix.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	d := &description{t: t, head: "header."}
	d.put(2, "version", 10)
	d.put(2, "length", h.Length)
	d.put(4, "export_time", h.ExportTime)
	d.put(4, "sequence", h.Sequence)
	d.put(4, "observation_domain_id", h.DomainID)
	templates := map[uint16]ipfix.Template{}
	for sets.Next() {
		s := sets.Set()
		known := templates[s.ID]
		kind := "data_set"
		switch {
		case s.Kind() == ipfix.Templates && s.ID == 2:
			kind = "template_set"
		case s.Kind() == ipfix.Templates:
			kind = "options_template_set"
		case known.Options:
			kind = "options_data_set"
		}
		if s.Offset != d.at {
			t.Fatalf("set at %d, want %d", s.Offset, d.at)
		}
		d.head = fmt.Sprintf("%s[id=%d].", kind, s.ID)
		d.put(2, "set_id", s.ID)
		d.put(2, "length", len(s.Body)+4)
		end := d.at + len(s.Body)
		if s.Kind() == ipfix.Templates {
			d.templates(s, templates)
		} else {
			d.records(s, &known)
		}
		if n := end - d.at; n > 0 {
			d.put(n, "padding", strings.Repeat("00", n))
		}
	}
	if sets.Err() != nil || sets.Trailing() != 0 {
		t.Fatalf("end of the walk: %v, %d bytes trailing", sets.Err(), sets.Trailing())
	}
	return d.all
}

func (d *description) templates(s ipfix.Set, store map[uint16]ipfix.Template) {
	var tmpl ipfix.Template
	reader := s.Templates()
	for reader.Next(&tmpl) {
		store[tmpl.ID] = tmpl.Clone()
		d.put(2, "template_id", tmpl.ID)
		d.put(2, "field_count", len(tmpl.Fields))
		if tmpl.Options {
			d.put(2, "scope_field_count", tmpl.Scope)
		}
		for _, f := range tmpl.Fields {
			if f.Enterprise != 0 {
				f.Type |= 0x8000
			}
			d.put(2, "field_type", uint16(f.Type))
			d.put(2, "field_length", f.Length)
			if f.Enterprise != 0 {
				d.put(4, "enterprise_number", f.Enterprise)
			}
		}
	}
	if err := reader.Err(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *description) records(s ipfix.Set, tmpl *ipfix.Template) {
	layout, err := tmpl.Compile()
	if err != nil {
		d.t.Fatal(err)
	}
	records := layout.Records(s.Body)
	for records.Next() {
		for i, f := range tmpl.Fields {
			b := layout.Field(records.Record(), i)
			name := names[f.Type]
			if f.Enterprise != 0 {
				name = fmt.Sprintf("e%d.%d", f.Enterprise, f.Type)
			}
			switch {
			case f.Length == ipfix.VarLen && len(b) < 255:
				d.put(1, name+".len", len(b))
			case f.Length == ipfix.VarLen:
				d.put(1, name+".len", 255)
				d.put(2, name+".len16", len(b))
			}
			d.put(len(b), name, printed(f.Type, b))
		}
	}
	if err := records.Err(); err != nil {
		d.t.Fatal(err)
	}
}

// names are IANA's of the elements that the vectors have.
var names = map[nsv9.FieldType]string{
	1: "octetDeltaCount", 2: "packetDeltaCount", 4: "protocolIdentifier", 5: "ipClassOfService", 6: "tcpControlBits", 7: "sourceTransportPort",
	8: "sourceIPv4Address", 10: "ingressInterface", 11: "destinationTransportPort", 12: "destinationIPv4Address", 14: "egressInterface",
	27: "sourceIPv6Address", 28: "destinationIPv6Address", 31: "flowLabelIPv6", 136: "flowEndReason", 148: "flowId", 152: "flowStartMilliseconds",
	153: "flowEndMilliseconds", 234: "ingressVRFID", 236: "VRFname", 302: "selectorId", 304: "selectorAlgorithm", 305: "samplingPacketInterval",
	306: "samplingPacketSpace", 309: "samplingSize", 310: "samplingPopulation", 335: "selectorName",
}

// printed is a value as the vectors have it.
func printed(f nsv9.FieldType, b []byte) string {
	switch f {
	case nsv9.IPv4SrcAddr, nsv9.IPv4DstAddr, nsv9.IPv6SrcAddr, nsv9.IPv6DstAddr:
		a, _ := netip.AddrFromSlice(b)
		return a.String()
	case nsv9.VRFName, nsv9.SelectorName:
		return string(b)
	}
	v, ok := nsv9.Uint(b)
	if !ok {
		return "no number: " + hex.EncodeToString(b)
	}
	return strconv.FormatUint(v, 10)
}

// TestVectorsWritten writes golden messages again, byte for byte.
func TestVectorsWritten(t *testing.T) {
	for _, v := range wiretest.Vectors(t, "ipfix_") {
		t.Run(v.Name, func(t *testing.T) {
			h, sets, err := ipfix.Open(v.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			var e ipfix.Encoder
			if err := e.Begin([]byte("before"), 1472, &h); err != nil {
				t.Fatal(err)
			}
			layouts := map[uint16]*nsv9.Layout{}
			for sets.Next() {
				s := sets.Set()
				if s.Kind() == ipfix.Data {
					rewrite(t, &e, s, layouts[s.ID])
					continue
				}
				var ts []*ipfix.Template
				var tmpl ipfix.Template
				for templates := s.Templates(); templates.Next(&tmpl); {
					c := tmpl.Clone()
					if ts = append(ts, &c); c.Withdrawal() {
						continue
					}
					if layouts[c.ID], err = c.Compile(); err != nil {
						t.Fatal(err)
					}
				}
				if err := e.Templates(ts...); err != nil {
					t.Fatal(err)
				}
			}
			out := e.Finish()
			if diff := cmp.Diff("before"+hex.EncodeToString(v.Bytes), string(out[:6])+hex.EncodeToString(out[6:])); diff != "" {
				t.Errorf("written again (-want +got):\n%s", diff)
			}
		})
	}
}

// rewrite writes the records of a set, those of one length as such.
func rewrite(t *testing.T, e *ipfix.Encoder, s ipfix.Set, layout *nsv9.Layout) {
	t.Helper()
	tmpl := layout.Template()
	least, fixed := tmpl.RecordLen()
	if err := e.OpenData(s.ID, least); err != nil {
		t.Fatal(err)
	}
	n := e.Records()
	for records := layout.Records(s.Body); records.Next(); n++ {
		if fixed {
			copy(e.Next(), records.Record())
		} else {
			copy(e.Place(len(records.Record())), records.Record())
		}
	}
	if e.Records() != n {
		t.Errorf("%d records, want %d", e.Records(), n)
	}
}

// TestReverseElements reads what RFC 5103 adds as opaque fields that can be found by number and enterprise.
func TestReverseElements(t *testing.T) {
	v := wiretest.LoadVector(t, "ipfix_all")
	_, sets, err := ipfix.Open(v.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var found ipfix.Template
	for sets.Next() {
		var tmpl ipfix.Template
		for templates := sets.Set().Templates(); templates.Next(&tmpl); {
			if tmpl.ID == 257 {
				found = tmpl.Clone()
			}
		}
		if s := sets.Set(); s.ID == 257 {
			layout, err := found.Compile()
			if err != nil {
				t.Fatal(err)
			}
			records := layout.Records(s.Body)
			if !records.Next() {
				t.Fatal("no record")
			}
			i := slices.IndexFunc(found.Fields, func(f ipfix.Field) bool { return f.Enterprise == ipfix.Reverse && f.Type == nsv9.InPkts })
			if n, ok := nsv9.Uint(layout.Field(records.Record(), i)); !ok || n != 20 {
				t.Errorf("reverse packets %d, want 20", n)
			}
			var r nsv9.Record
			if !nsv9.NewPlan(layout).Decode(&r, records.Record()) || r.Packets != 100 || r.FirstMillis != 1699999970000 || r.FlowEndReason != 3 {
				t.Errorf("record %+v: the forward counters must not be mistaken", r)
			}
		}
	}
}
