package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"zombiezen.com/go/sqlite"
)

// Source is a read-only snapshot of the database in a data folder; see store.Source.
type Source struct {
	c      *conn
	done   func() error // closes c and, if c is an upgraded copy, the original database
	report *store.Report
	trust  headlog.Trust
}

var _ store.Source = (*Source)(nil)

// OpenSource opens a snapshot of the database in dir, whether or not a server runs on it, and verifies it. For an older database it opens a
// snapshot of an upgraded copy. The caller closes it.
func OpenSource(ctx context.Context, dir string) (*Source, error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoDatabase, dir)
	}
	c, err := connect(path, cacheReader, true)
	if err != nil {
		return nil, err
	}
	s := &Source{c: c, report: new(store.Report), done: c.c.Close}
	if err := s.open(ctx, dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) open(ctx context.Context, dir string) error {
	of := s.c
	if _, err := known(of, dir); err != nil {
		return err
	}
	var err error
	if s.trust, err = headlog.ReadTrust(dir, s.report); err != nil { // before the snapshot, which must hold everything that the heads sign
		return err
	}
	now, older, done, err := current(of, dir)
	if err != nil {
		return err
	}
	s.c, s.report.Older, s.done = now, older, func() error { return errors.Join(done(), of.c.Close()) }
	s.c.c.SetInterrupt(ctx.Done())
	if err := s.c.plain("BEGIN"); err != nil {
		return err
	}
	if err := moved(s.c); err != nil {
		return err
	}
	return inspectAll(s.c, s.trust, s.report)
}

// Close ends the snapshot.
func (s *Source) Close() error { return s.done() }

// Report returns the verification of the snapshot.
func (s *Source) Report() *store.Report { return s.report }

// Trust returns the key and heads against which a tenant was verified.
func (s *Source) Trust(t access.Tenant) store.Trust {
	return store.Trust{Keys: s.trust.Keys, Heads: s.trust.Heads[t]}
}

// Tables lists the tables, in any order: no table references another.
func (s *Source) Tables() ([]core.Table, error) {
	var out []core.Table
	err := s.c.Query(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid`, func(r core.Row) error {
		if n := len(out); n == 0 || out[n-1].Name != r.Text(0) {
			out = append(out, core.Table{Name: r.Text(0)})
		}
		t := &out[len(out)-1]
		t.Columns = append(t.Columns, r.Text(1))
		return nil
	})
	return out, fault.Wrap(err, "list tables")
}

// Rows reads a table; see store.Source.
func (s *Source) Rows(t core.Table, row func(values []any) error) error {
	values := make([]any, len(t.Columns))
	err := s.c.Query(`SELECT "`+strings.Join(t.Columns, `", "`)+`" FROM "`+t.Name+`"`, func(r core.Row) error {
		w := r.(*stmt) // a Row does not show the type of a value
		for i := range values {
			switch w.ColumnType(i) {
			case sqlite.TypeNull:
				values[i] = nil
			case sqlite.TypeInteger:
				values[i] = w.Int(i)
			case sqlite.TypeText:
				values[i] = w.Text(i)
			case sqlite.TypeBlob:
				values[i] = w.Bytes(i)
			default:
				return fmt.Errorf("column %s has a value of a type that cannot be copied", t.Columns[i])
			}
		}
		return row(values)
	})
	return fault.Wrap(err, "read table %s", t.Name)
}
