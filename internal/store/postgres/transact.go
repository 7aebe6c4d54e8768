package postgres

import (
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/store"
)

// How transactions begin. A writer sees what is committed at each statement and locks what it decides on; a reader has
// one snapshot.
const (
	beginWrite = "BEGIN"
	beginView  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
)

// errNoCommit: the server answered COMMIT with ROLLBACK, because a statement had failed and nobody had noticed.
var errNoCommit = errors.New("the server rolled the transaction back")

func (c *conn) begin(how string) error {
	c.fresh(how)
	_, err := c.plain(how)
	return err
}

// fresh forgets the transaction before.
func (c *conn) fresh(how string) {
	c.fault, c.rows, c.cursors, c.wrote = nil, 0, 0, false
	c.reading = how == beginView
}

// commit ends the transaction. Its error wraps store.ErrOutcomeUnknown unless the server has said for certain that
// nothing happened.
func (c *conn) commit() error {
	if c.fault != nil {
		return errors.Join(c.fault, c.rollback())
	}
	tag, err := c.plain("COMMIT")
	switch {
	case err == nil && tag == "COMMIT":
		return nil
	case err == nil:
		return errNoCommit
	case undone(err):
		return err
	}
	// Only the cause goes on: the words around it say that nothing was written, and of that nobody is sure.
	return fmt.Errorf("%w: %s", store.ErrOutcomeUnknown, cause(err))
}

// cause is the innermost error in words.
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

// rollback undoes the transaction; a connection on which that cannot be said is given up, which undoes it as well.
func (c *conn) rollback() error {
	c.fault = nil
	if c.pg.IsClosed() {
		return nil
	}
	if _, err := c.plain("ROLLBACK"); err != nil {
		c.drop()
	}
	c.fault = nil
	return nil
}
