package access

import (
	"context"
	"errors"
	"time"
)

// ErrFull is the error of Do if the disk is full and no change was written. Closures that only read still succeed.
var ErrFull = errors.New("storage full: nothing was written")

// Door is how a use case reaches the store without importing it. X is the use case's view of a transaction, an interface that
// the store's transaction implements.
type Door[X any] interface {
	// Do runs fn in a transaction of the tenant, durable when Do returns nil. If fn reports that the request was refused, its writes are
	// undone. fn may run more than once and must touch only its transaction.
	Do(ctx context.Context, t Tenant, fn func(X) (refused bool, err error)) error
	// View runs fn on a consistent read-only snapshot.
	View(ctx context.Context, t Tenant, fn func(X) error) error
}

// Through runs fn behind the door and returns its value only after the commit. If the value is refused, fn's writes are undone, and the
// value is returned with a nil error.
func Through[X any, T interface{ Refused() bool }](ctx context.Context, d Door[X], t Tenant, fn func(X) (T, error)) (T, error) {
	var out T
	err := d.Do(ctx, t, func(x X) (bool, error) {
		v, err := fn(x)
		if err != nil {
			return false, err
		}
		out = v
		return v.Refused(), nil
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}

// Look runs fn on a snapshot and returns its value.
func Look[X, T any](ctx context.Context, d Door[X], t Tenant, fn func(X) (T, error)) (T, error) {
	var out T
	if err := d.View(ctx, t, func(x X) (err error) { out, err = fn(x); return err }); err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}

// Stored returns a time as the store keeps it: UTC, whole microseconds, without a monotonic clock reading.
func Stored(t time.Time) time.Time { return t.Round(0).UTC().Truncate(time.Microsecond) }

// sharing is the key of the mark that Sharing sets.
type sharing struct{}

// Sharing marks a change that may share its transaction with others of its kind, such as a sale. To them it must be like a change in
// another transaction: it decides only on rows that it has locked.
func Sharing(ctx context.Context) context.Context { return context.WithValue(ctx, sharing{}, true) }

// MayShare reports whether Sharing has marked a change. An engine need not make use of it.
func MayShare(ctx context.Context) bool { return ctx.Value(sharing{}) != nil }
