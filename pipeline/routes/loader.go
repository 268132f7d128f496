package routes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Loader keeps the table in use up to date. What a reload can't read doesn't change them.
type Loader struct {
	cfg     Config
	log     *slog.Logger
	metrics *Metrics
	changed func(*Table)
	asked   chan struct{} // holds one when a reload was asked for
	looked  chan struct{} // closed when the files were read for the first time, or couldn't be

	table atomic.Pointer[Table]

	// Of Run's goroutine.
	live      *live
	base      *Table // of the files; nil: not read yet
	filesSeen string // the files as they were when they were read last
}

// NewLoader makes a loader of a configuration that has been validated. When another table is in use, changed, if it isn't nil,
// is called with it by the goroutine of Run, which waits for it.
func NewLoader(cfg Config, log *slog.Logger, m *Metrics, changed func(*Table)) *Loader {
	l := &Loader{cfg: cfg, log: log, metrics: m, changed: changed, asked: make(chan struct{}, 1), looked: make(chan struct{}), live: newLive(log, m)}
	l.table.Store(&Table{})
	return l
}

// Table is the table in use; it knows no route until Run has read one. It is safe for use by several goroutines.
func (l *Loader) Table() *Table { return l.table.Load() }

// Reload asks Run to read all files again, whether they have changed or not, and doesn't wait for it.
func (l *Loader) Reload() {
	select {
	case l.asked <- struct{}{}:
	default:
	}
}

// Run reads the files, listens to routers and makes tables until ctx ends. It returns nil.
func (l *Loader) Run(ctx context.Context) error {
	l.look(ctx, true)
	close(l.looked)
	var routers sync.WaitGroup
	defer routers.Wait()
	if l.cfg.BMP.Listen != "" {
		routers.Go(func() { newBMPStation(l.cfg.BMP.Listen, l.live).run(ctx) })
	}
	if len(l.cfg.BGP.Neighbors) > 0 {
		routers.Go(func() { newSpeaker(l.cfg.BGP, l.live).run(ctx) })
	}
	var check <-chan time.Time
	if l.cfg.Check > 0 && len(l.cfg.Files) > 0 {
		ticker := time.NewTicker(l.cfg.Check)
		defer ticker.Stop()
		check = ticker.C
	}
	var due <-chan time.Time // set when routers have told something since the last table
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-check:
			l.look(ctx, false)
		case <-l.asked:
			l.look(ctx, true)
		case <-l.live.changed:
			if due == nil {
				due = time.After(l.cfg.Compile)
			}
		case <-due:
			due = nil
			l.compile()
		}
	}
}

// look reads the files that have changed, or all.
func (l *Loader) look(ctx context.Context, all bool) {
	if seen := fingerprint(l.cfg.Files); all || seen != l.filesSeen {
		l.filesSeen = seen
		l.loadFiles(ctx)
	}
}

// fingerprint changes when one of the files does.
func fingerprint(files []string) string {
	var b strings.Builder
	for _, f := range files {
		if info, err := os.Stat(f); err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		} else {
			fmt.Fprintf(&b, "%d %d\n", info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// loadFiles reads all files. If there is trouble with one, the routes of the last time stay; at the first time, those that
// could be read are better than none.
func (l *Loader) loadFiles(ctx context.Context) {
	if len(l.cfg.Files) == 0 {
		return
	}
	began := time.Now()
	b, stats, err := readFiles(ctx, l.cfg.Files)
	if ctx.Err() != nil {
		return
	}
	l.metrics.loads.Inc()
	if err != nil {
		l.metrics.troubles.Inc()
		if l.base != nil {
			l.log.Error("routes can't be read, those known before stay", "error", err)
			return
		}
		l.log.Error("not all routes can be read, the others are used", "error", err)
	}
	l.metrics.malformed.WithLabelValues(kindFiles).Add(float64(stats.Malformed))
	l.base = b.Compile(nil)
	l.log.Info("routes read", "files", len(l.cfg.Files), "paths", stats.Announced, "prefixes", l.base.Len(),
		"malformed", stats.Malformed, "skipped", stats.Skipped, "took", time.Since(began).Round(time.Millisecond))
	l.compile()
}

// readFiles reads all files, also behind one that can't be read. Only where updates take paths back are all paths kept.
func readFiles(ctx context.Context, files []string) (*Builder, Stats, error) {
	b := NewBestBuilder()
	for _, path := range files {
		if f, err := openFile(path); err == nil {
			if f.format == formatUpdates {
				b = NewBuilder()
			}
			f.Close()
		}
	}
	var total Stats
	var errs []error
	for _, path := range files {
		stats, err := ReadFile(ctx, path, b)
		total.Announced += stats.Announced
		total.Malformed += stats.Malformed
		total.Skipped += stats.Skipped
		errs = append(errs, err)
	}
	return b, total, errors.Join(errs...)
}

// compile makes a table, and takes it in use if it says anything else than the one there is.
func (l *Loader) compile() {
	began := time.Now()
	t := l.base
	if l.cfg.live() || t == nil {
		t = l.live.compile(l.base)
	}
	l.metrics.compiles.Inc()
	l.metrics.compiling.Observe(time.Since(began).Seconds())
	if t.Version() == l.Table().Version() {
		return
	}
	l.table.Store(t)
	l.metrics.use(t)
	l.log.Info("routing table in use", "version", t.Version(), "ipv4", t.Len4(), "ipv6", t.Len6())
	if l.changed != nil {
		l.changed(t)
	}
}
