package sampler

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"netstream/schemas/message"
	"netstream/schemas/subject"
	"netstream/services/sampler/internal/capture"
)

// ErrFinished is met when a capture has been run to its end before. Run it again under a new source with again.
var ErrFinished = errors.New("this capture has been run before")

// ErrSettings is met when an unfinished run was begun with other settings that decide which packets are taken.
var ErrSettings = errors.New("this capture's run was begun with other settings")

// File is a capture on its way through the line, as a source of its own.
type File struct {
	*source
	reader *capture.Reader
	done   bool // its last messages were published before
}

// Progress of a file.
type Progress struct {
	Offset, Size   int64  // bytes of the file read, and in all
	Packets, Bytes uint64 // observed; bytes on the wire
}

// Open checks a capture before anything is published and decides its source: file name, content and the number of the
// run. An unfinished run is resumed. landed tells whether a source is finished to the last stage; then the capture is
// refused with ErrFinished, or with again run once more.
func (s *Service) Open(ctx context.Context, path string, again bool, landed func(source string) (bool, error)) (*File, error) {
	reader, err := capture.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := s.open(ctx, path, reader, again, landed)
	if err != nil {
		reader.Close()
		return nil, err
	}
	f.reader = reader
	return f, nil
}

func (s *Service) open(ctx context.Context, path string, reader *capture.Reader, again bool, landed func(source string) (bool, error)) (*File, error) {
	id, err := identify(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	base := fmt.Sprintf("%s-%08x", subject.Clean(name[:min(len(name), 40)]), uint32(id))
	for run := 1; ; run++ {
		src, lasts, err := openSource(ctx, s, fmt.Sprintf("%s-r%d", base, run), reader.Name)
		if err != nil {
			return nil, err
		}
		ended := true
		var other error // it was begun with other settings
		for p, sh := range src.shards {
			if last := lasts[p]; last != nil {
				if was, now := last.Header.Get(message.Settings), src.fingerprint(); was != now {
					other = fmt.Errorf("%s: %w: %s, now %s; finish it with those (source %s)", path, ErrSettings, was, now, src.name)
				}
			}
			ended = ended && sh.ended
		}
		over := false
		if ended {
			if over, err = landed(src.name); err != nil {
				return nil, err
			}
		}
		switch {
		case !over && other != nil:
			return nil, other
		case !over:
			return &File{source: src, done: ended}, nil
		case !again:
			return nil, fmt.Errorf("%s: %w, as source %s; use --again to run it once more", path, ErrFinished, src.name)
		}
	}
}

// identify is a hash of the file's size and its first and last 64 KiB.
func identify(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	const part = 64 << 10
	h := xxh3.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(st.Size())))
	for _, at := range []int64{0, max(0, st.Size()-part)} {
		if _, err := io.Copy(h, io.NewSectionReader(f, at, part)); err != nil {
			return 0, fmt.Errorf("%s: byte %d: %w", path, at, err)
		}
	}
	return h.Sum64(), nil
}

// Source is the name of the source the capture is read as.
func (f *File) Source() string { return f.name }

// Progress may be asked by any goroutine.
func (f *File) Progress() Progress {
	return Progress{Offset: f.reader.Offset(), Size: f.reader.Size(), Packets: f.packets.Load(), Bytes: f.bytes.Load()}
}

// Run reads the capture to its end and publishes it. A capture that is damaged further on is an error too, but all
// before the damage is published and the source has ended. When ctx ends first, or the file can't be read, a later run goes
// on from there.
func (f *File) Run(ctx context.Context) error {
	defer f.reader.Close()
	if f.done {
		return nil
	}
	return f.pump(ctx, f.reader, true)
}

// Files reads captures to their end, one after another. Those that are published already are passed over, or with again
// read once more. Nothing is published unless all of them can be opened.
func (s *Service) Files(ctx context.Context, paths []string, again bool) error {
	var files []*File
	var errs []error
	for _, path := range paths {
		f, err := s.Open(ctx, path, again, func(string) (bool, error) { return again, nil })
		errs = append(errs, err)
		files = append(files, f)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, f := range files {
		err := f.Run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (%d packets were read before it)", err, f.Progress().Packets))
			continue
		}
		s.log.Info("capture is published", "file", paths[i], "source", f.Source())
	}
	return errors.Join(errs...)
}
