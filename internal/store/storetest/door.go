package storetest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// errDice is the error for an identity that cannot be made.
var errDice = errors.New("no random bytes")

// dice is a source of random bytes whose nth read fails.
type dice struct {
	io.Reader
	left int
}

func (d *dice) Read(b []byte) (int, error) {
	if d.left--; d.left == 0 {
		return 0, errDice
	}
	return d.Reader.Read(b)
}

// Door opens a store for the use cases of a package, as the application does.
type Door[X any] struct {
	t             testing.TB
	engine, whole store.Engine
	every         bool
	as            func(*store.Tx) X
}

// DoorOf makes the door to a store. If the parameter every is true, each statement and each new identity of a transaction fails once before
// the transaction really runs. The test fails if the transaction does not return such a failure as an error.
func DoorOf[X any](t testing.TB, e store.Engine, every bool, as func(*store.Tx) X) Door[X] {
	d := Door[X]{t: t, engine: e, whole: e, every: every, as: as}
	if every {
		d.engine = WithFaults(t, e, NewPlaces())
	}
	return d
}

// Do runs fn in a transaction of the store.
func (d Door[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	for n := 1; d.every; n++ {
		reached := false
		err := d.whole.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
			r := &dice{tx.Rand, n}
			tx.Rand = r
			_, err := fn(d.as(tx))
			if reached = r.left <= 0; !reached {
				err = errDice // so that this run is rolled back
			}
			return false, err
		})
		if !reached {
			break
		}
		if !errors.Is(err, errDice) {
			d.t.Errorf("identity %d of a transaction could not be made, and it came to %v", n, err)
		}
	}
	return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot of the store.
func (d Door[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}
