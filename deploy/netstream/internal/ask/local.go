package ask

import (
	"context"
	"errors"
	"io"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/services/analyzer"
	"netstream/services/analyzer/audit"
)

// local asks the database of a data directory that nobody uses.
type local struct {
	dir *datadir.Dir
	db  *analyzer.Database
}

func openLocal(ctx context.Context, data string) (*local, error) {
	dir, err := datadir.Read(data)
	if err != nil {
		return nil, err
	}
	db, err := analyzer.Open(ctx, dir.Database())
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &local{dir, db}, nil
}

func sink(f Format, w io.Writer) analyzer.Sink {
	if f == CSV {
		return analyzer.CSV(w)
	}
	return analyzer.JSON(w)
}

func (l *local) Query(ctx context.Context, sql string, f Format, w io.Writer) error {
	return l.db.Query(ctx, sql, sink(f, w))
}

func (l *local) Ask(ctx context.Context, question string, parameters map[string]string, f Format, w io.Writer) error {
	return l.db.Ask(ctx, question, parameters, sink(f, w))
}

func (l *local) Audit(ctx context.Context) (*audit.Report, error) { return l.db.Audit(ctx) }

func (l *local) Close() error { return errors.Join(l.db.Close(), l.dir.Close()) }
