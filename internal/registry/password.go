package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// A meter signs in with its MQTT password. This file replaces and ends it. The connections that used an ended password are closed after
// the commit (see [Registry.StillSignedIn]).

// PasswordStep is a step of the replacement of a meter's MQTT password.
type PasswordStep string

// The steps.
const (
	NextPassword PasswordStep = "next"    // make a next password; the present one counts until the meter has used the next one
	NewPassword  PasswordStep = "at_once" // make a new password; the present one ends at once
	EndPassword  PasswordStep = "end"     // no password counts any more, only a certificate
)

// Known reports whether there is such a step.
func (s PasswordStep) Known() bool { return s == NextPassword || s == NewPassword || s == EndPassword }

// PasswordChange is a meter after a step of the replacement of its password.
type PasswordChange struct {
	refusal.Refusal
	Waits    *access.Approval // the step waits for a second person, and nothing was changed
	Meter    Meter
	Password access.Secret // the new password, which nobody can read again; empty if the step makes none
}

// passwordAct is a step as it is stored for a second person. Since names the next password that the step replaces: when it was made, in
// Unix microseconds; 0 for none.
type passwordAct struct {
	Meter string       `json:"meter"`
	Step  PasswordStep `json:"password_step"`
	Since int64        `json:"since"`
}

// ReplacePassword does one step of the replacement of a meter's MQTT password (right: meter.write). Whoever has a password speaks for the
// meter, so a new one takes two people, and the second is shown it. One person alone may end it, because a theft cannot wait.
func (r *Registry) ReplacePassword(ctx context.Context, by access.Actor, ref string, step PasswordStep) (PasswordChange, error) {
	return r.replacePassword(ctx, by, ref, step, nil)
}

// replacePassword does the work of ReplacePassword. If approved is not nil, the step is refused unless the meter still has the same next
// password.
func (r *Registry) replacePassword(ctx context.Context, by access.Actor, ref string, step PasswordStep, approved *int64) (PasswordChange, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return PasswordChange{Refusal: no}, nil
	}
	at, no := ParseRef(ref)
	if no.Refused() {
		return PasswordChange{Refusal: NoMeter(ref)}, nil
	}
	secret, err := access.NewSecret("", r.c.Rand)
	if err != nil {
		return PasswordChange{}, fmt.Errorf("replace password: %w", err)
	}
	out, err := access.Through(ctx, r.c.Door, by.Tenant, func(tx Tx) (PasswordChange, error) {
		m, found, err := ResolveMeter(tx, at)
		if err != nil || !found {
			return PasswordChange{Refusal: NoMeter(ref)}, err
		}
		return r.stepPassword(tx, by, m, step, secret, approved)
	})
	if err != nil {
		return PasswordChange{}, fmt.Errorf("replace the password of meter %s: %w", ref, err)
	}
	if step != EndPassword && !out.Refused() && out.Waits == nil {
		out.Password = secret
	}
	return out, nil
}

// stepPassword does a step in one transaction.
func (r *Registry) stepPassword(tx Tx, by access.Actor, m Meter, step PasswordStep, secret access.Secret, approved *int64) (PasswordChange, error) {
	present, _, err := tx.Logins().LockMeterLogin(m.ID)
	if err == nil {
		m, _, err = tx.MeterByID(m.ID) // as it is under the lock
	}
	if err != nil {
		return PasswordChange{}, err
	}
	switch {
	case m.Status.IsGone() || step != EndPassword && !m.LoginEndsAt.IsZero():
		return PasswordChange{Refusal: refuse.PasswordOfGoneMeter(m.Number)}, nil
	case approved != nil && *approved != m.nextPassword():
		return PasswordChange{Refusal: refuse.PasswordReplaced(m.Number)}, nil
	}
	if step != EndPassword {
		if no, err := access.MayShow(tx.Eyes(), by, access.SecretMeterPassword); err != nil || no.Refused() {
			return PasswordChange{Refusal: no}, err
		}
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, passwordWish(m, step), r.c.Now())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return PasswordChange{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
	}
	var next []byte
	switch step {
	case NextPassword:
		next = PasswordForm(r.c.Sealer, m.Number, secret)
	case NewPassword:
		present = PasswordForm(r.c.Sealer, m.Number, secret)
	case EndPassword:
		present = nil
	}
	if err := tx.Logins().SetMeterPasswords(m.ID, present, next); err != nil {
		return PasswordChange{}, err
	}
	e := by.Entry("meter.password", m.ID.Text(id.Meter))
	e.After = "step=" + string(step)
	if err := tx.AuditLog(eyes.Mark(e)); err != nil {
		return PasswordChange{}, err
	}
	m, found, err := tx.MeterByID(m.ID)
	if err == nil && !found {
		err = errors.New("the meter just written cannot be read")
	}
	return PasswordChange{Meter: m}, err
}

// promotePassword makes a next password the only one, because its meter has just signed in with it. It changes nothing if the next password
// is another one by now.
func (r *Registry) promotePassword(ctx context.Context, who Identity, used []byte) error {
	err := r.c.Door.Do(ctx, who.Tenant, func(tx Tx) (bool, error) {
		m, found, err := tx.MeterByNumber(who.Number)
		if err != nil || !found {
			return false, err
		}
		_, next, err := tx.Logins().LockMeterLogin(m.ID)
		if err != nil || !bytes.Equal(next, used) {
			return false, err
		}
		if err := tx.Logins().SetMeterPasswords(m.ID, next, nil); err != nil {
			return false, err
		}
		e := access.SystemActor(who.Tenant, "meter login").Entry("meter.password", m.ID.Text(id.Meter))
		e.After = "step=used"
		return false, tx.AuditLog(e)
	})
	if err != nil {
		return fmt.Errorf("end the former password of meter %s: %w", who.Number, err)
	}
	return nil
}

// passwordWish returns the act of a step.
func passwordWish(m Meter, step PasswordStep) access.ActRequest {
	w := access.ActRequest{Act: access.ActPassword, Object: m.ID.Text(id.Meter), Body: passwordAct{m.Number, step, m.nextPassword()}}
	what := "make a new MQTT password for meter %s; the old one counts until the meter has used the new one"
	old := "counts until the meter has used the new one"
	switch step {
	case NewPassword:
		old = "ends at once"
		what = "make a new MQTT password for meter %s; the old one ends at once, and the meter is away until it has the new one"
	case EndPassword:
		w.Act = access.ActEndPassword
		what = "end the MQTT password of meter %s"
	}
	w.Effect = access.Telling(func(e *access.Effect) { e.Fact("old-password", old) })
	w.Summary = fmt.Sprintf(what, m.Number)
	if !m.NextPasswordAt.IsZero() {
		w.Summary += "; drop the new password made at " + m.NextPasswordAt.UTC().Format(time.RFC3339)
	}
	return w
}

// doPassword carries out an approved step. The person who approved it is shown the new password.
func (r *Registry) doPassword(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a passwordAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved step of a password's replacement: %w", err)
	}
	out, err := r.replacePassword(ctx, maker, a.Meter, a.Step, &a.Since)
	return access.Done{Refusal: out.Refusal, Object: "meter " + a.Meter, Shown: out}, err
}

// nextPassword names the meter's next password: when it was made, in Unix microseconds; 0 if there is none.
func (m Meter) nextPassword() int64 {
	if m.NextPasswordAt.IsZero() {
		return 0
	}
	return m.NextPasswordAt.UnixMicro()
}
