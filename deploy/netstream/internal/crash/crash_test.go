// Package crash kills real processes at random moments and looks at what is left: the flows in the database must be those
// of an undisturbed run, and the books must close. Its tests take from a minute to many, so `make test` skips them; `make
// crash` runs them, `make crash SHORT=1` their short form, and `make crash SEED=N` a schedule that failed once more.
package crash

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Environment of the tests.
const (
	formVariable = "NETSTREAM_CRASH"      // short or full; anything else skips the tests
	seedVariable = "NETSTREAM_CRASH_SEED" // of all that is random; empty: another one each time
)

// form is how long and hard the tests are.
type form struct {
	packets int // of the capture
	kills   int // of the process that runs everything, at any moment: all in one run, and as many again in several
	late    int // of it, when the capture is read and the flows are on their way
	files   int // captures that go through the line of processes
	each    int // packets of each of those
	faults  int // kills, stops and rivals among those
}

var forms = map[string]form{
	"short": {packets: 300_000, kills: 5, late: 2, files: 3, each: 300_000, faults: 20},
	"full":  {packets: 3_000_000, kills: 20, late: 8, files: 3, each: 7_000_000, faults: 400},
}

// patience is how long anything may take before it counts as stuck. It is generous: the machine may be busy.
const patience = 3 * time.Minute

// start skips the test unless crash tests are asked for. It returns their form and the test's own source of chance.
func start(t *testing.T) (form, *rand.Rand) {
	t.Helper()
	f, wanted := forms[os.Getenv(formVariable)]
	if !wanted {
		t.Skipf("set %s=short or full, or use make crash", formVariable)
	}
	seed := rand.Uint64N(1_000_000)
	if s := os.Getenv(seedVariable); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("schedule %d: %s=%d repeats it, as far as the machine does", seed, seedVariable, seed)
	return f, rand.New(rand.NewPCG(seed, 0))
}

// folder is a directory that stays when the test fails.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netstream-crash-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("data and logs are left in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

// program builds a command of this module or of one it requires, once.
func program(t *testing.T, importPath string) string {
	t.Helper()
	build.Lock()
	defer build.Unlock()
	path := filepath.Join(build.dir, filepath.Base(importPath))
	if build.done[importPath] {
		return path
	}
	begin := time.Now()
	out, err := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", path, importPath).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", importPath, err, out)
	}
	t.Logf("built %s in %s", importPath, time.Since(begin).Round(time.Second))
	build.done[importPath] = true
	return path
}

var build struct {
	sync.Mutex
	dir  string
	done map[string]bool
}

// The programs under test.
const (
	netstream  = "netstream/deploy/netstream"
	natsServer = "github.com/nats-io/nats-server/v2" // its folder ends in v2, and so does the program's name
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "netstream-crash-bin-")
	if err != nil {
		panic(err)
	}
	os.Setenv("NETSTREAM_AGER_CHECKPOINT_INTERVAL", "1s") // of all processes: each life begins with a checkpoint of its own
	build.dir, build.done = dir, map[string]bool{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
