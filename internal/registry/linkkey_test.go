package registry_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// TestANextLinkKeyThatCannotBeOpened: the replacement is not finished, and both keys stay in use.
func TestANextLinkKeyThatCannotBeOpened(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, tokenMeter(number))
	started, err := w.ReplaceLinkKey(t.Context(), boss(), number, registry.StartLinkKey)
	if err != nil || started.Key == nil {
		t.Fatal(started.Detail(), err)
	}
	w.exec(t, func(tx *store.Tx) error {
		return tx.Must(`UPDATE meter SET link_key_next_enc = $1 WHERE number = $2`, []byte("damaged"), number)
	})
	_, err = w.ReplaceLinkKey(t.Context(), boss(), number, registry.FinishLinkKey)
	if err == nil || !strings.Contains(err.Error(), "open the next link key") {
		t.Errorf("a next link key that cannot be opened: %v", err)
	}
	if w.show(t, number).Meter.NextLinkAt.IsZero() {
		t.Error("the old link key is no longer in use")
	}
}
