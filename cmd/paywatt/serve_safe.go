package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refuse"
)

// safeEvery is how often a server in safe mode looks whether the cause is gone.
const safeEvery = 5 * time.Second

func (c console) safeEvery() time.Duration { return cmp.Or(c.periods.safeLook, safeEvery) }

// defect is a cause for safe mode.
type defect struct {
	app.Defect
	set     config.Config // what can be used of the settings
	failure error         // how the command ends if it is stopped in safe mode
}

// serveOrSafely serves. While the settings file or the database cannot be used, it serves a page that says why, unless the setting
// safe_mode is off.
func (c console) serveOrSafely(cmd *cobra.Command) error {
	hup := c.hangUps()
	defer signal.Stop(hup)
	for {
		set, t, err := c.usable(cmd)
		if err != nil {
			return err
		}
		if t == nil {
			log := c.serverLog(set)
			a, err := c.open(set, log)
			if err == nil {
				return c.serve(cmd.Context(), a, set, log, hup)
			}
			if t = openDefect(set, err); t == nil {
				return serveFailure(set, err)
			}
		}
		if !t.set.On(config.SafeMode) {
			return t.failure
		}
		if err := c.safely(cmd, t, hup); err != nil {
			return err
		}
	}
}

// hangUps returns the signals that make the server look again: at the cause of the safe mode, or at its certificate. From the beginning no
// such signal ends the server, because it may arrive at the moment when the server leaves safe mode. Only on a terminal it still does, as
// the terminal is closed then.
func (c console) hangUps() chan os.Signal {
	hup := make(chan os.Signal, 1)
	if in, ok := c.in.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		signal.Notify(hup, syscall.SIGHUP)
	}
	return hup
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

// safely serves the page until the cause is gone. It returns an error when the command should end.
func (c console) safely(cmd *cobra.Command, t *defect, hup <-chan os.Signal) error {
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
		return withoutPage(t.failure, err)
	}
	var said *exit.Failure
	if errors.As(t.failure, &said) {
		printFailure(c.err, said)
	}
	scheme := "http"
	if safe.Secure() {
		scheme = "https"
	}
	c.tell("Safe mode: %s://%s%s says what is wrong. The server looks again every %s, and at once after SIGHUP.", scheme, reachable(safe.Address()), safe.Path(), c.safeEvery())
	if _, err := fmt.Fprintf(c.out, "safe-mode http=%s code=%s\n", safe.Address(), t.Code); err != nil {
		return errors.Join(fmt.Errorf("write the line of the safe mode: %w", err), safe.Close())
	}
	log.Warn("server in safe mode", logkey.Listen, safe.Address(), logkey.Code, string(t.Code))
	ctx, stop := context.WithCancel(cmd.Context())
	ended := make(chan error, 1)
	go func() { ended <- safe.Run(ctx) }()
	gone := c.lookAgain(ctx, hup, look, func() bool {
		next := c.still(ctx, cmd, t)
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

// withoutPage adds to a failure that the page of the safe mode cannot be served either.
func withoutPage(failure, err error) error {
	var said *exit.Failure
	if !errors.As(failure, &said) {
		return failure
	}
	full := *said
	full.What += " The page of the safe mode cannot be served either: " + err.Error() + "."
	return &full
}

// lookAgain waits until gone reports true. It returns false if ctx or the page ends before.
func (c console) lookAgain(ctx context.Context, hup <-chan os.Signal, look chan struct{}, gone func() bool, ended chan error) bool {
	tick := time.NewTicker(c.safeEvery())
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
