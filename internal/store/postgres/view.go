package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// View runs fn on a snapshot; see store.Engine. It waits for one of the reading connections and holds it for at most
// [Options.ViewTime].
func (e *Engine) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.opt.ViewTime)
	defer cancel()
	if e.closed() {
		return store.ErrClosed
	}
	var c *conn
	select {
	case c = <-e.readers:
	case <-e.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a reading connection: %w", context.Cause(ctx))
	}
	defer func() { e.readers <- c }()
	for try := 1; ; try++ {
		if !c.alive() {
			fresh, err := e.connect(ctx)
			if err != nil {
				return fmt.Errorf("%w: %w", store.ErrBusy, err)
			}
			c = fresh
		}
		err := e.look(ctx, c, t, fn)
		if try == 1 && errors.Is(err, errAway) && ctx.Err() == nil {
			continue // the connection was lost while it was idle; fn has changed nothing
		}
		return err
	}
}

// look runs fn in a snapshot that ends with ctx.
func (e *Engine) look(ctx context.Context, c *conn, t access.Tenant, fn func(*store.Tx) error) (err error) {
	c.ctx = ctx
	defer func() {
		if r := recover(); r != nil {
			err = e.fit.Panicked(r)
			e.fit.Unfit(err)
		}
		if errors.Is(err, store.ErrReadOnly) {
			e.fit.Stop(err) // a database that cannot be read must not be written to
		}
		if ctx.Err() != nil {
			c.drop() // a statement may still be running on it
			err = errors.Join(err, fmt.Errorf("the query was ended: %w", context.Cause(ctx)))
			return
		}
		err = errors.Join(err, c.rollback())
	}()
	if err := c.beginAt(beginView, e.clock); err != nil {
		return err
	}
	return fn(e.newTx(c, t))
}
