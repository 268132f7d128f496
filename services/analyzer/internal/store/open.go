// Package store is the database: its tables and views, and the one way in, a transaction of rows, counters and
// positions.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/zeebo/xxh3"

	_ "netstream/services/analyzer/internal/buildtag"
)

// schemaVersion is the version of the tables. A file with another one is refused.
const schemaVersion = 2

var (
	//go:embed schema.sql
	schemaSQL string
	//go:embed macros.sql
	macrosSQL string
	//go:embed view.sql
	viewSQL string
)

// Options say which file to open and how much of the machine to use.
type Options struct {
	Path        string
	MemoryLimit int64 // bytes; 0: DuckDB's default, 80 % of the machine's memory
	Threads     int   // 0: as many as the machine has
	ReadOnly    bool  // open beside no other writer, change nothing
}

// Store is an open database. It is safe for several goroutines.
type Store struct {
	path    string
	db      *sql.DB
	writing sync.Mutex // one transaction at a time on landing; taken before mu
	landing *sql.Conn

	mu       sync.Mutex // guards what follows, the memory of what the tables hold
	sources  names[uint32]
	monitors names[uint16]
}

// Open opens the database file and creates what it lacks. It is the file's only owner until Close.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", o.Path, explain(err))
	}
	return s, nil
}

func open(ctx context.Context, o Options) (*Store, error) {
	if o.ReadOnly {
		if _, err := os.Stat(o.Path); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	connector, err := duckdb.NewConnector(o.Path+"?"+o.settings().Encode(), nil)
	if err != nil {
		return nil, err
	}
	s := &Store{path: o.Path, db: sql.OpenDB(connector)}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// settings are the database's, fixed for its life.
func (o Options) settings() url.Values {
	v := url.Values{}
	v.Set("autoinstall_known_extensions", "false")
	v.Set("autoload_known_extensions", "false")
	v.Set("allow_community_extensions", "false")
	if o.ReadOnly {
		v.Set("access_mode", "READ_ONLY")
	}
	if o.MemoryLimit > 0 {
		v.Set("memory_limit", strconv.FormatInt(o.MemoryLimit, 10)+"B")
	}
	if o.Threads > 0 {
		v.Set("threads", strconv.Itoa(o.Threads))
	}
	return v
}

// start brings an opened file up to date and shuts the door to files and settings behind it.
func (s *Store) start(ctx context.Context, o Options) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	s.landing = conn
	for _, set := range []string{"SET enable_external_access = false", "SET lock_configuration = true"} {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			return err
		}
	}
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: it has schema version %d, this program knows %d; run the version that wrote it, or use another data directory",
			ErrNewer, version, schemaVersion)
	}
	if version > 0 && version < schemaVersion {
		return fmt.Errorf("%w: it has schema version %d, this program writes %d; use another data directory, and run the captures again",
			ErrOlder, version, schemaVersion)
	}
	if version == 0 && o.ReadOnly {
		return fmt.Errorf("%w: it is empty", ErrNotOurs)
	}
	if !o.ReadOnly {
		if err := s.define(ctx, version); err != nil {
			return err
		}
	}
	return s.load(ctx)
}

// version is the schema version of the file, 0 for an empty one.
func (s *Store) version(ctx context.Context) (version int, err error) {
	var tables, meta int
	err = s.landing.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (table_name = 'meta') FROM duckdb_tables() WHERE NOT internal`).Scan(&tables, &meta)
	if err != nil || tables == 0 {
		return 0, err
	}
	if meta == 0 {
		return 0, fmt.Errorf("%w: it has %d tables of another program; use another data directory, or move the file away", ErrNotOurs, tables)
	}
	err = s.landing.QueryRowContext(ctx, `SELECT value::INTEGER FROM meta WHERE key = 'schema_version'`).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("%w: no schema version in its table meta (%w)", ErrNotOurs, err)
	}
	return version, nil
}

// define creates tables, macros and views in one transaction, and replaces macros and views that changed since.
func (s *Store) define(ctx context.Context, version int) error {
	definitions := strconv.FormatUint(xxh3.HashString(macrosSQL+viewSQL), 16)
	return s.transaction(ctx, func() error {
		if version == 0 {
			if _, err := s.landing.ExecContext(ctx, schemaSQL); err != nil {
				return err
			}
			if _, err := s.landing.ExecContext(ctx, `INSERT INTO meta VALUES ('schema_version', ?), ('definitions', '')`, strconv.Itoa(schemaVersion)); err != nil {
				return err
			}
		}
		var have string
		err := s.landing.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'definitions'`).Scan(&have)
		if err != nil || have == definitions {
			return err
		}
		if _, err := s.landing.ExecContext(ctx, macrosSQL+viewSQL); err != nil {
			return err
		}
		_, err = s.landing.ExecContext(ctx, `UPDATE meta SET value = ? WHERE key = 'definitions'`, definitions)
		return err
	})
}

// transaction runs f between BEGIN and COMMIT on the landing connection.
func (s *Store) transaction(ctx context.Context, f func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if _, err := s.landing.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		if _, err = s.landing.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	// Whatever went wrong, the connection must be free for the next transaction. There may be none to roll back.
	_, _ = s.landing.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return err
}

// Conn is a connection of the caller's own, to be closed by it.
func (s *Store) Conn(ctx context.Context) (*sql.Conn, error) { return s.db.Conn(ctx) }

// Path is the database file.
func (s *Store) Path() string { return s.path }

// Close writes what is in the log to its place and gives the file up.
func (s *Store) Close() error {
	var err error
	if s.landing != nil {
		err = s.landing.Close()
	}
	return errors.Join(err, s.db.Close())
}

// raw runs f with the driver's connection.
func raw(conn *sql.Conn, f func(driver.Conn) error) error {
	return conn.Raw(func(c any) error { return f(c.(driver.Conn)) })
}
