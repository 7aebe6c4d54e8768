package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"zombiezen.com/go/sqlite"
)

// View runs fn on a snapshot; see store.Engine. It waits for one of the reading connections and holds it for at most
// [Options.ViewTime].
func (e *Engine) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.opt.ViewTime)
	defer cancel()
	if e.closed() {
		return store.ErrClosed
	}
	c, err := e.takeReader(ctx)
	if err != nil {
		return err
	}
	defer func() { e.readers <- c }()
	return e.look(ctx, c, func() error { return fn(e.newTx(c, t, nil)) })
}

// takeReader waits for a reading connection. If none is free, it opens another one, as long as fewer than [Options.Readers] are open: each reads the
// whole schema, so a folder in which little happens is open sooner with one.
func (e *Engine) takeReader(ctx context.Context) (*conn, error) {
	select {
	case c := <-e.readers:
		return c, nil
	default:
	}
	if c := e.addReader(); c != nil {
		return c, nil
	}
	select {
	case c := <-e.readers:
		return c, nil
	case <-e.closing:
		return nil, store.ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a reading connection: %w", ctx.Err())
	}
}

// addReader opens another reading connection. It returns nil if there are enough, or if it cannot: the caller waits for one that is open.
func (e *Engine) addReader() *conn {
	if !e.adding.TryLock() { // somebody else opens one
		return nil
	}
	defer e.adding.Unlock()
	if e.opened == e.opt.Readers || e.closed() {
		return nil
	}
	c, err := connect(filepath.Join(e.dir, databaseFile), cacheReader, true)
	if err != nil {
		e.log.Warn("another reading connection was not opened", logkey.Err, err)
		return nil
	}
	e.opened++
	return c
}

// newTx returns a transaction at this moment.
func (e *Engine) newTx(c *conn, t access.Tenant, before *core.Fresh) *store.Tx {
	tx := store.NewTx(c, t, e.opt.Now(), e.opt.Rand, e.epoch, before)
	tx.Marker = e.opt.Marker
	return tx
}

// look runs fn in a read transaction that ends with ctx.
func (e *Engine) look(ctx context.Context, c *conn, fn func() error) (err error) {
	c.c.SetInterrupt(ctx.Done())
	defer func() {
		if r := recover(); r != nil {
			err = e.fit.Panicked(r)
			e.fit.Unfit(err)
		}
		c.c.SetInterrupt(nil)
		if errors.Is(c.fault, store.ErrReadOnly) {
			e.fit.Stop(c.fault) // a database that cannot be read must not be written to
		}
		c.fault = nil
		err = errors.Join(err, c.plain("ROLLBACK"))
	}()
	if err := c.plain("BEGIN"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		if ctx.Err() != nil && sqlite.ErrCode(err) == sqlite.ResultInterrupt {
			return fmt.Errorf("the query was ended: %w", context.Cause(ctx))
		}
		return err
	}
	return nil
}
