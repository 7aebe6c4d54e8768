package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/store"
)

// These statements begin transactions. Each statement of a writer sees everything that was committed before the statement began, and a
// writer locks the rows on which it decides. A reader has one snapshot.
const (
	beginWrite = "BEGIN"
	beginView  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	// Plans made while tables were small are thrown away as a database grows: before the first transaction of several closures, and whenever
	// their number has doubled.
	discardPlans = "DISCARD PLANS"
)

// openTogether returns the statements that begin a transaction of several closures. Their statements have lists as parameters, and their
// plans do not depend on the values. A plan that was made while a table was empty would read the whole table as it grows, to search it or to
// join it. So plans use indexes for both: each statement finds single rows. The closures hold their postings back, so the lock that comes with
// these is taken at once: what a closure reads about closed days then stays true.
func openTogether() []string {
	return []string{beginWrite, askClock + ", set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)" +
		", set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)",
		"LOCK TABLE posting IN ROW EXCLUSIVE MODE"}
}

// openedClock is the place of askClock in openTogether.
const openedClock = 1

// openNext begins a transaction of several closures with the next message of [conn.pipe].
func (c *conn) openNext(k *clock) {
	c.fresh(beginWrite)
	c.opening = k
}

// errNoCommit: the server answered COMMIT with ROLLBACK, because an unnoticed error had ended the transaction.
var errNoCommit = errors.New("the server rolled the transaction back")

func (c *conn) begin(how string) error {
	c.fresh(how)
	_, err := c.plain(how)
	return err
}

// fresh resets the connection's state for a new transaction.
func (c *conn) fresh(how string) {
	c.fault, c.rows, c.cursors, c.wrote, c.opening, c.waited = nil, 0, 0, false, nil, 0
	c.reading = how == beginView
}

// commit ends the transaction, and waits for the answer no longer than the given time. If it is unknown whether COMMIT succeeded, the error
// wraps store.ErrOutcomeUnknown. After any other error, nothing was committed.
func (c *conn) commit(within time.Duration) error {
	if c.fault != nil {
		return errors.Join(c.fault, c.rollback())
	}
	c.warning = ""
	tag, err := c.finally("COMMIT", within)
	switch {
	case err == nil && tag == "COMMIT" && c.warning != "":
		// Somebody cancelled the wait for a synchronous standby: only this server has the commit.
		return fmt.Errorf("%w: %s", store.ErrOutcomeUnknown, c.warning)
	case err == nil && tag == "COMMIT":
		return nil
	case err == nil:
		return errNoCommit
	case undone(err):
		return err
	}
	// Pass on only the cause: the wrapping errors say that nothing was written, which is not certain.
	return fmt.Errorf("%w: %s", store.ErrOutcomeUnknown, cause(err))
}

// finally runs a statement that nobody may cancel. If there is no answer in time, it drops the connection and leaves the statement to the
// server.
func (c *conn) finally(sql string, within time.Duration) (tag string, err error) {
	running := c.ctx
	ctx, cancel := context.WithTimeoutCause(running, within, fmt.Errorf("no answer to %s within %v", sql, within))
	defer cancel()
	c.uncancelled.Store(true)
	c.ctx = ctx
	tag, err = c.plain(sql)
	c.ctx = running
	if c.alive() {
		c.uncancelled.Store(false)
	} else if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(err, cause)
	}
	return tag, err
}

// cause returns the text of the innermost error.
func cause(err error) string {
	for {
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			if e.Unwrap() == nil {
				return err.Error()
			}
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			all := e.Unwrap()
			err = all[len(all)-1]
		default:
			return err.Error()
		}
	}
}

// rollback undoes the transaction. If ROLLBACK fails, it drops the connection, which undoes the transaction too.
func (c *conn) rollback() error {
	c.fault = nil
	if begun := c.opening == nil; c.pg.IsClosed() || !begun {
		c.opening = nil
		return nil
	}
	if _, err := c.plain("ROLLBACK"); err != nil {
		c.drop()
	}
	c.fault = nil
	return nil
}
