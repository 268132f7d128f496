// Package ask is how the commands get answers: from the running analyzer over HTTP, or from the database itself when no
// process holds it. Whoever asks doesn't notice the difference.
package ask

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/services/analyzer/audit"
)

// Format is how an answer is written.
type Format string

// The formats.
const (
	Table Format = "table" // for people
	CSV   Format = "csv"
	JSON  Format = "json"
)

// Formats lists them.
var Formats = []string{string(Table), string(CSV), string(JSON)}

// UnmarshalText refuses unknown formats.
func (f *Format) UnmarshalText(text []byte) error {
	switch g := Format(text); g {
	case Table, CSV, JSON:
		*f = g
		return nil
	}
	return fmt.Errorf("want one of %v", Formats)
}

// Answers is who knows the answers.
type Answers interface {
	// Query writes the answer to an SQL statement as JSON or CSV.
	Query(ctx context.Context, sql string, f Format, w io.Writer) error
	// Ask writes the answer to one of the analyzer's questions as JSON or CSV.
	Ask(ctx context.Context, question string, parameters map[string]string, f Format, w io.Writer) error
	// Audit closes the books.
	Audit(ctx context.Context) (*audit.Report, error)
	Close() error
}

// Open finds who knows the answers: the analyzer at the URL; without one the process that uses the data directory; or
// the database in it.
func Open(ctx context.Context, data, url string) (Answers, error) {
	if url != "" {
		return newRemote(url)
	}
	running, err := datadir.Running(data)
	if err != nil {
		return nil, err
	}
	if running == nil {
		return openLocal(ctx, data)
	}
	api, err := apiOf(data, running)
	if err != nil {
		return nil, err
	}
	return newRemote(api)
}

// apiOf is the URL of a running process's API.
func apiOf(data string, running *datadir.Runtime) (string, error) {
	if running.API == "" {
		return "", fmt.Errorf("data directory %s: the process with id %d uses it and its HTTP API is off: set analyzer.api.listen, or stop it",
			filepath.Clean(data), running.PID)
	}
	return running.API, nil
}
