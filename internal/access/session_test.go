package access_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
)

// sessions lists somebody's sessions.
func (w *world) sessions(t *testing.T, by access.Actor, who string, want refusal.Code) []access.Session {
	t.Helper()
	l, err := w.Sessions(t.Context(), by, who)
	if err != nil || l.Code != want {
		t.Fatalf("sessions of %s: got %q, %v, want %q", who, l.Code, err, want)
	}
	return l.Data
}

// TestSessionsAreListedAndEnded: a list shows the open sessions, and marks the asker's own. Ending them ends each at once. Without the right
// people.manage a person reaches only their own, and learns nothing about others, not even whether they exist.
func TestSessionsAreListedAndEnded(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	first := w.signIn(t, "a few unrelated words", "", "")
	w.now = w.now.Add(time.Minute)
	in, err := w.SignIn(t.Context(), store.FirstTenant, "amina@example.org", "a few unrelated words", "", access.Browser{IP: "2001:db8::1", Name: "Firefox, Linux"})
	if err != nil || in.Refused() {
		t.Fatal(in.Detail(), err)
	}
	amina := w.session(t, in.Session, "")
	got := w.sessions(t, amina, "Amina@example.org", "")
	if len(got) != 2 || got[0].From != (access.Browser{IP: "2001:db8::1", Name: "Firefox, Linux"}) || !got[0].Own || got[1].Own || got[1].From.IP != "192.0.2.7" ||
		!got[0].CreatedAt.Equal(w.now) || got[0].ID == got[1].ID || got[0].ID.IsZero() {
		t.Errorf("sessions: %+v", got)
	}
	juma := access.Actor{Tenant: store.FirstTenant, Kind: access.Person, ID: id.ID{9}, Role: access.Operator}
	w.sessions(t, juma, "amina@example.org", refusal.Forbidden)
	w.sessions(t, juma, "nobody@example.org", refusal.Forbidden)
	w.sessions(t, amina, "nobody@example.org", refusal.NotFound)
	stale := amina
	stale.Stale = true
	w.sessions(t, stale, "amina@example.org", "") // one's own need no fresh sign-in
	if done, err := w.EndSessions(t.Context(), juma, amina.ID.Text(id.Person)); err != nil || done.Code != refusal.Forbidden {
		t.Errorf("somebody else ended sessions: %q, %v", done.Code, err)
	}
	w.session(t, first.Session, "")
	weak := amina
	weak.Role = access.Support
	if done, err := w.EndSessions(t.Context(), weak, amina.ID.Text(id.Person)); err != nil || done.Refused() || done.Ended != 2 {
		t.Errorf("ended %d of one's own sessions, %q, %v, want 2", done.Ended, done.Code, err)
	}
	w.session(t, first.Session, refusal.Unauthenticated)
	w.session(t, in.Session, refusal.Unauthenticated)
	if got := w.sessions(t, boss(), "amina@example.org", ""); len(got) != 0 {
		t.Errorf("sessions after the end: %+v", got)
	}
	if n := w.audited(t)["person.end-sessions"]; n != 1 {
		t.Errorf("%d audit rows of ended sessions, want 1", n)
	}
}

// TestOtherSessionsEnd: a person's other sessions end and the one that asks goes on as it was. A session of somebody else, or one that is over,
// ends nothing.
func TestOtherSessionsEnd(t *testing.T) {
	w := newWorld(t)
	w.amina(t)
	own := w.signIn(t, "a few unrelated words", "", "")
	w.now = w.now.Add(time.Minute)
	other := w.signIn(t, "a few unrelated words", "", "")
	amina := w.session(t, own.Session, "")
	before := w.sessions(t, amina, "amina@example.org", "")[1]
	for _, c := range []struct {
		by      access.Actor
		session string
	}{{boss(), own.Session.Reveal()}, {amina, "x"}, {amina, ""}} {
		if done, err := w.EndOtherSessions(t.Context(), c.by, c.session); err != nil || done.Code != refusal.Unauthenticated {
			t.Errorf("%s with session %.3q: %q, %v", c.by, c.session, done.Code, err)
		}
	}
	w.session(t, other.Session, "")
	if done, err := w.EndOtherSessions(t.Context(), amina, own.Session.Reveal()); err != nil || done.Refused() || done.Ended != 1 {
		t.Errorf("ended %d other sessions, %q, %v, want 1", done.Ended, done.Code, err)
	}
	w.session(t, other.Session, refusal.Unauthenticated)
	w.session(t, own.Session, "")
	if left := w.sessions(t, amina, "amina@example.org", ""); len(left) != 1 || !left[0].Own || left[0].ID != before.ID || !left[0].CreatedAt.Equal(before.CreatedAt) ||
		!left[0].ExpiresAt.Equal(before.ExpiresAt) || !left[0].ProvedAt.Equal(before.ProvedAt) || left[0].From != before.From {
		t.Errorf("left %+v, want %+v", left, before)
	}
	if n := w.audited(t)["person.end-sessions"]; n != 1 {
		t.Errorf("%d audit rows of ended sessions, want 1", n)
	}
}

// TestShorterTimesEndOpenSessions: the tenant's times bind sessions that began before, and longer ones do not prolong a session past the end
// that it was given.
func TestShorterTimesEndOpenSessions(t *testing.T) {
	for _, c := range []struct {
		times     access.SessionTimes
		idle, age time.Duration
		want      refusal.Code
	}{
		{access.SessionTimes{}, 29 * time.Minute, 29 * time.Minute, ""},
		{access.SessionTimes{IdleSeconds: 300}, 300 * time.Second, 300 * time.Second, refusal.Unauthenticated},
		{access.SessionTimes{IdleSeconds: 300}, 299 * time.Second, 299 * time.Second, ""},
		{access.SessionTimes{IdleSeconds: 7200}, 119 * time.Minute, 119 * time.Minute, ""},
		{access.SessionTimes{LifeSeconds: 3600}, time.Minute, time.Hour, refusal.Unauthenticated},
		{access.SessionTimes{LifeSeconds: 3600}, time.Minute, 59 * time.Minute, ""},
		{access.SessionTimes{LifeSeconds: 86400}, time.Minute, 12 * time.Hour, refusal.Unauthenticated},
	} {
		r := newRows(t)
		a := r.access(rand.Reader)
		secret := access.SecretOf("a session")
		r.times = c.times
		r.logins[sessionForm(secret)] = access.Login{Person: id.ID{7}, CreatedAt: r.now.Add(-c.age), ProvedAt: r.now.Add(-c.age), SeenAt: r.now.Add(-c.idle),
			ExpiresAt: r.now.Add(access.SessionLife - c.age)}
		if k, err := a.ByLogin(t.Context(), 1, secret.Reveal()); err != nil || k.Code != c.want {
			t.Errorf("times %+v, idle %s, age %s: %q, %v; want %q", c.times, c.idle, c.age, k.Code, err, c.want)
		}
	}
	r := newRows(t)
	r.times = access.SessionTimes{LifeSeconds: 7200, IdleSeconds: 600}
	in, err := r.access(rand.Reader).SignIn(t.Context(), 1, aminaEmail, goodPassword, "", access.Browser{})
	if err != nil || in.Refused() || !in.Expires.Equal(r.now.Add(2*time.Hour)) || !r.dropped[1].Equal(r.now.Add(-10*time.Minute)) {
		t.Errorf("a new session ends at %s, %q, %v; old ones idle since %v", in.Expires, in.Code, err, r.dropped)
	}
}
