package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"netstream/pipeline/control"
)

// TestAge forces flows of a running process to end, which then are in the database, and the books close.
func TestAge(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	_, stop := serve(t, data, "demo", "--rate", "2000")
	defer stop()
	var result control.Result
	eventually(t, func() bool {
		got := execute(t, nil, "age", "--force", "--filter", "protocol == 17", "--json", "--data", data)
		if strings.Contains(got.Err, "is the ager of flow shard 0 running?") {
			return false // not yet
		}
		if got.Code != Done {
			t.Fatalf("%+v", got)
		}
		if err := json.Unmarshal([]byte(got.Out), &result); err != nil {
			t.Fatalf("%v: %s", err, got.Out)
		}
		return result.Flows > 0
	})
	if len(result.Shards) != 2 || result.Shards[0].Flows+result.Shards[1].Flows != result.Flows || result.Sequence == 0 {
		t.Errorf("%+v", result)
	}
	landed := func() string {
		return execute(t, nil, "query", "SELECT count(*) AS flows, list(DISTINCT protocol) AS protocols FROM flows WHERE reason = 'forced'", "--format", "json", "--data", data).Out
	}
	eventually(t, func() bool { return !strings.Contains(landed(), `"flows":0`) })
	if got := landed(); !strings.Contains(got, `[17]`) {
		t.Errorf("forced flows: %s, want protocol 17 alone", got)
	}
	if got := execute(t, nil, "age", "--force", "--source", "demo", "--monitor", "ipv4", "--data", data); got.Code != Done || !strings.HasSuffix(got.Out, ", on 2 flow shards\n") {
		t.Errorf("%+v", got)
	}
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"age", Usage, "--force ends them now"},
		{"age --force --source eth0", Failed, `source "eth0" isn't alive, want demo`},
		{"age --force --filter dst_prt==443", Failed, "column 1: unknown name dst_prt"},
		{"age --force --url 127.0.0.1", Failed, "want one such as http://127.0.0.1:8080"},
		{"age --force --url http://127.0.0.1:1", Failed, "is it running?"},
		{"audit", Done, "the books close"},
	} {
		got := execute(t, nil, append(strings.Fields(test.args), "--data", data)...)
		if got.Code != test.code || !strings.Contains(got.Out+got.Err, test.want) {
			t.Errorf("%s: %+v, want exit code %d and %q", test.args, got, test.code, test.want)
		}
	}
}

func TestAgeWithoutProcess(t *testing.T) {
	for _, data := range []string{filepath.Join(t.TempDir(), "none"), landed(t)} {
		if got := execute(t, nil, "age", "--force", "--data", data); got.Code != Failed || !strings.Contains(got.Err, "no process uses it") {
			t.Errorf("%+v", got)
		}
	}
}
