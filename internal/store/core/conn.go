package core

import (
	"errors"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// These errors of a closure come from the rows.
var (
	// ErrNotFound means that the named object does not exist in this tenant.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that a uniqueness rule of the database refused a row. The closure changed nothing.
	ErrConflict = errors.New("conflict: such a row exists already")
	// ErrInvariant means that Paywatt's own code broke a rule of the books. The closure changed nothing, and the server
	// is no longer ready.
	ErrInvariant = errors.New("broken invariant")
)

// Row is one result row; columns count from 0. NULL reads as the zero value and IsNull. The Row is valid only until the callback of
// Query returns. The values that it returned stay valid.
type Row interface {
	Int(col int) int64
	Bool(col int) bool
	Text(col int) string
	Bytes(col int) []byte // a copy; nil for NULL
	ID(col int) id.ID
	Time(col int) time.Time // read from microseconds, in UTC
	IsNull(col int) bool
}

// Conn is an engine's open transaction, in the form that the shared queries use. The parameters in a statement are $1...$n in order of
// first use. An engine refuses a statement whose parameters are not in this order. Values are nil, the integer types, bool (0/1), string,
// []byte, id.ID, time.Time (microseconds since 1970), types whose underlying type is an integer, a bool or a string, and pointers to these.
// A nil pointer, a nil []byte, a zero time.Time and a zero id.ID are NULL. An engine with Lists also takes a List.
type Conn interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(sql string, args ...any) (int64, error)
	// Query calls the function row for each result row. This function may run other statements.
	Query(sql string, row func(Row) error, args ...any) error
	// ForUpdate returns the text to append to a SELECT whose rows decide something: " FOR UPDATE" if the engine locks rows, "" if it has
	// one writer.
	ForUpdate() string
	// Lists reports whether the engine takes a List as a parameter, which the statement reads with unnest or ANY.
	Lists() bool
}

// RowConn is a connection that may read large results in parts, with several messages.
type RowConn interface {
	// QueryRows does the work of Query for a result of few rows, with one message.
	QueryRows(sql string, row func(Row) error, args ...any) error
}

// List is one column of several rows, or several keys, as one parameter.
type List struct {
	Form   byte // the type of all values; see [Column]
	Values []any
}

// Numbers returns a list of numbers.
func Numbers(all []int64) List {
	l := List{Form: 'i', Values: make([]any, len(all))}
	for i, n := range all {
		l.Values[i] = n
	}
	return l
}

// ListType returns the cast of a parameter that is a list of a form.
func ListType(form byte) string {
	switch form {
	case 't':
		return "::text[]"
	case 'b':
		return "::bytea[]"
	}
	return "::bigint[]"
}

// Table is one table of the schema, with its columns in order.
type Table struct {
	Name    string
	Columns []string
}
