package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/store"
)

// Folder is a data folder opened by a command that needs no server. A server may use the same folder at the same time.
type Folder struct {
	Engine store.Engine
	Access *access.Access
	now    func() time.Time
	data   *keystore.DataKey
}

// OpenFolder opens the data folder and makes its database at first use; with a url it opens that PostgreSQL database instead,
// and uses its clock, as its servers do. The errors are those of sqlite.Open or postgres.Open.
func OpenFolder(ctx context.Context, dir, url string, log *slog.Logger) (*Folder, error) {
	return OpenFolderAt(ctx, dir, url, nil, access.DefaultArgon(), log)
}

// OpenFolderAt is [OpenFolder] with a cost of hashing passwords, and with a clock of the caller's, which a database's clock does not replace. A
// nil clock is that of OpenFolder.
func OpenFolderAt(ctx context.Context, dir, url string, now func() time.Time, cost access.Argon, log *slog.Logger) (*Folder, error) {
	c := databaseConfig{data: dir, url: url, now: now, log: log, brief: true}
	if now == nil {
		c.now, c.follow = plantClock(time.Now), !clockPlanted()
	}
	return openFolder(ctx, c, cost)
}

func openFolder(ctx context.Context, c databaseConfig, cost access.Argon) (*Folder, error) {
	e, err := openDatabase(ctx, c)
	if err != nil {
		return nil, err
	}
	now := e.clock(c.now)
	a, err := newAccess(e, now, e.data, cost)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &Folder{Engine: e, Access: a, now: now, data: e.data}, nil
}

// NamedVendor is the vendor that a name stands for; the zero ID for an empty name.
type NamedVendor struct {
	refusal.Refusal
	ID id.ID
}

// Vendor finds a vendor by code or id. It refuses a code that no vendor has.
func (f *Folder) Vendor(ctx context.Context, name string) (out NamedVendor, err error) {
	if name == "" {
		return out, nil
	}
	if out.ID, err = id.Parse(id.Vendor, name); err == nil {
		return out, nil
	}
	err = f.Engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		v, found, err := tx.VendorByCode(strings.ToUpper(strings.TrimSpace(name)))
		if out.ID = v.ID; err == nil && !found {
			out.Refusal = refuse.KeyVendorNotFound(refusal.Echo(name))
		}
		return err
	})
	return out, err
}

// VendorCodes returns the codes of all vendors by their ids.
func (f *Folder) VendorCodes(ctx context.Context) (map[id.ID]string, error) {
	codes := map[id.ID]string{}
	err := f.Engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		for after := (id.ID{}); ; {
			page, err := tx.VendorPage(after, vendorPage)
			for _, v := range page {
				codes[v.ID], after = v.Code, v.ID
			}
			if err != nil || len(page) < vendorPage {
				return err
			}
		}
	})
	return codes, err
}

// vendorPage is how many vendors are read at once.
const vendorPage = 200

// Logins makes, lists and ends logins of the integration broker.
func (f *Folder) Logins() *mirror.Logins {
	return newLogins(f.Engine, Config{Now: f.now, Rand: rand.Reader}, f.data)
}

// Close finishes pending work and closes the folder.
func (f *Folder) Close() error { return f.Engine.Close() }

// Clerk is the actor at this machine's command line.
func Clerk() access.Actor { return access.SystemActor(store.FirstTenant, "command line") }

func newAccess(e store.Engine, now func() time.Time, h access.Hasher, cost access.Argon) (*access.Access, error) {
	return access.New(access.Config{
		Door: store.DoorTo(e, store.Sale, func(tx *store.Tx) access.Tx { return tx }),
		Now:  now, Rand: rand.Reader, Hasher: h, Argon: cost,
	})
}
