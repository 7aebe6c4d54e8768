// Package apptest makes people for tests of whole programs.
package apptest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Password is the password of everybody whom this package makes.
const Password = "a few unrelated words"

// Person is somebody to make.
type Person struct {
	Email   string
	Role    access.Role
	KeyName string // name of the person's API key
}

// Key makes a confirmed person beside a server that may be running, and returns an API key of the person. If the person exists, Key makes
// another key. The data is in the folder dir, or in the database at the url if that is not empty.
//
// The clock now is the server's. By another clock, the person could be confirmed at a later time than that of the person's first request,
// and nobody may approve such a request. A nil clock is that of this machine, or of the database at the url.
func Key(ctx context.Context, dir, url string, now func() time.Time, p Person) (key string, err error) {
	f, err := openFolder(ctx, dir, url, now)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	by := app.Clerk()
	invited, err := f.Access.Invite(ctx, by, access.NewPerson{Email: p.Email, Role: p.Role})
	if err == nil && !invited.Refused() {
		err = errors.Join(
			done(f.Access.Accept(ctx, by.Tenant, invited.Link.Reveal(), access.SecretOf(Password), "")),
			done(f.Access.Confirm(ctx, by, p.Email)))
	}
	if err != nil {
		return "", err
	}
	made, err := f.Access.CreateAPIKey(ctx, by, access.NewKey{Role: p.Role, Name: p.KeyName, Person: p.Email})
	return made.Secret.Reveal(), errors.Join(err, allowed(made.Refusal))
}

// MakeVendorKeys makes a number of API keys for each vendor beside a server that may be running. The data is where [Key] says, and the clock is
// that of this machine, or of the database at the url.
func MakeVendorKeys(ctx context.Context, dir, url string, vendors []id.ID, each int) (keys [][]string, err error) {
	f, err := openFolder(ctx, dir, url, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	keys = make([][]string, len(vendors))
	for i, vendor := range vendors {
		for range each {
			made, err := f.Access.CreateAPIKey(ctx, app.Clerk(), access.NewKey{Role: access.VendorAPI, Vendor: vendor})
			if err = errors.Join(err, allowed(made.Refusal)); err != nil {
				return nil, err
			}
			keys[i] = append(keys[i], made.Secret.Reveal())
		}
	}
	return keys, nil
}

// openFolder opens the data with passwords that cost nothing to hash: at the cost of a release, each person would take a fifth of a second of
// processor time, and each sign-in again.
func openFolder(ctx context.Context, dir, url string, now func() time.Time) (*app.Folder, error) {
	return app.OpenFolderAt(ctx, dir, url, now, access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}, slog.New(slog.DiscardHandler))
}

// done is the error of a change of a person.
func done(c access.Changed, err error) error { return errors.Join(err, allowed(c.Refusal)) }

func allowed(no refusal.Refusal) error {
	if no.Refused() {
		return fmt.Errorf("refused: %s", no.Detail())
	}
	return nil
}
