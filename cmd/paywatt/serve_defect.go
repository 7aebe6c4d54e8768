package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// openDefect returns the defect behind an error of opening the server, or nil if the command should end. It should end if nothing but
// another start mends the cause, or if the page itself has no address.
func openDefect(set config.Config, err error) *defect {
	t := &defect{set: set, failure: serveFailure(set, err)}
	t.Path = place{set.Text(config.Data), set.Text(config.Store)}.String()
	cause := err
	var taken *app.ListenError
	switch {
	case errors.Is(err, sqlite.ErrLocked):
		t.Refusal, cause = refuse.SafeInUse(), nil
	case errors.Is(err, store.ErrNewer):
		t.Refusal = refuse.SafeNewer()
	case errors.Is(err, postgres.ErrAway):
		t.Refusal = refuse.SafeAway()
	case errors.Is(err, app.ErrCertificate):
		t.Refusal, t.Path = refuse.SafeCertificate(), config.TLSCert+" = "+set.Text(config.TLSCert)+", "+config.TLSKey+" = "+set.Text(config.TLSKey)
	case errors.As(err, &taken) && taken.Setting != config.HTTP:
		t.Refusal, t.Path, cause = refuse.SafeListener(), taken.Setting+" = "+taken.Address, taken
	case taken == nil && unwritable(set.Text(config.Data), err):
		t.Refusal, t.Path = refuse.SafeFolder(), set.Text(config.Data)
	default:
		return nil
	}
	if cause != nil {
		t.Mistakes = []app.Mistake{{What: sentenceOf(cause)}}
	}
	return t
}

// unwritable reports whether an error says that the data folder cannot be written to. With a database elsewhere, the keys in the folder
// are what cannot be written.
func unwritable(dir string, err error) bool {
	if errors.Is(err, sqlite.ErrUnwritable) {
		return true
	}
	var at *fs.PathError
	return errors.As(err, &at) && strings.HasPrefix(at.Path, dir) && (errors.Is(at, fs.ErrPermission) || errors.Is(at, syscall.EROFS) || errors.Is(at, syscall.ENOTDIR))
}

// still returns the defect that remains, or nil if the server can be opened again. It looks only at what was wrong, so that the page can
// stay until then.
func (c console) still(ctx context.Context, cmd *cobra.Command, was *defect) *defect {
	set, t, err := c.usable(cmd)
	if t != nil {
		return t
	}
	if err != nil {
		return was // mistakes outside of the file cannot appear while the command runs
	}
	dir := set.Text(config.Data)
	switch was.Code {
	case refusal.DatabaseInUse:
		err = lockable(dir)
	case refusal.DatabaseNewer, refusal.DatabaseAway, refusal.FolderUnwritable:
		if set.Text(config.Store) == "" {
			err = lockable(dir)
		}
		var f *app.Folder
		if err == nil {
			f, err = app.OpenFolder(ctx, dir, set.Text(config.Store), slog.New(slog.DiscardHandler))
		}
		if err == nil {
			err = f.Close()
		}
	case refusal.CertificateUnusable:
		if cert := set.Text(config.TLSCert); cert != "" {
			err = app.CheckCertificate(dir, cert, set.Text(config.TLSKey), set.Text(config.MQTTCA), set.Text(config.MQTTRevoked))
		}
	case refusal.ListenerClosed:
		err = app.CheckListeners(set)
	}
	if err == nil {
		return nil
	}
	return openDefect(set, err)
}

// lockable takes the lock of a data folder and releases it.
func lockable(dir string) error {
	lock, err := sqlite.TakeLock(dir)
	if err != nil {
		return err
	}
	return lock.Release()
}
