package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// PersonRow is a person who signs in. In this version a person has one role, for the whole tenant.
type PersonRow struct {
	ID        id.ID
	Email     string // lower case; also the name to sign in with
	Name      string
	Role      Role
	Vendor    id.ID  // whose float the person sells from; zero for a person of the utility
	Password  string // argon2id hash; empty until the person has set one
	Blocked   bool
	Forged    bool // somebody other than the server wrote the row
	CreatedAt time.Time

	// CountsAs names those who may be behind the account besides the person, with blanks between them: they invited, reset, unblocked or
	// promoted the person since the last confirmation. It is empty for a confirmed person.
	CountsAs    string
	ConfirmedAt time.Time
	Link        [32]byte // stored form of the open one-time link; zero for none
	LinkUntil   time.Time
	Standing    bool // the store has a row with these fields
	Factor      Factor

	StoredStanding bool // the server stored these fields at some time; without their row, somebody deleted it
}

// active reports whether the person may act.
func (p PersonRow) active() bool { return !p.Blocked && !p.Forged }

// PersonState says whether a person can sign in.
type PersonState string

// States of a person.
const (
	PersonInvited PersonState = "invited" // has no password yet, or none since the last reset
	PersonActive  PersonState = "active"
	PersonStopped PersonState = "blocked"
)

// State returns the person's state.
func (p PersonRow) State() PersonState {
	switch {
	case p.Blocked:
		return PersonStopped
	case p.Password == "":
		return PersonInvited
	}
	return PersonActive
}

func (p PersonRow) canSignIn() bool { return p.State() == PersonActive && !p.Forged }

// owns reports whether the person is an owner who can sign in.
func (p PersonRow) owns() bool { return p.Role == Owner && p.canSignIn() }

// invited reports whether the person's one-time link works now.
func (p PersonRow) invited(now time.Time) bool { return p.active() && now.Before(p.LinkUntil) }

// summary is the person in the audit log.
func (p PersonRow) summary() string {
	text := fmt.Sprintf("role=%s state=%s", p.Role, p.State())
	if !p.Vendor.IsZero() {
		text += " vendor=" + p.Vendor.Text(id.Vendor)
	}
	if p.CountsAs != "" {
		text += " counts_as=" + strings.ReplaceAll(p.CountsAs, " ", ",")
	}
	return text
}

// NewOwner is the first owner of a tenant.
type NewOwner struct {
	Email    string
	Name     string
	Password Secret
}

const maxEmail = 254

// CreateOwner makes the first owner of a tenant. It is refused once there is an owner who can sign in: from then on owners invite people.
func (a *Access) CreateOwner(ctx context.Context, by Actor, n NewOwner) (Changed, error) {
	if no := by.needsPeople(); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	p := PersonRow{Email: CanonicalEmail(n.Email), Name: strings.TrimSpace(n.Name), Role: Owner, CreatedAt: a.c.Now()}
	if no := p.check(); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	if no := CheckPassword(n.Password.Reveal()); no.Refused() {
		return Changed{Refusal: no}, nil
	}
	var err error
	if p.Password, err = HashPassword(n.Password.Reveal(), a.c.Argon, a.c.Rand); err != nil {
		return Changed{}, fmt.Errorf("add person: %w", err)
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (Changed, error) {
		row := p
		owners, err := tx.People().ActivePeople(Owner)
		if err != nil || owners > 0 {
			return Changed{Refusal: refuse.OwnerExists()}, err
		}
		all, no, err := mayInvite(tx, row)
		if err != nil || no.Refused() {
			return Changed{Refusal: no}, err
		}
		if row.ID, err = tx.NewID(); err != nil {
			return Changed{}, err
		}
		if err := tx.People().AddPersonRow(row); err != nil {
			return Changed{}, err
		}
		if err := bind(tx, by, append(all, row)); err != nil {
			return Changed{}, err
		}
		if len(all) == 0 {
			if _, err := takeOver(tx, by, row, a.c.Now()); err != nil {
				return Changed{}, err
			}
		}
		e := by.Entry("person.add", row.ID.Text(id.Person))
		e.After = "role=" + string(row.Role)
		return Changed{Person: row}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "add person")
}

// check refuses a person whose address, role or name has a wrong form. The address is in its canonical form, so that nobody exists twice in two
// letter cases.
func (p PersonRow) check() refusal.Refusal {
	name, domain, at := strings.Cut(p.Email, "@")
	switch {
	case !at || name == "" || domain == "" || len(p.Email) > maxEmail || strings.ContainsAny(p.Email, " \t\r\n<>,;\"") || strings.Contains(domain, "@"):
		return refuse.EmailOfWrongForm(refusal.Echo(p.Email))
	case !p.Role.Known() || len(rights[p.Role]) == 0:
		return refuse.PersonRoleUnknown(refusal.Echo(string(p.Role)), roleNames())
	case p.Vendor.IsZero() == (p.Role == VendorAPI):
		return refuse.PersonVendorAndRole(string(VendorAPI))
	case len(p.Name) > 2*maxKeyName || !IsLine(p.Name):
		return refuse.PersonNameTooLong(2 * maxKeyName)
	}
	return refusal.Refusal{}
}

// CanonicalEmail returns the form in which addresses are compared.
func CanonicalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Lives of a login session (ASVS 7.3) by default: it ends SessionIdle after the last request and SessionLife after signing in,
// whichever comes first. See [SessionTimes].
const (
	SessionIdle = 30 * time.Minute
	SessionLife = 12 * time.Hour
	// MaxSessions is how many sessions a person may have open at once; the oldest ends first.
	MaxSessions = 20
	// seenEvery is how old the stored time of the last request may be, so that reading a page rarely writes.
	seenEvery = time.Minute
)

// SignedIn is a new session.
type SignedIn struct {
	refusal.Refusal
	Session Secret // for the cookie; shown only once
	Expires time.Time
	Actor   Actor
	Step    FactorStep // what the person still has to do; until then the session opens no page
}

// SignIn opens a session for the right e-mail address and password. It always makes a new session and
// ends the browser's earlier session (old), if there is one, so that a session planted before signing in is worthless
// (ASVS 7.2.4). The refusal does not say whether the address or the password was wrong. Every attempt is in the audit log.
// SignIn takes as long as the password hash, so callers must bound how many run at once and how often a stranger may try.
func (a *Access) SignIn(ctx context.Context, t Tenant, email, password, old string, from Browser) (SignedIn, error) {
	email = CanonicalEmail(email)
	p, ok, err := a.verify(ctx, t, email, password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	if !ok {
		return a.refuseSignIn(ctx, t, p, from.IP)
	}
	session, err := NewSecret("", a.c.Rand)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	now, step := a.c.Now(), a.step(p)
	by := p.actor(t)
	by.IP = from.IP
	out, err := Through(ctx, a.c.Door, t, func(tx Tx) (SignedIn, error) {
		// Since the check, the person may have been blocked or got another password.
		again, found, err := tx.PersonByEmail(email)
		if err != nil || !found || !again.active() || again.Password != p.Password {
			return SignedIn{Refusal: refuse.SignInWrong()}, err
		}
		if old != "" {
			if _, err := tx.DropLogin(a.sessionForm(old)); err != nil {
				return SignedIn{}, err
			}
		}
		times, err := tx.People().SessionTimes()
		if err != nil {
			return SignedIn{}, err
		}
		if err := tx.DropLoginsOf(p.ID, now, now.Add(-times.Idle()), MaxSessions-1); err != nil {
			return SignedIn{}, err
		}
		l := newLogin(p.ID, times, now, from)
		if step != StepNone {
			l.ExpiresAt, l.ProvedAt = now.Add(codeWait), time.Time{}
		}
		if err := tx.AddLogin(l, StoredForm(a.c.Hasher, formSession, session)); err != nil {
			return SignedIn{}, err
		}
		return SignedIn{Session: session, Expires: l.ExpiresAt, Actor: by, Step: step}, tx.AuditLog(by.Entry("signin", p.ID.Text(id.Person)))
	})
	return out, fault.Wrap(err, "sign in")
}

// verify compares the password outside any transaction, because hashing takes longer than a transaction may last. For
// an unknown address it compares with a decoy.
func (a *Access) verify(ctx context.Context, t Tenant, email, password string) (PersonRow, bool, error) {
	var p PersonRow
	found := false
	err := a.c.Door.View(ctx, t, func(tx Tx) (err error) {
		p, found, err = tx.PersonByEmail(email)
		return err
	})
	if err != nil {
		return PersonRow{}, false, err
	}
	hash := a.decoy
	if found && p.Password != "" {
		hash = p.Password
	}
	if len(password) > 4*MaxPassword {
		password = "" // no stored password is this long or empty; hashing a megabyte would only cost time
	}
	ok, err := VerifyPassword(hash, password)
	return p, ok && found && p.canSignIn(), err
}

// refuseSignIn records the attempt and refuses it. The record commits, unlike the writes of a refused closure.
func (a *Access) refuseSignIn(ctx context.Context, t Tenant, p PersonRow, ip string) (SignedIn, error) {
	object := ""
	if !p.ID.IsZero() {
		object = p.ID.Text(id.Person)
	}
	by := Actor{Tenant: t, Kind: Person, IP: ip}
	err := a.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
		return false, tx.AuditLog(by.Entry("signin.refused", object))
	})
	return SignedIn{Refusal: refuse.SignInWrong()}, fault.Wrap(err, "sign in")
}

func (p PersonRow) actor(t Tenant) Actor {
	return Actor{Tenant: t, Kind: Person, ID: p.ID, Name: p.Email, Role: p.Role, Vendor: p.Vendor}
}

// ByLogin returns the actor of a session and prolongs the session. A session that is over is refused, without saying how it
// ended.
func (a *Access) ByLogin(ctx context.Context, t Tenant, session string) (Authenticated, error) {
	if session == "" {
		return Authenticated{Refusal: refuse.SignedOut()}, nil
	}
	hash := a.sessionForm(session)
	now := a.c.Now()
	var l Login
	var p PersonRow
	open := false
	err := a.c.Door.View(ctx, t, func(tx Tx) (err error) {
		l, p, open, err = openLogin(tx, hash, now)
		return err
	})
	if err != nil {
		return Authenticated{}, fmt.Errorf("look up session: %w", err)
	}
	if !open || l.ProvedAt.IsZero() {
		return Authenticated{Refusal: refuse.SignedOut()}, nil
	}
	if now.Sub(l.SeenAt) >= seenEvery {
		err := a.c.Door.Do(ctx, t, func(tx Tx) (bool, error) { return false, tx.SeeLogin(hash, now) })
		if err != nil && !errors.Is(err, ErrFull) { // on a full disk the session is not prolonged, but can still read
			return Authenticated{}, fmt.Errorf("store session: %w", err)
		}
	}
	by := p.actor(t)
	by.Session, by.Device, by.Stale = l.ID, l.Device, !l.fresh(now)
	return Authenticated{Actor: by}, nil
}

// SignOut ends a session. It is no error if the session is already over.
func (a *Access) SignOut(ctx context.Context, by Actor, session string) error {
	hash := a.sessionForm(session)
	err := a.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) {
		ended, err := tx.DropLogin(hash)
		if err != nil || !ended {
			return false, err
		}
		return false, tx.AuditLog(by.Entry("signout", by.ID.Text(id.Person)))
	})
	return fault.Wrap(err, "sign out")
}

// sessionForm is the stored form of the secret in a browser's cookie.
func (a *Access) sessionForm(session string) [32]byte {
	return StoredForm(a.c.Hasher, formSession, SecretOf(session))
}
