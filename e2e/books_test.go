package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"zombiezen.com/go/sqlite"
)

// books is a database that the checker reads, on either engine.
type books interface {
	// each runs a query with the parameters ? and passes every row of the result to a function.
	each(t *testing.T, sql string, row func(tuple), args ...any)
	Close() error
}

// tuple is one row of a result.
type tuple interface {
	text(column int) string
	num(column int) int64
}

// oneOf runs a query whose result is one integer.
func oneOf(t *testing.T, db books, sql string, args ...any) (out int64) {
	t.Helper()
	db.each(t, sql, func(l tuple) { out = l.num(0) }, args...)
	return out
}

// file is a database of SQLite.
type file struct{ *sqlite.Conn }

type fileLine struct{ *sqlite.Stmt }

func (l fileLine) text(column int) string { return l.ColumnText(column) }
func (l fileLine) num(column int) int64   { return l.ColumnInt64(column) }

func (f file) each(t *testing.T, sql string, row func(tuple), args ...any) {
	t.Helper()
	rows(t, f.Conn, sql, func(s *sqlite.Stmt) { row(fileLine{s}) }, args...)
}

// remote is a database of PostgreSQL.
type remote struct{ c *pgconn.PgConn }

func openBooks(t *testing.T, url string) books {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	return remote{c}
}

func (r remote) Close() error { return r.c.Close(context.Background()) }

type remoteLine struct {
	t      *testing.T
	values [][]byte
}

func (l remoteLine) text(column int) string { return string(l.values[column]) }
func (l remoteLine) num(column int) int64 {
	l.t.Helper()
	n, err := strconv.ParseInt(l.text(column), 10, 64)
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

func (r remote) each(t *testing.T, sql string, row func(tuple), args ...any) {
	t.Helper()
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(fmt.Sprint(a))
		sql = strings.Replace(sql, "?", "$"+strconv.Itoa(i+1), 1)
	}
	result := r.c.ExecParams(context.Background(), sql, values, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatalf("%s: %v", sql, result.Err)
	}
	for _, one := range result.Rows {
		row(remoteLine{t, one})
	}
}
