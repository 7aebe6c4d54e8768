package sqlite

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
	"zombiezen.com/go/sqlite"
)

// maxStatements is how many prepared statements a connection keeps. The shared queries are a few hundred constants; statements beyond the
// limit are prepared for one use.
const maxStatements = 1024

// conn is one connection as the shared queries see it. It belongs to one goroutine at a time.
type conn struct {
	c       *sqlite.Conn
	stmts   map[string]*stmt
	reading bool  // whether the connection cannot write
	rows    int   // number of rows changed or read since the last reset, for the budget
	writes  int   // number of statements run that may have written
	fault   error // the first error after which this transaction cannot be trusted; sticky until cleared
	shut    error // reason why the running closure may not write; nil if it may
	plan    store.UpgradePlan
}

// stmt is a prepared statement and, while it runs, its current row.
type stmt struct {
	*sqlite.Stmt
	params int
	reads  bool // whether the statement is a SELECT
	busy   bool // whether its row callback is running: a second use then needs a second statement
	cached bool
}

func newConn(c *sqlite.Conn) *conn { return &conn{c: c, stmts: make(map[string]*stmt)} }

// ForUpdate is empty: there is one writer.
func (c *conn) ForUpdate() string { return "" }

// Lists is false: a row costs no round trip here.
func (c *conn) Lists() bool { return false }

// Exec runs a statement; see core.Conn.
func (c *conn) Exec(sql string, args ...any) (int64, error) {
	if c.fault != nil {
		return 0, c.fault // SQLite may already have rolled back: this statement would then commit alone
	}
	if c.shut != nil {
		return 0, c.shut
	}
	if err := c.run(sql, nil, args); err != nil {
		return 0, err
	}
	n := c.c.Changes()
	c.rows += n
	return int64(n), nil
}

// Query runs a statement and calls row for each result row; see core.Conn.
func (c *conn) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.fault != nil {
		return c.fault
	}
	if c.shut != nil && !reads(sql) {
		return c.shut
	}
	return c.run(sql, row, args)
}

func (c *conn) run(sql string, row func(core.Row) error, args []any) (err error) {
	s, err := c.statement(sql)
	if err != nil {
		return c.judge(err)
	}
	s.busy = true
	if !s.reads {
		c.writes++
	}
	defer func() {
		s.busy = false
		if !s.cached {
			err = errors.Join(err, s.Finalize())
			return
		}
		if again := s.Reset(); again != nil && err == nil {
			err = c.judge(again)
		}
	}()
	if len(args) != s.params {
		return fmt.Errorf("statement %q wants %d arguments, got %d", firstLine(sql), s.params, len(args))
	}
	for i, a := range args {
		if err := bind(s.Stmt, i+1, a); err != nil {
			return fmt.Errorf("statement %q: %w", firstLine(sql), err)
		}
	}
	for {
		more, err := s.Step()
		if err != nil {
			return c.judge(fmt.Errorf("%s: %w", firstLine(sql), err))
		}
		if !more {
			return nil
		}
		if row == nil {
			continue
		}
		c.rows++
		if err := row(s); err != nil {
			return err
		}
	}
}

// statement finds or prepares a statement.
func (c *conn) statement(sql string) (*stmt, error) {
	if s := c.stmts[sql]; s != nil && !s.busy {
		return s, nil
	} else if s == nil && len(c.stmts) < maxStatements {
		p, err := c.c.Prepare(sql)
		if err != nil {
			return nil, err
		}
		s = &stmt{Stmt: p, params: p.BindParamCount(), reads: reads(sql), cached: true}
		if err := inOrder(p); err != nil {
			return nil, errors.Join(fmt.Errorf("statement %q: %w", firstLine(sql), err), p.Finalize())
		}
		c.stmts[sql] = s
		return s, nil
	}
	p, _, err := c.c.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	if err := inOrder(p); err != nil {
		return nil, errors.Join(fmt.Errorf("statement %q: %w", firstLine(sql), err), p.Finalize())
	}
	return &stmt{Stmt: p, params: p.BindParamCount()}, nil
}

// reads reports whether a statement only reads.
func reads(sql string) bool { return strings.HasPrefix(sql, "SELECT") }

// inOrder checks that parameters are $1 to $n in order of first use, because SQLite numbers them by first use and
// PostgreSQL by their digits.
func inOrder(p *sqlite.Stmt) error {
	for i := 1; i <= p.BindParamCount(); i++ {
		if name := p.BindParamName(i); name != "$"+strconv.Itoa(i) {
			return fmt.Errorf("parameter %d in order of first use is called %q, not $%d", i, name, i)
		}
	}
	return nil
}

func firstLine(sql string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(sql), "\n")
	return line
}

// judge turns SQLite's error into the store's errors, and remembers an error after which the transaction must not commit.
func (c *conn) judge(err error) error {
	code := sqlite.ErrCode(err)
	switch code {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey, sqlite.ResultConstraintRowID:
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	if c.reading && code == sqlite.ResultReadOnly {
		return fmt.Errorf("a view cannot write: %w", err)
	}
	if code == sqlite.ResultIOErrSHMSize {
		code = sqlite.ResultFull // no room for the index of the log
	}
	switch code.ToPrimary() {
	case sqlite.ResultFull:
		err = fmt.Errorf("%w: %w", store.ErrFull, err)
	case sqlite.ResultIOErr, sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultReadOnly, sqlite.ResultCantOpen:
		err = fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	case sqlite.ResultNoMem, sqlite.ResultInterrupt, sqlite.ResultProtocol:
	case sqlite.ResultBusy:
		err = fmt.Errorf("%w: %w", store.ErrBusy, err)
	default:
		return err // only the statement was undone; the transaction may continue
	}
	if c.fault == nil {
		c.fault = err
	}
	return err
}

// plain runs a statement that needs no caching: pragmas, BEGIN, COMMIT.
func (c *conn) plain(sql string) error { return c.run(sql, nil, nil) }

// number reads a single integer.
func (c *conn) number(sql string, args ...any) (n int64, err error) {
	err = c.run(sql, func(r core.Row) error { n = r.Int(0); return nil }, args)
	return n, err
}

// bind sets parameter i to a value; core.Conn lists the types.
func bind(s *sqlite.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		s.BindNull(i)
	case int64:
		s.BindInt64(i, v)
	case int:
		s.BindInt64(i, int64(v))
	case access.Tenant: // bindKind could bind these types too, but every statement of a sale uses them
		s.BindInt64(i, int64(v))
	case money.Minor:
		s.BindInt64(i, int64(v))
	case unit.Energy:
		s.BindInt64(i, int64(v))
	case bool:
		s.BindBool(i, v)
	case string:
		s.BindText(i, v)
	case id.ID:
		if v.IsZero() {
			s.BindNull(i)
		} else {
			s.BindBytes(i, v[:])
		}
	case []byte:
		if v == nil {
			s.BindNull(i)
		} else {
			s.BindBytes(i, v)
		}
	case time.Time:
		if v.IsZero() {
			s.BindNull(i)
		} else {
			s.BindInt64(i, v.UnixMicro())
		}
	default:
		return bindKind(s, i, reflect.ValueOf(a))
	}
	return nil
}

// bindKind binds a value whose underlying type is an integer, a bool or a string, or a pointer to one.
func bindKind(s *sqlite.Stmt, i int, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.BindInt64(i, v.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint, reflect.Uint64:
		if v.Uint() > 1<<63-1 {
			return fmt.Errorf("argument %d is %d, which is too large for a column", i, v.Uint())
		}
		s.BindInt64(i, int64(v.Uint()))
	case reflect.Bool:
		s.BindBool(i, v.Bool())
	case reflect.String:
		s.BindText(i, v.String())
	case reflect.Pointer:
		if v.IsNil() {
			s.BindNull(i)
			return nil
		}
		return bind(s, i, v.Elem().Interface())
	default:
		return fmt.Errorf("argument %d has type %s, which no column can store", i, v.Type())
	}
	return nil
}

// Int reads a column of the current row.
func (s *stmt) Int(col int) int64 { return s.ColumnInt64(col) }

// Bool reads a column of the current row.
func (s *stmt) Bool(col int) bool { return s.ColumnInt64(col) != 0 }

// Text reads a column of the current row.
func (s *stmt) Text(col int) string { return s.ColumnText(col) }

// Bytes reads a column of the current row into a new slice.
func (s *stmt) Bytes(col int) []byte {
	if s.ColumnIsNull(col) {
		return nil
	}
	b := make([]byte, s.ColumnLen(col))
	s.ColumnBytes(col, b)
	return b
}

// ID reads a column of the current row.
func (s *stmt) ID(col int) id.ID {
	var i id.ID
	if s.ColumnLen(col) == len(i) {
		s.ColumnBytes(col, i[:])
	}
	return i
}

// Time reads a column of the current row.
func (s *stmt) Time(col int) time.Time {
	if s.ColumnIsNull(col) {
		return time.Time{}
	}
	return time.UnixMicro(s.ColumnInt64(col)).UTC()
}

// IsNull reports whether a column of the current row is NULL.
func (s *stmt) IsNull(col int) bool { return s.ColumnIsNull(col) }
