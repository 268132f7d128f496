package ipfix_test

import (
	"bytes"
	"testing"

	"netstream/schemas/wire/ipfix"
	"netstream/schemas/wire/nsv9"
)

func TestPutOptions(t *testing.T) {
	for _, tt := range []struct {
		template ipfix.Template
		put      func(b []byte)
		length   int
		want     string
	}{
		{ipfix.SamplingTemplate(), func(b []byte) {
			s := ipfix.Sampling{ID: 1, Interval: 2, Space: 1000}
			s.Put((*[ipfix.SamplingRecordLen]byte)(b))
		}, ipfix.SamplingRecordLen, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x03\xe8"},
		{ipfix.FlowKeysTemplate(), func(b []byte) {
			k := ipfix.FlowKeys{Template: 256, Fields: 0x103}
			k.Put((*[ipfix.FlowKeysRecordLen]byte)(b))
		}, ipfix.FlowKeysRecordLen, "\x01\x00\x00\x00\x00\x00\x00\x00\x01\x03"},
	} {
		b := bytes.Repeat([]byte{0xee}, tt.length)
		tt.put(b)
		if string(b) != tt.want || length(&tt.template) != tt.length {
			t.Errorf("template %d, records of %d bytes: %x, want %x", tt.template.ID, length(&tt.template), b, tt.want)
		}
	}
}

// TestOptionsOfVersion9 holds the lengths against those of the records that both formats share.
func TestOptionsOfVersion9(t *testing.T) {
	for _, tt := range []struct {
		template ipfix.Template
		scope    nsv9.FieldType
		length   int
	}{
		{ipfix.InterfaceTemplate(), nsv9.InputSNMP, nsv9.InterfaceRecordLen},
		{ipfix.VRFTemplate(), nsv9.IngressVRFID, nsv9.VRFRecordLen - 4},
		{ipfix.StatisticsTemplate(), nsv9.ObservationDomainID, nsv9.StatisticsRecordLen},
	} {
		if err := tt.template.Validate(); err != nil || tt.template.Scope != 1 || tt.template.Fields[0].Type != tt.scope || length(&tt.template) != tt.length {
			t.Errorf("%+v, error %v: want scope %v and records of %d bytes", tt.template, err, tt.scope, tt.length)
		}
	}
}

func length(t *ipfix.Template) (n int) {
	for _, f := range t.Fields {
		n += int(f.Length)
	}
	return n
}
