package access_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// TestNobodyActsForOneWhoIsGone: what a key or a person asked for, who since was revoked, expired, blocked or given
// another role, is refused when a second person would allow it, and can be rejected still.
func TestNobodyActsForOneWhoIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		gone string // SQL; $1 is the maker's identity
		wait time.Duration
		want refusal.Code
	}{
		"in force":               {"", 0, ""},
		"another name":           {`UPDATE api_key SET name = 'renamed' WHERE id = $1`, 0, ""},
		"a revoked key":          {`UPDATE api_key SET revoked_at = 1 WHERE id = $1`, 0, refusal.MakerNotInForce},
		"an expired key":         {"", 2 * time.Hour, refusal.MakerNotInForce},
		"a key of another role":  {`UPDATE api_key SET role = 'support' WHERE id = $1`, 0, refusal.MakerNotInForce},
		"a key that is no more":  {`DELETE FROM api_key WHERE id = $1`, 0, refusal.MakerNotInForce},
		"a key of a blocked one": {`UPDATE person SET status = 'blocked' WHERE id = (SELECT answers FROM api_key WHERE id = $1)`, 0, refusal.MakerNotInForce},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.amina(t)
			maker := w.who(t, w.key(t, boss(), access.NewKey{Role: access.TariffManager, Person: "amina@example.org", ExpiresAt: w.now.Add(time.Hour)}).Secret.Reveal(), "")
			checker := w.who(t, w.key(t, boss(), access.NewKey{Role: access.Owner}).Secret.Reveal(), "")
			did := 0
			w.Serve(access.Doers{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) {
				did++
				return access.Done{}, nil
			}})
			asked := w.asks(t, maker)
			w.run(t, func(tx *store.Tx) error {
				if c.gone == "" {
					return nil
				}
				_, err := tx.C.Exec(c.gone, maker.ID)
				return err
			})
			w.now = w.now.Add(c.wait)
			d, err := w.Decide(t.Context(), checker, asked.ID.Text(id.Approval), true, "")
			if err != nil || d.Code != c.want || (did == 1) != (c.want == "") {
				t.Fatalf("allowed: %q (%s), %v, done %d times; want %q", d.Code, d.Detail(), err, did, c.want)
			}
			if c.want == "" {
				return
			}
			says := "may no longer act"
			if name == "a key of another role" {
				says = "has the role support by now, which does not include tariff.write"
			}
			if !strings.Contains(d.What, says) {
				t.Errorf("it is refused with %q, want it to say %q", d.What, says)
			}
			if d, err := w.Decide(t.Context(), checker, asked.ID.Text(id.Approval), false, ""); err != nil || d.Refused() || d.Approval.State != access.ApprovalRejected {
				t.Errorf("rejected then: %q, %v, it is %s", d.Code, err, d.Approval.State)
			}
		})
	}
}

// TestAMakerMayGoBetweenDecisionAndAct: the act's own transaction asks again.
func TestAMakerMayGoBetweenDecisionAndAct(t *testing.T) {
	w := newWorld(t)
	maker := w.who(t, w.key(t, boss(), access.NewKey{Role: access.TariffManager}).Secret.Reveal(), "")
	checker := w.who(t, w.key(t, boss(), access.NewKey{Role: access.Owner}).Secret.Reveal(), "")
	w.Serve(access.Doers{access.ActTariff: func(ctx context.Context, by access.Actor, body []byte) (done access.Done, err error) {
		if no, err := w.RevokeAPIKey(ctx, boss(), maker.ID); err != nil || no.Refused() {
			t.Fatal(err, no.Detail())
		}
		err = w.engine.Run(ctx, by.Tenant, store.Sale, func(tx *store.Tx) (bool, error) {
			eyes, err := access.SecondPerson(tx, by, access.Wish{Act: access.ActTariff, Body: struct{}{}}, w.now)
			done.Refusal = eyes.Refusal
			return eyes.Refused(), err
		})
		return done, err
	}})
	d, err := w.Decide(t.Context(), checker, w.asks(t, maker).ID.Text(id.Approval), true, "")
	if err != nil || d.Done.Code != refusal.MakerNotInForce {
		t.Errorf("done: %q, %v, want %q", d.Done.Code, err, refusal.MakerNotInForce)
	}
}

// TestAnActOfAnOlderVersionIsRefused: its summary said less than the act does now, so it is asked for anew. It can be rejected.
func TestAnActOfAnOlderVersionIsRefused(t *testing.T) {
	w := newWorld(t)
	checker := w.who(t, w.key(t, boss(), access.NewKey{Role: access.Owner}).Secret.Reveal(), "")
	a := access.Approval{Act: "vendor.credit", Right: access.ManageVendors, Body: []byte("{}"), Maker: boss(), State: access.ApprovalWaiting, CreatedAt: w.now}
	w.run(t, func(tx *store.Tx) (err error) {
		if a.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddApproval(a)
	})
	if d, err := w.Decide(t.Context(), checker, a.ID.Text(id.Approval), true, ""); err != nil || d.Code != refusal.ApprovalInvalid {
		t.Errorf("allowed: %q, %v, want %q", d.Code, err, refusal.ApprovalInvalid)
	}
	if d, err := w.Decide(t.Context(), checker, a.ID.Text(id.Approval), false, ""); err != nil || d.Refused() || d.Approval.State != access.ApprovalRejected {
		t.Errorf("rejected: %q, %v", d.Code, err)
	}
}

// run runs fn in a transaction of the first tenant.
func (w *world) run(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	if err := w.engine.Run(t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, fn(tx) }); err != nil {
		t.Fatal(err)
	}
}

// asks writes down that an actor wants to publish a tariff.
func (w *world) asks(t *testing.T, by access.Actor) access.Approval {
	t.Helper()
	a := access.Approval{Act: access.ActTariff, Right: access.WriteTariffs, Body: []byte("{}"), Maker: by, State: access.ApprovalWaiting, CreatedAt: w.now}
	w.run(t, func(tx *store.Tx) (err error) {
		if a.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddApproval(a)
	})
	return a
}
