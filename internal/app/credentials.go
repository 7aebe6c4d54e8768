package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// keyedFile says that the credentials of the folder's database have their keyed form. It is outside the database, so that somebody who can
// only write to the database cannot have rows in the old form accepted.
const keyedFile = "credentials.keyed"

// keyed reports whether the credentials of the folder's database have their keyed form.
func keyed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, keyedFile))
	return !errors.Is(err, fs.ErrNotExist)
}

// keyCredentials turns the credentials of older versions, which were stored as plain SHA-256, into keyed hashes, and marks their rows.
// It ends open sessions. It does so once. If it is interrupted, the next start continues.
func keyCredentials(ctx context.Context, d *database, dir string, log *slog.Logger) error {
	if keyed(dir) {
		return nil
	}
	total, err := changeEachTenant(ctx, d, func(t access.Tenant) (int, error) { return keyTenant(ctx, d, t) })
	if err != nil {
		return fmt.Errorf("convert the stored credentials: %w", err)
	}
	if total > 0 {
		log.Info("stored credentials were converted to keyed hashes", "rows", total)
	}
	return keystore.WriteOnce(filepath.Join(dir, keyedFile), nil)
}

// changeEachTenant calls change for each tenant of the database, and returns how many rows it changed.
func changeEachTenant(ctx context.Context, d *database, change func(access.Tenant) (int, error)) (total int, err error) {
	var tenants []access.Tenant
	err = d.View(ctx, store.FirstTenant, func(tx *store.Tx) (err error) { tenants, err = tx.Tenants(); return err })
	for _, t := range tenants {
		if err != nil {
			break
		}
		var n int
		n, err = change(t)
		total += n
	}
	return total, err
}

// markNumbers marks the telephone numbers that an older version registered, once for each database.
func markNumbers(ctx context.Context, d *database, log *slog.Logger) error {
	total, err := changeEachTenant(ctx, d, func(t access.Tenant) (n int, err error) {
		for more := true; more && err == nil; {
			var marked int
			err = d.Run(ctx, t, store.Job, func(tx *store.Tx) (_ bool, err error) { marked, more, err = tx.MarkNumbers(); return false, err })
			n += marked
		}
		return n, err
	})
	if total > 0 {
		log.Info("telephone numbers of customers were marked", "numbers", total)
	}
	return fault.Wrap(err, "mark the telephone numbers of customers")
}

// credentialBatch is how many rows one transaction converts.
const credentialBatch = 200

func keyTenant(ctx context.Context, d *database, t access.Tenant) (total int, err error) {
	plain := func(of string) func([32]byte) [32]byte {
		return func(sum [32]byte) [32]byte { return access.KeyedForm(d.data, of, sum) }
	}
	password := func(number string, sum []byte) ([]byte, bool) { return registry.KeyedPassword(d.data, number, sum) }
	var after id.ID
	for _, step := range []func(*store.Tx) (int, error){
		func(tx *store.Tx) (int, error) { return tx.KeyKeys(credentialBatch, plain(access.FormKey)) },
		func(tx *store.Tx) (int, error) { return tx.KeyIntegrations(credentialBatch, plain(mirror.Form)) },
		func(tx *store.Tx) (int, error) { return tx.MarkPeople(credentialBatch) },
		func(tx *store.Tx) (int, error) { return tx.DropUnmarkedLogins() },
		func(tx *store.Tx) (n int, err error) {
			var last id.ID
			if n, last, err = tx.KeyPasswords(after, credentialBatch, password); err == nil {
				after = last
			}
			return n, err
		},
	} {
		for {
			n := 0
			err := d.Run(ctx, t, store.Job, func(tx *store.Tx) (_ bool, err error) { n, err = step(tx); return false, err })
			if err != nil {
				return total, err
			}
			if total += n; n < credentialBatch {
				break
			}
		}
	}
	return total, nil
}
