package debt_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// TestWhatAMeterMayStillSupplyCountsAsFreeUnits: a meter that has not said that it is off may go on with its lease after its customer has moved
// out. Whoever moves the customer out gives that energy away, and may not give more than the ceiling.
func TestWhatAMeterMayStillSupplyCountsAsFreeUnits(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayWallet, w.publish("flat", from{"2020-01-01T00:00:00Z", flat()}))
	w.has(h, ledger.Wallet, 10_000)
	w.reads(h, 0, 1000)
	clerk := access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: id.ID{15: 9}, Name: "clerk@example.org", Role: access.Owner}
	w.exec(func(tx *store.Tx) error {
		return tx.AddPersonRow(access.PersonRow{ID: clerk.ID, Email: clerk.Name, Role: clerk.Role, Password: "x", CreatedAt: tx.Now})
	})
	before := len(w.journals())
	for _, c := range []struct {
		most int64
		want refusal.Code
	}{{0, refusal.DailyLimit}, {19_999, refusal.DailyLimit}, {20_000, ""}} {
		w.settings(func(s *registry.Settings) { s.Ceilings = map[access.Ceiling]int64{access.PersonFree: c.most} })
		out, err := w.MoveOut(t.Context(), clerk, debt.MoveOut{Account: h.number, Reason: "lease ended"})
		if err != nil || out.Code != c.want {
			t.Fatalf("with a ceiling of %d Wh: %+v %v %s, want %q", c.most, out.Value, err, out.Detail(), c.want)
		}
		if after := len(w.journals()); c.want != "" && after != before {
			t.Errorf("a refused move-out left %d journals, want %d", after, before)
		}
	}
	entries := w.audit()
	last := entries[len(entries)-1]
	if took := access.Took(last.After); len(took) != 1 || took[0].Ceiling != access.PersonFree || took[0].Amount != 20_000 {
		t.Errorf("the move-out counts as %+v, want 20 kWh of free units", took)
	}
}
