package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/store/core"
)

// Two databases cannot commit at the same instant. So the folder records a move before the other database commits it, and again afterwards.
// Between these two records, no server serves the folder until somebody has checked the other database. If the folder recorded the move
// only afterwards, both databases would sell after a kill or a lost answer.
const (
	metaMoved  = "moved"  // where the content of the database was moved, and when
	metaMoving = "moving" // an unfinished move: its name, a blank, and its target
)

// These are the errors of a database whose content is live elsewhere, or may be live elsewhere.
var (
	// ErrMoved: the content of the database has been moved to another store, which is the live one now.
	ErrMoved = errors.New("the content of this database has been moved")
	// ErrMoving: a move of the content was interrupted; the other store may be the live one.
	ErrMoving = errors.New("a move of the content of this database was not finished")
)

// Move is a move that a folder has recorded. The zero value is no move.
type Move struct {
	ID string // name of the move; the target database stores this name when all content has arrived
	To string // store to which the content goes
}

// PendingMove returns the unfinished move of the database in dir; it returns the zero value if there is none.
func PendingMove(dir string) (m Move, err error) {
	err = onDatabase(dir, func(c *conn) error { m, err = pending(c); return err })
	return m, err
}

// BeginMove records that the content of the database in dir is about to be live elsewhere. Until [EndMove] or [CancelMove], the database
// can only be read. The record is durable when BeginMove returns. The caller holds the folder's lock.
func BeginMove(dir string, m Move) error {
	return onDatabase(dir, func(c *conn) error { return note(c, metaMoving, m.ID+" "+m.To) })
}

// EndMove records that everything has arrived: the content of the database in dir is live elsewhere from now on. A backup restored into the
// folder is live again, in an epoch of its own. The caller holds the folder's lock.
func EndMove(dir string, m Move, at time.Time) error {
	return onDatabase(dir, func(c *conn) error {
		if err := note(c, metaMoved, m.To+" on "+at.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		return forget(c)
	})
}

// CancelMove records that nothing has arrived and nothing will: the database in dir is live. The caller holds the folder's lock.
func CancelMove(dir string) error { return onDatabase(dir, forget) }

func onDatabase(dir string, work func(*conn) error) (err error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%w: %s", ErrNoDatabase, dir)
	}
	c, err := connect(path, cacheReader, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.c.Close()) }()
	if _, err := known(c, dir); err != nil { // an older database will do: meta is in every schema
		return err
	}
	return work(c)
}

func note(c *conn, key, value string) error {
	if _, err := c.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value); err != nil {
		return fmt.Errorf("note where the database moves: %w", err)
	}
	return nil
}

func forget(c *conn) error {
	if _, err := c.Exec(`DELETE FROM meta WHERE key = $1`, metaMoving); err != nil {
		return fmt.Errorf("note where the database moves: %w", err)
	}
	return nil
}

func pending(c *conn) (Move, error) {
	text, err := noted(c, metaMoving)
	id, to, _ := strings.Cut(text, " ")
	return Move{ID: id, To: to}, err
}

func noted(c *conn, key string) (value string, err error) {
	err = c.Query(`SELECT value FROM meta WHERE key = $1`, func(r core.Row) error { value = r.Text(0); return nil }, key)
	return value, err
}

// moved refuses a database whose content is live elsewhere, or may be live elsewhere.
func moved(c *conn) error {
	to, err := noted(c, metaMoved)
	if err == nil && to != "" {
		return fmt.Errorf("%w: to %s", ErrMoved, to)
	}
	m, err := pending(c)
	if err == nil && m.ID != "" {
		err = fmt.Errorf("%w: to %s", ErrMoving, m.To)
	}
	return err
}
