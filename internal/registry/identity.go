package registry

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
)

// anyTenant opens the store for a query that finds out the tenant.
const anyTenant access.Tenant = 0

// MQTTIdentity checks the password of a meter that connects. ok is false for an unknown number, a wrong password, and a meter
// that was removed or scrapped. The caller cannot tell these cases apart.
func (r *Registry) MQTTIdentity(ctx context.Context, number, password string) (who Identity, ok bool, err error) {
	who, hash, ok, err := r.login(ctx, number)
	// The comparison is made for unknown meters too, so that the time of the answer does not show which numbers exist.
	same, stored := 0, padded(hash)
	for _, form := range access.StoredForms(r.c.Sealer, mqttForm(who.Number), access.SecretOf(password)) {
		same |= subtle.ConstantTimeCompare(append([]byte{keyedPassword}, form[:]...), stored)
	}
	if err != nil || !ok || same != 1 || len(hash) == 0 {
		return Identity{}, false, err
	}
	return who, true, nil
}

// IdentityOf returns the identity of a meter that its listener has identified. Such a client has no password (docs/guide/devices.md).
func (r *Registry) IdentityOf(ctx context.Context, number string) (who Identity, ok bool, err error) {
	who, _, ok, err = r.login(ctx, number)
	return who, ok, err
}

func (r *Registry) login(ctx context.Context, number string) (who Identity, hash []byte, ok bool, err error) {
	canonical, no := Canonical(number)
	if no.Refused() {
		return Identity{}, nil, false, nil
	}
	err = r.c.Door.View(ctx, anyTenant, func(tx Tx) error {
		var status Status
		var err error
		who, status, hash, ok, err = tx.MeterLogin(canonical)
		ok = ok && status != Removed && status != Scrapped
		return err
	})
	if err != nil {
		return Identity{}, nil, false, fmt.Errorf("look up meter %s: %w", canonical, err)
	}
	return who, hash, ok, nil
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
