package access_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// TestNobodyActsForOneWhoIsGone: if the maker was since revoked, expired, blocked or given another role, a second person
// cannot approve the request, but can still reject it.
func TestNobodyActsForOneWhoIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		gone string // SQL that changes the maker; $1 is the maker's identity
		wait time.Duration
		want refusal.Code
	}{
		"in force":               {"", 0, ""},
		"another name":           {`UPDATE api_key SET name = 'renamed' WHERE id = $1`, 0, ""},
		"a revoked key":          {`UPDATE api_key SET revoked_at = 1 WHERE id = $1`, 0, refusal.MakerNotInForce},
		"a key before its end":   {"", time.Hour - time.Microsecond, ""},
		"an expired key":         {"", time.Hour, refusal.MakerNotInForce},
		"a key of another role":  {`UPDATE api_key SET role = 'support' WHERE id = $1`, 0, refusal.MakerNotInForce},
		"a key that is no more":  {`DELETE FROM api_key WHERE id = $1`, 0, refusal.MakerNotInForce},
		"a key of a blocked one": {`UPDATE person SET status = 'blocked' WHERE id = (SELECT answers FROM api_key WHERE id = $1)`, 0, refusal.MakerNotInForce},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.amina(t)
			maker := w.opened(t, access.NewKey{Role: access.TariffManager, Person: "amina@example.org", ExpiresAt: w.now.Add(time.Hour)})
			checker := w.opened(t, access.NewKey{Role: access.Owner})
			did := 0
			w.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) {
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
			d, err := w.Decide(t.Context(), checker, asked.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
			if err != nil || d.Code != c.want || (did == 1) != (c.want == "") {
				t.Fatalf("allowed: %q (%s), %v, done %d times; want %q", d.Code, d.Detail(), err, did, c.want)
			}
			if c.want == "" {
				return
			}
			says := "no longer active"
			if name == "a key of another role" {
				says = "no longer has the right tariff.write"
			}
			if !strings.Contains(d.What, says) {
				t.Errorf("it is refused with %q, want it to say %q", d.What, says)
			}
			if d, err := w.Decide(t.Context(), checker, asked.ID.Text(id.Approval), access.Decision{Allow: false, Reason: ""}); err != nil || d.Refused() || d.Approval.State != access.ApprovalRejected {
				t.Errorf("rejected then: %q, %v, it is %s", d.Code, err, d.Approval.State)
			}
		})
	}
}

// TestAMakerMayGoBetweenDecisionAndAct: the maker may lose the right after the decision, so the action's own transaction checks the right
// again.
func TestAMakerMayGoBetweenDecisionAndAct(t *testing.T) {
	w := newWorld(t)
	maker := w.opened(t, access.NewKey{Role: access.TariffManager})
	checker := w.opened(t, access.NewKey{Role: access.Owner})
	w.Serve(access.Executors{access.ActTariff: func(ctx context.Context, by access.Actor, body []byte) (done access.Done, err error) {
		if no, err := w.RevokeAPIKey(ctx, boss(), maker.ID); err != nil || no.Refused() {
			t.Fatal(err, no.Detail())
		}
		err = w.engine.Run(ctx, by.Tenant, store.Sale, func(tx *store.Tx) (bool, error) {
			eyes, err := access.SecondPerson(tx, by, access.ActRequest{Act: access.ActTariff, Body: struct{}{}}, w.now)
			done.Refusal = eyes.Refusal
			return eyes.Refused(), err
		})
		return done, err
	}})
	d, err := w.Decide(t.Context(), checker, w.asks(t, maker).ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
	if err != nil || d.Done.Code != refusal.MakerNotInForce {
		t.Errorf("done: %q, %v, want %q", d.Done.Code, err, refusal.MakerNotInForce)
	}
}

// TestNamesOfOnePerson: NamesOf returns all names of one person. It leaves out a key of another person, even a key whose id equals the
// person's id.
func TestNamesOfOnePerson(t *testing.T) {
	r := newRows(t)
	for i, k := range []access.Key{{ID: id.ID{3}, Name: "alone"}, {ID: id.ID{4}, Name: "made by it", Answers: id.ID{3}}, {ID: id.ID{7}, Name: "of another", Answers: id.ID{9}},
		{ID: id.ID{5}, Name: "hers", Answers: id.ID{7}}, {ID: id.ID{6}, Answers: id.ID{7}, RevokedAt: r.now}, {ID: id.ID{8}, Name: "hers", Answers: id.ID{7}}} {
		r.keys[[32]byte{byte(i)}] = k
	}
	alone := []string{"apikey alone", "apikey made by it"}
	hers := []string{"apikey hers", "apikey " + id.ID{6}.Text(id.Key), "person " + aminaEmail}
	for name, c := range map[string]struct {
		a    access.Actor
		want []string
	}{
		"the program":           {access.SystemActor(1, "cli"), []string{"system cli"}},
		"a key of nobody":       {access.Actor{Kind: access.APIKey, ID: id.ID{3}, Name: "alone"}, alone},
		"a key that it made":    {access.Actor{Kind: access.APIKey, ID: id.ID{4}, Name: "made by it", Answers: id.ID{3}}, alone},
		"a person":              {r.amina(), hers},
		"a key of hers":         {access.Actor{Kind: access.APIKey, ID: id.ID{5}, Name: "hers", Answers: id.ID{7}}, hers},
		"a key under a name":    {access.Actor{Kind: access.APIKey, ID: id.ID{5}, Name: "before", Answers: id.ID{7}}, append([]string{"apikey before"}, hers...)},
		"somebody who has left": {access.Actor{Kind: access.Person, ID: id.ID{2}, Name: "juma@example.org"}, []string{"person juma@example.org"}},
	} {
		slices.Sort(c.want)
		if names, err := access.NamesOf(r, c.a); err != nil || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q, %v, want %q", name, names, err, c.want)
		}
	}
	for r.broken = 1; r.broken <= 2; r.broken++ {
		r.calls = nil
		if names, err := access.NamesOf(r, r.amina()); err != errStore || names != nil {
			t.Errorf("call %d fails: %q, %v", r.broken, names, err)
		}
	}
}

// TestAnActOfAnOlderVersionIsRefused: an older version stored the approval. The action now does more than the stored summary says, so it
// must be requested again. The approval can still be rejected.
func TestAnActOfAnOlderVersionIsRefused(t *testing.T) {
	w := newWorld(t)
	checker := w.opened(t, access.NewKey{Role: access.Owner})
	a := access.Approval{Act: "vendor.credit", Right: access.ManageVendors, Body: []byte("{}"), Maker: boss(), State: access.ApprovalWaiting, CreatedAt: w.now}
	w.run(t, func(tx *store.Tx) (err error) {
		if a.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddApproval(a)
	})
	if d, err := w.Decide(t.Context(), checker, a.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""}); err != nil || d.Code != refusal.ApprovalInvalid {
		t.Errorf("allowed: %q, %v, want %q", d.Code, err, refusal.ApprovalInvalid)
	}
	if d, err := w.Decide(t.Context(), checker, a.ID.Text(id.Approval), access.Decision{Allow: false, Reason: ""}); err != nil || d.Refused() || d.Approval.State != access.ApprovalRejected {
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

// asks stores an actor's request to publish a tariff.
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
