package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// safeEvery is how often a server in safe mode looks whether the cause is gone.
const safeEvery = 5 * time.Second

// defect is a cause for safe mode.
type defect struct {
	app.Defect
	set     config.Config // what can be used of the settings
	failure error         // how the command ends if it is stopped in safe mode
}

// serveOrSafely serves. While the settings file or the database cannot be used, it serves a page that says why, unless the setting
// safe_mode is off.
func (c console) serveOrSafely(cmd *cobra.Command) error {
	for {
		set, t, err := c.usable(cmd)
		if err != nil {
			return err
		}
		if t == nil {
			log := c.serverLog(set)
			a, err := c.open(set, log)
			if err == nil {
				return c.serve(cmd.Context(), a, set, log)
			}
			if t = openDefect(set, err); t == nil {
				return serveFailure(set, err)
			}
		}
		if !t.set.On(config.SafeMode) {
			return t.failure
		}
		if err := c.safely(cmd, t); err != nil {
			return err
		}
	}
}

// usable reads the settings. If the settings file alone is wrong, that is a defect and not an error.
func (c console) usable(cmd *cobra.Command) (config.Config, *defect, error) {
	set, src, err := c.readAll(cmd)
	if err == nil {
		if err = set.CheckPlain(); err == nil {
			return set, nil, nil
		}
	}
	wrong, all := config.FileErrors(err)
	if !all {
		return set, nil, settingFailure(err)
	}
	return set, &defect{Defect: app.Defect{Refusal: refuse.SafeConfig(), Path: src.FilePath, Mistakes: mistakes(src.FilePath, wrong)}, set: config.Salvage(src), failure: settingFailure(err)}, nil
}

// openDefect returns the defect behind an error of opening the server, or nil if the command should end.
func openDefect(set config.Config, err error) *defect {
	t := &defect{set: set, failure: serveFailure(set, err)}
	switch {
	case errors.Is(err, sqlite.ErrLocked):
		t.Refusal = refuse.SafeInUse()
	case errors.Is(err, store.ErrNewer):
		t.Refusal = refuse.SafeNewer()
	default:
		return nil
	}
	t.Path = place{set.Text(config.Data), set.Text(config.Store)}.String()
	return t
}

// safely serves the page until the cause is gone. It returns an error when the command should end.
func (c console) safely(cmd *cobra.Command, t *defect) error {
	var mu sync.Mutex
	look := make(chan struct{}, 1) // one wish to look at once is enough
	log := c.serverLog(t.set)
	safe, err := app.OpenSafe(app.SafeConfig{HTTP: t.set.Text(config.HTTP), TLSCert: t.set.Text(config.TLSCert), TLSKey: t.set.Text(config.TLSKey), Data: t.set.Text(config.Data),
		Version: programVersion().Version, Log: log, Look: look, Defect: func() app.Defect {
			mu.Lock()
			defer mu.Unlock()
			return t.Defect
		}})
	if err != nil {
		log.Error("safe mode not possible", logkey.Err, err)
		return t.failure
	}
	var said *exit.Failure
	if errors.As(t.failure, &said) {
		printFailure(c.err, said)
	}
	c.tell("Safe mode: %s says what is wrong. The server looks again every %s, and at once after SIGHUP.", safe.URL(), safeEvery)
	if _, err := fmt.Fprintf(c.out, "safe-mode http=%s code=%s\n", safe.Address(), t.Code); err != nil {
		return errors.Join(fmt.Errorf("write the line of the safe mode: %w", err), safe.Close())
	}
	log.Warn("server in safe mode", logkey.Listen, safe.Address(), logkey.Code, string(t.Code))
	ctx, stop := context.WithCancel(cmd.Context())
	ended := make(chan error, 1)
	go func() { ended <- safe.Run(ctx) }()
	gone := c.lookAgain(ctx, look, func() bool {
		next := c.still(cmd, t)
		if next == nil {
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		*t = *next
		return false
	}, ended)
	stop()
	if err := <-ended; err != nil {
		log.Error("safe mode ended", logkey.Err, err)
		return t.failure
	}
	if !gone {
		return t.failure
	}
	log.Info("server leaves safe mode")
	return nil
}

// lookAgain waits until gone reports true. It returns false if ctx or the page ends before.
func (c console) lookAgain(ctx context.Context, look chan struct{}, gone func() bool, ended chan error) bool {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(safeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case err := <-ended:
			ended <- err
			return false
		case <-hup:
		case <-look:
		case <-tick.C:
		}
		if gone() {
			return true
		}
	}
}

// still returns the defect that remains, or nil if the server can be opened again.
func (c console) still(cmd *cobra.Command, was *defect) *defect {
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
		var lock *sqlite.Lock
		if lock, err = sqlite.TakeLock(dir); err == nil {
			err = lock.Release()
		}
	case refusal.DatabaseNewer:
		var f *app.Folder
		if f, err = app.OpenFolder(cmd.Context(), dir, set.Text(config.Store), slog.New(slog.DiscardHandler)); err == nil {
			err = f.Close()
		}
	}
	if err == nil {
		return nil
	}
	return openDefect(set, err)
}
