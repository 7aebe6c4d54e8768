package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/store"
)

// upgradedCopy copies an older database page by page into a temporary folder and upgrades the copy to this version's schema. Commands that
// only read use the copy: the database stays as the older program left it, and that program may still be running on it. The second result
// is a function that closes and deletes the copy.
func upgradedCopy(c *conn, dir string) (copied *conn, drop func() error, err error) {
	size, err := c.size()
	if err != nil {
		return nil, nil, err
	}
	if err := CheckRoom(dir, atomicfile.Amount{Dir: os.TempDir(), Bytes: size}); err != nil {
		return nil, nil, fmt.Errorf("make a temporary copy of an older database in %s, which TMPDIR names: %w", os.TempDir(), err)
	}
	temp, err := atomicfile.NewPrivateFolder(os.TempDir())
	if err != nil {
		return nil, nil, fmt.Errorf("make a temporary copy of an older database: %w", err)
	}
	folder := temp.Dir()
	path := filepath.Join(folder, databaseFile)
	to, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make a temporary copy of an older database: %w", err), temp.Remove())
	}
	copied = newConn(to)
	copied.plan = c.plan
	drop = func() error { return errors.Join(to.Close(), temp.Remove()) }
	if err := copyPages(c.c, to); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make a temporary copy of an older database in %s, which TMPDIR names: %w", folder, err), drop())
	}
	lock, err := TakeLock(folder) // nobody else uses the copy
	if err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	if err := errors.Join(migrate(copied, folder, Options{Lock: lock}.withDefaults()), lock.Release()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("upgrade a temporary copy of the database: %w", err), drop())
	}
	return copied, drop, nil
}

// copyPages copies a database as it is at one moment, including any damage.
func copyPages(from, to *sqlite.Conn) error {
	b, err := sqlite.NewBackup(to, "main", from, "main")
	if err != nil {
		return err
	}
	_, err = b.Step(-1)
	return errors.Join(err, b.Close())
}

// current returns a connection to a database of this version's schema: c itself, or an upgraded copy of an older database. The result older
// is the schema of the older database, or 0 if c was current. The function done deletes the copy and leaves c open.
func current(c *conn, dir string) (now *conn, older int, done func() error, err error) {
	version, err := known(c, dir)
	if err != nil {
		return nil, 0, nil, err
	}
	steps, err := c.plan.Migrations()
	if err != nil || version == len(steps) {
		return c, 0, func() error { return nil }, err
	}
	now, done, err = upgradedCopy(c, dir)
	return now, version, done, err
}

// known returns the schema of a database. It refuses files of other programs and of newer versions.
func known(c *conn, dir string) (version int, err error) {
	application, err := c.number("PRAGMA application_id")
	if err != nil {
		return 0, damaged(dir, err)
	}
	n, err := c.number("PRAGMA user_version")
	if err != nil {
		return 0, damaged(dir, err)
	}
	steps, err := c.plan.Migrations()
	switch {
	case err != nil:
		return 0, err
	case application != applicationN:
		return 0, fmt.Errorf("%w: %s", ErrForeign, dir)
	case n > int64(len(steps)):
		return 0, store.TooNew(int(n), len(steps))
	}
	return int(n), nil
}
