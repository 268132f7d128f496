package cli

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"netstream/deploy/netstream/internal/datadir"
)

// tree is the captures that the sampler is tested with.
const tree = "../../../../services/sampler/testdata/captures"

// landed runs a small capture and returns the data directory.
func landed(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if got := execute(t, nil, "run", tree+"/suricata-verify/nfsv2.pcap", "--data", data); got.Code != Done {
		t.Fatalf("run: %+v", got)
	}
	return data
}

// serve starts a command that stays, and waits until others find it. stop ends it by SIGINT and wants a good end.
func serve(t *testing.T, data string, args ...string) (stdout *bytes.Buffer, stop func()) {
	t.Helper()
	p := process(t, append(args, "--data", data)...)
	stdout = &bytes.Buffer{}
	var stderr bytes.Buffer
	p.Stdout, p.Stderr = stdout, &stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		r, err := datadir.Running(data)
		return err == nil && r != nil && r.PID == p.Process.Pid
	})
	return stdout, func() {
		t.Helper()
		interrupt(t, p, &stderr)
	}
}

// interrupt stops a process by SIGINT and wants exit code 0.
func interrupt(t *testing.T, p *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %v\n%s", p.Args[1:], err, stderr)
	}
}

// eventually waits for a condition for at most a minute.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it doesn't come")
		}
	}
}

// seconds is what differs between two answers.
var seconds = regexp.MustCompile(`"seconds":[0-9.e-]+`)

// TestAnswersAreTheSame asks a database, and then the process that has it.
func TestAnswersAreTheSame(t *testing.T) {
	data := landed(t)
	questions := []struct {
		args []string
		code int
		want string // in the answer or the error
	}{
		{[]string{"query", "SELECT count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes FROM flows"}, Done, "flows  packets  bytes\n-----  -------  -----\n   14      156  20960\n"},
		{[]string{"query", "SELECT 18446744073709551615::UBIGINT AS n, NULL AS none, 'a' AS t"}, Done, "n  none  t\n--------------------  ----  -\n18446744073709551615        a\n"},
		{[]string{"query", "SELECT 1 AS one", "--format", "csv"}, Done, "one\n1\n"},
		{[]string{"query", "SELECT 1 AS one", "--format", "json"}, Done, `{"one":1}`},
		{[]string{"query", "SELEC 1"}, Failed, "syntax error"},
		{[]string{"query", "DELETE FROM flow_rows"}, Failed, "only questions"},
		{[]string{"query", " "}, Usage, "the statement is empty"},
		{[]string{"top"}, Done, "139.25.22.2    "},
		{[]string{"top", "pairs", "-n", "1", "--format", "csv"}, Done, "src_addr,dst_addr,bytes,bytes_ci,packets,packets_ci,flows\n139.25.22.2,139.25.22.102,"},
		{[]string{"top", "ports", "--port", "2049"}, Done, "udp"},
		{[]string{"top", "receivers", "--monitor", "ipv6"}, Done, "address  bytes  packets  flows  peers\n"}, // nothing, and all of it exact
		{[]string{"top", "beauty"}, Usage, "want one of talkers"},
		{[]string{"top", "--host", "somewhere"}, Failed, "want an address or network"},
		{[]string{"flows", "--dst", "139.25.22.102", "--port", "111", "--format", "csv"}, Done, "139.25.22.2"},
		{[]string{"flows", "--last", "1h", "--format", "csv"}, Done, "source,first_time"},
		{[]string{"flows", "--last", "1h", "--since", "2026-01-01"}, Usage, "--last"},
		{[]string{"audit"}, Done, "the books close over every hop, sources: 1"},
		{[]string{"audit", "--json"}, Done, `"state": "closes"`},
	}
	ask := func(t *testing.T, more ...string) (answers []outcome) {
		t.Helper()
		for _, q := range questions {
			got := execute(t, nil, append(q.args, more...)...)
			if got.Code != q.code || !strings.Contains(got.Out+got.Err, q.want) {
				t.Errorf("%v: got %+v, want exit code %d and %q", q.args, got, q.code, q.want)
			}
			got.Out = seconds.ReplaceAllString(got.Out, "")
			answers = append(answers, got)
		}
		return answers
	}
	local := ask(t, "--data", data)
	_, stop := serve(t, data, "demo", "--pcap", mustAbs(t, tree+"/suricata-verify/nfsv2.pcap"))
	defer stop()
	if diff := cmp.Diff(local, ask(t, "--data", data)); diff != "" {
		t.Errorf("(-database +process):\n%s", diff)
	}
	running, err := datadir.Running(data)
	if err != nil || running == nil {
		t.Fatalf("who runs? %v, %v", running, err)
	}
	if diff := cmp.Diff(local, ask(t, "--url", running.API)); diff != "" {
		t.Errorf("(-database +URL):\n%s", diff)
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestURLsThatAreNone(t *testing.T) {
	for url, want := range map[string]string{
		"127.0.0.1:8080":       "want one such as http://127.0.0.1:8080",
		"http://127.0.0.1:1":   "is it running?",
		"ftp://127.0.0.1:8080": "want one such as",
	} {
		if got := execute(t, nil, "query", "SELECT 1", "--url", url); got.Code != Failed || !strings.Contains(got.Err, want) {
			t.Errorf("%s: %+v, want %q", url, got, want)
		}
	}
}

// TestAuditFindsTampering changes one row behind the program's back.
func TestAuditFindsTampering(t *testing.T) {
	for name, change := range map[string]string{
		"packets":  `UPDATE flow_rows SET packets = packets + 1 WHERE rowid = 3`,
		"an end":   `UPDATE flow_rows SET last_time = last_time + INTERVAL 1 SECOND WHERE rowid = 3`,
		"a loss":   `DELETE FROM flow_rows WHERE rowid = 3`,
		"a double": `INSERT INTO flow_rows SELECT * FROM flow_rows WHERE rowid = 3`,
	} {
		t.Run(name, func(t *testing.T) {
			data := landed(t)
			db, err := sql.Open("duckdb", filepath.Join(data, "netstream.duckdb"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := db.Exec(change)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.RowsAffected(); n != 1 || err != nil {
				t.Fatalf("%d rows changed, %v", n, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			got := execute(t, nil, "audit", "--data", data)
			if got.Code != Failed || !strings.Contains(got.Err, "don't close at hop ager -> database") {
				t.Errorf("audit: %+v", got)
			}
		})
	}
}

// TestDemo starts it twice on the same data: it talks, lands flows, ends well on Ctrl-C, and goes on.
func TestDemo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	count := func() string {
		return execute(t, nil, "query", "SELECT count(*) AS n FROM flows WHERE source = 'demo'", "--format", "csv", "--data", data).Out
	}
	before := "n\n0\n"
	for range 2 {
		stdout, stop := serve(t, data, "demo", "--rate", "2000")
		eventually(t, func() bool { n := count(); return strings.HasPrefix(n, "n\n") && n != before })
		stop()
		if !strings.Contains(stdout.String(), " --data "+data+" top talkers") {
			t.Errorf("it doesn't say what to try:\n%s", stdout)
		}
		before = count()
		if got := execute(t, nil, "audit", "--data", data); got.Code != Done {
			t.Errorf("audit: %+v", got)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "runtime.json")); err == nil {
		t.Error("runtime.json is left behind")
	}
}

// TestUp runs a configured line, with a collector and generated traffic, until it is stopped.
func TestUp(t *testing.T) {
	conf := write(t, t.TempDir(), "netstream.yaml", []byte(`
demo: {rate: 1000}
analyzer: {api: {listen: "127.0.0.1:0"}, collector: {listen: "127.0.0.1:0"}}
telemetry: {listen: "127.0.0.1:0", log_level: error}
`))
	data := filepath.Join(t.TempDir(), "data")
	_, stop := serve(t, data, "up", "-c", conf)
	eventually(t, func() bool {
		return strings.Contains(execute(t, nil, "top", "sources", "--data", data).Out, "demo")
	})
	stop()
}
