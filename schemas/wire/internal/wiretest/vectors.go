// Package wiretest gives the tests of the wire formats their input: golden vectors, datagrams of real devices with
// their expected contents, captures, and tshark as a second opinion.
package wiretest

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Testdata is the folder with vectors/ and datagrams/, seen from a package right below schemas/wire.
const Testdata = "../testdata"

// Vector is one golden datagram: the bytes and the meaning of each of them.
type Vector struct {
	Name   string `json:"vector"`
	Bytes  []byte `json:"-"` // the JSON has only their number
	Fields []VectorField
}

// VectorField is a stretch of a vector. Value is a number, an address, a text or hex digits.
type VectorField struct {
	Offset int             `json:"offset"`
	Length int             `json:"length"`
	Name   string          `json:"name"`
	Value  json.RawMessage `json:"value"`
}

// Vectors loads the golden datagrams whose names start with prefix.
func Vectors(t testing.TB, prefix string) []Vector {
	t.Helper()
	var index []struct{ Vector string }
	readJSON(t, filepath.Join(Testdata, "vectors", "index.json"), &index)
	var vs []Vector
	for _, e := range index {
		if strings.HasPrefix(e.Vector, prefix) {
			vs = append(vs, LoadVector(t, e.Vector))
		}
	}
	if len(vs) == 0 {
		t.Fatalf("no vector named %s*", prefix)
	}
	return vs
}

// LoadVector loads the golden datagram of that name.
func LoadVector(t testing.TB, name string) Vector {
	t.Helper()
	v := Vector{Name: name, Bytes: readHex(t, filepath.Join(Testdata, "vectors", name+".hex"))}
	readJSON(t, filepath.Join(Testdata, "vectors", name+".json"), &v)
	return v
}

// Malformed loads all broken datagrams by name.
func Malformed(t testing.TB) map[string][]byte {
	t.Helper()
	dir := filepath.Join(Testdata, "vectors", "malformed")
	var index []struct{ Vector string }
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	m := make(map[string][]byte)
	for _, e := range index {
		m[e.Vector] = readHex(t, filepath.Join(dir, e.Vector+".hex"))
	}
	return m
}

func readHex(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return unhex(t, path, string(text))
}

func unhex(t testing.TB, from, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	return b
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// FormatExample is the hex dump at the end of the FORMAT.md of the package under test.
func FormatExample(t testing.TB) []byte {
	t.Helper()
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(page), "```")
	if len(parts) < 3 {
		t.Fatal("FORMAT.md has no example")
	}
	return unhex(t, "FORMAT.md", parts[len(parts)-2])
}
