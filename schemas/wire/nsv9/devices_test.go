package nsv9_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv9"
)

// exporterKey is what template ids are unique within, as the expected values have it: without the port.
type exporterKey struct {
	exporter netip.Addr
	templateKey
}

// What real exporters sent, against what other decoders found in it.
func TestDevices(t *testing.T) {
	for _, set := range wiretest.Sets(t) {
		t.Run(set.Name, func(t *testing.T) {
			if len(set.Datagrams) < len(set.Expected) {
				t.Fatalf("%d datagrams read, %d expected", len(set.Datagrams), len(set.Expected))
			}
			store := make(map[exporterKey]*nsv9.Layout)
			for i, want := range set.Expected {
				checkDatagram(t, store, set.Datagrams[i], want)
			}
			for i := len(set.Expected); i < len(set.Datagrams); i++ {
				judge(set.Datagrams[i].Payload) // must not panic
			}
		})
	}
}

func checkDatagram(t *testing.T, store map[exporterKey]*nsv9.Layout, d wiretest.Datagram, want wiretest.Expected) {
	t.Helper()
	h, sets, err := nsv9.Open(d.Payload)
	if want.Version != nsv9.Version {
		if !errors.Is(err, nsv9.ErrVersion) {
			t.Errorf("datagram %d has version %d: error %v, want %v", want.Index, want.Version, err, nsv9.ErrVersion)
		}
		return
	}
	if err != nil {
		t.Fatalf("datagram %d: %v", want.Index, err)
	}
	header := map[string]uint32{"count": uint32(h.Count), "sys_uptime": h.SysUptime, "unix_secs": h.UnixSecs, "sequence": h.Sequence, "source_id": h.SourceID}
	if diff := cmp.Diff(want.Header, header); diff != "" {
		t.Errorf("datagram %d: header (-want +got):\n%s", want.Index, diff)
	}
	n := 0
	for ; sets.Next(); n++ {
		if n == len(want.Sets) {
			t.Fatalf("datagram %d: more than %d flowsets", want.Index, n)
		}
		checkSet(t, store, exporterKey{d.Exporter, templateKey{source: h.SourceID}}, sets.Set(), want.Sets[n])
	}
	if n != len(want.Sets) || (sets.Err() != nil) != (want.Error != "") || sets.Trailing() != want.TrailingBytes {
		t.Errorf("datagram %d: %d flowsets, error %v, %d bytes trailing; want %d, %q, %d", want.Index, n, sets.Err(), sets.Trailing(), len(want.Sets), want.Error, want.TrailingBytes)
	}
}

func checkSet(t *testing.T, store map[exporterKey]*nsv9.Layout, key exporterKey, s nsv9.Set, want wiretest.ExpectedSet) {
	t.Helper()
	if int(s.ID) != want.ID || s.Offset != want.Offset || len(s.Body)+4 != want.Length {
		t.Fatalf("flowset %d at %d with %d bytes, want %d at %d with %d", s.ID, s.Offset, len(s.Body)+4, want.ID, want.Offset, want.Length)
	}
	switch s.Kind() {
	case nsv9.Templates:
		var got []wiretest.ExpectedTemplate
		templates := s.Templates()
		var tmpl nsv9.Template
		for templates.Next(&tmpl) {
			got = append(got, expectedTemplate(&tmpl))
			layout, err := nsv9.Compile(&tmpl)
			if err != nil {
				t.Fatal(err)
			}
			key.id = tmpl.ID
			store[key] = layout
		}
		usable := want.Templates
		if templates.Err() != nil { // the other decoder is less strict: it keeps templates without any byte
			for i, w := range want.Templates {
				if zeroLength(w) {
					usable = want.Templates[:i]
					// We keep the older definition, it forgets it.
					key.id = w.ID
					delete(store, key)
					break
				}
			}
			if len(usable) == len(want.Templates) {
				t.Errorf("flowset at %d: %v", s.Offset, templates.Err())
			}
		}
		if diff := cmp.Diff(usable, got, equateEmpty); diff != "" {
			t.Errorf("flowset at %d: templates (-want +got):\n%s", s.Offset, diff)
		}
	case nsv9.Data:
		key.id = s.ID
		layout := store[key]
		if (layout == nil) != (want.Kind == "data without template") && want.Records > 0 {
			t.Fatalf("flowset %d at %d: template known %v, want %s", s.ID, s.Offset, layout != nil, want.Kind)
		}
		if layout != nil {
			checkRecords(t, layout, s, want)
		}
	default:
		if want.Kind != "reserved" {
			t.Errorf("flowset %d is reserved, want %s", s.ID, want.Kind)
		}
	}
}

func checkRecords(t *testing.T, layout *nsv9.Layout, s nsv9.Set, want wiretest.ExpectedSet) {
	t.Helper()
	if layout.Options() != (want.Kind == "options data") {
		t.Errorf("flowset %d: options %v, want %s", s.ID, layout.Options(), want.Kind)
	}
	plan, tmpl := nsv9.NewPlan(layout), layout.Template()
	records := layout.Records(s.Body)
	n := 0
	for ; records.Next(); n++ {
		rec := records.Record()
		var got nsv9.Record
		if !plan.Decode(&got, rec) {
			t.Fatalf("flowset %d: Decode refuses record %d", s.ID, n)
		}
		if diff := cmp.Diff(naiveRecord(&tmpl, rec), got); diff != "" {
			t.Errorf("flowset %d record %d (-naive +got):\n%s", s.ID, n, diff)
		}
		if n < len(want.FirstRecords) {
			checkFields(t, layout, rec, want.FirstRecords[n])
		}
	}
	if n != want.Records || records.Err() != nil {
		t.Errorf("flowset %d: %d records, error %v; want %d", s.ID, n, records.Err(), want.Records)
	}
}

func checkFields(t *testing.T, layout *nsv9.Layout, rec []byte, want wiretest.ExpectedRecord) {
	t.Helper()
	if len(rec) != want.Length || layout.Len() != len(want.Fields) {
		t.Fatalf("record of %d bytes and %d fields, want %d and %d", len(rec), layout.Len(), want.Length, len(want.Fields))
	}
	for i, f := range want.Fields {
		if got := hex.EncodeToString(layout.Field(rec, i)); got != f.Hex {
			t.Errorf("field %d (type %d) is %s, want %s", i, f.ID, got, f.Hex)
		}
	}
}

func expectedTemplate(tmpl *nsv9.Template) wiretest.ExpectedTemplate {
	e := wiretest.ExpectedTemplate{ID: tmpl.ID, Options: tmpl.Options}
	for _, f := range tmpl.Scope {
		e.Fields = append(e.Fields, wiretest.ExpectedField{ID: uint16(f.Type), Length: int(f.Length), Scope: true})
	}
	for _, f := range tmpl.Fields {
		e.Fields = append(e.Fields, wiretest.ExpectedField{ID: uint16(f.Type), Length: int(f.Length)})
	}
	return e
}

func zeroLength(e wiretest.ExpectedTemplate) bool {
	for _, f := range e.Fields {
		if f.Length != 0 {
			return false
		}
	}
	return true
}
