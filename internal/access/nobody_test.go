package access_test

import (
	"context"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// ofNobody makes a key at the command line without naming a person, and returns its actor.
func (w *world) ofNobody(t *testing.T, n access.NewKey) access.Actor {
	t.Helper()
	return w.who(t, w.key(t, boss(), n).Secret.Reveal(), "")
}

// TestAKeyOfNobodyIsNoPerson: while nobody can sign in, a key of nobody does everything except approve. Afterwards it moves no value, nobody
// approves what it requested, and it can be given to a person once.
func TestAKeyOfNobodyIsNoPerson(t *testing.T) {
	w := newWorld(t)
	w.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }})
	one, two := w.ofNobody(t, access.NewKey{Role: access.Owner, Name: "one"}), w.ofNobody(t, access.NewKey{Role: access.Owner, Name: "two"})
	reads := w.ofNobody(t, access.NewKey{Role: access.Auditor, Name: "graphs"})
	sells := func(what string, by access.Actor, want string) {
		t.Helper()
		if got := outcome(w.tries(t, by, access.ActRequest{Act: access.ActSell, Body: struct{}{}, Takes: access.Takes{Amount: 1}})); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	yes := true
	w.eyes(t, &yes)
	waits := w.asks(t, one)
	w.decides(t, "by another key of nobody", two, waits, refusal.Forbidden)
	sells("without people", one, "done")

	juma, neema := w.person(t, "juma@example.org", access.Owner), w.person(t, "neema@example.org", access.Owner)
	sells("with people", one, string(refusal.Forbidden))
	w.decides(t, "of a key of nobody", juma, waits, refusal.Forbidden)
	if got := outcome(w.tries(t, one, access.ActRequest{Act: access.ActTariff, Body: struct{}{}})); got != string(refusal.Forbidden) {
		t.Errorf("a request of a key of nobody: %q", got)
	}
	if still, err := w.Still(t.Context(), reads); err != nil || !still {
		t.Errorf("a key that only reads: in force %t, %v", still, err)
	}
	if taken, err := w.TakeOver(t.Context(), boss()); err != nil || taken.Keys != 0 {
		t.Errorf("with two people, %d keys were given without asking, %v", taken.Keys, err)
	}

	gives := func(what string, key id.ID, email string, want refusal.Code) {
		t.Helper()
		if given, err := w.GiveAPIKey(t.Context(), boss(), key, email); err != nil || given.Code != want {
			t.Errorf("%s: %q %s, %v, want %q", what, given.Code, given.Detail(), err, want)
		}
	}
	w.person(t, "support@example.org", access.Support)
	gives("beyond the person's role", one.ID, "support@example.org", refusal.Forbidden)
	gives("to a stranger", one.ID, "nobody@example.org", refusal.NotFound)
	gives("to its person", one.ID, "juma@example.org", "")
	gives("to somebody else", one.ID, "neema@example.org", refusal.NotFound)
	one.Answers = juma.ID
	sells("as Juma's", one, "done")
	mine := w.asks(t, one)
	w.decides(t, "by the key's person", juma, mine, refusal.Forbidden)
	w.decides(t, "by another person", neema, mine, "")
	if refused, err := w.GiveAPIKey(t.Context(), juma, two.ID, "juma@example.org"); err != nil || !refused.Refused() {
		t.Errorf("over the API a key of nobody was given away: %v", err)
	}
}

// TestTheFirstOwnerTakesOver: the keys that were made before anybody could sign in belong to the first owner, and so do new keys, as long as
// there is no other person.
func TestTheFirstOwnerTakesOver(t *testing.T) {
	w := newWorld(t)
	early := w.key(t, boss(), access.NewKey{Role: access.Owner, Name: "laptop"})
	w.amina(t)
	amina := w.signIn(t, "a few unrelated words", "", "").Actor
	if by := w.who(t, early.Secret.Reveal(), ""); by.Answers != amina.ID {
		t.Errorf("the early key belongs to %v", by.Answers)
	}
	if n := w.audited(t)["apikey.give"]; n != 1 {
		t.Errorf("%d rows in the audit log, want 1", n)
	}
	if late := w.key(t, boss(), access.NewKey{Role: access.Owner}); late.Owner.Email != amina.Name || late.Key.Answers != amina.ID {
		t.Errorf("the late key belongs to %q", late.Owner.Email)
	}
	w.person(t, "juma@example.org", access.Owner)
	for role, want := range map[access.Role]refusal.Code{access.Operator: refusal.InvalidRequest, access.Auditor: ""} {
		if k, err := w.CreateAPIKey(t.Context(), boss(), access.NewKey{Role: role}); err != nil || k.Code != want {
			t.Errorf("a key of the role %s for nobody: %q, %v, want %q", role, k.Code, err, want)
		}
	}
}

// TestAnOlderUtilityKeepsItsKeys: a server that starts with one person gives that person the keys of nobody, as far as the person's role allows.
func TestAnOlderUtilityKeepsItsKeys(t *testing.T) {
	w := newWorld(t)
	owner, till := w.ofNobody(t, access.NewKey{Role: access.Owner, Name: "owner"}), w.ofNobody(t, access.NewKey{Role: access.Operator, Name: "till"})
	clerk := w.person(t, "clerk@example.org", access.Operator)
	for _, want := range []int{1, 0} {
		if taken, err := w.TakeOver(t.Context(), boss()); err != nil || taken.Keys != want {
			t.Errorf("%d keys were given, %v, want %d", taken.Keys, err, want)
		}
	}
	keys, err := w.APIKeys(t.Context(), boss(), id.ID{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Data {
		if want := map[id.ID]id.ID{owner.ID: {}, till.ID: clerk.ID}[k.ID]; k.Answers != want {
			t.Errorf("key %s belongs to %v, want %v", k.Name, k.Answers, want)
		}
	}
}
