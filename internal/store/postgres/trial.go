package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Trial is the outcome of trying one behaviour of a database server that this engine relies on.
type Trial struct {
	Name   string // the behaviour, such as "row locks"
	Relies string // what relies on it
	Err    error  // what the server did instead; nil if it behaves
}

// arena is a table of our own with two rows, and two connections to it.
type arena struct {
	a, b  *conn
	table string
}

// trials are tried in this order. Each begins with both connections outside of transactions and the rows (1, 0) and (2, 0).
var trials = []struct {
	name, relies string
	try          func(arena) error
}{
	{"row locks", "a sale decides on a balance that nobody else can change meanwhile", arena.rowLocks},
	{"skip locked", "servers divide the outbox among themselves", arena.skipLocked},
	{"reads after a wait", "whoever waited for a row decides on what the other one has committed", arena.readsAfterWait},
	{"guards", "a batch of sales notices rows that were changed meanwhile", arena.guards},
	{"unique rows", "one reference of a client makes one sale", arena.uniqueRows},
	{"whole transactions", "a sale with its journal and token exists whole or not at all", arena.wholeTransactions},
	{"snapshots", "a report adds up while others write", arena.snapshots},
	{"one connection, one session", "prepared statements and settings stay; a pooler in transaction mode breaks this", arena.sessions},
	{"advisory locks", "one server at a time upgrades the tables", arena.advisoryLocks},
	{"history", "a promotion or a restore is noticed", arena.history},
}

// Try checks on site everything that this engine relies on: it connects twice, makes a table of its own, tries each behaviour and drops the
// table. It reads and writes nothing else. The error is not nil if it could not begin; then nothing was tried.
func Try(ctx context.Context, url string) (out []Trial, err error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["lock_timeout"] = "500" // a trial waits for a lock that it must not get
	var s arena
	for _, c := range []**conn{&s.a, &s.b} {
		if *c, err = dial(ctx, config); err != nil {
			return nil, err
		}
		defer (*c).drop()
		(*c).ctx = ctx
	}
	settings := Trial{Name: "settings", Relies: "an answer means that the commit is durable", Err: checkServer(s.a)}
	for _, c := range []*conn{s.a, s.b} { // a lost standby must not keep anybody from looking
		if _, err := c.plain("SET synchronous_commit = local"); err != nil {
			return nil, err
		}
	}
	var lot [6]byte
	_, _ = rand.Read(lot[:]) // never fails, as its documentation says
	s.table = "paywatt_trial_" + hex.EncodeToString(lot[:])
	if _, err := s.a.plain("CREATE TABLE " + s.table + " (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)"); err != nil {
		return nil, fmt.Errorf("make a table for the trials: %w", err)
	}
	out = append(out, settings)
	for _, t := range trials {
		err := s.reset()
		if err == nil {
			err = t.try(s)
		}
		out = append(out, Trial{t.name, t.relies, err})
	}
	err = s.reset()
	if err == nil {
		_, err = s.a.plain("DROP TABLE " + s.table)
	}
	if err != nil {
		err = fmt.Errorf("the table %s of the trials was not dropped: %w", s.table, err)
	}
	return out, err
}

// reset ends what a trial has left open, and restores the rows.
func (s arena) reset() error {
	for _, c := range []*conn{s.a, s.b} {
		if _, err := c.plain("ROLLBACK"); err != nil {
			return err
		}
		c.fault = nil
	}
	return s.does(s.a, "DELETE FROM T; INSERT INTO T VALUES (1, 0), (2, 0)")
}

// named puts the table's name into statements in place of T.
func (s arena) named(sql string) string {
	out := ""
	for i := range len(sql) {
		before, after := i == 0 || !wordByte(sql[i-1]), i+1 == len(sql) || !wordByte(sql[i+1])
		if sql[i] == 'T' && before && after {
			out += s.table
		} else {
			out += sql[i : i+1]
		}
	}
	return out
}

func (s arena) does(c *conn, sql string) error { _, err := c.plain(s.named(sql)); return err }

// says runs a statement and compares its first value.
func (s arena) says(c *conn, want, sql string) error {
	results, err := c.script(s.named(sql))
	if err != nil {
		return err
	}
	got := ""
	if rows := results[len(results)-1].Rows; len(rows) > 0 {
		got = string(rows[0][0])
	}
	if got != want {
		return fmt.Errorf("%s: got %q, want %q", sql, got, want)
	}
	return nil
}

// refuses runs a statement that must fail with an error code.
func (s arena) refuses(c *conn, code, sql string) error {
	err := s.does(c, sql)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == code {
		return nil
	}
	return fmt.Errorf("%s: got the error %w, want code %s", sql, orNone(err), code)
}

var errNone = errors.New("none")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// all runs steps until one fails.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s arena) step(c *conn, sql string) func() error { return func() error { return s.does(c, sql) } }

func (s arena) shows(c *conn, want, sql string) func() error {
	return func() error { return s.says(c, want, sql) }
}

func (s arena) fails(c *conn, code, sql string) func() error {
	return func() error { return s.refuses(c, code, sql) }
}

const lockFirst = "BEGIN; SELECT n FROM T WHERE id = 1 FOR UPDATE"

func (s arena) rowLocks() error {
	return all(s.step(s.a, lockFirst), s.fails(s.b, lockNotAvailable, lockFirst))
}

func (s arena) skipLocked() error {
	return all(s.step(s.a, lockFirst), s.shows(s.b, "2", "SELECT id FROM T ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"))
}

func (s arena) readsAfterWait() error {
	return all(s.step(s.a, lockFirst), s.step(s.b, "BEGIN"), s.shows(s.b, "0", "SELECT n FROM T WHERE id = 1"),
		s.step(s.a, "UPDATE T SET n = 7 WHERE id = 1; COMMIT"), s.shows(s.b, "7", "SELECT n FROM T WHERE id = 1 FOR UPDATE"))
}

func (s arena) guards() error {
	return all(s.step(s.a, "UPDATE T SET n = 1 WHERE id = 1"),
		s.shows(s.b, "0", "WITH done AS (UPDATE T SET n = 9 WHERE id = 1 AND n = 0 RETURNING 1) SELECT COUNT(*) FROM done"),
		s.shows(s.b, "2", "WITH given AS (SELECT * FROM unnest('{1,2}'::bigint[], '{1,0}'::bigint[]) AS g (id, n)), done AS "+
			"(UPDATE T SET n = 5 FROM given WHERE T.id = given.id AND T.n = given.n RETURNING 1) SELECT COUNT(*) FROM done"))
}

func (s arena) uniqueRows() error {
	return all(s.fails(s.a, uniqueViolation, "INSERT INTO T VALUES (1, 1)"),
		s.shows(s.a, "2", "INSERT INTO T VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = T.n + 2 RETURNING n"))
}

func (s arena) wholeTransactions() error {
	return all(s.step(s.a, "BEGIN; UPDATE T SET n = 3 WHERE id = 1"), s.fails(s.a, uniqueViolation, "INSERT INTO T VALUES (2, 2)"),
		s.shows(s.a, "", "COMMIT"), s.shows(s.b, "0", "SELECT n FROM T WHERE id = 1"))
}

func (s arena) snapshots() error {
	return all(s.step(s.a, beginView), s.shows(s.a, "0", "SELECT n FROM T WHERE id = 1"), s.step(s.b, "UPDATE T SET n = 4 WHERE id = 1"),
		s.shows(s.a, "0", "SELECT n FROM T WHERE id = 1"), s.fails(s.a, readOnlyServer, "DELETE FROM T"))
}

func (s arena) sessions() error {
	sql := s.named("SELECT n FROM T WHERE id = $1")
	for range 20 {
		if err := all(s.step(s.a, "BEGIN"), func() error { _, err := s.a.number(sql, int64(1)); return err }, s.step(s.a, "COMMIT"),
			s.shows(s.a, "500ms", "SHOW lock_timeout")); err != nil {
			return err
		}
	}
	return nil
}

func (s arena) advisoryLocks() error {
	lock := fmt.Sprintf("SELECT pg_try_advisory_xact_lock(%d)", migrationLock+1)
	return all(s.step(s.a, "BEGIN"), s.shows(s.a, "t", lock), s.shows(s.b, "f", lock), s.step(s.a, "COMMIT"), s.shows(s.b, "t", lock))
}

func (s arena) history() error {
	return s.a.Query(askHistory, func(r core.Row) error {
		if r.Text(0) == "" {
			return errors.New("the server does not say which one it is")
		}
		return nil
	})
}
