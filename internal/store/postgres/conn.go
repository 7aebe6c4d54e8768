package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// maxStatements is how many prepared statements a connection keeps. The shared queries are a few hundred constants; statements beyond the
// limit are prepared for one use.
const maxStatements = 1024

// fetchRows is how many rows of a streamed query are in memory at a time.
const fetchRows = 1000

// PostgreSQL's numbers of parameter types, and the two formats of values.
const (
	oidUnknown = 0
	oidBytes   = 17
	oidInt     = 20
	oidText    = 25

	asText   = 0
	asBinary = 1
)

// conn is one connection as the shared queries see it. It belongs to one goroutine at a time. Statements are prepared once. Numbers and
// text are sent as text, so that their sizes need not match the types of the columns. Bytes are sent as bytes.
type conn struct {
	pg      *pgconn.PgConn
	ctx     context.Context // limits the time of the running statement
	stmts   map[string]*pgconn.StatementDescription
	made    int    // statements prepared so far, for their names
	reading bool   // whether the transaction is a snapshot, which cannot write
	stream  bool   // whether queries are read through cursors, because their results may be larger than memory
	cursors int    // number of open cursors
	waited  int64  // number of messages with several statements in this transaction
	rows    int    // number of rows changed or read in this transaction, for the budget
	wrote   bool   // whether this transaction has run a statement other than SELECT
	fault   error  // the first error, after which PostgreSQL ends the transaction
	standby bool   // whether the commit of this transaction will wait for a synchronous standby
	follows bool   // whether such a standby followed when the transaction began
	warning string // the last warning of the server
	opening *clock // not nil if the next message begins the transaction; see openNext
	plan    store.UpgradePlan

	uncancelled atomic.Bool // whether the driver must not ask the server to cancel the running statement
}

// ForUpdate returns the clause that locks the rows of a decision; empty in a snapshot, which decides nothing.
func (c *conn) ForUpdate() string {
	if c.reading {
		return ""
	}
	return " FOR UPDATE"
}

// Exec runs a statement; see core.Conn.
func (c *conn) Exec(sql string, args ...any) (int64, error) {
	tag, err := c.run(sql, nil, args)
	if err != nil {
		return 0, err
	}
	c.rows += int(tag.RowsAffected())
	return tag.RowsAffected(), nil
}

// Query runs a statement and calls row for each result row; see core.Conn. It reads all rows before the first call, because a connection
// runs one statement at a time and row may run another.
func (c *conn) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.stream && !strings.Contains(sql, "LIMIT") {
		return c.each(sql, row, args)
	}
	return c.whole(sql, row, args)
}

// streamed is a connection that reads through cursors, for a transaction that verifies.
type streamed struct{ *conn }

// QueryRows does the work of Query without a cursor; see core.RowConn.
func (s streamed) QueryRows(sql string, row func(core.Row) error, args ...any) error {
	return s.whole(sql, row, args)
}

// whole reads all rows of a query, and then calls row for each.
func (c *conn) whole(sql string, row func(core.Row) error, args []any) error {
	var all rows
	if _, err := c.run(sql, &all, args); err != nil {
		return err
	}
	c.rows += len(all)
	return all.each(row)
}

// each reads a query through a cursor, so that a whole table need not fit into memory.
func (c *conn) each(sql string, row func(core.Row) error, args []any) error {
	name := "walk" + strconv.Itoa(c.cursors)
	if _, err := c.run("DECLARE "+name+" NO SCROLL CURSOR FOR "+sql, nil, args); err != nil {
		return err
	}
	c.cursors++
	err := c.fetch(name, row)
	c.cursors--
	if c.fault == nil {
		_, e := c.run("CLOSE "+name, nil, nil)
		err = errors.Join(err, e)
	}
	return err
}

// fetch reads a cursor to its end. FETCH is not prepared, because its columns differ between cursors.
func (c *conn) fetch(cursor string, row func(core.Row) error) error {
	for {
		var some rows
		r := c.pg.ExecParams(c.ctx, "FETCH "+strconv.Itoa(fetchRows)+" FROM "+cursor, nil, nil, nil, nil)
		for r.NextRow() {
			some.add(r.Values())
		}
		if _, err := r.Close(); err != nil {
			return c.judge(fmt.Errorf("read more rows: %w", err))
		}
		c.rows += len(some)
		n := len(some)
		if err := some.each(row); err != nil || n < fetchRows {
			return err
		}
		if c.fault != nil {
			return c.fault
		}
	}
}

// run runs one statement and, unless into is nil, reads all of its rows into it.
func (c *conn) run(sql string, into *rows, args []any) (pgconn.CommandTag, error) {
	b, err := c.bound(sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	r := c.pg.ExecStatement(c.ctx, b.statement, b.values, b.formats, nil)
	for r.NextRow() {
		if into != nil {
			into.add(r.Values())
		}
	}
	tag, err := r.Close()
	if err != nil {
		return tag, c.judge(fmt.Errorf("%s: %w", firstLine(sql), err))
	}
	return tag, nil
}

// bound is a prepared statement with its arguments.
type bound struct {
	sql       string
	statement *pgconn.StatementDescription
	values    [][]byte
	formats   []int16
}

// bound prepares a statement and encodes its arguments.
func (c *conn) bound(sql string, args []any) (b bound, err error) {
	if c.fault != nil {
		return b, c.fault
	}
	values, oids, err := bindAll(args)
	if err != nil {
		return b, fmt.Errorf("statement %q: %w", firstLine(sql), err)
	}
	if c.stmts[sql] == nil {
		if err := inOrder(sql); err != nil {
			return b, fmt.Errorf("statement %q: %w", firstLine(sql), err)
		}
	}
	formats := make([]int16, len(values))
	for i := range oids {
		switch oids[i] {
		case oidBytes, oidBytesList, oidTextList, oidIntList:
			formats[i] = asBinary
		}
	}
	return c.encoded(sql, values, oids, formats)
}

// encoded prepares a statement for arguments that are encoded already.
func (c *conn) encoded(sql string, values [][]byte, oids []uint32, formats []int16) (b bound, err error) {
	if c.fault != nil {
		return b, c.fault
	}
	s, err := c.statement(sql, oids)
	if err != nil {
		return b, err
	}
	if len(values) != len(s.ParamOIDs) {
		return b, fmt.Errorf("statement %q wants %d arguments, got %d", firstLine(sql), len(s.ParamOIDs), len(values))
	}
	c.wrote = c.wrote || !strings.HasPrefix(sql, "SELECT")
	return bound{sql, s, values, formats}, nil
}

// statement finds a prepared statement, or prepares it. The call that prepares the statement sets the types of its parameters, from the
// arguments of that call. A later NULL fits every type. If an argument of that call was NULL, the database server has chosen the type from
// the context.
func (c *conn) statement(sql string, oids []uint32) (*pgconn.StatementDescription, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	name := ""
	if len(c.stmts) < maxStatements {
		name = "s" + strconv.Itoa(c.made)
		c.made++
	}
	if n := strings.Count(sql, "$"); n == 0 || len(oids) > n {
		oids = nil // if there are too many arguments, run reports it after the statement is prepared
	}
	d, err := c.pg.Prepare(c.ctx, name, sql, oids)
	if err != nil {
		return nil, c.judge(fmt.Errorf("%s: %w", firstLine(sql), err))
	}
	if name != "" {
		c.stmts[sql] = d
	}
	return d, nil
}

// inOrder checks that parameters are $1 to $n in order of first use, because SQLite numbers them by first use and
// PostgreSQL by their digits.
func inOrder(sql string) error {
	next := 1
	for rest := sql; ; {
		_, after, found := strings.Cut(rest, "$")
		if !found {
			return nil
		}
		digits := 0
		for digits < len(after) && after[digits] >= '0' && after[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(after[:digits])
		if err != nil || n > next {
			return fmt.Errorf("parameter %d in order of first use is called %q, not $%d", next, "$"+after[:digits], next)
		}
		next = max(next, n+1)
		rest = after[digits:]
	}
}

func firstLine(sql string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(sql), "\n")
	return line
}

// plain runs statements that need no caching: BEGIN, COMMIT, a migration. It returns the tag of the last one.
func (c *conn) plain(sql string) (string, error) {
	results, err := c.script(sql)
	if err != nil || len(results) == 0 {
		return "", err
	}
	return results[len(results)-1].CommandTag.String(), nil
}

// script runs statements that need no caching and returns the result of each statement.
func (c *conn) script(sql string) ([]*pgconn.Result, error) {
	results, err := c.pg.Exec(c.ctx, sql).ReadAll()
	if err != nil {
		return nil, c.judge(fmt.Errorf("%s: %w", firstLine(sql), err))
	}
	return results, nil
}

// text reads a single value.
func (c *conn) text(sql string, args ...any) (v string, err error) {
	err = c.Query(sql, func(r core.Row) error { v = r.Text(0); return nil }, args...)
	return v, err
}

// number reads a single integer.
func (c *conn) number(sql string, args ...any) (n int64, err error) {
	err = c.Query(sql, func(r core.Row) error { n = r.Int(0); return nil }, args...)
	return n, err
}

// errText: PostgreSQL stores only valid UTF-8 without zero bytes as text.
var errText = errors.New("text with a zero byte or broken UTF-8 cannot be stored")

// bindAll encodes arguments and returns their types; core.Conn lists the possible types.
func bindAll(args []any) (values [][]byte, oids []uint32, err error) {
	values, oids = make([][]byte, len(args)), make([]uint32, len(args))
	for i, a := range args {
		if values[i], oids[i], err = bind(a); err != nil {
			return nil, nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return values, oids, nil
}

func bind(a any) ([]byte, uint32, error) {
	if l, ok := a.(core.List); ok {
		return bindList(l)
	}
	s, err := cellOf(a)
	switch {
	case err != nil || s.null:
		return nil, s.oid, err
	case s.oid == oidInt:
		return strconv.AppendInt(nil, s.n, 10), oidInt, nil
	case s.oid == oidText:
		return append(make([]byte, 0, len(s.text)), s.text...), oidText, nil
	}
	return s.bytes, s.oid, nil
}

// cell is one value of one of the types that columns have. A value of an unknown type is NULL.
type cell struct {
	oid   uint32
	null  bool
	n     int64
	text  string
	bytes []byte
}

func cellOf(a any) (cell, error) {
	switch v := a.(type) {
	case nil:
		return cell{oid: oidUnknown, null: true}, nil
	case int64:
		return cell{oid: oidInt, n: v}, nil
	case int:
		return cell{oid: oidInt, n: int64(v)}, nil
	case bool:
		if v {
			return cell{oid: oidInt, n: 1}, nil
		}
		return cell{oid: oidInt}, nil
	case string:
		if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
			return cell{}, errText
		}
		return cell{oid: oidText, text: v}, nil
	case id.ID:
		return cell{oid: oidBytes, null: v.IsZero(), bytes: v[:]}, nil
	case []byte:
		return cell{oid: oidBytes, null: v == nil, bytes: v}, nil
	case time.Time:
		return cell{oid: oidInt, null: v.IsZero(), n: v.UnixMicro()}, nil
	}
	return cellOfKind(reflect.ValueOf(a))
}

// cellOfKind takes a value whose underlying type is an integer, a bool or a string, or a pointer to one.
func cellOfKind(v reflect.Value) (cell, error) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return cell{oid: oidInt, n: v.Int()}, nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint, reflect.Uint64:
		if v.Uint() > 1<<63-1 {
			return cell{}, fmt.Errorf("%d is too large for a column", v.Uint())
		}
		return cell{oid: oidInt, n: int64(v.Uint())}, nil
	case reflect.Bool:
		return cellOf(v.Bool())
	case reflect.String:
		return cellOf(v.String())
	case reflect.Pointer:
		if v.IsNil() {
			s, err := cellOf(reflect.Zero(v.Type().Elem()).Interface())
			s.null = true
			return s, err
		}
		return cellOf(v.Elem().Interface())
	}
	return cell{}, fmt.Errorf("it has type %s, which no column can store", v.Type())
}

// rows are the rows of a result, read to the end.
type rows []row

// row is one row; values are text, with bytes in hexadecimal digits.
type row [][]byte

// add keeps a copy of a row.
func (all *rows) add(values [][]byte) {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	buffer, r := make([]byte, 0, size), make(row, len(values))
	for i, v := range values {
		if v != nil {
			from := len(buffer)
			buffer = append(buffer, v...)
			r[i] = buffer[from:len(buffer):len(buffer)]
		}
	}
	*all = append(*all, r)
}

func (all rows) each(fn func(core.Row) error) error {
	for i, r := range all {
		all[i] = nil
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Int reads a column. PostgreSQL returns sums as numerics without a fraction, which parse the same.
func (r row) Int(col int) int64 {
	n, err := strconv.ParseInt(string(r[col]), 10, 64)
	if err != nil {
		return 0 // NULL, or a sum that is too large for any column; the books never reach such a sum
	}
	return n
}

// Bool reads a column.
func (r row) Bool(col int) bool { return r.Int(col) != 0 }

// Text reads a column.
func (r row) Text(col int) string { return string(r[col]) }

// Bytes reads a column of bytes, sent as \x and hexadecimal digits.
func (r row) Bytes(col int) []byte {
	if r[col] == nil {
		return nil
	}
	digits := r[col][min(2, len(r[col])):]
	b := make([]byte, hex.DecodedLen(len(digits)))
	n, err := hex.Decode(b, digits)
	if err != nil {
		return []byte{}
	}
	return b[:n]
}

// ID reads a column.
func (r row) ID(col int) id.ID { return id.FromBytes(r.Bytes(col)) }

// Time reads a column.
func (r row) Time(col int) time.Time {
	if r[col] == nil {
		return time.Time{}
	}
	return time.UnixMicro(r.Int(col)).UTC()
}

// IsNull reports whether a column is NULL.
func (r row) IsNull(col int) bool { return r[col] == nil }
