package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// pinDigits is the length of a PIN.
const pinDigits = 6

// CheckPIN is the refusal of a bad PIN; the zero Refusal if the PIN is good enough. A PIN is too easy to guess if it has fewer than three
// different digits, repeats its first half, or goes in equal steps: in both halves, as 123456 and 789321, or at every second digit, as 112233
// and 102030.
func CheckPIN(pin string) refusal.Refusal {
	if len(pin) != pinDigits || strings.Trim(pin, "0123456789") != "" {
		return refuse.PinOfWrongForm(pinDigits)
	}
	different := map[byte]bool{}
	for i := range len(pin) {
		different[pin[i]] = true
	}
	halves := steps(pin[0], pin[1], pin[2]) && steps(pin[3], pin[4], pin[5])
	seconds := steps(pin[0], pin[2], pin[4]) && steps(pin[1], pin[3], pin[5])
	if len(different) < 3 || pin[:3] == pin[3:] || halves || seconds {
		return refuse.PinTooSimple()
	}
	return refusal.Refusal{}
}

// steps reports whether three digits go in equal steps, which may be 0. After 9 comes 0.
func steps(a, b, c byte) bool { return (int(b)-int(a)+10)%10 == (int(c)-int(b)+10)%10 }

// DeviceOwner is the person who can sign in with a PIN in a browser.
type DeviceOwner struct {
	refusal.Refusal
	Device CounterDevice
	Person PersonRow
}

// DeviceOf returns the device whose cookie a browser has, or the refusal of one that does not work.
func (a *Access) DeviceOf(ctx context.Context, t Tenant, cookie string) (DeviceOwner, error) {
	if cookie == "" {
		return DeviceOwner{Refusal: refuse.PinDeviceRevoked()}, nil
	}
	out, err := Look(ctx, a.c.Door, t, func(tx Tx) (DeviceOwner, error) {
		return a.deviceOf(tx, cookie, tx.Devices().DeviceByHash)
	})
	return out, fault.Wrap(err, "look up a device")
}

// deviceOf finds a device in force by its secret, with its person.
func (a *Access) deviceOf(tx Tx, cookie string, find func(hash [32]byte) (CounterDevice, bool, error)) (DeviceOwner, error) {
	revoked := DeviceOwner{Refusal: refuse.PinDeviceRevoked()}
	for _, form := range StoredForms(a.c.Hasher, formDevice, SecretOf(cookie)) {
		d, found, err := find(form)
		if err != nil {
			return DeviceOwner{}, err
		}
		if !found {
			continue
		}
		p, known, err := tx.PersonByID(d.Person)
		if err != nil || !known || !d.inForce() || !p.mayHaveDevice() {
			return revoked, err
		}
		return DeviceOwner{Device: d, Person: p}, nil
	}
	return revoked, nil
}

// SignInByPIN opens a session for the right PIN of the device whose cookie a browser has, and ends the browser's earlier session (old), as
// [Access.SignIn] does. The session may only sell, see [Actor.May]. Every try is stored before the PIN is compared, so parallel tries cannot
// exceed [MaxWrongPINs], which revoke the device. Callers must bound how many run at once and how often a stranger may try.
func (a *Access) SignInByPIN(ctx context.Context, t Tenant, cookie, pin, old string, from Browser) (SignedIn, error) {
	o, err := a.takeTry(ctx, t, cookie, from)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in with a PIN: %w", err)
	}
	if o.Refused() {
		return SignedIn{Refusal: o.Refusal}, nil
	}
	if len(pin) != pinDigits {
		pin = "" // no PIN is as long; hashing a megabyte would only cost time
	}
	right, err := VerifyPassword(o.Device.PIN, pin)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in with a PIN: %w", err)
	}
	by := o.Person.actor(t)
	by.IP = from.IP
	if !right {
		no, err := a.refusePIN(ctx, by, o.Device.ID)
		return SignedIn{Refusal: no}, fault.Wrap(err, "sign in with a PIN")
	}
	session, err := NewSecret("", a.c.Rand)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in with a PIN: %w", err)
	}
	out, err := Through(ctx, a.c.Door, t, func(tx Tx) (SignedIn, error) {
		// Since the check, the device may have been revoked, or its person blocked.
		again, err := a.deviceOf(tx, cookie, tx.Devices().LockDevice)
		if err != nil || again.Refused() {
			return SignedIn{Refusal: again.Refusal}, err
		}
		now := a.c.Now()
		d := again.Device
		d.Wrong, d.UsedAt = 0, Stored(now)
		if err := tx.Devices().CountPIN(d); err != nil {
			return SignedIn{}, err
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
		if err := tx.DropLoginsOf(d.Person, now, now.Add(-times.Idle()), MaxSessions-1); err != nil {
			return SignedIn{}, err
		}
		l := newLogin(d.Person, times, now, from)
		l.Device = d.ID
		if err := tx.AddLogin(l, StoredForm(a.c.Hasher, formSession, session)); err != nil {
			return SignedIn{}, err
		}
		return SignedIn{Session: session, Expires: l.ExpiresAt, Actor: by}, tx.AuditLog(d.entry(by, "signin.pin"))
	})
	return out, fault.Wrap(err, "sign in with a PIN")
}

// takeTry stores one try with a device. It commits before the PIN is compared. A device without tries left is revoked.
func (a *Access) takeTry(ctx context.Context, t Tenant, cookie string, from Browser) (o DeviceOwner, err error) {
	err = a.c.Door.Do(ctx, t, func(tx Tx) (bool, error) {
		var err error
		if o, err = a.deviceOf(tx, cookie, tx.Devices().LockDevice); err != nil || o.Refused() {
			return false, err
		}
		if o.Device.Wrong >= MaxWrongPINs {
			by := o.Person.actor(t)
			by.IP = from.IP
			o.Refusal = refuse.PinDeviceRevoked()
			return false, revokeDevice(tx, by, o.Device, a.c.Now(), wrongPINs())
		}
		o.Device.Wrong++
		return false, tx.Devices().CountPIN(o.Device)
	})
	return o, err
}

// wrongPINs is the reason in the audit row of a device that wrong PINs revoked.
func wrongPINs() string { return fmt.Sprintf("%d wrong PINs in a row", MaxWrongPINs) }

// refusePIN records a wrong PIN, whose try is stored already, and revokes the device after the last try.
func (a *Access) refusePIN(ctx context.Context, by Actor, device id.ID) (no refusal.Refusal, err error) {
	err = a.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) {
		d, found, err := tx.Devices().DeviceByID(device)
		if err != nil {
			return false, err
		}
		if err := tx.AuditLog(d.entry(by, "signin.pin-refused")); err != nil {
			return false, err
		}
		no = refuse.PinDeviceRevoked()
		switch {
		case !found || !d.inForce():
			return false, nil
		case d.Wrong >= MaxWrongPINs:
			return false, revokeDevice(tx, by, d, a.c.Now(), wrongPINs())
		}
		no = refuse.PinWrong(int64(MaxWrongPINs - d.Wrong))
		return false, nil
	})
	return no, err
}
