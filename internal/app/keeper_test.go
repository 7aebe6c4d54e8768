package app

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// TestAClaimHoldsAtEveryServer checks two servers on one database. If one server claims an idempotency key, the other finds the
// claim. If the claim is dropped, either server may claim the key again. If an answer is stored, both servers find the answer.
func TestAClaimHoldsAtEveryServer(t *testing.T) {
	dir := t.TempDir()
	e, err := sqlite.Open(dir, sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	data, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	one, other := &keeper{engine: e, data: data}, &keeper{engine: e, data: data}
	o := access.Once{Principal: "key_1", Key: "a key of ours", Hash: [32]byte{1}}
	claim := func(k *keeper, wantFound bool, wantStatus int, wantBody string) {
		t.Helper()
		kept, found, err := k.Claim(t.Context(), store.FirstTenant, o)
		if err != nil || found != wantFound || kept.Status != wantStatus || string(kept.Body) != wantBody {
			t.Errorf("claim: %d %q, found %t, %v; want %d %q, %t", kept.Status, kept.Body, found, err, wantStatus, wantBody, wantFound)
		}
	}
	claim(one, false, 0, "")
	claim(other, true, 0, "")
	if err := one.Drop(t.Context(), store.FirstTenant, o); err != nil {
		t.Fatal(err)
	}
	claim(other, false, 0, "")
	if err := other.Keep(t.Context(), store.FirstTenant, o, 201, []byte("made")); err != nil {
		t.Fatal(err)
	}
	claim(one, true, 201, "made")
	if err := one.Keep(t.Context(), store.FirstTenant, o, 409, []byte("late")); err != nil {
		t.Errorf("a second answer: %v, want it to be left out in silence", err)
	}
	claim(other, true, 201, "made")
}
