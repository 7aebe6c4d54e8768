package access_test

import (
	"crypto/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// TestWhatAPersonIsMadeOf: a new person has the address in its canonical form, the name without blanks around it, and nothing
// that was not requested.
func TestWhatAPersonIsMadeOf(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	p, err := a.Invite(t.Context(), r.amina(), access.NewPerson{Email: "\tJuma@Example.org ", Name: " Juma O. ", Role: access.Support})
	want := access.PersonRow{ID: id.ID{15: 1}, Email: "juma@example.org", Name: "Juma O.", Role: access.Support, CreatedAt: r.now,
		CountsAs: id.ID{7}.Text(id.Person), Link: linkForm(p.Link), LinkUntil: r.now.Add(24 * time.Hour)}
	if row := r.people["juma@example.org"]; err != nil || p.Refused() || !reflect.DeepEqual(p.Person, want) || !reflect.DeepEqual(row, want) {
		t.Errorf("%+v, %v, stored %+v; want %+v", p, err, row, want)
	}
	if p, err = a.Accept(t.Context(), 1, p.Link.Reveal(), access.SecretOf(goodPassword), ""); err != nil || p.Refused() {
		t.Fatal(p.Detail(), err)
	}
	row := r.people["juma@example.org"]
	if ok, err := access.VerifyPassword(row.Password, goodPassword); err != nil || !ok {
		t.Errorf("the stored hash: %t, %v", ok, err)
	}
	row.Password, want.Link, want.LinkUntil = "", [32]byte{}, time.Time{}
	if !reflect.DeepEqual(row, want) {
		t.Errorf("stored %+v, want %+v", row, want)
	}
}

// TestSignsThatNoAddressHas puts each of these signs into the name and into the domain of an address, which is then refused.
func TestSignsThatNoAddressHas(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	for _, sign := range []string{" ", "\t", "\r", "\n", "<", ">", ",", ";", `"`, "@"} {
		for _, email := range []string{"ju" + sign + "ma@example.org", "juma@exa" + sign + "mple.org"} {
			p, err := a.Invite(t.Context(), r.amina(), access.NewPerson{Email: email, Role: access.Support})
			if err != nil || p.Code != refusal.InvalidRequest || p.Text != "email-of-wrong-form" || !strings.HasSuffix(p.What, " is not an e-mail address.") {
				t.Errorf("%q: %q, %v", email, p.Detail(), err)
			}
		}
	}
}

// TestASessionIsStoredWhole checks all fields of a new session, and which earlier sessions of the person end.
func TestASessionIsStoredWhole(t *testing.T) {
	r := newRows(t)
	in, err := r.access(rand.Reader).SignIn(t.Context(), 3, " Amina@EXAMPLE.org", goodPassword, "", access.Browser{IP: "192.0.2.7", Name: "Firefox, Linux"})
	if err != nil || in.Refused() {
		t.Fatal(in.Detail(), err)
	}
	end := r.now.Add(12 * time.Hour)
	if got, want := r.logins[sessionForm(in.Session)], (access.Login{Person: id.ID{7}, CreatedAt: r.now, SeenAt: r.now, ExpiresAt: end, ProvedAt: r.now,
		From: access.Browser{IP: "192.0.2.7", Name: "Firefox, Linux"}}); got != want || in.Expires != end {
		t.Errorf("stored %+v, told to end at %s; want %+v", got, in.Expires, want)
	}
	if want := (access.Actor{Tenant: 3, Kind: access.Person, ID: id.ID{7}, Name: aminaEmail, Role: access.Owner, IP: "192.0.2.7"}); in.Actor != want {
		t.Errorf("signed in as %+v, want %+v", in.Actor, want)
	}
	if len(in.Session.Reveal()) != 43 {
		t.Errorf("the session has %d characters, want 43", len(in.Session.Reveal()))
	}
	if r.kept != 19 || len(r.dropped) != 2 || r.dropped[0] != r.now || r.dropped[1] != r.now.Add(-30*time.Minute) {
		t.Errorf("before it %d sessions stay, of those that ended after %v; want 19, %s and half an hour before", r.kept, r.dropped, r.now)
	}
}

// TestAPersonMayGoWhileThePasswordIsCompared: a person who was blocked, or got another password meanwhile, cannot sign in.
func TestAPersonMayGoWhileThePasswordIsCompared(t *testing.T) {
	for name, change := range map[string]func(*rows, access.PersonRow){
		"nothing":          nil,
		"blocked":          func(r *rows, p access.PersonRow) { p.Blocked = true; r.people[aminaEmail] = p },
		"another password": func(r *rows, p access.PersonRow) { p.Password += "x"; r.people[aminaEmail] = p },
		"gone":             func(r *rows, _ access.PersonRow) { clear(r.people) },
	} {
		r := newRows(t)
		want := refusal.Code("")
		if change != nil {
			r.between, want = func() { change(r, r.people[aminaEmail]) }, refusal.Unauthenticated
		}
		in, err := r.access(rand.Reader).SignIn(t.Context(), 1, aminaEmail, goodPassword, "", access.Browser{})
		if err != nil || in.Code != want || (len(r.logins) == 1) != (want == "") {
			t.Errorf("%s: %q, %v, %d sessions; want %q", name, in.Code, err, len(r.logins), want)
		}
	}
}

// TestASessionIsSeenOnceAMinute tests each time limit of a session just before the limit and at it.
func TestASessionIsSeenOnceAMinute(t *testing.T) {
	for _, c := range []struct {
		name         string
		seen, begun  time.Duration // how long ago
		blocked      bool
		known, notes bool
	}{
		{"just now", 0, 0, false, true, false},
		{"within a minute", time.Minute - 1, time.Hour, false, true, false},
		{"a minute", time.Minute, time.Hour, false, true, true},
		{"almost half an hour", 30*time.Minute - 1, time.Hour, false, true, true},
		{"half an hour", 30 * time.Minute, time.Hour, false, false, false},
		{"almost its end", 0, 12*time.Hour - 1, false, true, false},
		{"its end", 0, 12 * time.Hour, false, false, false},
		{"a blocked person", time.Minute, time.Hour, true, false, false},
	} {
		r := newRows(t)
		a := r.access(rand.Reader)
		hash := sessionForm(access.SecretOf("s"))
		begun := r.now.Add(-c.begun)
		r.logins[hash] = access.Login{Person: id.ID{7}, CreatedAt: begun, ProvedAt: begun, SeenAt: r.now.Add(-c.seen), ExpiresAt: begun.Add(access.SessionLife)}
		if p := r.people[aminaEmail]; c.blocked {
			p.Blocked = true
			r.people[aminaEmail] = p
		}
		k, err := a.ByLogin(t.Context(), 1, "s")
		want, seen := access.Authenticated{}, r.now.Add(-c.seen)
		if c.known {
			want.Actor = r.amina()
			want.Actor.Stale = c.begun >= access.ProofFresh
		}
		if c.notes {
			seen = r.now
		}
		if err != nil || k.Refused() == c.known || k.Actor != want.Actor || !r.logins[hash].SeenAt.Equal(seen) {
			t.Errorf("%s: %+v, %v, seen at %s; want %+v, %s", c.name, k, err, r.logins[hash].SeenAt, want.Actor, seen)
		}
	}
}

// TestWhoIsOutAlreadyIsNotNoted: the audit log has the end of each session exactly once.
func TestWhoIsOutAlreadyIsNotNoted(t *testing.T) {
	r := newRows(t)
	a := r.access(rand.Reader)
	r.logins[sessionForm(access.SecretOf("s"))] = access.Login{Person: id.ID{7}}
	for range 2 {
		if err := a.SignOut(t.Context(), r.amina(), "s"); err != nil {
			t.Error(err)
		}
	}
	if len(r.log) != 1 || r.log[0].Action != "signout" || len(r.logins) != 0 {
		t.Errorf("noted %+v, %d sessions are left", r.log, len(r.logins))
	}
}

// TestHowAnActorIsCalled checks an actor's name in the audit log.
func TestHowAnActorIsCalled(t *testing.T) {
	for want, a := range map[string]access.Actor{
		"person":       {Kind: access.Person},
		"person a@b":   {Kind: access.Person, Name: "a@b"},
		"apikey till3": {Kind: access.APIKey, Name: "till3"},
		"device 1":     {Kind: access.Device, Name: "1"},
		"system job":   access.SystemActor(1, "job"),
	} {
		a.IP = "192.0.2.7"
		if e := a.Entry("do", "x_1"); a.String() != want || e != (access.Entry{Actor: want, IP: "192.0.2.7", Action: "do", Object: "x_1"}) {
			t.Errorf("%+v is called %q, its entry %+v; want %q", a, a, e, want)
		}
	}
	if a := access.SystemActor(9, "job"); a != (access.Actor{Tenant: 9, Kind: access.System, Name: "job", Role: access.Owner}) {
		t.Errorf("the system is %+v", a)
	}
	for after, want := range map[string]string{"": "approved_by=apikey finance", "minor=5": "minor=5 approved_by=apikey finance"} {
		if e := (access.FourEyes{Checker: "apikey finance"}).Mark(access.Entry{After: after, SinglePerson: true}); e.After != want || e.SinglePerson {
			t.Errorf("allowed, it says %+v, want %q", e, want)
		}
	}
	if e := (access.FourEyes{Alone: true}).Mark(access.Entry{After: " x "}); e.After != " x " || !e.SinglePerson {
		t.Errorf("of one person, it says %+v", e)
	}
}
