package sqlite

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// migrate upgrades the database to this version's schema, one transaction for each step, and refuses files of other programs and of newer
// versions. A new database gets the whole schema in one transaction, so that nobody finds it half made. If an upgrade is interrupted, the
// completed steps remain and the next start continues. An upgrade needs the folder's lock, so that no older server is running on the database.
func migrate(c *conn, dir string, o Options) error {
	steps, err := c.plan.Migrations()
	if err != nil {
		return err
	}
	version, application, tables, err := identify(c)
	if err != nil {
		return damaged(dir, err)
	}
	fresh := tables == 0 && version == 0
	switch {
	case !fresh && application != applicationN:
		return fmt.Errorf("%w: %s", ErrForeign, dir)
	case version > int64(len(steps)):
		return store.TooNew(int(version), len(steps))
	case version == int64(len(steps)):
		return nil
	case !fresh && o.AsIs:
		return store.TooOld(int(version), len(steps))
	}
	if !fresh && o.Lock == nil {
		l, err := TakeLock(dir)
		if err != nil {
			return fmt.Errorf("upgrade the database from schema %d to %d: %w", version, len(steps), err)
		}
		defer func() { _ = l.Release() }()
	}
	if fresh {
		whole, err := c.plan.Whole()
		if err != nil {
			return err
		}
		return apply(c, whole, true, o)
	}
	for _, s := range steps[version:] {
		if err := apply(c, s, false, o); err != nil {
			return err
		}
		c.plan.Before("the next step")
	}
	return nil
}

// identify reads a file's version, application and number of tables in one snapshot, because another process may be creating it.
func identify(c *conn) (version, application, tables int64, err error) {
	if err := c.plain("BEGIN"); err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, c.plain("ROLLBACK")) }()
	for _, q := range []struct {
		to  *int64
		sql string
	}{
		{&version, "PRAGMA user_version"}, {&application, "PRAGMA application_id"}, {&tables, "SELECT COUNT(*) FROM sqlite_schema"},
	} {
		if *q.to, err = c.number(q.sql); err != nil {
			return 0, 0, 0, err
		}
	}
	return version, application, tables, nil
}

// apply runs one step in one transaction. In a new database (fresh) it also writes the first rows.
func apply(c *conn, s store.Migration, fresh bool, o Options) (err error) {
	end, err := sqlitex.ImmediateTransaction(c.c)
	if err != nil {
		return fmt.Errorf("begin a migration: %w", err)
	}
	defer end(&err)
	now, err := c.number("PRAGMA user_version")
	if err != nil || now >= int64(s.N) {
		return err // another process was faster
	}
	if err := step(c, s, fresh, o); err != nil {
		return fmt.Errorf("migration %04d_%s: %w", s.N, s.Name, err)
	}
	o.Log.Info("database migrated", logkey.Version, s.N)
	return nil
}

// step carries out the statements of a step and writes its number.
func step(c *conn, s store.Migration, fresh bool, o Options) error {
	if err := carryOut(c.c, s, c.plan.Before); err != nil {
		return err
	}
	c.plan.Before("the version")
	if err := teach(c); err != nil {
		return err
	}
	if fresh {
		if err := store.FirstRows(c, o.Now(), o.Rand); err != nil {
			return err
		}
		if err := c.plain(fmt.Sprintf("PRAGMA application_id = %d", applicationN)); err != nil {
			return err
		}
	}
	defer c.plan.Before("COMMIT")
	return c.plain(fmt.Sprintf("PRAGMA user_version = %d", s.N))
}

// carryOut runs the statements of a migration.
func carryOut(c *sqlite.Conn, m store.Migration, before func(next string)) error {
	for _, sql := range m.Statements() {
		before(sql)
		s, rest, err := c.PrepareTransient(sql)
		switch {
		case err != nil:
			return err
		case rest > 0:
			return errors.Join(fmt.Errorf("text follows the end of a statement: %.60s", sql), s.Finalize())
		case s.ColumnCount() > 0:
			return errors.Join(errors.New("a migration must not query"), s.Finalize())
		}
		_, err = s.Step()
		if err = errors.Join(err, s.Finalize()); err != nil {
			return err
		}
	}
	return nil
}
