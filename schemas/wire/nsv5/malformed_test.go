package nsv5_test

import (
	"errors"
	"strings"
	"testing"

	"netstream/schemas/wire/internal/wiretest"
	"netstream/schemas/wire/nsv5"
)

func TestMalformed(t *testing.T) {
	verdicts := map[string]struct {
		err     error
		records int
		surplus int
	}{
		"empty":              {err: nsv5.ErrHeader},
		"one_byte":           {err: nsv5.ErrHeader},
		"version_0":          {err: nsv5.ErrVersion},
		"version_6":          {err: nsv5.ErrVersion},
		"v5_header_only_cut": {err: nsv5.ErrHeader},
		"v5_count_0":         {records: 0},
		"v5_count_31":        {err: nsv5.ErrCount},
		"v5_count_too_big":   {err: nsv5.ErrCut},
		"v5_trailing_bytes":  {records: 2, surplus: 2},
		"v5_record_cut":      {err: nsv5.ErrCut},
	}
	sentinel := nsv5.Record{SrcAddr: 1}
	for name, b := range wiretest.Malformed(t) {
		want, known := verdicts[name]
		if strings.HasPrefix(name, "v9_") || strings.HasPrefix(name, "v8_") || strings.HasPrefix(name, "ipfix_") {
			want.err = nsv5.ErrVersion
		} else if !known {
			t.Errorf("%s: no verdict in this test", name)
			continue
		}
		delete(verdicts, name)
		h, records, surplus, err := nsv5.Append([]nsv5.Record{sentinel}, b)
		if !errors.Is(err, want.err) {
			t.Errorf("%s: error %v, want %v", name, err, want.err)
		}
		if len(records) != 1+want.records || records[0] != sentinel {
			t.Errorf("%s: %d records beside the one that was there, want %d", name, len(records)-1, want.records)
		}
		if surplus != want.surplus {
			t.Errorf("%s: surplus %d, want %d", name, surplus, want.surplus)
		}
		if err != nil && h != (nsv5.Header{}) {
			t.Errorf("%s: header %+v beside an error", name, h)
		}
	}
	for name := range verdicts {
		t.Errorf("%s: no such datagram", name)
	}
}

func TestAppendDatagramRefuses31Records(t *testing.T) {
	dst := []byte("before")
	got, err := nsv5.AppendDatagram(dst, &nsv5.Header{}, make([]nsv5.Record, nsv5.MaxRecords+1))
	if !errors.Is(err, nsv5.ErrCount) || string(got) != "before" {
		t.Errorf("AppendDatagram: %q, %v; want %q, %v", got, err, dst, nsv5.ErrCount)
	}
}
