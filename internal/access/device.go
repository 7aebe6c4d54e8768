package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Limits of counter devices.
const (
	MaxDevices    = 5  // devices of a person that are not revoked
	MaxDeviceName = 40 // characters of a device's name
	MaxWrongPINs  = 5  // wrong PINs in a row that revoke a device
)

// CounterDevice is a browser in which a person who sells for a vendor signs in with a PIN. The browser has a cookie with a secret; the store
// has its stored form.
type CounterDevice struct {
	ID        id.ID
	Person    id.ID
	Name      string
	PIN       string // argon2id hash
	CreatedAt time.Time
	RevokedAt time.Time
	UsedAt    time.Time // the last sign-in with the PIN; zero for none
	Wrong     int       // PINs that were tried since the last right one
	Forged    bool      // somebody other than the server wrote the row
}

// inForce reports whether somebody may sign in with the device.
func (d CounterDevice) inForce() bool { return !d.Forged && d.RevokedAt.IsZero() }

// mayHaveDevice reports whether the person may sign in with a PIN: the float of a vendor bounds what the person sells.
func (p PersonRow) mayHaveDevice() bool {
	return p.canSignIn() && !p.Vendor.IsZero() && p.Role == VendorAPI
}

// NewDevice is a device to register.
type NewDevice struct {
	Name string // such as "Counter 1"
	PIN  Secret
}

// RegisteredDevice is a device that was registered.
type RegisteredDevice struct {
	refusal.Refusal
	Device CounterDevice
	Secret Secret // for the browser's cookie; shown only once
}

// RegisterDevice lets the actor, who signed in with the password at most [ProofFresh] ago, sign in with a PIN in this browser from now on.
// Hashing is slow, so callers must bound how many run at once.
func (a *Access) RegisterDevice(ctx context.Context, by Actor, n NewDevice) (RegisteredDevice, error) {
	n.Name = strings.TrimSpace(n.Name)
	if no := by.mayRegister(n); no.Refused() {
		return RegisteredDevice{Refusal: no}, nil
	}
	secret, err := NewSecret("", a.c.Rand)
	if err != nil {
		return RegisteredDevice{}, fmt.Errorf("register a device: %w", err)
	}
	pin, err := HashPassword(n.PIN.Reveal(), a.c.Argon, a.c.Rand)
	if err != nil {
		return RegisteredDevice{}, fmt.Errorf("register a device: %w", err)
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (RegisteredDevice, error) {
		p, found, err := tx.People().LockPerson(by.ID)
		if err != nil || !found || !p.mayHaveDevice() {
			return RegisteredDevice{Refusal: refuse.DeviceOfUtility()}, err
		}
		if no, err := stillFresh(tx, by, p, a.c.Now()); err != nil || no.Refused() {
			return RegisteredDevice{Refusal: no}, err
		}
		all, err := tx.Devices().DevicesOf(p.ID)
		if err != nil || len(all) >= MaxDevices {
			return RegisteredDevice{Refusal: refuse.DevicesTooMany(MaxDevices)}, err
		}
		d := CounterDevice{Person: p.ID, Name: n.Name, PIN: pin, CreatedAt: Stored(a.c.Now())}
		if d.ID, err = tx.NewID(); err != nil {
			return RegisteredDevice{}, err
		}
		if err := tx.Devices().AddDevice(d, StoredForm(a.c.Hasher, formDevice, secret)); err != nil {
			return RegisteredDevice{}, err
		}
		return RegisteredDevice{Device: d, Secret: secret}, tx.AuditLog(d.entry(by, "person.register-device"))
	})
	return out, fault.Wrap(err, "register a device")
}

// entry starts the audit row of an action on a person's device.
func (d CounterDevice) entry(by Actor, action string) Entry {
	e := by.Entry(action, d.Person.Text(id.Person))
	e.After = fmt.Sprintf("device=%s name=%q", d.ID.Text(id.Device), d.Name)
	return e
}

// mayRegister refuses a device that the actor may not register.
func (a Actor) mayRegister(n NewDevice) refusal.Refusal {
	switch length := utf8.RuneCountInString(n.Name); {
	case !a.Device.IsZero():
		return a.needsPassword()
	case a.Kind != Person || a.Session.IsZero() || a.Vendor.IsZero():
		return refuse.DeviceOfUtility()
	case a.Stale:
		return refuse.ProofTooOld(int64(ProofFresh / time.Minute))
	case length == 0 || length > MaxDeviceName || !IsLine(n.Name):
		return refuse.DeviceNameOfWrongForm(MaxDeviceName)
	}
	return CheckPIN(n.PIN.Reveal())
}

// stillFresh refuses an actor whose session has ended, or has grown old, since the request began: hashing takes a while, and whoever ended the
// session must not find a new device of its holder later. The person must be locked.
func stillFresh(tx Tx, by Actor, p PersonRow, now time.Time) (refusal.Refusal, error) {
	times, err := tx.People().SessionTimes()
	if err != nil {
		return refusal.Refusal{}, err
	}
	all, err := tx.People().LoginsOf(p.ID)
	for _, l := range all {
		switch {
		case l.ID != by.Session || !l.open(p, times, now):
		case !l.fresh(now):
			return refuse.ProofTooOld(int64(ProofFresh / time.Minute)), err
		default:
			return refusal.Refusal{}, err
		}
	}
	return refuse.SignedOut(), err
}

// Devices are the devices of a person that are not revoked, the newest first.
type Devices struct {
	refusal.Refusal
	Data []CounterDevice
}

// Devices lists the devices of a person, by id or e-mail address (right: people.manage). Everybody may list their own.
func (a *Access) Devices(ctx context.Context, by Actor, who string) (Devices, error) {
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Devices, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return Devices{Refusal: no}, err
		}
		all, err := tx.Devices().DevicesOf(p.ID)
		slices.SortStableFunc(all, func(x, y CounterDevice) int {
			return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), slices.Compare(x.ID[:], y.ID[:]))
		})
		return Devices{Data: all}, err
	})
	return out, fault.Wrap(err, "list devices")
}

// RevokedDevice is the result of RevokeDevice.
type RevokedDevice struct {
	refusal.Refusal
	Person PersonRow
}

// RevokeDevice ends signing in with the PIN on a person's device, and ends the device's sessions with their pages (right: people.manage).
// Everybody may revoke their own devices, after signing in with the password.
func (a *Access) RevokeDevice(ctx context.Context, by Actor, who, device string) (RevokedDevice, error) {
	if no := by.needsPassword(); no.Refused() {
		return RevokedDevice{Refusal: no}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (RevokedDevice, error) {
		p, no, err := sessionsOf(tx, by, who)
		if err != nil || no.Refused() {
			return RevokedDevice{Refusal: no}, err
		}
		missing := RevokedDevice{Refusal: refuse.DeviceNotFound(refusal.Echo(device))}
		i, err := id.Parse(id.Device, device)
		if err != nil {
			return missing, nil
		}
		d, found, err := tx.Devices().DeviceByID(i)
		if err != nil || !found || d.Person != p.ID || !d.RevokedAt.IsZero() {
			return missing, err
		}
		return RevokedDevice{Person: p}, revokeDevice(tx, by, d, a.c.Now(), "")
	})
	return out, fault.Wrap(err, "revoke a device")
}

// revokeDevice revokes a locked device and writes the audit row.
func revokeDevice(tx Tx, by Actor, d CounterDevice, now time.Time, why string) error {
	if err := tx.Devices().RevokeDevice(d.ID, Stored(now)); err != nil {
		return err
	}
	e := d.entry(by, "person.revoke-device")
	e.Reason = why
	return tx.AuditLog(e)
}

// revokeDevicesOf revokes all devices of a person who was changed.
func revokeDevicesOf(tx Tx, by Actor, p PersonRow, now time.Time, why string) error {
	all, err := tx.Devices().DevicesOf(p.ID)
	for _, d := range all {
		if err == nil {
			err = revokeDevice(tx, by, d, now, why)
		}
	}
	return err
}
