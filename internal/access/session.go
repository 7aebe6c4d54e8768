package access

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// SessionTimes are the tenant's times of login sessions, in seconds. A zero field means its default.
type SessionTimes struct {
	IdleSeconds int64 `json:"idle_s,omitempty"`
	LifeSeconds int64 `json:"life_s,omitempty"`
}

// Bounds of the times of sessions, in seconds.
const (
	MinSessionIdle = 5 * 60
	MaxSessionIdle = 120 * 60
	MinSessionLife = 3600
	MaxSessionLife = 24 * 3600
)

// Idle returns how long a session lasts after its last request.
func (t SessionTimes) Idle() time.Duration {
	return time.Duration(cmp.Or(t.IdleSeconds, int64(SessionIdle/time.Second))) * time.Second
}

// Life returns how long a session lasts at most.
func (t SessionTimes) Life() time.Duration {
	return time.Duration(cmp.Or(t.LifeSeconds, int64(SessionLife/time.Second))) * time.Second
}

// Login is a session stored on the server; the browser has only its secret.
type Login struct {
	ID        id.ID // names the session in lists; it follows from the stored form and does not sign in
	Person    id.ID
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	ProvedAt  time.Time // when the person proved who they are; zero while a code is missing
	From      Browser
	Device    id.ID // the counter device on which the session was opened with a PIN; zero for a session opened with a password
	Forged    bool  // somebody other than the server wrote the row
}

// Browser is from where a person signs in.
type Browser struct {
	IP   string // address, as the rule of trusted proxies gives it
	Name string // short name, such as "Firefox, Linux"
}

// SessionID returns the id of the session with a stored form.
func SessionID(form []byte) id.ID { return id.FromBytes(form[:min(len(form), len(id.ID{}))]) }

// open reports whether a session has not ended. Shorter times of the tenant end sessions that began before the change.
func (l Login) open(p PersonRow, times SessionTimes, now time.Time) bool {
	return !l.Forged && p.active() && now.Before(l.ExpiresAt) && now.Before(l.CreatedAt.Add(times.Life())) && now.Before(l.SeenAt.Add(times.Idle()))
}

// fresh reports whether the person proved a short while ago who they are. A PIN is no proof, and neither is a password without its code.
func (l Login) fresh(now time.Time) bool {
	return l.Device.IsZero() && now.Sub(l.ProvedAt) < ProofFresh
}

// newLogin returns a session that begins now, of a person who has proved who they are.
func newLogin(person id.ID, times SessionTimes, now time.Time, from Browser) Login {
	return Login{Person: person, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(times.Life()), ProvedAt: now, From: from}
}

// openLogin finds a session by its stored form, with its person, and reports whether there is one that has not ended.
func openLogin(tx Tx, form [32]byte, now time.Time) (Login, PersonRow, bool, error) {
	l, p, found, err := tx.LoginByHash(form)
	if err != nil || !found {
		return l, p, false, err
	}
	times, err := tx.People().SessionTimes()
	return l, p, err == nil && l.open(p, times, now), err
}

// Session is an open session of a person.
type Session struct {
	Login
	Own bool // the asker uses this session
}

// Sessions are the open sessions of a person, the newest first.
type Sessions struct {
	refusal.Refusal
	Data []Session
}

// Sessions lists the open sessions of a person, by id or e-mail address (right: people.manage). Everybody may list their own.
func (a *Access) Sessions(ctx context.Context, by Actor, who string) (Sessions, error) {
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Sessions, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return Sessions{Refusal: no}, err
		}
		times, err := tx.People().SessionTimes()
		if err != nil {
			return Sessions{}, err
		}
		all, err := tx.People().LoginsOf(p.ID)
		out := Sessions{}
		for _, l := range all {
			if l.open(p, times, a.c.Now()) && !l.ProvedAt.IsZero() {
				out.Data = append(out.Data, Session{l, l.ID == by.Session})
			}
		}
		slices.SortFunc(out.Data, func(x, y Session) int {
			return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), slices.Compare(x.ID[:], y.ID[:]))
		})
		return out, err
	})
	return out, fault.Wrap(err, "list sessions")
}

// EndedSessions is the result of EndSessions.
type EndedSessions struct {
	refusal.Refusal
	Person PersonRow
	Ended  int // sessions that were open
}

// EndSessions ends all sessions of a person at once, with their pages (right: people.manage). Everybody may end their own. It is not an error
// if there are none.
func (a *Access) EndSessions(ctx context.Context, by Actor, who string) (EndedSessions, error) {
	if no := by.needsPassword(); no.Refused() {
		return EndedSessions{Refusal: no}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (EndedSessions, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return EndedSessions{Refusal: no}, err
		}
		times, err := tx.People().SessionTimes()
		if err != nil {
			return EndedSessions{}, err
		}
		all, err := tx.People().LoginsOf(p.ID)
		if err != nil {
			return EndedSessions{}, err
		}
		now := a.c.Now()
		out := EndedSessions{Person: p, Ended: openSessions(all, p, times, now)}
		if err := tx.DropLoginsOf(p.ID, now, now, 0); err != nil {
			return EndedSessions{}, err
		}
		return out, tx.AuditLog(by.Entry("person.end-sessions", p.ID.Text(id.Person)))
	})
	return out, fault.Wrap(err, "end sessions")
}

// EndOtherSessions ends the actor's own sessions at once, with their pages, except the one with the given secret.
func (a *Access) EndOtherSessions(ctx context.Context, by Actor, session string) (EndedSessions, error) {
	if no := by.needsPassword(); no.Refused() {
		return EndedSessions{Refusal: no}, nil
	}
	form := a.sessionForm(session)
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (EndedSessions, error) {
		now := a.c.Now()
		own, p, open, err := openLogin(tx, form, now)
		if err != nil || !open || own.ProvedAt.IsZero() || p.ID != by.self() {
			return EndedSessions{Refusal: refuse.SignedOut()}, err
		}
		all, err := tx.People().LoginsOf(p.ID)
		if err != nil {
			return EndedSessions{}, err
		}
		times, err := tx.People().SessionTimes()
		if err != nil {
			return EndedSessions{}, err
		}
		if err := tx.DropLoginsOf(p.ID, now, now, 0); err != nil {
			return EndedSessions{}, err
		}
		if err := tx.AddLogin(own, form); err != nil {
			return EndedSessions{}, err
		}
		return EndedSessions{Person: p, Ended: openSessions(all, p, times, now) - 1}, tx.AuditLog(by.Entry("person.end-sessions", p.ID.Text(id.Person)))
	})
	return out, fault.Wrap(err, "end other sessions")
}

// openSessions counts the sessions that their person can use.
func openSessions(all []Login, p PersonRow, times SessionTimes, now time.Time) (n int) {
	for _, l := range all {
		if l.open(p, times, now) && !l.ProvedAt.IsZero() {
			n++
		}
	}
	return n
}

// sessionsOf returns the person whose sessions an actor may list and end. Somebody without the right learns nothing about other people.
func sessionsOf(tx Tx, by Actor, who string) (PersonRow, refusal.Refusal, error) {
	p, found, err := lookPerson(tx, who)
	if err != nil {
		return PersonRow{}, refusal.Refusal{}, err
	}
	if found && by.self() == p.ID {
		return p, refusal.Refusal{}, nil
	}
	if no := by.needsPeople(); no.Refused() {
		return PersonRow{}, no, nil
	}
	if !found {
		return PersonRow{}, refuse.PersonNotFound(refusal.Echo(who)), nil
	}
	return p, refusal.Refusal{}, nil
}

// lookPerson finds a person by id or by e-mail address, without a lock.
func lookPerson(tx Tx, who string) (PersonRow, bool, error) {
	if i, err := id.Parse(id.Person, who); err == nil {
		return tx.PersonByID(i)
	}
	return tx.PersonByEmail(CanonicalEmail(who))
}
