package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Reported tells whether the end of a capture's run has been reported to who asked for it. Until then the same command
// is the one that was interrupted, even if nothing but the report is missing.
func (d *Dir) Reported(source string) (bool, error) {
	_, err := os.Stat(d.report(source))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Report notes that the end of a capture's run has been reported.
func (d *Dir) Report(source string) error {
	if err := os.MkdirAll(filepath.Dir(d.report(source)), 0o755); err != nil {
		return explain(d.path, err)
	}
	if err := writeFile(d.report(source), nil); err != nil {
		return explain(d.path, err)
	}
	return nil
}

// report is an empty file; source is a valid name of package subject, and so of a file.
func (d *Dir) report(source string) string { return filepath.Join(d.path, "runs", source) }
