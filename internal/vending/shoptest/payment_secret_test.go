package shoptest_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/store"
)

// secretShop is a shop whose server draws the secrets of its providers.
type secretShop struct {
	*shop
	*payment.Payments
	calls int
}

func openSecrets(t *testing.T) *secretShop {
	s := &secretShop{shop: openWith(t, true, false)}
	client := outbound.New(nil, s.clock.Now)
	s.Payments = payment.New(payment.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) payment.Tx { return tx }),
		Adapter:    func(kind string, c payment.Setup) (payment.Adapter, error) { return provider.Open(kind, c, client) },
		CheckTyped: provider.CheckTyped,
		SameProof:  provider.SameProof,
		Draw: func(kind string, given []byte) ([]byte, string, error) {
			return provider.Draw(kind, given, rand.Reader)
		},
		Seller: s.Vending, Sealer: s.sealer, Rand: rand.Reader, Now: s.clock.Now, MayDate: s.MayDate, Log: slog.New(slog.DiscardHandler),
		Deliver: func(payment.Tx, string) ([]string, error) { return nil, nil }})
	s.addOwner()
	return s
}

// takes reports whether the provider at a path takes a call that is signed with a secret.
func (s *secretShop) takes(path, secret string) bool {
	s.t.Helper()
	s.calls++
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		s.t.Fatal(err)
	}
	name, stamp, body := fmt.Sprint("msg_", s.calls), strconv.FormatInt(s.clock.Now().Unix(), 10), []byte(`{}`)
	heard, err := s.Receive(s.t.Context(), tenant, path, payment.Incoming{What: "w", Body: body, Header: map[string][]string{"Webhook-Id": {name}, "Webhook-Timestamp": {stamp},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(webhook.Sign(key, name, stamp, body))}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return heard.Found && heard.Refuse == nil
}

// approves lets a second person approve a request, who enters something.
func (s *secretShop) approves(w *access.Approval, entered string) access.Done {
	s.t.Helper()
	if w == nil {
		s.t.Fatal("the request does not wait for a second person")
	}
	s.allow(*w)
	maker := w.Maker
	maker.Approval, maker.Entered = w.ID, access.SecretOf(entered)
	done, err := s.Payments.Executors()[w.Act](s.t.Context(), maker, w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// shownOf returns the secret that an approval shows.
func shownOf(d access.Done) string {
	drawn, _ := d.Shown.(payment.ProviderSecrets)
	return drawn.Secret.Reveal()
}

const (
	typedSecret  = "whsec_" + "YSBrZXkgb2YgMjQgYnl0ZXMgb3IgbW9yZQ=="
	secondSecret = "whsec_" + "YW5vdGhlciBrZXkgb2YgMjQgYnl0ZXMgb3IgbW9yZQ=="
)

// TestWhoAddsAProviderDoesNotKnowItsSecret: whoever knows the signing secret of a provider makes payments. Once a second person has agreed, the
// secret that the first typed is worth nothing, and only the second sees the new one. Both are needed for another one, and the old one ends.
func TestWhoAddsAProviderDoesNotKnowItsSecret(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added, err := s.AddProvider(t.Context(), signedIn(), payment.NewProvider{Name: "bank", Kind: webhook.Kind, Config: []byte(`{}`),
		Secrets: []byte(`{"signing":"` + typedSecret + `"}`), Single: 1000, Daily: 1000})
	if err != nil || added.Refused() || added.Drawn.Reveal() != "" {
		t.Fatal(err, added.Detail(), added.Drawn)
	}
	if s.takes(added.Path.Reveal(), typedSecret) {
		t.Error("a provider that nobody approved is heard")
	}
	first := shownOf(s.approves(added.Waits, ""))
	if s.takes(added.Path.Reveal(), typedSecret) {
		t.Error("after the approval the first person's secret still makes payments")
	}
	if first == "" || !s.takes(added.Path.Reveal(), first) {
		t.Fatalf("the second person got the secret %q, which signs nothing", first)
	}
	again, err := s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{Secrets: []byte(`{"signing":"` + typedSecret + `"}`), Overlap: 2 * time.Hour})
	if err != nil || again.Waits == nil || again.Drawn.Reveal() != "" {
		t.Fatalf("one person replaced the secret: %+v %v", again.Waits, err)
	}
	second := shownOf(s.approves(again.Waits, ""))
	if second == "" || second == first || !s.takes(added.Path.Reveal(), second) || !s.takes(added.Path.Reveal(), first) || s.takes(added.Path.Reveal(), typedSecret) {
		t.Error("in the overlap both the old and the new secret must prove calls, and no other")
	}
	s.clock.add(2 * time.Hour)
	if s.takes(added.Path.Reveal(), first) || !s.takes(added.Path.Reveal(), second) {
		t.Error("after the overlap the old secret still makes payments")
	}
	s.verified()
}

// TestTheSecondPersonEntersTheSecretsOfAProvider: the server cannot draw what the provider gives, so the second person enters it. It is not what the
// first person typed.
func TestTheSecondPersonEntersTheSecretsOfAProvider(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added, err := s.AddProvider(t.Context(), signedIn(), payment.NewProvider{Name: "cards", Kind: stripe.Kind, Config: []byte(`{"success_url":"https://shop.example.org/paid"}`),
		Secrets: []byte(`{"key":"rk_live_of_the_first","signing":"` + typedSecret + `"}`), Single: 1000, Daily: 1000})
	if err != nil || added.Refused() {
		t.Fatal(err, added.Detail())
	}
	s.allow(*added.Waits)
	approve := func(entered string) access.Done {
		maker := added.Waits.Maker
		maker.Approval, maker.Entered = added.Waits.ID, access.SecretOf(entered)
		done, err := s.Payments.Executors()[access.ActProvider](t.Context(), maker, added.Waits.Body)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	for _, entered := range []string{"", "none", `{"unknown":"field"}`} {
		if done := approve(entered); done.Code != "provider-invalid" {
			t.Errorf("approved with %q: %q, want %q", entered, done.Code, "provider-invalid")
		}
	}
	if done := approve(`{"key":"rk_live_of_the_second","signing":"` + typedSecret + `"}`); done.Text != "provider-secret-kept" {
		t.Errorf("approved with the signing secret of the first person: %q", done.Text)
	}
	if done := approve(`{"key":"rk_live_of_the_first","signing":"` + secondSecret + `"}`); done.Refused() || shownOf(done) != "" {
		t.Errorf("approved with the secrets of the provider: %s", done.Detail())
	}
	s.verified()
}

// TestALoneLandlordSeesTheSecretAtOnce: without a second person the answer shows what the server drew.
func TestALoneLandlordSeesTheSecretAtOnce(t *testing.T) {
	s := openSecrets(t)
	added, err := s.AddProvider(t.Context(), signedIn(), payment.NewProvider{Name: "bank", Kind: webhook.Kind, Config: []byte(`{}`), Single: 1000, Daily: 1000})
	if err != nil || added.Refused() || !s.takes(added.Path.Reveal(), added.Drawn.Reveal()) {
		t.Fatal(err, added.Detail())
	}
	var next payment.ProviderView
	await.Ends(t, await.Credential{Kind: "provider secret", Works: func() bool { return s.takes(added.Path.Reveal(), added.Drawn.Reveal()) }, End: func() {
		next, err = s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{})
	}})
	if err != nil || next.Refused() || !s.takes(added.Path.Reveal(), next.Drawn.Reveal()) {
		t.Error("the new secret does not prove calls: ", err, next.Detail())
	}
	if wrong, err := s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{Overlap: 169 * time.Hour}); err != nil || wrong.Code != "provider-invalid" {
		t.Errorf("an overlap of more than a week: %v %q", err, wrong.Code)
	}
	s.verified()
}

// typed lets the first person add a provider with a secret, for which nobody has agreed yet.
func (s *secretShop) typed() payment.ProviderView {
	s.t.Helper()
	added, err := s.AddProvider(s.t.Context(), signedIn(), payment.NewProvider{Name: "bank", Kind: webhook.Kind, Config: []byte(`{}`),
		Secrets: []byte(`{"signing":"` + typedSecret + `"}`), Single: 1000, Daily: 1000})
	if err != nil || added.Refused() {
		s.t.Fatal(err, added.Detail())
	}
	return added
}

// TestASecretOfAnEarlierVersionEndsWithTheFirstApproval: nobody noted who typed the secrets of a provider that waits since before the upgrade.
func TestASecretOfAnEarlierVersionEndsWithTheFirstApproval(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added := s.typed()
	s.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE provider SET secret_by = NULL WHERE name = 'bank'`)
		return err
	})
	if drawn := shownOf(s.approves(added.Waits, "")); s.takes(added.Path.Reveal(), typedSecret) || !s.takes(added.Path.Reveal(), drawn) {
		t.Errorf("after the approval the typed secret still makes payments, or the secret %q that the second person saw makes none", drawn)
	}
}

// TestSecretsAreReplacedWithoutAnOverlapBeforeTheFirstApproval: the old secrets are those that one person typed, so they do not go on. The request
// says so.
func TestSecretsAreReplacedWithoutAnOverlapBeforeTheFirstApproval(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added := s.typed()
	again, err := s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{Overlap: payment.MaxOverlap})
	if err != nil || again.Waits == nil || !strings.Contains(again.Waits.Summary, " 0 more hours") {
		t.Fatalf("%v %s: the request does not say that the old secrets end at once: %+v", err, again.Detail(), again.Waits)
	}
	s.approves(again.Waits, "")
	s.do(func(tx *store.Tx) error {
		p, _, err := tx.Payments().ProviderByName("bank")
		if len(p.SealedOld) > 0 || !p.OldUntil.IsZero() {
			t.Error("the secret that one person typed is kept beside the new one")
		}
		return err
	})
	if drawn := shownOf(s.approves(added.Waits, "")); s.takes(added.Path.Reveal(), typedSecret) || !s.takes(added.Path.Reveal(), drawn) {
		t.Error("after the approval the typed secret still makes payments, or the new one makes none")
	}
}

// TestAnApprovedProviderKeepsItsSecretsWhenItIsEnabledAgain: two people have agreed to them.
func TestAnApprovedProviderKeepsItsSecretsWhenItIsEnabledAgain(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added := s.typed()
	drawn := shownOf(s.approves(added.Waits, ""))
	s.clock.add(time.Minute)
	await.Ends(t, await.Credential{Kind: "provider secret", Works: func() bool { return s.takes(added.Path.Reveal(), drawn) }, End: func() {
		if off, err := s.Disable(t.Context(), owner(), "bank"); err != nil || off.Refused() {
			t.Fatal(err, off.Detail())
		}
	}})
	s.clock.add(time.Minute)
	again, err := s.Enable(t.Context(), owner(), "bank")
	if err != nil {
		t.Fatal(err)
	}
	if shown := shownOf(s.approves(again.Waits, "")); shown != "" || !s.takes(added.Path.Reveal(), drawn) {
		t.Error("the provider has lost the secret that it signs with")
	}
	s.verified()
}

// TestAProviderOfAnEarlierVersionIsCheckedBeforeTheFirstApproval: its settings were stored before they were checked. Those of an approved provider stay.
func TestAProviderOfAnEarlierVersionIsCheckedBeforeTheFirstApproval(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added := s.typed()
	store := func(config string) {
		s.do(func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE provider SET config = $1 WHERE name = 'bank'`, config)
			return err
		})
	}
	const lookAlike = `{"ask_url":"https://p` + "\u0430" + `y.example.org/{id}"}`
	for _, config := range []string{lookAlike, `{"Ask_URL":"https://pay.example.org/{id}"}`} {
		store(config)
		if v, err := s.Enable(t.Context(), owner(), "bank"); err != nil || v.Code != "provider-invalid" {
			t.Errorf("%s: %v %s", config, err, v.Detail())
		}
	}
	store(string(added.Config))
	s.approves(added.Waits, "")
	store(lookAlike)
	s.clock.add(time.Minute)
	if v, err := s.Disable(t.Context(), owner(), "bank"); err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	if v, err := s.Enable(t.Context(), owner(), "bank"); err != nil || v.Refused() {
		t.Errorf("an approved provider with the same settings: %v %s", err, v.Detail())
	}
}

// TestTheAddressOfAProviderEnds: whoever added a provider knows its address. A new one ends it at once, and only the second person sees the new one.
// The old secrets still prove calls at the new address for the time of the overlap.
func TestTheAddressOfAProviderEnds(t *testing.T) {
	s := openSecrets(t)
	s.fourEyes()
	added := s.typed()
	old, secret := added.Path.Reveal(), shownOf(s.approves(added.Waits, ""))
	var drawn payment.ProviderSecrets
	await.Ends(t, await.Credential{Kind: "provider address", Works: func() bool { return s.takes(old, secret) }, End: func() {
		asked, err := s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{Overlap: 2 * time.Hour, NewAddress: true})
		if err != nil || asked.Waits == nil || asked.Path.Reveal() != "" {
			t.Fatalf("one person replaced the address: %+v %v", asked.Waits, err)
		}
		if !strings.Contains(asked.Waits.Summary, "the old one ends at once") {
			t.Errorf("the second person reads only: %s", asked.Waits.Summary)
		}
		drawn, _ = s.approves(asked.Waits, "").Shown.(payment.ProviderSecrets)
	}})
	next := drawn.Path.Reveal()
	if next == old || !s.takes(next, secret) || !s.takes(next, drawn.Secret.Reveal()) {
		t.Error("the provider is not heard at its new address, with the old and the new secret")
	}
	await.Ends(t, await.Credential{Kind: "provider address", Works: func() bool { return s.takes(next, drawn.Secret.Reveal()) }, End: func() {
		if off, err := s.Disable(t.Context(), owner(), "bank"); err != nil || off.Refused() {
			t.Fatal(err, off.Detail())
		}
	}})
	s.verified()
}

// TestSecretsAreReplacedWithoutANewAddress: nobody asked for one.
func TestSecretsAreReplacedWithoutANewAddress(t *testing.T) {
	s := openSecrets(t)
	added := s.typed()
	next, err := s.ReplaceSecrets(t.Context(), signedIn(), "bank", payment.SecretChange{})
	if err != nil || next.Refused() || next.Path.Reveal() != "" || !s.takes(added.Path.Reveal(), next.Drawn.Reveal()) {
		t.Errorf("the provider is not heard at its address after a replacement of its secrets: %v %s", err, next.Detail())
	}
}
