package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// office is a world with a confirmed owner Amina, and a confirmed owner Juma.
func office(t *testing.T) (w *world, amina, juma access.Actor) {
	w = newWorld(t)
	w.amina(t)
	amina = w.signIn(t, "a few unrelated words", "", "").Actor
	juma = w.person(t, "juma@example.org", access.Owner)
	w.Serve(access.Executors{access.ActTariff: func(context.Context, access.Actor, []byte) (access.Done, error) { return access.Done{}, nil }})
	return w, amina, juma
}

// decides expects the outcome of a decision about a request.
func (w *world) decides(t *testing.T, what string, by access.Actor, a access.Approval, want refusal.Code) {
	t.Helper()
	d, err := w.Decide(t.Context(), by, a.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
	if err != nil || d.Code != want {
		t.Errorf("%s: %q (%s), %v, want %q", what, d.Code, d.Detail(), err, want)
	}
}

// confirms expects the outcome of a confirmation.
func (w *world) confirms(t *testing.T, what string, by access.Actor, email string, want refusal.Code) {
	t.Helper()
	c, err := w.Confirm(t.Context(), by, email)
	if err != nil || c.Code != want {
		t.Errorf("%s: %q (%s), %v, want %q", what, c.Code, c.Detail(), err, want)
	}
}

// TestAnAccountCountsAsWhoeverCouldHoldIt: whoever invited, reset, unblocked or promoted a person may hold the person's account. Until another
// approver confirms the person, neither approves the other's requests.
func TestAnAccountCountsAsWhoeverCouldHoldIt(t *testing.T) {
	w, amina, juma := office(t)
	const neema = "neema@example.org"
	her := w.joined(t, amina, neema, access.Owner)
	for _, c := range []struct {
		name string
		act  func()
	}{
		{"invited", func() {}},
		{"reset", func() { her = w.reset(t, amina, neema) }},
		{"unblocked", func() { w.did(t)(w.Block(t.Context(), juma, neema)); w.did(t)(w.Unblock(t.Context(), amina, neema)) }},
		{"promoted", func() {
			w.did(t)(w.ChangeRole(t.Context(), juma, neema, access.Support, id.ID{}))
			w.did(t)(w.ChangeRole(t.Context(), amina, neema, access.Owner, id.ID{}))
		}},
	} {
		name := c.name
		w.now = w.now.Add(time.Second)
		c.act()
		w.decides(t, name+": her approval of Amina's request", her, w.asks(t, amina), refusal.Forbidden)
		w.decides(t, name+": Amina's approval of her request", amina, w.asks(t, her), refusal.Forbidden)
		w.decides(t, name+": Juma's approval of her request", juma, w.asks(t, her), "")
		w.decides(t, name+": her approval of Juma's request", her, w.asks(t, juma), "")
		before := w.asks(t, her)
		w.now = w.now.Add(time.Second)
		w.confirms(t, name+": by herself", her, neema, refusal.Forbidden)
		w.confirms(t, name+": by Amina", amina, neema, refusal.Forbidden)
		w.confirms(t, name+": by Juma", juma, neema, "")
		w.decides(t, name+", confirmed: Amina's approval of an earlier request", amina, before, refusal.MakerNotInForce)
		w.decides(t, name+", confirmed: her approval of Amina's request", her, w.asks(t, amina), "")
		w.decides(t, name+", confirmed: Amina's approval of her request", amina, w.asks(t, her), "")
	}
	w.did(t)(w.ChangeRole(t.Context(), amina, neema, access.Finance, id.ID{})) // a role with fewer rights gives nothing away
	w.decides(t, "with fewer rights, Juma's approval of Amina's request", juma, w.asks(t, amina), "")
	if l, err := w.People(t.Context(), amina, id.ID{}, 10); err != nil || len(l.Data) != 3 || l.Data[2].CountsAs != "" {
		t.Errorf("the people: %+v, %v", l.Data, err)
	}
}

// TestADeletedStandingConfirmsNobody: if somebody deletes the row that says as whom a person counts, the person approves nothing and does
// not get in.
func TestADeletedStandingConfirmsNobody(t *testing.T) {
	w, amina, juma := office(t)
	her := w.joined(t, amina, "neema@example.org", access.Owner)
	w.decides(t, "before", her, w.asks(t, juma), "")
	asked := w.asks(t, amina)
	w.run(t, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`DELETE FROM standing WHERE id = $1`, her.ID)
		return err
	})
	w.decides(t, "without her row, her approval of Amina's request", her, asked, refusal.Forbidden)
	if got, err := w.SignIn(t.Context(), her.Tenant, "neema@example.org", "a few unrelated words", "", access.Browser{}); err != nil || !got.Refused() {
		t.Errorf("she signs in: %v, %v", got, err)
	}
}

// reset gives a person a new password through a reset by somebody.
func (w *world) reset(t *testing.T, by access.Actor, email string) access.Actor {
	t.Helper()
	c := w.did(t)(w.Reset(t.Context(), by, email))
	p := w.did(t)(w.Accept(t.Context(), store.FirstTenant, c.Link.Reveal(), access.SecretOf("a few unrelated words"), "")).Person
	return access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: p.ID, Name: p.Email, Role: p.Role}
}

// TestAChainOfInvitations: a person counts as everybody in the chain of unconfirmed invitations before them, even after a person in the
// middle is confirmed.
func TestAChainOfInvitations(t *testing.T) {
	w, amina, juma := office(t)
	b := w.joined(t, amina, "b@example.org", access.Owner)
	c := w.joined(t, b, "c@example.org", access.Owner)
	w.decides(t, "C about A", c, w.asks(t, amina), refusal.Forbidden)
	w.decides(t, "C about B", c, w.asks(t, b), refusal.Forbidden)
	w.confirms(t, "C by B", b, "c@example.org", refusal.Forbidden)
	w.confirms(t, "B by Juma", juma, "b@example.org", "")
	w.now = w.now.Add(time.Second)
	w.decides(t, "C about A, B confirmed", c, w.asks(t, amina), refusal.Forbidden)
	w.decides(t, "C about B, B confirmed", c, w.asks(t, b), refusal.Forbidden)
	w.confirms(t, "C by B, confirmed", b, "c@example.org", refusal.Forbidden)
	w.confirms(t, "C by Juma", juma, "c@example.org", "")
	w.decides(t, "C about A, C confirmed", c, w.asks(t, amina), "")
}

// TestTheSecondApproverIsConfirmedAtTheServer: the first two approvers become two people only at the server's command line, and then four
// eyes bind for good. A person whom nobody named invited can be confirmed only there.
func TestTheSecondApproverIsConfirmedAtTheServer(t *testing.T) {
	w := newWorld(t)
	binds := func(want bool) {
		t.Helper()
		w.run(t, func(tx *store.Tx) error {
			bind, err := access.FourEyesBind(tx, access.WriteTariffs)
			if bind != want {
				t.Errorf("four eyes bind: %t, want %t", bind, want)
			}
			return err
		})
	}
	amina := w.joined(t, boss(), "amina@example.org", access.Owner) // the first approver needs no confirmation
	c := w.did(t)(w.Invite(t.Context(), amina, access.NewPerson{Email: "juma@example.org", Role: access.Owner}))
	w.confirms(t, "before the link is used", boss(), "juma@example.org", refusal.Forbidden)
	w.did(t)(w.Accept(t.Context(), 1, c.Link.Reveal(), access.SecretOf("a few unrelated words"), ""))
	w.confirms(t, "by the inviter", amina, "juma@example.org", refusal.Forbidden)
	binds(false)
	w.confirms(t, "at the command line", boss(), "juma@example.org", "")
	binds(true)
	w.did(t)(w.Block(t.Context(), amina, "juma@example.org"))
	binds(true)
	if c, err := w.Block(t.Context(), amina, "amina@example.org"); err != nil || c.Code != refusal.Forbidden {
		t.Errorf("the last owner is blocked: %q, %v", c.Code, err)
	}
	c = w.did(t)(w.Invite(t.Context(), boss(), access.NewPerson{Email: "neema@example.org", Role: access.Owner}))
	w.did(t)(w.Accept(t.Context(), 1, c.Link.Reveal(), access.SecretOf("a few unrelated words"), ""))
	w.confirms(t, "invited at the command line", amina, "neema@example.org", refusal.Forbidden)
	w.confirms(t, "and confirmed there", boss(), "neema@example.org", "")
}

// TestAKeyHasNoMoreRightsThanItsPerson: a key ends while its person lacks one of the key's rights.
func TestAKeyHasNoMoreRightsThanItsPerson(t *testing.T) {
	w, amina, _ := office(t)
	k := w.key(t, boss(), access.NewKey{Role: access.Finance, Person: "juma@example.org"}).Secret.Reveal()
	by := w.who(t, k, "")
	for role, works := range map[access.Role]bool{access.Owner: true, access.Finance: true, access.Supervisor: false, access.Auditor: false} {
		w.did(t)(w.ChangeRole(t.Context(), amina, "juma@example.org", role, id.ID{}))
		want := refusal.Unauthenticated
		if works {
			want = ""
		}
		w.who(t, k, want)
		if still, err := w.Still(t.Context(), by); err != nil || still != works {
			t.Errorf("with the role %s: the stream goes on %t, %v; want %t", role, still, err, works)
		}
	}
}

// TestALinkWorksOnce: a link works once, for 24 hours, until the next link or a block. A reset ends the password and the sessions.
func TestALinkWorksOnce(t *testing.T) {
	w, amina, _ := office(t)
	const juma, good = "juma@example.org", "a few unrelated words"
	accept := func(what string, link access.Secret, password string, want refusal.Code) {
		t.Helper()
		c, err := w.Accept(t.Context(), store.FirstTenant, link.Reveal(), access.SecretOf(password), "")
		if err != nil || c.Code != want {
			t.Errorf("%s: %q (%s), %v, want %q", what, c.Code, c.Detail(), err, want)
		}
	}
	in, err := w.SignIn(t.Context(), store.FirstTenant, juma, good, "", access.Browser{})
	if err != nil || in.Refused() {
		t.Fatal(in.Detail(), err)
	}
	first := w.did(t)(w.Reset(t.Context(), amina, juma)).Link
	w.session(t, in.Session, refusal.Unauthenticated)
	if in, err := w.SignIn(t.Context(), store.FirstTenant, juma, good, "", access.Browser{}); err != nil || in.Code != refusal.Unauthenticated {
		t.Errorf("signed in with the password from before the reset: %q, %v", in.Code, err)
	}
	second := w.did(t)(w.Reset(t.Context(), amina, juma)).Link
	accept("a replaced link", first, good, refusal.Unauthenticated)
	accept("a weak password", second, "short", refusal.InvalidRequest)
	accept("a link", second, good, "")
	accept("a used link", second, good, refusal.Unauthenticated)
	accept("no link", access.SecretOf(""), good, refusal.Unauthenticated)
	late := w.did(t)(w.Reset(t.Context(), amina, juma)).Link
	w.now = w.now.Add(24 * time.Hour)
	accept("a link after a day", late, good, refusal.Unauthenticated)
	last := w.did(t)(w.Reset(t.Context(), amina, juma)).Link
	w.did(t)(w.Block(t.Context(), amina, juma))
	accept("a link of a blocked person", last, good, refusal.Unauthenticated)
	w.did(t)(w.Unblock(t.Context(), amina, juma))
	accept("a link from before the block", last, good, refusal.Unauthenticated)
}

// TestEveryChangeOfAPersonEndsTheSessions: another role, a block and a reset end a person's sessions at once.
func TestEveryChangeOfAPersonEndsTheSessions(t *testing.T) {
	for name, change := range map[string]func(*world, access.Actor) (access.Changed, error){
		"role": func(w *world, by access.Actor) (access.Changed, error) {
			return w.ChangeRole(t.Context(), by, "juma@example.org", access.Auditor, id.ID{})
		},
		"block": func(w *world, by access.Actor) (access.Changed, error) {
			return w.Block(t.Context(), by, "juma@example.org")
		},
		"unblock": func(w *world, by access.Actor) (access.Changed, error) {
			return w.Unblock(t.Context(), by, "juma@example.org")
		},
		"reset": func(w *world, by access.Actor) (access.Changed, error) {
			return w.Reset(t.Context(), by, "juma@example.org")
		},
	} {
		w, amina, _ := office(t)
		in, err := w.SignIn(t.Context(), store.FirstTenant, "juma@example.org", "a few unrelated words", "", access.Browser{})
		if err != nil || in.Refused() {
			t.Fatal(in.Detail(), err)
		}
		w.did(t)(change(w, amina))
		if k, err := w.ByLogin(t.Context(), store.FirstTenant, in.Session.Reveal()); err != nil || k.Code != refusal.Unauthenticated {
			t.Errorf("%s: the session still works: %q, %v", name, k.Code, err)
		}
	}
}

// TestWhoIsApart: an account that was not confirmed is not certainly another person than its inviter.
func TestWhoIsApart(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	amina := w.session(t, w.signIn(t, "a few unrelated words", "", "").Session, "")
	juma := w.did(t)(w.Invite(t.Context(), amina, access.NewPerson{Email: "juma@example.org", Role: access.Engineer}))
	w.did(t)(w.Accept(t.Context(), 1, juma.Link.Reveal(), access.SecretOf("a few unrelated words"), ""))
	his := access.Actor{Tenant: 1, Kind: access.Person, ID: juma.Person.ID, Name: "juma@example.org", Role: access.Engineer}
	hers := access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{1}, Answers: amina.ID, Name: "till"}
	apart := func(a, b access.Actor) (two bool) {
		t.Helper()
		err := w.engine.View(t.Context(), 1, func(tx *store.Tx) (err error) {
			two, err = access.Apart(tx, a, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return two
	}
	if apart(amina, his) || apart(hers, his) || apart(amina, hers) || apart(amina, amina) {
		t.Error("an account that Amina may use counts as another person")
	}
	w.did(t)(w.Confirm(t.Context(), boss(), "juma@example.org"))
	if !apart(amina, his) || !apart(hers, his) {
		t.Error("a confirmed person does not count as another person")
	}
}

// requests asks for a tariff as the API does.
func (w *world) requests(t *testing.T, by access.Actor) (a access.Approval) {
	t.Helper()
	w.run(t, func(tx *store.Tx) error {
		eyes, err := access.SecondPerson(tx, by, access.ActRequest{Act: access.ActTariff, Body: struct{}{}}, w.now)
		if err != nil || eyes.Waits == nil {
			t.Fatalf("the request does not wait: %+v, %v", eyes, err)
		}
		a = *eyes.Waits
		return nil
	})
	return a
}

// TestAClockThatIsCorrectedDecidesNothing: whether a request came before its maker's confirmation is a matter of order. The server's clock may
// have been wrong at either of them.
func TestAClockThatIsCorrectedDecidesNothing(t *testing.T) {
	w, amina, juma := office(t)
	const neema = "neema@example.org"
	her := w.joined(t, amina, neema, access.Owner)
	w.now = w.now.Add(time.Hour) // the clock is ahead
	w.confirms(t, "while the clock is ahead", juma, neema, "")
	w.now = w.now.Add(-time.Hour)
	w.decides(t, "a request after the confirmation, by a clock that was set back", amina, w.requests(t, her), "")

	her = w.reset(t, amina, neema)
	w.now = w.now.Add(time.Hour)
	before := w.requests(t, her)
	w.now = w.now.Add(-time.Hour)
	w.confirms(t, "after the clock was set back", juma, neema, "")
	w.decides(t, "a request before the confirmation, by a clock that was set back", amina, before, refusal.MakerNotInForce)
	w.decides(t, "a request after it", amina, w.requests(t, her), "")
}
