// Package engine is what the engines of the store have in common: whether they may go on writing, and how records of
// meters that came together are stored apart where one of them fails.
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

// Fitness is whether an engine takes writes. The zero value does; Log has to be set.
type Fitness struct {
	Log *slog.Logger

	mu       sync.Mutex
	readOnly error // why nothing is written any more; for good
	broken   error // a broken invariant; writes go on
	hindered error // why work has to wait; for a while
}

// Health is nil while the engine takes writes, nothing hinders it, and nothing was found broken.
func (f *Fitness) Health() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.readOnly, f.broken, f.hindered)
}

// Refuses returns [store.ErrReadOnly] after Stop, else nil.
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

// Unfit marks the node as not ready because our own code broke a rule. Writing goes on: the neighbours are sound.
func (f *Fitness) Unfit(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		f.broken = why
	}
	f.Log.Error("invariant broken", logkey.Err, why)
}

// Hinder notes why work has to wait for a while; nil ends that. It keeps the first reason, and reports whether this one is it.
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

// Panicked makes an error of a panic; the stack goes to the log, not to whoever asked.
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

// Answer calls back. A panic there is a bug of the caller; the commit stands and the others want their answers.
func (f *Fitness) Answer(call func()) {
	defer func() {
		if r := recover(); r != nil {
			f.Unfit(f.Panicked(r))
		}
	}()
	call()
}
