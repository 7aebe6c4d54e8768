package app

import (
	"context"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
)

// keeper keeps the answers of requests that move no money (api.Keeper).
type keeper struct {
	engine store.Engine
	data   *keystore.DataKey
}

// onceContext binds a kept answer to whose it is and under which key.
func onceContext(o access.Once) string { return "answer:" + o.Principal + "\x00" + o.Key }

// Recall looks a key up. It claims it and lets go again, because that is how the store looks.
func (k *keeper) Recall(ctx context.Context, t access.Tenant, o access.Once) (kept access.Kept, found bool, err error) {
	err = k.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		got, err := tx.OnceTake(o)
		found = got != nil
		if found {
			kept = *got
		}
		return true, err
	})
	if err != nil || !found || kept.Hash != o.Hash || kept.Status == 0 {
		return kept, found, err
	}
	if kept.Body, err = k.data.Open(onceContext(o), kept.Body); err != nil {
		return access.Kept{}, false, fmt.Errorf("open a kept answer: %w", err)
	}
	return kept, true, nil
}

// Keep stores an answer; one that is there already stays.
func (k *keeper) Keep(ctx context.Context, t access.Tenant, o access.Once, status int, body []byte) error {
	sealed := k.data.Seal(onceContext(o), body)
	return k.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) {
		got, err := tx.OnceTake(o)
		if err != nil || got != nil {
			return false, err
		}
		return false, tx.OncePut(o, status, sealed, false)
	})
}
