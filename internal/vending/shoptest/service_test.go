package shoptest_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

func someone(name string, role access.Role) access.Actor {
	return access.Actor{Tenant: tenant, Kind: access.Person, Name: name, Role: role}
}

// TestWhoSeesTheDigitsOfAServiceToken: whoever asked for it, and everybody who may see digits. A colleague with the same role sees the
// request and no digits, and so does the one who asked after losing the right. Free units are never shown for that reason.
func TestWhoSeesTheDigitsOfAServiceToken(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	made, err := s.GiveTokens(t.Context(), someone("Eve", access.Engineer), ask(vending.Ask{Meter: m, Kind: sale.ClearTamper}, "job-key-1"))
	if err != nil || made.Refused() {
		t.Fatal(made.Detail(), err)
	}
	free := s.give(ask(vending.Ask{Meter: m, Kind: sale.FreeIssue, Units: 1000}, "job-key-2"))
	for _, c := range []struct {
		by     access.Actor
		job    sale.Job
		digits int
	}{{someone("Eve", access.Engineer), made.Job, 1}, {someone("Tom", access.Engineer), made.Job, 0}, {owner(), made.Job, 1},
		{someone("Eve", access.Support), made.Job, 0}, {someone("Eve", access.Engineer), free.Job, 0}, {owner(), free.Job, 1}} {
		got, err := s.Made(t.Context(), c.by, c.job.ID.Text(id.Job))
		if err != nil || got.Refused() || got.Job.ID != c.job.ID || got.Issued.Len() != c.digits {
			t.Errorf("%s (%s) sees %d digits of %s (%s, %v), want %d", c.by.Name, c.by.Role, got.Issued.Len(), c.job.Kind, got.Detail(), err, c.digits)
		}
	}
	for _, unknown := range []string{"", "x", id.ID{1}.Text(id.Job), id.ID{1}.Text(id.Approval)} {
		if got, err := s.Made(t.Context(), owner(), unknown); err != nil || got.Code != refusal.NotFound {
			t.Errorf("%q: %q %v, want not found", unknown, got.Code, err)
		}
	}
	vendor := someone("Shop", access.VendorAPI)
	vendor.Vendor = id.ID{7}
	if got, err := s.Made(t.Context(), vendor, made.Job.ID.Text(id.Job)); err != nil || !got.Refused() {
		t.Errorf("a vendor sees the request: %v", err)
	}
}

// TestSomebodyConfirmsAKeyChangeAtTheMeter: a meter without a connection cannot report its new key, so a person says so. The next change can
// then begin, and nothing else could be confirmed.
func TestSomebodyConfirmsAKeyChangeAtTheMeter(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	eve := someone("Eve", access.Engineer)
	confirm := func(by access.Actor, reason string, want refusal.Code) {
		t.Helper()
		if got, err := s.ConfirmKeyChange(t.Context(), by, m, reason); err != nil || got.Code != want {
			t.Errorf("confirmed by %s: %q %v, want %q", by.Role, got.Code, err, want)
		}
	}
	state := func(next string, tokens int) vending.KeyView {
		t.Helper()
		v, err := s.KeyChange(t.Context(), eve, m)
		if err != nil || v.Refused() || v.Current.State != registry.KeyCurrent || v.Next.State != next || len(v.Job.Tokens) != tokens {
			t.Fatalf("the key is %+v (%v), want next %q with %d tokens", v, err, next, tokens)
		}
		return v
	}
	confirm(eve, "no change", refusal.InvalidRequest)
	state("", 0)
	if p, err := s.PlanKeyChange(t.Context(), eve, m, vending.NextKey{KRN: 2}, "campaign"); err != nil || p.Refused() {
		t.Fatal(p.Detail(), err)
	}
	state(registry.KeyPlanned, 0)
	confirm(eve, "only planned", refusal.InvalidRequest)
	s.give(ask(vending.Ask{Meter: m, Kind: sale.KeyChange}, "job-key-1"))
	state(registry.KeyIssued, 2)
	confirm(eve, " ", refusal.InvalidRequest)
	confirm(someone("Ann", access.Supervisor), "seen", refusal.Forbidden)
	confirm(eve, "the display said good", "")
	if v := state("", 0); v.Current.KRN != 2 {
		t.Errorf("the current key has KRN %d, want 2", v.Current.KRN)
	}
	confirm(eve, "again", refusal.InvalidRequest)
	if p, err := s.PlanKeyChange(t.Context(), eve, m, vending.NextKey{KRN: 3}, "the next campaign"); err != nil || p.Refused() {
		t.Errorf("the next change: %s %v", p.Detail(), err)
	}
	s.verified()
}
