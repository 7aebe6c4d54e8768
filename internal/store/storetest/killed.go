package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ErrKilled is the error of everything that a killed server was doing.
var ErrKilled = errors.New("the server was killed")

// EngineFault is an engine that a test kills: what is not committed at that moment is lost, and nothing works until it lives again.
type EngineFault struct {
	store.Engine
	mu     sync.Mutex
	writes int // that happen before the server is killed; 0: it lives
	commit int // the same for commits, after which nobody gets an answer
	dead   bool
}

// Kill lets the server end before a write, or after a commit.
func (k *EngineFault) Kill(write, commit int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes, k.commit, k.dead = write, commit, false
}

// Revive starts the server again, and reports whether it was killed.
func (k *EngineFault) Revive() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.dead
	k.writes, k.commit, k.dead = 0, 0, false
	return was
}

// passes counts one write or commit and reports whether the server still lives.
func (k *EngineFault) passes(left *int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if *left > 0 {
		*left--
		k.dead = k.dead || *left == 0
	}
	return !k.dead
}

// Run runs a closure unless the server is dead, and counts its commit.
func (k *EngineFault) Run(ctx context.Context, t access.Tenant, lane store.Lane, fn func(*store.Tx) (bool, error)) error {
	wrote := false
	err := k.Engine.Run(ctx, t, lane, func(tx *store.Tx) (bool, error) {
		tx.C = counted{tx.C, k}
		refused, err := fn(tx)
		if !k.passes(new(int)) {
			err = ErrKilled
		}
		wrote = !refused
		return refused, err
	})
	if err == nil && wrote && !k.passes(&k.commit) {
		err = ErrKilled
	}
	return err
}

// View looks unless the server is dead.
func (k *EngineFault) View(ctx context.Context, t access.Tenant, fn func(*store.Tx) error) error {
	if !k.passes(new(int)) {
		return ErrKilled
	}
	return k.Engine.View(ctx, t, fn)
}

// counted is a transaction whose writes are counted.
type counted struct {
	core.Conn
	k *EngineFault
}

func (c counted) Exec(sql string, args ...any) (int64, error) {
	if !c.k.passes(&c.k.writes) {
		return 0, ErrKilled
	}
	return c.Conn.Exec(sql, args...)
}

// EveryMoment runs attempts that are killed before every step-th write and after every commit, until one attempt has no such moment.
func EveryMoment(step int, attempt func(write, commit int) (kills int)) (writes, commits int) {
	for n := 1; ; n += step {
		got := attempt(n, 0)
		if writes += got; got == 0 {
			break
		}
	}
	for n := 1; ; n++ {
		got := attempt(0, n)
		if commits += got; got == 0 {
			return writes, commits
		}
	}
}
