package app

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
)

// keeper stores the answers of requests that move no money (api.AnswerStore), and which forms were sent (console.FormStore).
type keeper struct {
	engine store.Engine
	data   *keystore.DataKey
}

// onceContext binds a stored answer to its owner and key.
func onceContext(o access.Once) string { return "answer:" + o.Principal + "\x00" + o.Key }

// Claim claims a key, or returns what is stored under it.
func (k *keeper) Claim(ctx context.Context, t access.Tenant, o access.Once) (kept access.StoredAnswer, found bool, err error) {
	err = k.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		got, err := tx.OnceLease(o)
		kept, found = access.StoredAnswer{}, got != nil
		if found {
			kept = *got
		}
		return false, err
	})
	if err != nil || !found || kept.Hash != o.Hash || kept.Status == 0 {
		return kept, found, err
	}
	if kept.Body, err = k.data.Open(onceContext(o), kept.Body); err != nil {
		return access.StoredAnswer{}, false, fmt.Errorf("open a stored answer: %w", err)
	}
	return kept, true, nil
}

// Keep stores an answer, if no answer is stored yet.
func (k *keeper) Keep(ctx context.Context, t access.Tenant, o access.Once, status int, body []byte) error {
	sealed := k.data.Seal(onceContext(o), body)
	return k.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		got, err := tx.OnceLease(o)
		if err != nil || got != nil && (got.Status != 0 || got.Hash != o.Hash) {
			return false, err
		}
		return false, tx.OncePut(o, status, sealed, false)
	})
}

// Drop frees a key that has no answer.
func (k *keeper) Drop(ctx context.Context, t access.Tenant, o access.Once) error {
	return k.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return false, tx.OnceDrop(o) })
}
