package access_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// TestAPersonIsShownToThoseWhoDecide: whoever may confirm people sees everybody, and a person sees their own account, whatever the role and
// however old the sign-in. Nobody else learns whether there is such a person.
func TestAPersonIsShownToThoseWhoDecide(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	in := w.signIn(t, "a few unrelated words", "", "")
	amina := w.session(t, in.Session, "")
	made, err := w.Invite(t.Context(), amina, access.NewPerson{Email: "juma@example.org", Role: access.Operator})
	if err != nil || made.Refused() {
		t.Fatal(made.Detail(), err)
	}
	as := func(role access.Role, person id.ID) access.Actor {
		return access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: person, Role: role}
	}
	stale, seller := amina, as(access.Owner, id.ID{9})
	stale.Stale, seller.Vendor = true, id.ID{8}
	for _, c := range []struct {
		name string
		by   access.Actor
		who  string
		want refusal.Code
	}{
		{"an owner", amina, "juma@example.org", ""},
		{"an owner who signed in long ago", stale, "juma@example.org", ""},
		{"an approver", as(access.Finance, id.ID{9}), "juma@example.org", ""},
		{"the person", as(access.Operator, made.Person.ID), "juma@example.org", ""},
		{"the person, by id", as(access.Operator, made.Person.ID), made.Person.ID.Text(id.Person), ""},
		{"an operator", as(access.Operator, id.ID{9}), "juma@example.org", refusal.Forbidden},
		{"an operator who guesses", as(access.Operator, id.ID{9}), "nobody@example.org", refusal.Forbidden},
		{"somebody of a vendor", seller, "juma@example.org", refusal.Forbidden},
		{"an owner, about nobody", amina, "nobody@example.org", refusal.NotFound},
	} {
		got, err := w.Person(t.Context(), c.by, c.who)
		if err != nil || got.Code != c.want || (c.want == "") != (got.Person.Email == "juma@example.org") {
			t.Errorf("%s: %+v, %v; want %q", c.name, got, err, c.want)
		}
	}
	got, err := w.Person(t.Context(), amina, "juma@example.org")
	if err != nil || got.Why.Text != "person-without-password" || got.Emails[got.Person.CountsAs] != "amina@example.org" {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := w.People(t.Context(), amina, id.ID{}, 10)
	if err != nil || all.Emails[got.Person.CountsAs] != "amina@example.org" || len(all.Emails) != 1 {
		t.Errorf("the list names %v, %v", all.Emails, err)
	}
}

// TestPeopleToConfirm: an approver sees those whom the approver may confirm, and nobody else does. That the sign-in is old hides nobody, but
// then the approver cannot confirm.
func TestPeopleToConfirm(t *testing.T) {
	w, amina, _ := office(t)
	finance := w.person(t, "finance@example.org", access.Finance)
	clerk := w.person(t, "clerk@example.org", access.Operator)
	w.did(t)(w.Invite(t.Context(), amina, access.NewPerson{Email: "invited@example.org", Role: access.Support})) // without a password
	w.joined(t, amina, "blocked@example.org", access.Support)
	w.did(t)(w.Block(t.Context(), amina, "blocked@example.org"))
	fresh := w.joined(t, amina, "first@example.org", access.Owner)
	w.joined(t, amina, "second@example.org", access.Support)
	stale, vendors := finance, finance
	stale.Stale, vendors.Vendor = true, id.ID{8}
	for _, c := range []struct {
		name string
		by   access.Actor
		max  int
		want string
		more bool
	}{
		{"another approver", finance, 9, "first@example.org second@example.org", false},
		{"one at a time", finance, 1, "first@example.org", true},
		{"exactly all", finance, 2, "first@example.org second@example.org", false},
		{"after an old sign-in", stale, 9, "first@example.org second@example.org", false},
		{"who invited them", amina, 9, "", false},
		{"who waits", fresh, 9, "", false},
		{"who approves nothing", clerk, 9, "", false},
		{"somebody of a vendor", vendors, 9, "", false},
	} {
		l, err := w.ToConfirm(t.Context(), c.by, c.max)
		got := ""
		for _, p := range l.Data {
			got += " " + p.Email
			if l.Emails[p.CountsAs] != amina.Name {
				t.Errorf("%s: %s counts as %q", c.name, p.Email, l.Emails[p.CountsAs])
			}
		}
		if err != nil || l.Refused() || strings.TrimSpace(got) != c.want || l.Last.IsZero() == c.more {
			t.Errorf("%s: %s, more %t, %v; want %s, %t", c.name, got, !l.Last.IsZero(), err, c.want, c.more)
		}
	}
	w.confirms(t, "after an old sign-in", stale, "first@example.org", refusal.SignInAgain)
	if got, err := w.Person(t.Context(), stale, "first@example.org"); err != nil || got.Why.Code != refusal.SignInAgain {
		t.Errorf("after an old sign-in: %+v, %v", got.Why, err)
	}
	w.confirms(t, "another approver", finance, "first@example.org", "")
	if l, err := w.ToConfirm(t.Context(), finance, 9); err != nil || len(l.Data) != 1 || l.Data[0].Email != "second@example.org" {
		t.Errorf("after a confirmation: %+v, %v", l.Data, err)
	}
}
