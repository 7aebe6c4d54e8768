package app

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// door is a use case's way to the store: X is its own view of a transaction. Which lane it waits in is decided here.
type door[X any] struct {
	engine store.Engine
	lane   store.Lane
	as     func(*store.Tx) X
}

// doorTo makes a door; as is always the identity, and the compiler checks by it that the store's transaction has what
// the use case wants.
func doorTo[X any](e store.Engine, lane store.Lane, as func(*store.Tx) X) access.Door[X] {
	return door[X]{engine: e, lane: lane, as: as}
}

// Do runs fn in a transaction of the tenant.
func (d door[X]) Do(ctx context.Context, t access.Tenant, fn func(X) (bool, error)) error {
	return d.engine.Run(ctx, t, d.lane, func(tx *store.Tx) (bool, error) { return fn(d.as(tx)) })
}

// View runs fn on a snapshot.
func (d door[X]) View(ctx context.Context, t access.Tenant, fn func(X) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(d.as(tx)) })
}
