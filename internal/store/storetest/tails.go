package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/store"
)

// openKey is a key that seals nothing: its sealed digits are the digits, and its hash is the text.
type openKey struct{}

func (openKey) Hash(context string, data []byte) []byte { return []byte(context + " " + string(data)) }

func (openKey) Open(_ string, sealed []byte) ([]byte, error) {
	if len(sealed) != 20 {
		return nil, errors.New("damaged")
	}
	return []byte(string(sealed)), nil
}

// tailsAdded gives more tokens than one batch holds the hash of their last digits. One of them is damaged, and one is still reserved.
func tailsAdded(t *testing.T, r Rig) {
	e := r.Open(t)
	h := addHousehold(t, e, 1)
	key, sold := h.key(t, e, 1, "current").ID, h.sold(t, e, "tails", base())
	const tokens = 450
	for n := range tokens {
		h.newToken(t, e, n, sold.ID, key, "issued")
	}
	exec(t, e, `UPDATE token SET digits_enc = $1`, []byte("00000000000000123456"))
	exec(t, e, `UPDATE token SET digits_enc = $1 WHERE id = $2`, []byte("damaged"), id.ID{0: 2, 15: 3})
	exec(t, e, `UPDATE token SET digits_enc = NULL WHERE id = $1`, id.ID{0: 2, 15: 5})
	for _, want := range []int{tokens - 2, 0} {
		done, err := search.AddTails(context.Background(), store.DoorTo(e, store.Job, (*store.Tx).Tails), store.FirstTenant, openKey{})
		if done != want || err == nil || !strings.Contains(err.Error(), (id.ID{0: 2, 15: 3}).Text(id.Token)) {
			t.Errorf("%d tokens got their hash, want %d; the error must name the damaged token: %v", done, want, err)
		}
	}
	found := look(t, e, func(tx *store.Tx) (string, error) {
		list, err := tx.TokensEnding([]byte("token-tail 123456"), 3)
		other, wrong := tx.TokensEnding([]byte("token-tail 654321"), 3)
		if len(list) != 3 {
			return fmt.Sprint(len(list)), err
		}
		return fmt.Sprint(list[0].ID == id.ID{0: 2, 14: 1, 15: 0xc1}, list[2].Meter == h.meter.Number, list[1].Sale == sold.ID, len(other)), errors.Join(err, wrong)
	})
	if found != "true true true 0" {
		t.Errorf("the newest tokens with these last digits: %s", found)
	}
}
