package access_test

import (
	"context"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// TestWhoSellsForTheUtilityOnlyAsks checks that the right to sell is enough to request a reversal, and that an actor of a vendor
// can approve nothing.
func TestWhoSellsForTheUtilityOnlyAsks(t *testing.T) {
	w := newWorld(t)
	shop := id.ID{15: 9}
	login := func(role access.Role, vendor id.ID) access.Actor {
		k := access.Key{Tenant: store.FirstTenant, Name: string(role), Role: role, Vendor: vendor, CreatedAt: w.now}
		w.run(t, func(tx *store.Tx) (err error) {
			if k.ID, err = tx.NewID(); err != nil {
				return err
			}
			if vendor.IsZero() {
				if k.Answers, err = tx.NewID(); err != nil {
					return err
				}
				if err := tx.AddPersonRow(access.PersonRow{ID: k.Answers, Email: k.Answers.Text(id.Person) + "@example.org", Role: role, CreatedAt: w.now}); err != nil {
					return err
				}
			}
			return tx.AddKey(k, [32]byte(append(k.ID[:], k.ID[:]...)))
		})
		return k.Actor()
	}
	done := func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }
	w.Serve(access.Executors{access.ActReverse: done, access.ActTariff: done})
	for name, c := range map[string]struct {
		act            access.Act
		right          access.Right
		maker, checker access.Actor
		want           refusal.Code
	}{
		"a vendor's key asks, a supervisor approves":       {access.ActReverse, access.Reverse, login(access.VendorAPI, shop), login(access.Supervisor, id.ID{}), ""},
		"an operator asks, a supervisor approves":          {access.ActReverse, access.Reverse, login(access.Operator, id.ID{}), login(access.Supervisor, id.ID{}), ""},
		"a supervisor of the same vendor approves":         {access.ActReverse, access.Reverse, login(access.VendorAPI, shop), login(access.Supervisor, shop), refusal.NotFound},
		"a supervisor of another vendor approves":          {access.ActReverse, access.Reverse, login(access.VendorAPI, shop), login(access.Supervisor, id.ID{15: 8}), refusal.NotFound},
		"an operator approves":                             {access.ActReverse, access.Reverse, login(access.VendorAPI, shop), login(access.Operator, id.ID{}), refusal.NotFound},
		"an actor that may not sell or reverse asks":       {access.ActReverse, access.Reverse, login(access.Support, id.ID{}), login(access.Supervisor, id.ID{}), refusal.MakerNotInForce},
		"a seller asks for an act that is not a reversal":  {access.ActTariff, access.WriteTariffs, login(access.VendorAPI, shop), login(access.Owner, id.ID{}), refusal.MakerNotInForce},
		"an owner who acts for a vendor approves a tariff": {access.ActTariff, access.WriteTariffs, login(access.TariffManager, id.ID{}), login(access.Owner, shop), refusal.NotFound},
	} {
		w.now = w.now.Add(1)
		a := access.Approval{Act: c.act, Right: c.right, Body: []byte("{}"), Maker: c.maker, State: access.ApprovalWaiting, CreatedAt: w.now}
		w.run(t, func(tx *store.Tx) (err error) {
			if a.ID, err = tx.NewID(); err != nil {
				return err
			}
			return tx.AddApproval(a)
		})
		d, err := w.Decide(t.Context(), c.checker, a.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
		if err != nil || d.Code != c.want {
			t.Errorf("%s: got %q (%s), %v, want %q", name, d.Code, d.Detail(), err, c.want)
		}
		if c.want != refusal.NotFound {
			continue
		}
		if l, err := w.Approvals(t.Context(), c.checker, "", id.ID{}, 100); err != nil || len(l.Data) != 0 {
			t.Errorf("%s: the actor cannot approve the act but sees %d approvals, %v", name, len(l.Data), err)
		}
	}
}
