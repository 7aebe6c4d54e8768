package command_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
)

// errFault is the error of the statement that is made to fail.
var errFault = errors.New("planted failure of a statement")

// faulty is a store in which one statement fails. It counts the statements of all transactions since the failure was planted,
// and checks that the failed transaction changed no row.
type faulty struct {
	store.Engine
	h      *house
	left   int    // statements up to the one that fails
	sql    string // the statement, once it has failed
	before string // the rows before the transaction
}

// plant makes the nth statement from now on fail; n is 1, 2 and so on for one step.
func (f *faulty) plant(n int) {
	if f.left, f.sql = n, ""; n == 1 {
		f.before = ""
	}
}

func (f *faulty) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	begin := f.left
	if f.before == "" {
		f.before = f.h.rows()
	}
	err := f.Engine.Run(ctx, t, lane, func(tx *store.Tx) (bool, error) {
		f.left = begin // the engine may run the function again
		tx.C = faultyConn{tx.C, f}
		return fn(tx)
	})
	if f.sql == "" {
		f.before = ""
	} else if after := f.h.rows(); after != f.before {
		f.h.t.Errorf("%s failed, and its transaction left something behind:\n%s\nit was\n%s", f.sql, after, f.before)
	}
	return err
}

func (f *faulty) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	return f.Engine.View(ctx, t, func(tx *store.Tx) error {
		tx.C = faultyConn{tx.C, f}
		return fn(tx)
	})
}

type faultyConn struct {
	core.Conn
	f *faulty
}

func (c faultyConn) fails(sql string) bool {
	c.f.left--
	if c.f.left == 0 {
		c.f.sql = sql
	}
	return c.f.left == 0
}

func (c faultyConn) Exec(sql string, args ...any) (int64, error) {
	if c.fails(sql) {
		return 0, errFault
	}
	return c.Conn.Exec(sql, args...)
}

func (c faultyConn) Query(sql string, row func(core.Row) error, args ...any) error {
	if c.fails(sql) {
		return errFault
	}
	return c.Conn.Query(sql, row, args...)
}

// rows returns every row of every table.
func (h *house) rows() string {
	h.t.Helper()
	var b strings.Builder
	err := h.engine.View(h.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		if h.tables == nil {
			err := tx.C.Query(`SELECT t.name, group_concat('quote("' || c.name || '")', ' || '','' || ') FROM sqlite_master t, pragma_table_info(t.name) c
				WHERE t.type = 'table' GROUP BY t.name`, func(r core.Row) error {
				h.tables = append(h.tables, `SELECT '`+r.Text(0)+`', `+r.Text(1)+` FROM `+r.Text(0))
				return nil
			})
			if err != nil {
				return err
			}
		}
		for _, query := range h.tables {
			if err := tx.C.Query(query, func(r core.Row) error { fmt.Fprintln(&b, r.Text(0), r.Text(1)); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

// life runs the commands of a token meter, a wallet meter and a simulated meter over a store that fails.
type life struct {
	*house
	f        *faulty
	w        *wires
	carrier  *command.Courier
	m, p, s  registry.Added // token meter, wallet meter, simulated wallet meter
	approval *access.Approval
	token    id.ID
}

func newLife(t *testing.T) *life {
	l := &life{house: newHouse(t), w: &wires{up: true, taken: true}}
	l.f = &faulty{Engine: l.engine, h: l.house}
	l.commands = command.New(door[command.Tx]{l.f, func(tx *store.Tx) command.Tx { return tx }}, time.Now)
	l.carrier = command.NewCourier(door[command.CourierTx]{l.f, func(tx *store.Tx) command.CourierTx { return tx }}, l.data, l.w, time.Now)
	l.m, l.p = l.meter(1), l.wallet("04140001001")
	l.s = l.simulated("04140001019")
	l.heard(l.p)
	l.fourEyes(true)
	l.token = l.issued(l.m.Meter.Meter)
	return l
}

// newest returns the newest command of a type to a meter.
func (l *life) newest(m registry.Added, does command.Type) (got command.Command) {
	l.t.Helper()
	err := l.engine.View(l.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		all, err := tx.CommandsOf(m.Meter.Meter.N, id.ID{}, 100)
		if i := slices.IndexFunc(all, func(c command.Command) bool { return c.Type == does }); i >= 0 {
			got = all[i]
		}
		return err
	})
	if err != nil || got.ID.IsZero() {
		l.t.Fatalf("meter %s has no %s: %v", m.Meter.Meter.Number, does, err)
	}
	return got
}

// order sends a command and returns the outcome.
func (l *life) order(m registry.Added, does command.Type, args map[string]any) (string, error) {
	sent, err := l.commands.Send(l.t.Context(), l.owner, command.Request{Meter: m.Meter.Meter.Number, Type: does, Args: args, Reason: "test"})
	switch {
	case sent.Waits != nil:
		l.approval = sent.Waits
		return "waits for a second person", err
	case sent.Refused():
		return "refused: " + sent.Detail(), err
	case sent.Command.ID.IsZero():
		return "", err
	}
	return fmt.Sprintf("%s %s", sent.Command.Type, sent.Command.State), err
}

// carry makes the courier send a command, and returns what was sent and the courier's verdict.
func (l *life) carry(c command.Command) (string, error) {
	l.w.sent = nil
	v, err := l.carrier.Send(l.t.Context(), store.FirstTenant, carrying(c))
	return l.carried(v), err
}

func (l *life) push() (string, error) {
	l.w.sent = nil
	v, err := l.carrier.Send(l.t.Context(), store.FirstTenant, pushing(l.m.Meter.Meter.Number, l.token))
	return l.carried(v), err
}

// carried returns what the courier did.
func (l *life) carried(v job.Verdict) string {
	var out []string
	for _, s := range l.w.sent {
		out = append(out, "sent "+string(s.down))
	}
	switch {
	case v == job.Done():
		out = append(out, "done")
	case v != (job.Verdict{}):
		_, cause, _ := strings.Cut(v.String(), ": ")
		out = append(out, cause)
	}
	return strings.Join(out, ", ")
}

// switched returns the result of a cut or a restore.
func switched(s command.Switched, err error) (string, error) {
	switch {
	case s.Refused():
		return "refused: " + s.Detail(), err
	case s.Effect == "":
		return "", err
	case s.Command == nil:
		return fmt.Sprint("no command, off ", s.Off), err
	}
	return fmt.Sprint(s.Command.Type, " ", s.Command.State, ", off ", s.Off), err
}

// step is one call, with its result if no statement fails.
type step struct {
	name string
	do   func() (string, error)
	want string
}

// steps are a whole life: commands requested, allowed, looked up, signed, sent, answered and given up.
func (l *life) steps() []step {
	number, wallet, again := l.m.Meter.Meter.Number, l.p.Meter.Meter.Number, ", sent; the meter has not answered yet"
	carry := func(m registry.Added, does command.Type) func() (string, error) {
		return func() (string, error) { return l.carry(l.newest(m, does)) }
	}
	return []step{
		{"a reading", func() (string, error) { return l.order(l.m, command.Read, nil) }, "read queued"},
		{"a reading of a simulated meter", func() (string, error) { return l.order(l.s, command.Read, nil) }, "read queued"},
		{"a meter by its identity", func() (string, error) {
			by := l.m
			by.Meter.Meter.Number = by.Meter.Meter.ID.Text(id.Meter)
			return l.order(by, command.ResetDemand, nil)
		}, "reset_demand queued"},
		{"an act for two", func() (string, error) {
			return l.order(l.m, command.CancelToken, map[string]any{"tid": 7, "base_date": 2014})
		}, "waits for a second person"},
		{"the act, allowed", l.allowed, "done"},
		{"one command", func() (string, error) {
			found, err := l.commands.Command(l.t.Context(), l.owner, number, l.newest(l.m, command.CancelToken).ID.Text(id.Command))
			return string(found.Command.Type) + string(found.Code), err
		}, "cancel_token"},
		{"the list", func() (string, error) {
			page, err := l.commands.List(l.t.Context(), l.owner, number, 2, "")
			return strings.TrimSpace(types(page.Commands) + " " + page.Detail()), err
		}, "cancel_token reset_demand"},
		{"the courier", carry(l.m, command.Read), "sent command" + again},
		{"the courier, again", carry(l.m, command.Read), "sent command" + again},
		{"the courier after the answer", func() (string, error) {
			l.exec(`UPDATE command SET state = 'done' WHERE id = $1`, l.newest(l.m, command.Read).ID)
			return l.carry(l.newest(l.m, command.Read))
		}, "done"},
		{"the courier, too late", func() (string, error) {
			c := l.newest(l.s, command.Read)
			l.exec(`UPDATE command SET expires_at = created_at WHERE id = $1`, c.ID)
			return l.carry(c)
		}, "done"},
		{"a token", l.push, "sent token" + again},
		{"a supply by a command", func() (string, error) { return l.order(l.p, command.Disconnect, nil) }, "disconnect queued"},
		{"a supply back", func() (string, error) {
			return switched(l.commands.Restore(l.t.Context(), l.owner, wallet, "test"))
		}, "no command, off [CREDIT]"},
		{"a cut", func() (string, error) {
			return switched(l.commands.Cut(l.t.Context(), l.owner, wallet, "test"))
		}, "disconnect queued, off [CREDIT REMOTE]"},
		{"a cut of a token meter", func() (string, error) {
			return switched(l.commands.Cut(l.t.Context(), l.owner, number, "test"))
		}, "disconnect queued, off []"},
		{"the courier with a cut of a person", carry(l.m, command.Disconnect), "sent command" + again},
		{"the courier with a cut of the rules", carry(l.p, command.Disconnect), "sent command" + again},
		{"a supply back, in spite of the cut", func() (string, error) {
			return switched(l.commands.Restore(l.t.Context(), l.owner, wallet, "test"))
		}, "no command, off [CREDIT]"},
		{"a payment", func() (string, error) { l.pays(l.p.Meter.Meter, 1000); return "", nil }, ""},
		{"the courier with a lease", carry(l.p, command.Lease), "sent lease" + again},
		{"the courier with the lease, again", carry(l.p, command.Lease), "sent lease" + again},
		{"the courier with a lease of more than there is", func() (string, error) {
			c := l.newest(l.p, command.Lease)
			l.exec(`UPDATE command SET args = '{"max_register_wh":90000,"seq":1,"ttl_s":7200}' WHERE id = $1`, c.ID)
			return l.carry(c)
		}, "done"},
		{"the courier with a configuration", carry(l.p, command.Config), "sent config" + again},
		{"the courier with a cut that is not right any more", func() (string, error) {
			c := l.newest(l.p, command.Disconnect)
			l.exec(`UPDATE command SET state = 'queued' WHERE id = $1`, c.ID)
			return l.carry(c)
		}, "done"},
	}
}

// types returns the types of commands, in their order.
func types(all []command.Command) string {
	var out []string
	for _, c := range all {
		out = append(out, string(c.Type))
	}
	return strings.Join(out, " ")
}

// allowed performs the act that a second person has allowed.
func (l *life) allowed() (string, error) {
	maker := l.owner
	maker.Approval = l.approval.ID
	l.approve(*l.approval)
	done, err := l.commands.Executors()[access.ActCancelToken](l.t.Context(), maker, l.approval.Body)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace("done " + done.Detail()), nil
}

// TestEveryErrorOfTheStoreComesBack makes every statement of a whole life fail once. Each time, the error
// of the statement is returned and its transaction changes nothing. A command is sent only if its signature is durable.
// The next try ends as if nothing had failed.
func TestEveryErrorOfTheStoreComesBack(t *testing.T) {
	tier.Slow(t)
	l := newLife(t)
	failed := 0
	for _, s := range l.steps() {
		for n := 1; ; n++ {
			l.f.plant(n)
			got, err := s.do()
			if l.f.sql == "" {
				if err != nil || got != s.want {
					t.Fatalf("%s: %q, %v; want %q", s.name, got, err, s.want)
				}
				break
			}
			failed++
			sent := err != nil && strings.Contains(err.Error(), "the message was sent, but that could not be recorded")
			if !errors.Is(err, errFault) || sent && got != s.want || !sent && got != "" {
				t.Fatalf("%s with statement %d failing (%s): %q, %v", s.name, n, l.f.sql, got, err)
			}
		}
	}
	if t.Logf("figures: %d statements were made to fail", failed); failed < 150 {
		t.Errorf("%d statements failed: the faults no longer reach the steps", failed)
	}
}

// unlogged is a transaction that writes no audit rows.
type unlogged struct{ command.Tx }

func (unlogged) AuditLog(access.Entry) error { return errFault }

// TestNothingIsOrderedWithoutItsAuditRow: if the audit row cannot be written, its error is returned and no row has
// changed.
func TestNothingIsOrderedWithoutItsAuditRow(t *testing.T) {
	h := newHouse(t)
	m, w := h.meter(1).Meter.Meter, h.wallet("04140001001")
	h.heard(w)
	commands := command.New(door[command.Tx]{h.engine, func(tx *store.Tx) command.Tx { return unlogged{tx} }}, time.Now)
	before := h.rows()
	sent, err := commands.Send(t.Context(), h.owner, command.Request{Meter: m.Number, Type: command.Read, Reason: "test"})
	cut, err2 := commands.Cut(t.Context(), h.owner, w.Meter.Meter.Number, "test")
	if !errors.Is(err, errFault) || !sent.Command.ID.IsZero() || !errors.Is(err2, errFault) || cut.Command != nil || cut.Effect != "" {
		t.Errorf("sent %+v, %v; cut %+v, %v; want the error of the audit log", sent.Command, err, cut, err2)
	}
	if after := h.rows(); after != before {
		t.Errorf("left behind:\n%s\nit was\n%s", after, before)
	}
}
