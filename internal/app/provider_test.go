package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// TestWhomTheServerCallsForAProvider: whoever adds a provider chooses addresses that the server calls. It calls none before a second person has
// agreed, and a private one only if its configuration says so.
func TestWhomTheServerCallsForAProvider(t *testing.T) {
	v := settle(t, 1)
	var calls atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(inside.Close)
	on := "on"
	_, err := v.c.ChangeSettings(t.Context(), apiv1.SettingsChange{FourEyes: &on, FourEyesAlone: true})
	v.must(err)
	other, err := client.New(v.url, secondPerson(t, v.a), client.Config{})
	v.must(err)
	refused := func(provider, code, why string) {
		t.Helper()
		_, err := v.c.RegisterPaymentProvider(t.Context(), provider)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != code || !strings.Contains(p.Error(), why) {
			t.Errorf("registering %s: %v, want %s with %q", provider, err, code, why)
		}
		if n := calls.Load(); n != 0 {
			t.Errorf("registering %s made %d calls of the program inside", provider, n)
		}
	}
	for _, private := range []bool{false, true} {
		name := map[bool]string{false: "outside", true: "inside"}[private]
		_, err := v.c.AddPaymentProvider(t.Context(), apiv1.NewPaymentProvider{Name: name, Kind: "mpesa",
			Config:  map[string]any{"base_url": inside.URL, "short_code": "600123", "initiator": "api", "allow_private": private},
			Secrets: map[string]any{"consumer_key": "k", "consumer_secret": "s", "passkey": "p", "security_credential": "c"}, MaxSingleMinor: 100_000, MaxDailyMinor: 1_000_000})
		v.must(err)
		waiting, err := other.Approvals(t.Context(), apiv1.ApprovalFilter{State: "waiting"})
		if err != nil || len(waiting.Data) != 1 {
			t.Fatalf("%d approvals wait, want that of the provider: %v", len(waiting.Data), err)
		}
		if asked := waiting.Data[0].Summary; strings.Contains(asked, "private addresses") != private {
			t.Errorf("the second person is not told of private addresses: %s", asked)
		}
		refused(name, "provider-invalid", "nobody has approved it")
		_, err = other.Approve(t.Context(), waiting.Data[0].ID, apiv1.Decision{Secrets: map[string]any{"consumer_key": "k2", "consumer_secret": "s2", "passkey": "p2", "security_credential": "c2"}})
		v.must(err)
		if !private {
			refused(name, "provider-invalid", "does not allow private addresses")
			continue
		}
		if _, err := v.c.RegisterPaymentProvider(t.Context(), name); err == nil || calls.Load() == 0 {
			t.Errorf("an approved provider was not called: %v", err)
		}
	}
	// The first provider, as an earlier version stored it: it goes on to its private address.
	err = v.a.engine.Run(t.Context(), tenant, store.Job, func(tx *store.Tx) (bool, error) {
		n, err := tx.C.Exec(`UPDATE provider SET config = REPLACE(config, '"allow_private":false,', '') WHERE config LIKE '{"allow_private":false,%'`)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d providers do not allow private addresses, want 1", n)
		}
		return false, err
	})
	v.must(err)
	before := calls.Load()
	if _, err := v.c.RegisterPaymentProvider(t.Context(), "outside"); err == nil || calls.Load() == before {
		t.Errorf("a provider of before the upgrade was not called: %v", err)
	}
}

// secondPerson returns the key of an owner who may approve.
func secondPerson(t *testing.T, a *App) string {
	t.Helper()
	const email = "second@example.org"
	people := a.access
	invited, err := people.Invite(t.Context(), Clerk(), access.NewPerson{Email: email, Role: access.Owner})
	if err == nil {
		_, err = people.Accept(t.Context(), tenant, invited.Link.Reveal(), access.SecretOf("correct horse battery staple"), "")
	}
	if err == nil {
		_, err = people.Confirm(t.Context(), Clerk(), email)
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := people.CreateAPIKey(t.Context(), Clerk(), access.NewKey{Role: access.Owner, Name: "second", Person: email})
	if err != nil || key.Refused() {
		t.Fatal(err, key.Detail())
	}
	return key.Secret.Reveal()
}
