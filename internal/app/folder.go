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
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// Folder is a data folder opened by a command that needs no server, beside a running one or not.
type Folder struct {
	Engine *sqlite.Engine
	Access *access.Access
}

// OpenFolder opens the data folder and makes its database at first use. The errors are those of sqlite.Open.
func OpenFolder(dir string, log *slog.Logger) (*Folder, error) {
	// The reserve belongs to the server: a command that ends at once would only write 64 MiB for nothing.
	e, err := sqlite.Open(dir, sqlite.Options{Log: log, Readers: 1, Reserve: -1})
	if err != nil {
		return nil, err
	}
	a, err := newAccess(e)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &Folder{Engine: e, Access: a}, nil
}

// Vendor is the identity of a vendor that is named by its code or identity; the zero ID for no name. A name of nobody
// gives an identity of nobody, which making a key then refuses.
func (f *Folder) Vendor(ctx context.Context, name string) (id.ID, error) {
	if name == "" {
		return id.ID{}, nil
	}
	if i, err := id.Parse(id.Vendor, name); err == nil {
		return i, nil
	}
	nobody := id.ID{15: 1}
	err := f.Engine.View(ctx, store.FirstTenant, func(tx *store.Tx) error {
		v, found, err := tx.VendorByCode(strings.ToUpper(strings.TrimSpace(name)))
		if found {
			nobody = v.ID
		}
		return err
	})
	return nobody, err
}

// Close finishes what was begun.
func (f *Folder) Close() error { return f.Engine.Close() }

// Clerk is who acts at this machine's command line.
func Clerk() access.Actor { return access.SystemActor(store.FirstTenant, "command line") }

func newAccess(e store.Engine) (*access.Access, error) {
	return access.New(access.Config{
		Door: doorTo(e, store.Sale, func(tx *store.Tx) access.Tx { return tx }),
		Now:  time.Now, Rand: rand.Reader,
	})
}
