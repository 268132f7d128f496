package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Runtime says where the process that uses a directory can be reached.
type Runtime struct {
	PID       int    `json:"pid"`
	NATS      string `json:"nats"`                // URL of JetStream
	API       string `json:"api"`                 // URL of the analyzer's HTTP API
	Telemetry string `json:"telemetry,omitempty"` // URL of metrics and health
}

func runtimeFile(path string) string { return filepath.Join(path, "runtime.json") }

// Publish lets the other commands of the machine know. It is gone after Close.
func (d *Dir) Publish(r Runtime) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(runtimeFile(d.path), append(b, '\n')); err != nil {
		return explain(d.path, err)
	}
	return nil
}

// Running says where the process that uses the directory can be reached; nil when none does. What a killed process has
// left doesn't count: the lock decides.
func Running(path string) (*Runtime, error) {
	lock, err := share(path)
	if err == nil {
		return nil, lock.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if !errors.Is(err, ErrInUse) {
		return nil, explain(path, err)
	}
	b, err := os.ReadFile(runtimeFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data directory %s: the process that uses it is starting or stopping: try again in a moment", path)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	r := &Runtime{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(runtimeFile(path)), err)
	}
	return r, nil
}
