package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"zombiezen.com/go/sqlite"
)

// ErrNoDatabase: the folder has no database.
var ErrNoDatabase = errors.New("there is no database in the folder")

// Verify checks the database in dir, whether or not a server is running on it: SQLite's own integrity check, then
// store.Verify for every tenant, on one snapshot, against the signed heads that were kept outside the database. It
// writes nothing. Damage is a finding, not an error.
func Verify(ctx context.Context, dir string) (*store.Report, error) {
	return VerifyWith(ctx, dir, headlog.ExternalHeads{})
}

// Has reports whether a folder holds a database.
func Has(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, databaseFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// VerifyWith is Verify, but also checks against heads and a key that were stored outside the data folder.
func VerifyWith(ctx context.Context, dir string, outside headlog.ExternalHeads) (*store.Report, error) {
	path := filepath.Join(dir, databaseFile)
	if !Has(dir) {
		return nil, fmt.Errorf("%w: %s", ErrNoDatabase, dir)
	}
	c, err := connect(path, cacheReader, true)
	if err != nil {
		return unreadable(err)
	}
	defer func() { _ = c.c.Close() }() // nothing was written
	return inspect(ctx, c, dir, outside)
}

// unreadable returns a finding for a database that cannot be opened.
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

// inspect checks the database of a connection, or an upgraded copy of an older one.
func inspect(ctx context.Context, c *conn, dir string, outside headlog.ExternalHeads) (r *store.Report, err error) {
	if _, err := known(c, dir); err != nil {
		return unreadable(err)
	}
	r = new(store.Report)
	trust, err := headlog.ReadTrust(dir, r) // before the snapshot, which must hold everything that the heads sign
	if err == nil {
		err = trust.Join(outside, r)
	}
	if err != nil {
		return nil, err
	}
	c, older, done, err := current(c, dir)
	if err != nil {
		return unreadable(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	r.Older = older
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
func inspectAll(c *conn, trust headlog.Trust, r *store.Report) error {
	err := c.Query("PRAGMA integrity_check(20)", func(w core.Row) error {
		if w.Text(0) != "ok" {
			r.Find("file", "SQLite's integrity check says: %s.", w.Text(0))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := verifySchema(c, r); err != nil {
		return err
	}
	epoch, err := c.number(selectEpoch)
	if err != nil {
		return err
	}
	origins, err := store.VerifyAll(func(t access.Tenant) *store.Tx { return newTx(c, t, epoch) }, func(t access.Tenant, origin string) store.Trust {
		of := trust.Of(t, origin)
		of.AtOnce = true
		return of
	}, r)
	if err == nil {
		trust.Strays(origins, r)
	}
	return err
}
