package store

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
)

// door is a use case's way to an engine: X is the interface through which the use case sees a transaction.
type door[X any] struct {
	engine Engine
	lane   Lane
	as     func(*Tx) X
}

// DoorTo makes a door whose transactions wait in a lane. The last argument is always the identity function. It lets the compiler check that
// the store's transaction has every method that the use case needs.
func DoorTo[X any](e Engine, lane Lane, as func(*Tx) X) access.Door[X] {
	return door[X]{engine: e, lane: lane, as: as}
}

// Do runs fn in a transaction of the tenant. Of a rehearsal it undoes everything.
func (d door[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	if access.Rehearsing(ctx) {
		return d.engine.Run(ctx, t, d.lane, func(tx *Tx) (bool, error) {
			_, err := fn(d.as(tx))
			return true, err
		})
	}
	return d.engine.Run(ctx, t, d.lane, func(tx *Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot.
func (d door[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *Tx) error { return fn(d.as(tx)) })
}
