package registry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// anyTenant opens the store for a query that finds out the tenant.
const anyTenant access.Tenant = 0

// MQTTIdentity checks the password of a meter that connects. ok is false for an unknown number, a wrong password, and a meter
// that may no longer sign in. The caller cannot tell these cases apart. The first use of a next password ends the one before.
func (r *Registry) MQTTIdentity(ctx context.Context, number, password string) (who Identity, ok bool, err error) {
	l, ok, err := r.login(ctx, number)
	// The comparisons are made for unknown meters too, so that the time of the answer does not show which numbers exist.
	isPresent, isNext := 0, 0
	for _, form := range access.StoredForms(r.c.Sealer, mqttForm(l.Who.Number), access.SecretOf(password)) {
		given := append([]byte{keyedPassword}, form[:]...)
		isPresent |= subtle.ConstantTimeCompare(given, padded(l.Password))
		isNext |= subtle.ConstantTimeCompare(given, padded(l.Next))
	}
	who = l.Who
	switch {
	case err != nil || !ok || l.ended(r.c.Now()):
		return Identity{}, false, err
	case isNext == 1 && len(l.Next) > 0:
		who.Login = hex.EncodeToString(l.Next)
		if err := r.promotePassword(ctx, who, l.Next); err != nil {
			return Identity{}, false, err
		}
		return who, true, nil
	case isPresent == 1 && len(l.Password) > 0:
		who.Login = hex.EncodeToString(l.Password)
		return who, true, nil
	}
	return Identity{}, false, nil
}

// CertifiedIdentity returns the identity of a meter whose certificate was checked. ok is false for a meter that may no longer sign in.
func (r *Registry) CertifiedIdentity(ctx context.Context, number string) (who Identity, ok bool, err error) {
	l, ok, err := r.login(ctx, number)
	return l.Who, ok && !l.ended(r.c.Now()), err
}

// IdentityOf returns the identity of a meter that its listener has identified. Such a client has no password (docs/guide/devices.md).
func (r *Registry) IdentityOf(ctx context.Context, number string) (who Identity, ok bool, err error) {
	l, ok, err := r.login(ctx, number)
	return l.Who, ok, err
}

// StillSignedIn reports whether a meter that has signed in may stay: its number is still its own, its logins have not ended, and the
// password that it used still counts.
func (r *Registry) StillSignedIn(ctx context.Context, who Identity) (bool, error) {
	l, ok, err := r.login(ctx, who.Number)
	if err != nil || !ok || l.Who.Meter != who.Meter || l.ended(r.c.Now()) {
		return false, err
	}
	counts := who.Login == "" || who.Login == hex.EncodeToString(l.Password) || who.Login == hex.EncodeToString(l.Next)
	return counts, nil
}

// LoginsChanged lists the meters whose logins changed or ended in a time, by their dense numbers.
func (r *Registry) LoginsChanged(ctx context.Context, after, until time.Time) ([]int64, error) {
	return access.Look(ctx, r.c.Door, anyTenant, func(tx Tx) ([]int64, error) { return tx.Logins().LoginsChanged(after, until) })
}

// ended reports whether the meter may no longer sign in.
func (l Login) ended(now time.Time) bool { return !l.EndsAt.IsZero() && !now.Before(l.EndsAt) }

func (r *Registry) login(ctx context.Context, number string) (l Login, ok bool, err error) {
	canonical, no := Canonical(number)
	if no.Refused() {
		return Login{}, false, nil
	}
	err = r.c.Door.View(ctx, anyTenant, func(tx Tx) error {
		var err error
		l, ok, err = tx.Logins().MeterLogin(canonical)
		ok = ok && !l.Status.IsGone()
		return err
	})
	if err != nil {
		return Login{}, false, fmt.Errorf("look up meter %s: %w", canonical, err)
	}
	return l, ok, nil
}

// padded returns a hash at its full length, so that a comparison with a missing hash takes the same time.
func padded(hash []byte) []byte {
	out := make([]byte, 1+sha256.Size)
	copy(out, hash)
	return out
}

// keyedPassword is the first byte of the stored form of an MQTT password. Forms of older versions have no such byte.
const keyedPassword = 1

// PasswordForm is the stored form of a meter's MQTT password. It is bound to the meter's number.
func PasswordForm(h Hasher, number string, password access.Secret) []byte {
	form := access.StoredForm(h, mqttForm(number), password)
	return append([]byte{keyedPassword}, form[:]...)
}

// KeyedPassword turns the form of older versions into the present form. It reports false for a form that is not of that kind.
func KeyedPassword(h Hasher, number string, plain []byte) ([]byte, bool) {
	if len(plain) != sha256.Size {
		return nil, false
	}
	form := access.KeyedForm(h, mqttForm(number), [sha256.Size]byte(plain))
	return append([]byte{keyedPassword}, form[:]...), true
}

// CarryPassword applies carry to the stored form of an MQTT password, when the data key is rotated. It reports false for any other text.
func CarryPassword(stored []byte, carry func(form []byte) []byte) ([]byte, bool) {
	if len(stored) != 1+sha256.Size || stored[0] != keyedPassword {
		return nil, false
	}
	return append([]byte{keyedPassword}, carry(stored[1:])...), true
}

func mqttForm(number string) string { return "mqtt " + number }
