package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// layout is the number of the layout this program writes. A program refuses a higher one: it can't know what it would
// destroy.
const layout = 1

func (d *Dir) versionFile() string { return filepath.Join(d.path, "VERSION") }

// checkVersion refuses a directory of a newer program. One without a VERSION is new.
func (d *Dir) checkVersion() error {
	b, err := os.ReadFile(d.versionFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(b))
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		return fmt.Errorf("%s holds %q, want a number: is this a data directory?", d.versionFile(), text)
	}
	if v > layout {
		return fmt.Errorf("%w: layout %d, this program knows up to %d: use the newer program, or another directory with --data", ErrNewer, v, layout)
	}
	return nil
}

func (d *Dir) writeVersion() error {
	return writeFile(d.versionFile(), []byte(strconv.Itoa(layout)+"\n"))
}

// writeFile replaces a file as a whole: after a crash it has the old or the new content.
func writeFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
