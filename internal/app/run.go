package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
)

// Times of a running server.
const (
	shutdownTime = 10 * time.Second // for requests that were begun
	recoverEvery = time.Minute      // how often sales without an answer are asked for again
)

// Run serves until ctx ends or a part of the server breaks, then closes everything. What is acknowledged by then is
// durable; what is not will be asked again.
func (a *App) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var parts sync.WaitGroup
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"HTTP", a.serveHTTP}, {"meters", a.broker.Run}, {"outbox", a.outbox.Run}, {"recurring work", a.runner.Run},
		{"recovery", a.recover}, {"verification", a.verify},
	} {
		parts.Go(func() {
			if err := part.run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", part.name, err))
			}
		})
	}
	<-ctx.Done()
	a.log.Info("server stopping", logkey.Reason, context.Cause(ctx).Error())
	parts.Wait()
	err := a.close()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// serveHTTP answers requests; when ctx ends it takes no more, and those under way get shutdownTime.
func (a *App) serveHTTP(ctx context.Context) error {
	s := a.server()
	ended := make(chan error, 1)
	go func() {
		if a.tls != nil {
			ended <- s.ServeTLS(a.http, "", "")
			return
		}
		ended <- s.Serve(a.http)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := s.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// recover finishes sales that a crash or a lost answer left open, at once and then every minute.
func (a *App) recover(ctx context.Context) error {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	by := access.SystemActor(tenant, "recovery")
	for {
		n, err := a.vending.Recover(ctx, by)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("open sales not finished", logkey.Err, err)
		}
		if n > 0 {
			a.log.Info("open sales finished", logkey.Count, n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
