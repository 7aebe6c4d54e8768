package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// Errors of the data key.
var (
	// ErrOlderDataKey means that the database belongs to a key that a rotation has replaced.
	ErrOlderDataKey = errors.New("the database belongs to an older key of data.key, which a rotation has replaced. " +
		"If a backup from before the rotation was restored, run paywatt store rotate-key data, which brings it under the newest key. If not, somebody has changed the database")
	// ErrForeignDataKey means that the database belongs to no key of the folder.
	ErrForeignDataKey = errors.New("data.key does not belong to this database")
)

// openData opens the data key, and puts the version into use to which the database belongs.
func (d *database) openData(ctx context.Context, c databaseConfig) (err error) {
	if d.data, err = keystore.OpenData(c.data); err != nil || d.data.Versions() == 1 {
		return err
	}
	version, found, err := d.dataVersion(ctx)
	switch {
	case err != nil:
		return err
	case !found: // another key altogether: the server says so when it starts
		return nil
	case version > 1 && !c.older, version == 1 && !d.data.Rotating() && !c.older:
		return ErrOlderDataKey
	}
	d.data.Use(version)
	return nil
}

// dataVersion returns the version of the data key to which the database belongs.
func (d *database) dataVersion(ctx context.Context) (version int, found bool, err error) {
	err = d.View(ctx, store.FirstTenant, func(tx *store.Tx) (err error) {
		for version = range d.data.Versions() {
			if found, err = tx.KeyIs("data", markerUnder(d.data, version).KeyMark()); found || err != nil {
				return err
			}
		}
		return nil
	})
	return version, found, err
}

// markerUnder makes marks with one version of a data key.
func markerUnder(key *keystore.DataKey, version int) core.Marker {
	return func(context string, data []byte) []byte { return key.HashUnder(version, context, data) }
}

// markersOf returns a Marker for each version that may be in use.
func markersOf(key *keystore.DataKey) []core.Marker {
	out := []core.Marker{markerUnder(key, 0)}
	if key.Rotating() {
		out = append(out, markerUnder(key, 1))
	}
	return out
}

// DataKeyResult is what a rotation of the data key did.
type DataKeyResult struct {
	Resumed bool // an earlier rotation was interrupted, or a backup from before it was restored; no new key was made
	Rows    int  // rows that were put under the new key
	Keys    int  // keys in the file
}

// RotateDataKey makes a new data key and puts the database under it. No server may use the database meanwhile. The new key is added to the
// key file first, so at every moment the file holds all keys that the database needs. One transaction then puts the database under the
// new key. If RotateDataKey is interrupted, calling it again continues.
func RotateDataKey(ctx context.Context, dir, url string, log *slog.Logger) (out DataKeyResult, err error) {
	c := databaseConfig{data: dir, url: url, now: plantClock(time.Now), follow: !clockPlanted(), log: log, rand: rand.Reader, brief: true, older: true}
	if url == "" {
		if c.lock, err = sqlite.TakeLock(dir); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, c.lock.Release()) }()
	}
	d, err := openDatabase(ctx, c)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if d.shared != nil {
		if err := d.shared.Unserved(ctx); err != nil {
			return out, err
		}
	}
	version, found, err := d.dataVersion(ctx)
	switch {
	case err != nil:
		return out, err
	case !found:
		return out, ErrForeignDataKey
	}
	if err := keyCredentials(ctx, d, dir, log); err != nil {
		return out, err
	}
	out.Resumed = version > 0 || d.data.Rotating()
	if !out.Resumed {
		if err := keystore.BeginDataRotation(dir); err != nil {
			return out, err
		}
		if d.data, err = keystore.OpenData(dir); err != nil {
			return out, err
		}
		version = 1
	}
	d.data.Use(version)
	if version > 0 {
		if out.Rows, err = rekey(ctx, d); err != nil {
			return out, fmt.Errorf("put the database under the new data key: %w", err)
		}
	}
	out.Keys = d.data.Versions()
	return out, keystore.EndDataRotation(dir)
}

// rekey puts the database under the newest data key, in one transaction.
func rekey(ctx context.Context, d *database) (rows int, err error) {
	err = d.Run(ctx, store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		rows, err = tx.Rekey(people.DataKeyChange{Next: markerUnder(d.data, 0), Carry: d.data.Carry, Reseal: d.data.Reseal}, Clerk().Entry("datakey.rotate", "data.key"))
		return false, err
	})
	return rows, err
}
