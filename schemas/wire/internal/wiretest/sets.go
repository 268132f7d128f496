package wiretest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TreeEnv names a folder with datagrams of more devices, laid out like testdata/datagrams. Tests that walk the sets
// walk that one too when it is set.
const TreeEnv = "NETSTREAM_TESTDATA_DATAGRAMS"

// Set is a sequence of datagrams of real exporters, in order of arrival, with what two other decoders found in them.
type Set struct {
	Name      string
	Datagrams []Datagram // as recorded
	Expected  []Expected // of the first datagrams; long sets are not written out to the end
}

// Expected is the content of one datagram. Offsets count from its first byte.
type Expected struct {
	Index         int
	Version       uint16
	Header        map[string]uint32
	Error         string
	Sets          []ExpectedSet
	Records       int
	TrailingBytes int              `json:"trailing_bytes"`
	FirstRecords  []ExpectedRecord `json:"first_records"` // formats with fixed records
}

// ExpectedSet is one flowset. Kind is template, options template, data, options data or data without template.
type ExpectedSet struct {
	ID, Length, Offset int
	Kind               string
	Templates          []ExpectedTemplate
	Records            int
	FirstRecords       []ExpectedRecord `json:"first_records"`
}

// ExpectedTemplate is one template; scope fields come first.
type ExpectedTemplate struct {
	ID      uint16
	Options bool
	Fields  []ExpectedField
}

// ExpectedRecord is one of the first records of a set.
type ExpectedRecord struct {
	Offset, Length int
	Fields         []ExpectedField
}

// ExpectedField is a field of a template (ID, Length) or of a record (in fixed records Tshark and no ID).
type ExpectedField struct {
	ID     uint16
	Tshark []string // the name tshark has for the field, then what it prints
	Scope  bool
	Offset int
	Length int
	Hex    string
}

// Sets loads all sets of testdata/datagrams and of the tree that TreeEnv names.
func Sets(t testing.TB) []Set {
	t.Helper()
	sets := loadTree(t, filepath.Join(Testdata, "datagrams"))
	if tree := os.Getenv(TreeEnv); tree != "" {
		sets = append(sets, loadTree(t, tree)...)
	}
	return sets
}

func loadTree(t testing.TB, tree string) []Set {
	t.Helper()
	var index map[string]struct{ Files []string }
	readJSON(t, filepath.Join(tree, "sets.json"), &index)
	var sets []Set
	for name, s := range index {
		set := Set{Name: name}
		for _, f := range s.Files {
			path := filepath.Join(tree, strings.TrimPrefix(f, "datagrams/"))
			set.Datagrams = append(set.Datagrams, ReadDatagrams(t, path)...)
		}
		var want struct{ Datagrams []Expected }
		readJSON(t, filepath.Join(tree, "expected", name+".json"), &want)
		set.Expected = want.Datagrams
		sets = append(sets, set)
	}
	slices.SortFunc(sets, func(a, b Set) int { return strings.Compare(a.Name, b.Name) })
	return sets
}
