package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/store/core"
)

// member is one closure of a transaction that several closures share, and the connection that it sees. Each member is a coroutine: it runs
// until it asks the database for something. The batch answers what all members ask in few messages.
type member struct {
	batch  *batch
	work   *work
	tx     *core.Tx // the transaction as the closure sees it
	turns  *turns
	ask    *ask     // what the member waits for; nil once it has ended
	meets  *ask     // the shared rows that it has asked for ahead
	early  []*ask   // what it has asked for ahead and not used yet
	ahead  bool     // whether it only asks, and goes on without an answer
	writes []write  // inserts that are held back
	tables []string // the tables of these inserts
	fault  error    // what ended the member's statements
	behind bool     // whether it wants a row that an earlier member has locked
	alone  bool     // whether it needs a transaction of its own
	shares bool     // whether it may change rows that all members share
	moved  bool     // whether it has changed such rows
	rows   int

	refused bool
	err     error
	due     core.Lanes
}

// turns is a coroutine, in which one member after the other runs. A worker keeps its coroutines, because a new one has a small stack that a
// sale makes grow several times.
type turns struct {
	run   func()
	next  func() (*ask, bool) // lets the member run until it asks for something; nil: it has ended
	yield func(*ask) bool     // gives the turn back
	stop  func()
}

func newTurns() *turns {
	t := &turns{}
	t.next, t.stop = iter.Pull(func(yield func(*ask) bool) {
		t.yield = yield
		for {
			t.run()
			if !yield(nil) {
				return
			}
		}
	})
	return t
}

// turn returns a coroutine of the worker.
func (w *worker) turn(i int) *turns {
	for len(w.turns) <= i {
		w.turns = append(w.turns, nil)
	}
	if w.turns[i] == nil {
		w.turns[i] = newTurns()
	}
	return w.turns[i]
}

// ask is a statement that a member waits for, or a step at which all members meet.
type ask struct {
	member *member
	step   core.Step
	query  *shared // nil for a step
	args   values
	load   func(core.Conn, []any) error
	wanted []any

	rows     rows
	err      error
	answered bool
}

// same reports whether two asks are for the same statement with the same arguments.
func (a *ask) same(b *ask) bool { return a.query == b.query && bytes.Equal(a.args, b.args) }

// write is an INSERT that is held back.
type write struct {
	into *held
	args values
}

// ForUpdate returns the clause that locks the rows of a decision.
func (m *member) ForUpdate() string { return " FOR UPDATE" }

// Lists is true, as for the connection itself.
func (m *member) Lists() bool { return true }

// Query runs a SELECT together with those of other members.
func (m *member) Query(sql string, row func(core.Row) error, args ...any) error {
	q := m.batch.w.shared(sql)
	if m.fault != nil {
		return m.fault
	}
	if q == nil || slices.ContainsFunc(m.tables, func(table string) bool { return mentions(sql, table) }) {
		return m.leave()
	}
	a, err := m.asking(q, args)
	if err != nil {
		return fmt.Errorf("statement %q: %w", firstLine(sql), err)
	}
	if a == nil {
		return m.leave()
	}
	if m.ahead {
		if !slices.ContainsFunc(m.early, a.same) {
			m.early = append(m.early, a)
		}
		return errAhead
	}
	all, err := m.answer(a)
	if err != nil {
		return err
	}
	m.rows += len(all)
	return all.each(row)
}

// asking makes the ask for a statement; nil if members cannot share it with these arguments.
func (m *member) asking(q *shared, args []any) (*ask, error) {
	if len(args) != q.params {
		return nil, fmt.Errorf("it wants %d arguments, got %d", q.params, len(args))
	}
	if slices.ContainsFunc(args, func(a any) bool { return a == nil || isList(a) }) {
		return nil, nil
	}
	t, err := valuesOf(args)
	if err != nil {
		return nil, err
	}
	return &ask{member: m, step: q.step, query: q, args: t}, nil
}

// answer returns what was asked ahead, or waits for the answer.
func (m *member) answer(a *ask) (rows, error) {
	at := slices.IndexFunc(m.early, a.same)
	if at < 0 {
		return m.wait(a)
	}
	e := m.early[at]
	m.early = slices.Delete(m.early, at, at+1)
	if !e.answered {
		return m.wait(a)
	}
	return e.rows, e.err
}

// errAhead ends a function that asks ahead at its first statement.
var errAhead = errors.New("asked ahead")

// Ahead asks for what the closure reads next; see core.Member.
func (m *member) Ahead(reads []func() error) {
	if m.fault != nil {
		return
	}
	before := m.ahead
	m.ahead = true
	for _, read := range reads {
		_ = read() // errAhead, or the closure meets the error again
	}
	m.ahead = before
}

// Exec holds back an INSERT. Its number of rows is known, as it either writes its row or fails.
func (m *member) Exec(sql string, args ...any) (int64, error) {
	if m.ahead {
		return 0, errAhead
	}
	h := m.batch.w.held(sql)
	if m.fault == nil && (h == nil || !h.certain) {
		return 0, m.leave()
	}
	return 1, m.hold(h, args)
}

// InsertOne holds back an INSERT that must write exactly one row.
func (m *member) InsertOne(sql string, args []any) error {
	if m.ahead {
		return errAhead
	}
	h := m.batch.w.held(sql)
	if m.fault == nil && h == nil {
		return m.leave()
	}
	return m.hold(h, args)
}

// Insert holds back rows; see core.Member.
func (m *member) Insert(into, forms, after string, shared int, args []any) error {
	if m.ahead {
		return errAhead
	}
	h := m.batch.w.heldRows(into, forms, after)
	if m.fault == nil && !h.certain {
		return m.leave()
	}
	own := len(forms) - shared
	for at := shared; at+own <= len(args); at += own {
		if err := m.hold(h, append(slices.Clone(args[:shared]), args[at:at+own]...)); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) hold(h *held, args []any) error {
	if m.fault != nil {
		return m.fault
	}
	if len(args) != h.params {
		return fmt.Errorf("INSERT INTO %s wants %d arguments, got %d", h.table, h.params, len(args))
	}
	if slices.ContainsFunc(args, isList) {
		return m.leave()
	}
	t, err := valuesOf(args)
	if err != nil {
		return fmt.Errorf("INSERT INTO %s: %w", h.table, err)
	}
	m.writes, m.rows = append(m.writes, write{into: h, args: t}), m.rows+1
	if !slices.Contains(m.tables, h.table) {
		m.tables = append(m.tables, h.table)
	}
	return nil
}

// Meet waits for a step; see core.Member.
func (m *member) Meet(step core.Step, wanted []any, load func(core.Conn, []any) error) error {
	if m.fault != nil {
		return m.fault
	}
	if m.ahead {
		return errAhead
	}
	_, err := m.wait(&ask{step: step, wanted: wanted, load: load})
	return err
}

// MeetAhead waits for the shared rows with the next statement; see core.Member.
func (m *member) MeetAhead(wanted []any, load func(core.Conn, []any) error) {
	if m.fault == nil && !m.ahead {
		m.meets = &ask{member: m, wanted: wanted, load: load}
	}
}

// Asking returns an error while the closure only asks ahead.
func (m *member) Asking() error {
	if m.ahead {
		return errAhead
	}
	return nil
}

// Share allows changes of shared rows.
func (m *member) Share() { m.shares = m.shares || !m.ahead }

// Changes notes a change of shared rows.
func (m *member) Changes() error {
	if m.ahead {
		return errAhead
	}
	if m.fault == nil && !m.shares {
		return m.leave()
	}
	m.moved = m.fault == nil
	return m.fault
}

// Alone ends the member's part in the transaction; see core.Member.
func (m *member) Alone() error {
	if m.fault != nil {
		return m.fault
	}
	return m.leave()
}

// leave ends the member's part in the transaction: its closure runs again in one of its own.
func (m *member) leave() error {
	if m.ahead {
		return errAhead
	}
	m.alone, m.fault = true, core.ErrAlone
	return m.fault
}

// wait gives the turn back until the batch has an answer.
func (m *member) wait(a *ask) (rows, error) {
	a.member = m
	m.turns.yield(a)
	if a.err != nil && m.fault == nil {
		m.fault = a.err
	}
	return a.rows, a.err
}

// mentions reports whether a statement names a table.
func mentions(sql, table string) bool {
	for rest := sql; ; {
		at := strings.Index(rest, table)
		if at < 0 {
			return false
		}
		before, after := at > 0 && wordByte(rest[at-1]), at+len(table) < len(rest) && wordByte(rest[at+len(table)])
		if !before && !after {
			return true
		}
		rest = rest[at+len(table):]
	}
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
