// Package engine holds the parts that the engines of the store share. It decides whether an engine may continue to write. It also stores
// records meter by meter if they cannot be stored together.
//
// Start at [Fitness].
package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/store"
)

// Fitness records whether an engine takes writes. Set Log; otherwise the zero value is ready and takes writes.
type Fitness struct {
	Log *slog.Logger

	mu       sync.Mutex
	readOnly error // reason why the engine stopped writing for good
	broken   error // first broken invariant; the engine continues to write
	hindered error // reason why work has to wait for a while
}

// Health returns nil while the engine takes writes, nothing hinders it and no broken invariant was found.
func (f *Fitness) Health() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.readOnly, f.broken, f.hindered)
}

// Refuses returns [store.ErrReadOnly] after Stop, otherwise nil.
func (f *Fitness) Refuses() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readOnly != nil {
		return store.ErrReadOnly
	}
	return nil
}

// Stop ends all writing for good.
func (f *Fitness) Stop(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readOnly == nil {
		f.readOnly = why
		f.Log.Error("storage stopped writing", logkey.Err, why)
	}
}

// Unfit marks the node as not ready because our own code broke a rule. The engine continues to write, because other closures are sound.
func (f *Fitness) Unfit(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.broken = why
	}
	f.Log.Error("invariant broken", logkey.Err, why)
}

// Hinder records why work has to wait for a while. The reason nil ends the wait. Hinder keeps the first reason and reports whether this
// reason is the first.
func (f *Fitness) Hinder(why error) (first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if first = f.hindered == nil; first || why == nil {
		f.hindered = why
	}
	return first
}

// Hindered returns the reason given to Hinder, or nil.
func (f *Fitness) Hindered() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hindered
}

// Panicked turns a panic into an error. The stack goes to the log, not to the caller.
func (f *Fitness) Panicked(r any) error {
	f.Log.Error("closure panicked", logkey.Reason, string(debug.Stack()))
	return fmt.Errorf("%w: panic: %v", store.ErrInvariant, r)
}

// Guarded runs a closure and turns its panic into a broken invariant.
func (f *Fitness) Guarded(fn func() (refused bool, err error)) (refused bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = f.Panicked(r)
		}
	}()
	return fn()
}

// Answer calls a callback and recovers from its panic, which is a bug of the caller. The commit has happened anyway, and other callers wait
// for their answers.
func (f *Fitness) Answer(call func()) {
	defer func() {
		if r := recover(); r != nil {
			f.Unfit(f.Panicked(r))
		}
	}()
	call()
}
