package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// Keys of meta that only this engine has.
const (
	metaSchema = "schema"      // number of the last migration
	metaSealer = "seal_public" // public line of the key that signs the heads
)

// selectEpoch reads the store epoch.
const selectEpoch = `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'epoch'`

// migrationLock is the number of the advisory lock with which one server at a time reads or changes the schema.
const migrationLock = 0x50575454 // "PWTT"

// migrate upgrades the database to this version's schema, one transaction for each step, and refuses databases of other programs and of
// newer versions. If it is interrupted, the completed steps remain and the next start continues.
func migrate(c *conn, o Options) error {
	steps, err := c.plan.Migrations()
	if err != nil {
		return err
	}
	for {
		version, err := step(c, steps, o)
		if err != nil || version == len(steps) {
			return err
		}
		if version == 0 {
			o.AsIs = false // the database was empty: a new one is always completed
		}
		c.plan.Before("the next step")
	}
}

// step applies the next migration, if there is one, in a transaction that holds the lock. It returns the schema that the database had
// before.
func step(c *conn, steps []store.Migration, o Options) (version int, err error) {
	err = c.within(func() (err error) {
		version, err = alone(c)
		switch {
		case err != nil:
			return err
		case version > len(steps):
			return store.TooNew(version, len(steps))
		case version == len(steps):
			return nil
		}
		if version > 0 && o.AsIs {
			return store.TooOld(version, len(steps))
		}
		if version > 0 {
			if err := unserved(c, o); err != nil {
				return fmt.Errorf("upgrade the database from schema %d to %d: %w", version, len(steps), err)
			}
		}
		if version > 0 { // no time limit for an upgrade: it may copy whole tables, and no server is waiting for it
			for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
				if _, err := c.Exec(`SET LOCAL ` + limit + ` = 0`); err != nil {
					return err
				}
			}
		}
		s := steps[version]
		if err := apply(c, s, o); err != nil {
			return fmt.Errorf("migration %04d_%s: %w", s.N, s.Name, err)
		}
		if version > 0 && s.N == len(steps) { // copied tables have no statistics
			if _, err := c.Exec(`ANALYZE`); err != nil {
				return fmt.Errorf("analyze the upgraded database: %w", err)
			}
		}
		o.Log.Info("database migrated", logkey.Version, s.N)
		return nil
	})
	return version, err
}

// maxLead is longer than any lead of a running server. If a lead ends later, a clock was wrong, so the lead does not count.
const maxLead = time.Hour

// unserved refuses a database on which a server is running. A server of an older version would continue to write in its older schema.
func unserved(c *conn, o Options) error {
	now := o.Now()
	alive, err := c.number(`SELECT COUNT(*) FROM leader WHERE until > $1 AND until < $2`, now, now.Add(maxLead))
	if err == nil && alive > 0 {
		err = ErrServed
	}
	return err
}

// Unserved returns [ErrServed] if a server uses the database.
func (e *Engine) Unserved(ctx context.Context) error {
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer c.drop()
	return unserved(c, e.opt)
}

// schema returns the number of the database's last migration, 0 for an empty database.
func schema(c *conn) (int, error) {
	tables, err := c.number(`SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`)
	if err != nil || tables == 0 {
		return 0, err
	}
	ours, err := c.number(`SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname IN ('meta', 'tenant', 'journal')`)
	if err != nil {
		return 0, err
	}
	if ours != 3 {
		return 0, fmt.Errorf("%w: it has %d tables, but not those of Paywatt", ErrForeign, tables)
	}
	n, err := c.number(`SELECT CAST(value AS BIGINT) FROM meta WHERE key = $1`, metaSchema)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: its table meta does not say which schema it has", ErrForeign)
	}
	return int(n), err
}

func apply(c *conn, s store.Migration, o Options) error {
	if err := carryOut(c, s); err != nil {
		return err
	}
	c.plan.Before("the version")
	if s.N == 1 {
		if err := store.FirstRows(c, o.Now(), o.Rand); err != nil {
			return err
		}
	}
	_, err := c.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		metaSchema, strconv.Itoa(s.N))
	c.plan.Before("COMMIT")
	return err
}

// carryOut runs the statements of a migration.
func carryOut(c *conn, m store.Migration) error {
	for _, text := range m.Statements() {
		sql, err := dialect(text)
		if err != nil {
			return err
		}
		c.plan.Before(sql)
		if _, err := c.plain(sql); err != nil {
			return fmt.Errorf("%s: %w", firstLine(sql), err)
		}
	}
	return nil
}

// sameKey binds the database to a key outside it: the first server stores the key's mark, and every other server must have the same key.
func sameKey(c *conn, name, mark string) error {
	if _, err := c.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`, name, mark); err != nil {
		return fmt.Errorf("bind the database to its keys: %w", err)
	}
	have, err := c.text(`SELECT value FROM meta WHERE key = $1`, name)
	if err == nil && have != mark {
		err = fmt.Errorf("%w: %s is %s in the database, but %s in the folder", ErrKey, name, have, mark)
	}
	return err
}

// SameKey binds the database to a key of the data folder besides the seal key. The parameter mark identifies the key and is not secret. The
// first server stores the mark. A server with another key is refused with [ErrKey].
func (e *Engine) SameKey(ctx context.Context, name, mark string) error {
	c, err := e.connect(ctx)
	if err != nil {
		return err
	}
	defer c.drop()
	return sameKey(c, "key:"+name, mark)
}

// within runs work in a transaction. Nothing else may use the connection meanwhile.
func (c *conn) within(work func() error) error {
	if err := c.begin(beginWrite); err != nil {
		return err
	}
	if err := work(); err != nil {
		return errors.Join(err, c.rollback())
	}
	return c.commit(workTime)
}
