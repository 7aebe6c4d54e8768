package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Factor is a person's second factor. The zero value means none.
type Factor struct {
	Sealed   []byte    // the shared secret, sealed with the data key
	Since    time.Time // when the person typed the first right code; zero until then
	Recovery []byte    // stored forms of the recovery codes that are left, 32 bytes each
	Period   int64     // the period of the last code that was used
}

// InUse reports whether the person signs in with the factor.
func (f Factor) InUse() bool { return !f.Since.IsZero() }

// Left returns how many recovery codes the person has left.
func (f Factor) Left() int { return len(f.Recovery) / formSize }

// Vault seals and opens secrets with the data key. A sealed text opens only in its context.
type Vault interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
}

// Times of a proof of identity. A proof is the password with, for a person with a second factor, a code.
const (
	// ProofFresh is for how long a proof allows the actions of [Right.NeedsFreshProof].
	ProofFresh = 10 * time.Minute
	// codeWait is how long a session may wait for its code.
	codeWait = 10 * time.Minute
)

// NeedsFreshProof reports whether the right needs a proof of identity that is at most [ProofFresh] old.
func (r Right) NeedsFreshProof() bool {
	switch r {
	case ManagePeople, ManageKeys, WriteSettings, IssueUnits, IssueTokens:
		return true
	}
	return false
}

// NeedsFactor reports whether people of the role need a second factor: they may approve actions, make tokens that nobody pays for, or manage
// people, keys or settings.
func (r Role) NeedsFactor() bool {
	return r.approves() || slices.ContainsFunc(rights[r], Right.NeedsFreshProof)
}

// FactorStep is what a new session still needs.
type FactorStep string

// Steps of signing in after the password.
const (
	StepNone  FactorStep = ""      // nothing: the person is signed in
	StepCode  FactorStep = "code"  // a code of the second factor
	StepSetUp FactorStep = "setup" // a second factor
)

// step returns what a person needs after the password.
func (a *Access) step(p PersonRow) FactorStep {
	switch {
	case p.Factor.InUse():
		return StepCode
	case p.Role.NeedsFactor() && !a.c.FactorOptional:
		return StepSetUp
	}
	return StepNone
}

// FactorContext binds the sealed secret of a second factor to its person.
func FactorContext(person id.ID) string { return "second factor " + person.Text(id.Person) }

// NewFactorOf is a second factor that its person sets up.
type NewFactorOf struct {
	refusal.Refusal
	Secret Secret
	Email  string
}

// SetUpFactor returns the secret of the second factor that the person of a session sets up, and makes one at the first call. It is refused once
// the factor is in use: only [Access.Reset] takes a factor away.
func (a *Access) SetUpFactor(ctx context.Context, t Tenant, session string) (NewFactorOf, error) {
	fresh, err := NewFactor(a.c.Rand)
	if err != nil {
		return NewFactorOf{}, err
	}
	out, err := Through(ctx, a.c.Door, t, func(tx Tx) (NewFactorOf, error) {
		p, no, err := a.lockWaiting(tx, session)
		switch {
		case err != nil || no.Refused():
			return NewFactorOf{Refusal: no}, err
		case p.Factor.InUse():
			return NewFactorOf{Refusal: refuse.FactorExists()}, nil
		case p.Factor.Sealed != nil:
			plain, err := a.c.Vault.Open(FactorContext(p.ID), p.Factor.Sealed)
			return NewFactorOf{Secret: SecretOf(string(plain)), Email: p.Email}, err
		}
		p.Factor = Factor{Sealed: a.c.Vault.Seal(FactorContext(p.ID), []byte(fresh.Reveal()))}
		return NewFactorOf{Secret: fresh, Email: p.Email}, tx.People().PutPerson(p)
	})
	return out, fault.Wrap(err, "set up a second factor")
}

// waitingFor returns the person whose session waits for a code.
func (a *Access) waitingFor(tx Tx, session string) (PersonRow, refusal.Refusal, error) {
	l, p, open, err := openLogin(tx, a.sessionForm(session), a.c.Now())
	if err != nil || !open || !l.ProvedAt.IsZero() {
		return PersonRow{}, refuse.SignedOut(), err
	}
	return p, refusal.Refusal{}, nil
}

// lockWaiting is waitingFor for a person who is to be changed.
func (a *Access) lockWaiting(tx Tx, session string) (PersonRow, refusal.Refusal, error) {
	p, no, err := a.waitingFor(tx, session)
	if err != nil || no.Refused() {
		return p, no, err
	}
	locked, _, err := tx.People().LockPerson(p.ID)
	if err == nil && !locked.canSignIn() {
		no = refuse.SignedOut()
	}
	return locked, no, err
}

// Waiting is a session that waits for a code.
type Waiting struct {
	refusal.Refusal
	Email string
	Step  FactorStep
}

// Waiting returns what a session waits for. It is refused for a session that is over, or that waits for nothing.
func (a *Access) Waiting(ctx context.Context, t Tenant, session string) (Waiting, error) {
	var out Waiting
	err := a.c.Door.View(ctx, t, func(tx Tx) error {
		p, no, err := a.waitingFor(tx, session)
		out = Waiting{no, p.Email, a.step(p)}
		return err
	})
	return out, fault.Wrap(err, "look up session")
}

// Proved is the result of a code.
type Proved struct {
	SignedIn
	Recovery []Secret // the recovery codes of a new second factor; shown only once
	Left     int      // the recovery codes that are left after one was used; negative if none was used
}

// Prove checks a code of the second factor, or a recovery code, for the person of a session that waits for it. The right code completes the
// sign-in under a new session. The first right code of a new factor puts it into use. Callers must bound how often a stranger may try.
func (a *Access) Prove(ctx context.Context, t Tenant, session, code string, from Browser) (Proved, error) {
	next, err := NewSecret("", a.c.Rand)
	if err != nil {
		return Proved{}, fmt.Errorf("check a code: %w", err)
	}
	codes, err := NewRecoveryCodes(a.c.Rand)
	if err != nil {
		return Proved{}, fmt.Errorf("check a code: %w", err)
	}
	wrong := PersonRow{}
	out, err := Through(ctx, a.c.Door, t, func(tx Tx) (Proved, error) {
		p, no, err := a.lockWaiting(tx, session)
		if err != nil || no.Refused() {
			return Proved{SignedIn: SignedIn{Refusal: no}}, err
		}
		action, out := "signin.code", Proved{Left: -1}
		if p.Factor, out.Left, err = a.use(p, code); err != nil {
			return Proved{}, err
		}
		switch {
		case out.Left == wrongCode:
			wrong = p
			return Proved{SignedIn: SignedIn{Refusal: refuse.CodeWrong()}}, nil
		case !p.Factor.InUse():
			action, out.Recovery = "factor.setup", codes
			p.Factor.Since, p.Factor.Recovery = Stored(a.c.Now()), a.recoveryForms(p, codes)
		case out.Left >= 0:
			action = "signin.recovery"
		}
		if err := tx.People().PutPerson(p); err != nil {
			return Proved{}, err
		}
		by := p.actor(t)
		by.IP = from.IP
		if out.SignedIn, err = a.renew(tx, by, from, session, next); err != nil {
			return Proved{}, err
		}
		return out, tx.AuditLog(by.Entry(action, p.ID.Text(id.Person)))
	})
	if err == nil && !wrong.ID.IsZero() {
		err = a.logRefusedCode(ctx, t, wrong, from.IP)
	}
	return out, fault.Wrap(err, "check a code")
}

// Results of use other than the number of recovery codes that are left.
const (
	usedCode  = -1
	wrongCode = -2
)

// use uses up a code and returns the factor without it. If it was a recovery code, left is how many of them are left.
func (a *Access) use(p PersonRow, code string) (f Factor, left int, err error) {
	f = p.Factor
	if form := recoveryForm(code); form != "" && f.InUse() {
		want := StoredForms(a.c.Hasher, recoveryOf(p), SecretOf(form))
		for i := 0; i+formSize <= len(f.Recovery); i += formSize {
			if slices.Contains(want, [formSize]byte(f.Recovery[i:i+formSize])) {
				f.Recovery = slices.Concat(f.Recovery[:i], f.Recovery[i+formSize:])
				return f, len(f.Recovery) / formSize, nil
			}
		}
		return f, wrongCode, nil
	}
	if f.Sealed == nil {
		return f, wrongCode, nil
	}
	plain, err := a.c.Vault.Open(FactorContext(p.ID), f.Sealed)
	if err != nil {
		return f, 0, fmt.Errorf("open a second factor: %w", err)
	}
	period, ok, err := CheckCode(SecretOf(string(plain)), code, a.c.Now(), f.Period)
	if err != nil || !ok {
		return f, wrongCode, err
	}
	f.Period = period
	return f, usedCode, nil
}

// formSize is the length of the stored form of one recovery code.
const formSize = 32

// CarryCodes applies carry to the stored form of each recovery code, when the data key is rotated.
func CarryCodes(forms []byte, carry func(form []byte) []byte) (out []byte) {
	for ; len(forms) >= formSize; forms = forms[formSize:] {
		out = append(out, carry(forms[:formSize])...)
	}
	return out
}

func recoveryOf(p PersonRow) string { return "recovery code of " + p.ID.Text(id.Person) }

// recoveryForms returns the stored forms of recovery codes, one after the other.
func (a *Access) recoveryForms(p PersonRow, codes []Secret) (out []byte) {
	for _, c := range codes {
		form := StoredForm(a.c.Hasher, recoveryOf(p), c)
		out = append(out, form[:]...)
	}
	return out
}

// renew replaces a session by a new one whose person has just proved who they are.
func (a *Access) renew(tx Tx, by Actor, from Browser, session string, next Secret) (SignedIn, error) {
	if _, err := tx.DropLogin(a.sessionForm(session)); err != nil {
		return SignedIn{}, err
	}
	times, err := tx.People().SessionTimes()
	if err != nil {
		return SignedIn{}, err
	}
	l := newLogin(by.ID, times, a.c.Now(), from)
	return SignedIn{Session: next, Expires: l.ExpiresAt, Actor: by}, tx.AddLogin(l, a.sessionForm(next.Reveal()))
}

// logRefusedCode records a wrong code. The record commits, unlike the writes of a refused closure.
func (a *Access) logRefusedCode(ctx context.Context, t Tenant, p PersonRow, ip string) error {
	by := p.actor(t)
	by.IP = ip
	return a.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
		return false, tx.AuditLog(by.Entry("signin.code-refused", p.ID.Text(id.Person)))
	})
}
