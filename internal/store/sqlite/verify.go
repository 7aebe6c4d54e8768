package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
)

// ErrNoDatabase: the folder has none.
var ErrNoDatabase = errors.New("there is no database in the folder")

// Verify checks the database in dir, whether or not a server is running on it: SQLite's own integrity check, then
// store.Verify for every tenant, on one snapshot, against the signed heads that were kept outside the database. It
// writes nothing. Damage is a finding, not an error.
func Verify(ctx context.Context, dir string) (*store.Report, error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoDatabase, dir)
	}
	c, err := connect(path, cacheReader, true)
	if err != nil {
		return unreadable(err)
	}
	defer func() { _ = c.c.Close() }() // nothing was written through it
	return inspect(ctx, c, dir)
}

// unreadable makes a finding of a database that cannot even be opened.
func unreadable(err error) (*store.Report, error) {
	if !errors.Is(err, ErrCorrupt) && !damagedRead(err) {
		return nil, err
	}
	r := new(store.Report)
	r.Find("file", "The database cannot be read: %v.", err)
	return r, nil
}

func damagedRead(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return true
	}
	return false
}

// inspect checks what a connection shows.
func inspect(ctx context.Context, c *conn, dir string) (*store.Report, error) {
	if err := known(c, dir); err != nil {
		return unreadable(err)
	}
	r := new(store.Report)
	trust, err := readTrust(dir, r)
	if err != nil {
		return nil, err
	}
	c.c.SetInterrupt(ctx.Done())
	defer c.c.SetInterrupt(nil)
	if err := c.plain("BEGIN"); err != nil {
		return unreadable(err)
	}
	if err := inspectAll(c, trust, r); err != nil {
		if !damagedRead(err) {
			return nil, errors.Join(err, ctx.Err())
		}
		r.Find("file", "The database cannot be read to the end: %v.", err)
	}
	return r, nil
}

// inspectAll checks the file and every tenant in it.
func inspectAll(c *conn, trust trust, r *store.Report) error {
	err := c.Query("PRAGMA integrity_check(20)", func(w store.Row) error {
		if w.Text(0) != "ok" {
			r.Find("file", "SQLite's own check says: %s.", w.Text(0))
		}
		return nil
	})
	if err != nil {
		return err
	}
	epoch, err := c.number(selectEpoch)
	if err != nil {
		return err
	}
	tenants, err := newTx(c, store.FirstTenant, epoch).Tenants()
	if err != nil {
		return err
	}
	if len(tenants) == 0 {
		r.Find("file", "The database has no tenant.")
	}
	for _, t := range tenants {
		if err := store.Verify(newTx(c, t, epoch), store.Trust{Public: trust.public, Heads: trust.heads[t]}, r); err != nil {
			return err
		}
	}
	return nil
}

// known refuses files that this program cannot judge.
func known(c *conn, dir string) error {
	application, err := c.number("PRAGMA application_id")
	if err != nil {
		return damaged(dir, err)
	}
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return damaged(dir, err)
	}
	steps, err := store.Migrations()
	if err != nil {
		return err
	}
	switch {
	case application != applicationN:
		return fmt.Errorf("%w: %s", ErrForeign, dir)
	case version > int64(len(steps)):
		return fmt.Errorf("%w: it has schema %d, this program knows %d", store.ErrNewer, version, len(steps))
	case version < int64(len(steps)):
		return fmt.Errorf("the database has schema %d, this program %d: starting or restoring it brings it up to date", version, len(steps))
	}
	return nil
}

// trust is what the folder holds besides the database.
type trust struct {
	public string
	heads  map[access.Tenant][]seal.Head
}

// readTrust reads the seal key and the heads that were kept outside the database.
func readTrust(dir string, r *store.Report) (trust, error) {
	text, err := os.ReadFile(filepath.Join(dir, sealKeyFile))
	if err != nil {
		return trust{}, fmt.Errorf("read the seal key: %w", err)
	}
	key, err := seal.ParseKey(string(text))
	if err != nil {
		return trust{}, err
	}
	t := trust{public: key.Public(), heads: make(map[access.Tenant][]seal.Head)}
	f, err := os.Open(filepath.Join(dir, headsFile))
	if errors.Is(err, fs.ErrNotExist) {
		r.Find("head", "The log of signed heads (%s) is missing.", headsFile)
		return t, nil
	}
	if err != nil {
		return trust{}, err
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var l headLine
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			r.Count("torn lines in "+headsFile, 1) // by a power cut: the next line carries the same and more
			continue
		}
		h, err := seal.ParseHead(l.Note, t.public)
		if err != nil {
			r.Find("head", "Line %d of %s is no head signed by this store's key.", n, headsFile)
			continue
		}
		t.heads[l.Tenant] = append(t.heads[l.Tenant], h)
		r.Count("heads kept outside the database", 1)
	}
	return t, lines.Err()
}
