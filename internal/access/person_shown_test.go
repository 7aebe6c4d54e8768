package access_test

import (
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
