package profile

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// DeviceUser is the MQTT user name of all devices of the shared listener, if it has a password.
const DeviceUser = "paywatt"

// devicePrefix begins the password of devices, and deviceForm is its purpose; see [access.StoredForm].
const (
	devicePrefix = "pd_"
	deviceForm   = "unmodified device"
)

// Password is the new password of the shared listener, which is shown only once.
type Password struct {
	refusal.Refusal
	Waits  *access.Approval
	Secret access.Secret
}

// MakePassword gives the shared listener a new password (right: settings.write). Every device must have it from then on, so their connections end.
func (a *Adoption) MakePassword(ctx context.Context, by access.Actor) (Password, error) {
	if no := by.Needs(access.WriteSettings); no.Refused() {
		return Password{Refusal: no}, nil
	}
	secret, err := access.NewSecret(devicePrefix, a.c.Rand)
	if err != nil {
		return Password{}, fmt.Errorf("make a password for devices: %w", err)
	}
	out, err := access.Through(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (Password, error) {
		if no, err := access.MayShow(tx.Eyes(), by, access.SecretDevicePassword); err != nil || no.Refused() {
			return Password{Refusal: no}, err
		}
		now := access.Stored(a.c.Now())
		if err := tx.SetDevicePassword(access.StoredForm(a.c.Hasher, deviceForm, secret), now, by.Name); err != nil {
			return Password{}, err
		}
		e := by.Entry("device.password", DeviceUser)
		e.After = "password=new"
		return Password{Secret: secret}, tx.AuditLog(e)
	})
	if err == nil && !out.Refused() {
		a.c.Relogin()
	}
	return out, fault.Wrap(err, "make a password for devices")
}

// OpenToAll makes the shared listener need no password (right: meter.write, and a second person): then whoever reaches it can say that it is
// any adopted device.
func (a *Adoption) OpenToAll(ctx context.Context, by access.Actor) (Password, error) {
	if no := by.Needs(access.WriteMeters); no.Refused() {
		return Password{Refusal: no}, nil
	}
	out, err := access.Through(ctx, a.c.Door, by.Tenant, func(tx AdoptTx) (Password, error) {
		hash, err := tx.DevicePassword()
		if err != nil || hash == nil {
			return Password{Refusal: refuse.DevicesNeedNoPassword()}, err
		}
		eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActDevice, Object: DeviceUser, Body: deviceAct{Do: doPassword},
			Summary: "remove the password of the listener for devices: whoever reaches it can then say that it is any device",
			Effect:  access.Telling(func(e *access.Effect) { e.Change("password", access.Says("needed"), access.Says("not needed")) })}, a.c.Now())
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return Password{Refusal: eyes.Refusal, Waits: eyes.Waits}, err
		}
		if err := tx.DropDevicePassword(); err != nil {
			return Password{}, err
		}
		e := by.Entry("device.password", DeviceUser)
		e.After = "password=none"
		return Password{}, tx.AuditLog(eyes.Mark(e))
	})
	return out, fault.Wrap(err, "remove the password of devices")
}

// PasswordForm returns the stored form of the listener's password; nil if it needs none. Another form is another password.
func (a *Adoption) PasswordForm(ctx context.Context, t access.Tenant) ([]byte, error) {
	form, err := access.Look(ctx, a.c.Door, t, func(tx AdoptTx) ([]byte, error) { return tx.DevicePassword() })
	return form, fault.Wrap(err, "find the password of devices")
}

// Admits reports whether a device may connect with a user name and a password.
func (a *Adoption) Admits(ctx context.Context, t access.Tenant, user, password string) (bool, error) {
	stored, err := a.PasswordForm(ctx, t)
	if err != nil || stored == nil {
		return err == nil, err
	}
	same := 0
	for _, given := range access.StoredForms(a.c.Hasher, deviceForm, access.SecretOf(password)) {
		same |= subtle.ConstantTimeCompare(given[:], stored)
	}
	return same == 1 && user == DeviceUser, nil
}
