package cli

import (
	"errors"
	"os"
	"runtime/pprof"
)

// profiled does work, and writes a profile of the process's CPU time meanwhile to path unless that is "".
func profiled(path string, work func() error) error {
	if path == "" {
		return work()
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = work()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}
