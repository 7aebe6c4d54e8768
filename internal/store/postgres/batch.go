package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// batch runs closures together, in one transaction of one tenant. To the database it is one transaction; to each other, the closures are like
// transactions of several connections that have not committed yet:
//
//   - None sees what another one writes, because all inserts are held back until every closure has ended. Then one statement for each table
//     writes those of all closures.
//   - A row that one of them has locked is closed to the others: a closure that wants it leaves and runs in the next transaction.
//   - Counters, accounts with a limit and totals of the day are shared, because every sale needs the same ones; see [core.Together].
//
// Statements run in steps: first everything that only reads, then the locks in their order. A statement runs once, for all closures that
// wait for it. So closures take their locks in the same order as a closure alone, and two batches do not wait for each other in a circle.
// What closures ask ahead goes with the next statement that one waits for, locks in their order and then what only reads. The rows that all
// share go there too, after the other locks, once every closure that still runs has asked for them ahead. So sales for cash need three
// messages: BEGIN with the locks of meters and accounts; the rows that they share with everything they read; the writes. COMMIT is the fourth.
//
// A closure that needs more than this runs alone. If the transaction fails, nothing has happened, and the closures run again: together after
// a conflict with another server, otherwise alone.
type batch struct {
	w       *worker
	members []*member
	shared  *core.Together
	locked  map[string]*member // who has locked a row

	now       time.Time // when the transaction began
	opened    bool      // whether the message that begins it was answered
	rehearsal bool      // whether nothing is written
}

// errSpoilt ends a transaction because a closure has refused or failed after it had changed what the others share.
var errSpoilt = errors.New("a closure gave up after it had changed shared rows")

// run runs the closures of all members until each has ended, and writes what they have held back.
func (c *batch) run(t access.Tenant) error {
	w := c.w
	if w.batches++; w.batches&(w.batches-1) == 0 {
		if _, err := w.c.plain(discardPlans); err != nil {
			return err
		}
	}
	w.c.openNext(w.e.clock)
	c.shared, c.locked = core.NewTogether(&w.memory), make(map[string]*member)
	c.now = w.e.clock.now()
	err := error(nil)
	waiting := make([]*member, 0, len(c.members))
	for i, m := range c.members {
		m.batch, m.turns = c, w.turn(i)
		m.turns.run = func() { c.closure(m, t) }
		if m.ask, _ = m.turns.next(); m.ask != nil {
			waiting = append(waiting, m)
		}
	}
	for len(waiting) > 0 {
		asked := c.next(waiting)
		if err == nil {
			err = c.answer(asked, len(waiting))
		}
		c.began()
		for _, m := range asked {
			if err != nil {
				m.ask.err = err
			}
			m.ask, _ = m.turns.next()
		}
		waiting = slices.DeleteFunc(waiting, func(m *member) bool { return m.ask == nil })
	}
	if err == nil {
		err = w.c.fault
	}
	if err != nil || c.rehearsal {
		return err
	}
	if err := c.write(t); err != nil {
		return err
	}
	return w.e.waits(w.c)
}

// began gives the transaction its time after the message that has begun it: only then the database's clock is known. Until then the
// closures have the time by the clock as it was known before.
func (c *batch) began() {
	if c.opened || c.w.c.opening != nil {
		return
	}
	c.opened, c.now = true, c.w.e.clock.now()
	for _, m := range c.members {
		if m.tx != nil {
			m.tx.Now, m.tx.Apart = access.Stored(c.now), c.w.e.clock.apart()
		}
	}
}

// closure is the coroutine of a member.
func (c *batch) closure(m *member, t access.Tenant) {
	e := c.w.e
	tx := store.NewTx(m, t, c.now, e.opt.Rand, e.epoch.Load(), nil)
	tx.Apart, tx.Mark, tx.Marker = e.clock.apart(), e.sealer.key.Mark, e.opt.Marker
	tx.Join(c.shared, m)
	m.tx, m.err = tx.Tx, errLeft
	left := true
	defer func() {
		c.leave(m)
		if left { // to end the coroutine now would end the worker, so it waits for ever
			c.w.turns[slices.Index(c.w.turns, m.turns)] = nil
			m.turns.yield(nil)
		}
	}()
	m.refused, m.err = e.fit.Guarded(func() (bool, error) { return tx.Finish(m.work.fn(tx)) })
	m.due = tx.Due
	if m.err == nil {
		m.err = m.fault // a closure that ignored an error must not commit
	}
	left = false
}

// errLeft: the closure has ended its goroutine.
var errLeft = errors.New("the closure did not return")

// leave opens the rows of a closure that changes nothing to the others.
func (c *batch) leave(m *member) {
	if !m.ended() {
		maps.DeleteFunc(c.locked, func(_ string, by *member) bool { return by == m })
	}
}

// ended reports whether the closure ended with writes to keep.
func (m *member) ended() bool { return m.err == nil && !m.refused && !m.alone && !m.behind }

// next returns the members whose step comes first.
func (c *batch) next(waiting []*member) []*member {
	first := slices.MinFunc(waiting, func(a, b *member) int { return cmp.Compare(a.step(), b.step()) }).step()
	var out []*member
	for _, m := range waiting {
		if m.step() == first {
			out = append(out, m)
		}
	}
	return out
}

// step returns the step at which a member waits: that of the first row that it wants to lock, now or ahead.
func (m *member) step() core.Step {
	first := m.ask.step
	for _, a := range m.early {
		if !a.answered && a.step != stepRead && (first == stepRead || a.step < first) {
			first = a.step
		}
	}
	return first
}

// answer runs what members ask for, and have asked ahead. What they wait for is all of one step.
func (c *batch) answer(asked []*member, waiting int) error {
	g := &queries{conn: c.w.c}
	if asked[0].ask.query == nil {
		if err := g.meet(asked, func(m *member) *ask { return m.ask }); err != nil {
			return err
		}
		return g.send()
	}
	groups := groupsOf(asked)
	shares := len(asked) == waiting && !slices.ContainsFunc(asked, func(m *member) bool { return m.meets == nil })
	for _, group := range groups {
		if shares && group.query.step == stepRead { // after the other locks
			shares = false
			if err := g.meet(asked, func(m *member) *ask { return m.meets }); err != nil {
				return err
			}
		}
		b, err := group.bound(c.w.c)
		if err != nil {
			return err
		}
		g.add(b, func(all rows) error { group.share(all); return nil })
	}
	if err := g.send(); err != nil {
		return err
	}
	for _, g := range groups {
		if g.query.locks {
			c.claim(g)
		}
	}
	return nil
}

// queries is a connection that sends queries in one message.
type queries struct {
	*conn
	all  []bound
	read []func(rows) error
}

// meet adds the queries for everything that members want of what they share.
func (g *queries) meet(asked []*member, of func(*member) *ask) error {
	var wanted []any
	for _, m := range asked {
		wanted = append(wanted, of(m).wanted...)
	}
	load := of(asked[0]).load
	for _, m := range asked {
		m.meets = nil
	}
	return load(g, wanted)
}

// Query keeps a query until all are sent.
func (g *queries) Query(sql string, row func(core.Row) error, args ...any) error {
	b, err := g.bound(sql, args)
	g.add(b, func(all rows) error { return all.each(row) })
	return err
}

func (g *queries) add(b bound, read func(rows) error) {
	g.all, g.read = append(g.all, b), append(g.read, read)
}

func (g *queries) send() error {
	results, err := g.pipe(g.all)
	for i := 0; err == nil && i < len(results); i++ {
		err = g.read[i](results[i].rows)
	}
	return err
}

// groupsOf gathers what members ask for into statements: locks in their order, then what only reads, which sees what the locks waited for.
func groupsOf(asked []*member) (groups []*group) {
	at := make(map[*shared]*group)
	add := func(a *ask) {
		g := at[a.query]
		if g == nil {
			g = &group{query: a.query, places: make(map[string]int)}
			at[a.query] = g
			groups = append(groups, g)
		}
		g.add(a)
	}
	for _, m := range asked {
		add(m.ask)
		for _, a := range m.early {
			if !a.answered {
				add(a)
			}
		}
	}
	last := func(g *group) bool { return g.query.step == stepRead }
	slices.SortStableFunc(groups, func(a, b *group) int {
		switch {
		case last(a) != last(b) && last(a):
			return 1
		case last(a) != last(b):
			return -1
		}
		return cmp.Or(cmp.Compare(a.query.step, b.query.step), strings.Compare(a.query.sql, b.query.sql))
	})
	return groups
}

// claim closes the rows that a statement has locked to all members but the first that wanted them.
func (c *batch) claim(g *group) {
	for _, a := range g.asks {
		m := a.member
		if m.behind {
			continue
		}
		for i, r := range a.rows {
			row := g.query.table + string(r[len(r)-1])
			if by := c.locked[row]; by != nil && by != m {
				m.behind, a.err, m.ask.err = true, errBehind, errBehind
				m.work.key = g.query.table + string(a.args)
				break
			}
			c.locked[row] = m
			a.rows[i] = r[:len(r)-1]
		}
		if m.behind {
			maps.DeleteFunc(c.locked, func(_ string, by *member) bool { return by == m })
		}
	}
}

// errBehind ends a closure that wants a row that another closure of the transaction has locked.
var errBehind = errors.New("another closure of this transaction has locked the row")

// group is one statement for the arguments of several members.
type group struct {
	query  *shared
	asks   []*ask
	places map[string]int // the place of arguments in the lists, from 1
	args   []values
}

func (g *group) add(a *ask) {
	g.asks = append(g.asks, a)
	if _, ok := g.places[string(a.args)]; !ok {
		g.args = append(g.args, a.args)
		g.places[string(a.args)] = len(g.args)
	}
}

// bound makes the statement. Rows are locked in the order of the arguments, which is the same in every transaction.
func (g *group) bound(c *conn) (bound, error) {
	if g.query.locks {
		slices.SortFunc(g.args, func(a, b values) int { return bytes.Compare(a, b) })
		for i, t := range g.args {
			g.places[string(t)] = i + 1
		}
	}
	return g.query.bound(c, g.args, g.query.text)
}

// share gives each member its rows.
func (g *group) share(all rows) {
	at := make([][]row, len(g.args)+1)
	for _, r := range all {
		place := int(r.Int(0))
		at[place] = append(at[place], r[1:])
	}
	for _, a := range g.asks {
		a.rows, a.answered = slices.Clone(at[g.places[string(a.args)]]), true
	}
}

// write writes what the members have held back, and what they share. Nothing is committed if a member spoilt it for the others.
func (c *batch) write(t access.Tenant) error {
	var all []*writeGroup
	for _, m := range c.members {
		if !m.ended() {
			if m.moved {
				return errSpoilt
			}
			continue
		}
		for _, w := range m.writes {
			at := slices.IndexFunc(all, func(i *writeGroup) bool { return i.into == w.into })
			if at < 0 {
				at = len(all)
				all = append(all, &writeGroup{into: w.into})
			}
			all[at].args = append(all[at].args, w.args)
		}
	}
	if len(all) == 0 {
		return nil
	}
	collect := &collector{conn: c.w.c}
	for _, i := range all {
		b, err := i.into.bound(c.w.c, i.args, i.into.text)
		if err != nil {
			return err
		}
		collect.add(b, int64(len(i.args)))
	}
	if err := c.shared.Write(collect, t, c.now); err != nil {
		return err
	}
	back := core.NewTx(collect, t, c.now, nil, 0, nil, nil)
	if err := c.shared.ReadBack(back); err != nil && !errors.Is(err, errAhead) {
		return err
	}
	if err := collect.send(); err != nil {
		return err
	}
	return c.shared.ReadBack(back)
}

// writeGroup is the rows of all members for one INSERT.
type writeGroup struct {
	into *held
	args []values
}

// collector collects statements that write, to send them in one message, and the query that reads back what they have written.
type collector struct {
	*conn
	statements []bound
	want       []int64
	query      bool
	sent       bool
	rows       rows // of the query
}

// Query collects the query, and after the message was sent it gives the rows.
func (c *collector) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.sent {
		return c.rows.each(row)
	}
	b, err := c.bound(sql, args)
	if err != nil {
		return err
	}
	c.query, c.statements = true, append(c.statements, b)
	return errAhead
}

// Exec collects a statement that must change as many rows as its lists have values.
func (c *collector) Exec(sql string, args ...any) (int64, error) {
	n := 1
	for _, a := range args {
		if l, ok := a.(core.List); ok {
			n = len(l.Values)
		}
	}
	b, err := c.bound(sql, args)
	if err != nil {
		return 0, err
	}
	c.add(b, int64(n))
	return int64(n), nil
}

// add collects a statement that must change n rows.
func (c *collector) add(b bound, n int64) {
	c.statements, c.want = append(c.statements, b), append(c.want, n)
}

// errGuard: a statement changed fewer rows than it should, because another transaction has changed them or written them first.
var errGuard = fmt.Errorf("%w: rows have changed meanwhile", errAgain)

// send runs the statements. If one of them does not change exactly its rows, nothing may be committed.
func (c *collector) send() error {
	results, err := c.pipe(c.statements)
	if err != nil {
		return err
	}
	for i, n := range c.want {
		if results[i].n != n {
			return fmt.Errorf("%w: %d instead of %d: %s", errGuard, results[i].n, n, firstLine(c.statements[i].sql))
		}
	}
	c.sent = true
	if c.query {
		c.rows = results[len(results)-1].rows
	}
	return nil
}

// together runs closures of one tenant in one transaction. It returns those that must run again in the next one, and those that need a
// transaction of their own. All others have their answers.
func (w *worker) together(works []*work) (behind, alone []*work) {
	began := time.Now()
	for try := 1; ; try++ {
		if err := w.e.fit.Refuses(); err != nil {
			answer(works, err)
			return nil, alone
		}
		members := make([]*member, len(works))
		for i, work := range works {
			work.key = ""
			members[i] = &member{work: work}
		}
		err := w.attemptTogether(members)
		switch {
		case err == nil:
			behind, more := w.deliver(members, time.Since(began), try)
			return behind, append(alone, more...)
		case errors.Is(err, store.ErrOutcomeUnknown):
			w.doubt(err)
			answer(works, err)
			return nil, alone
		case w.e.awaits(err):
			pause(try)
		case errors.Is(err, ErrNoStandby), errors.Is(err, ErrNoFollower): // each would fail alone for the same reason
			answer(works, err)
			return nil, alone
		case errors.Is(err, errSpoilt): // the closures that gave up run alone, the others together
			works = nil
			for _, m := range members {
				if m.moved && !m.ended() {
					alone = append(alone, m.work)
				} else {
					works = append(works, m.work)
				}
			}
			if len(works) == 0 {
				return nil, alone
			}
			if try >= maxTogether {
				return nil, append(alone, works...)
			}
		case !errors.Is(err, errAgain) || try >= maxTogether:
			if !happens(err) { // then one of our statements is wrong
				w.e.log.Warn("transaction of several sales failed, each runs alone", logkey.Count, len(works), logkey.Err, err)
			}
			return nil, append(alone, works...)
		default:
			pause(try)
		}
	}
}

// happens reports whether an error is known to end a transaction of several closures: a conflict, a lost connection, a full disk.
func happens(err error) bool {
	for _, known := range []error{errAgain, errAway, store.ErrConflict, store.ErrFull} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// maxTogether is how often closures try to run together before each runs alone.
const maxTogether = 3

// deliver answers the members of a transaction that has committed, or that had nothing to commit.
func (w *worker) deliver(members []*member, took time.Duration, try int) (behind, alone []*work) {
	for _, m := range members {
		switch {
		case m.alone:
			alone = append(alone, m.work)
		case m.behind:
			behind = append(behind, m.work)
		default:
			w.e.counts.closure(took/time.Duration(len(members)), m.rows, try)
			if m.err != nil {
				m.err = w.failed(m.err)
			}
			m.work.wait <- m.err
		}
	}
	return behind, alone
}

func answer(works []*work, err error) {
	for _, work := range works {
		work.wait <- err
	}
}

// attemptTogether runs the closures once and commits.
func (w *worker) attemptTogether(members []*member) error {
	if err := w.ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	w.c.ctx = ctx
	t := members[0].work.tenant
	if w.e.opt.Rehearse {
		first := &batch{w: w, rehearsal: true}
		for _, m := range members {
			first.members = append(first.members, &member{work: m.work})
		}
		if err := errors.Join(first.run(t), w.c.rollback()); err != nil {
			return err
		}
	}
	c := &batch{w: w, members: members}
	if err := c.run(t); err != nil || !slices.ContainsFunc(members, func(m *member) bool { return m.ended() && len(m.writes) > 0 }) {
		return errors.Join(err, w.c.rollback())
	}
	err := w.e.commit(w.c)
	w.e.counts.committed()
	w.e.counts.waited(w.c.waited)
	if err != nil && !w.c.pg.IsClosed() {
		_ = w.c.rollback() // in case COMMIT left the transaction open
	}
	if err != nil {
		return err
	}
	var due core.Lanes
	for _, m := range members {
		if m.ended() {
			due.Add(m.due...)
		}
	}
	if len(due) > 0 && w.e.opt.Due != nil {
		w.e.opt.Due(due)
	}
	return nil
}
