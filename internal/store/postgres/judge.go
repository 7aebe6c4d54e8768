package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paywatt/paywatt/internal/store"
)

// Error codes of PostgreSQL that the engine handles (PostgreSQL manual, appendix A).
const (
	uniqueViolation    = "23505"
	serializationError = "40001"
	deadlockDetected   = "40P01"
	lockNotAvailable   = "55P03" // lock_timeout
	diskFull           = "53100"
	readOnlyServer     = "25006"
	queryCanceled      = "57014" // statement_timeout, or somebody cancelled
)

// Errors that the engine itself handles.
var (
	// errAgain: the transaction lost a conflict with another one. Nothing happened, and the next try may succeed.
	errAgain = errors.New("PostgreSQL rolled the transaction back in favour of another one")
	// errAway: the connection is gone. If this happens before COMMIT, nothing has changed.
	errAway = errors.New("the database cannot be reached")
)

// judge turns PostgreSQL's error into the store's errors. Any error ends the transaction: the server accepts no more statements in it.
func (c *conn) judge(err error) error {
	err = verdict(err, c.reading)
	if c.fault == nil {
		c.fault = err
	}
	return err
}

func verdict(err error, reading bool) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fmt.Errorf("%w: %w: %w", store.ErrBusy, errAway, err)
	}
	class := pg.Code[:min(2, len(pg.Code))]
	switch {
	case pg.Code == uniqueViolation:
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case pg.Code == serializationError, pg.Code == deadlockDetected, pg.Code == lockNotAvailable:
		return fmt.Errorf("%w: %w: %w", store.ErrBusy, errAgain, err)
	case pg.Code == diskFull:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case pg.Code == readOnlyServer && reading:
		return fmt.Errorf("a view cannot write: %w", err)
	case pg.Code == readOnlyServer, class == "08", class == "57" && pg.Code != queryCanceled, pg.Code == "53300":
		return fmt.Errorf("%w: %w: %w", store.ErrBusy, errAway, err)
	case pg.Code == queryCanceled, class == "53":
		return fmt.Errorf("%w: %w", store.ErrBusy, err)
	case class == "58", class == "XX", class == "F0":
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	}
	return err
}

// undone reports whether an error shows for certain that a COMMIT did not happen. Only an error with the severity ERROR can show this: the
// server continues to work after such an error. Any other error, or no answer at all, leaves the outcome unknown.
func undone(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Severity != "ERROR" && pg.SeverityUnlocalized != "ERROR" {
		return false
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "23", "40", "53", "25":
		return true
	}
	return strings.HasPrefix(pg.Code, "42")
}
