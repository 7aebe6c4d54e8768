package mirror

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// SecretPrefix begins the password of a login, so that a leaked password is recognised.
const SecretPrefix = "pi_"

// MaxLogins is the largest number of logins in a list; a customer needs one or two.
const MaxLogins = 1000

// Login may read the mirror of one customer's meters, or of all meters.
type Login struct {
	ID        id.ID
	Tenant    access.Tenant
	Name      string
	Customer  id.ID // the customer whose meters the login sees; the zero ID for all meters of the tenant
	CreatedAt time.Time
	RevokedAt time.Time // zero while the login is in force
	Forged    bool      // somebody other than the server wrote the row; set for a single login, not in lists
}

// User returns the login's MQTT user name.
func (l Login) User() string { return l.ID.Text(id.Login) }

// Made is a new login with its password, which is shown only once.
type Made struct {
	refusal.Refusal
	Login  Login
	Secret access.Secret
}

// Logged is a list of logins.
type Logged struct {
	refusal.Refusal
	Data []Login
}

// Tx is the part of a transaction that logins need.
type Tx interface {
	Eyes() access.EyesTx
	Meters() registry.MeterLookup
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// CustomerOf returns the customer of the account that a meter supplies; false if there is none.
	CustomerOf(meter id.ID) (id.ID, bool, error)
	AddIntegration(l Login, hash [32]byte) error
	// IntegrationByID finds a login of any tenant, even a revoked one, with the hash of its password.
	IntegrationByID(login id.ID) (l Login, hash []byte, found bool, err error)
	Integrations(max int) ([]Login, error)
	// RevokeIntegration ends a login; it returns false if no such login is in force.
	RevokeIntegration(login id.ID, at time.Time) (bool, error)
}

// Logins creates, lists, revokes and checks logins.
type Logins struct {
	door access.Door[Tx]
	now  func() time.Time
	rand io.Reader
	hash access.Hasher // makes the stored forms of passwords
}

// NewLogins returns Logins.
func NewLogins(door access.Door[Tx], now func() time.Time, rnd io.Reader, h access.Hasher) *Logins {
	return &Logins{door, now, rnd, h}
}

// Form is the purpose in the stored form of a login's password; see [access.StoredForm].
const Form = "integration"

// Create makes a login for the customer of a meter, or for all meters if meter is empty (right: key.manage).
func (l *Logins) Create(ctx context.Context, by access.Actor, meter, name string) (Made, error) {
	if no := by.Needs(access.ManageKeys); no.Refused() {
		return Made{Refusal: no}, nil
	}
	const longest = 100
	if len(name) > longest {
		return Made{Refusal: refuse.IntegrationNameTooLong(longest)}, nil
	}
	secret, err := access.NewSecret(SecretPrefix, l.rand)
	if err != nil {
		return Made{}, fmt.Errorf("create a login: %w", err)
	}
	out, err := access.Through(ctx, l.door, by.Tenant, func(tx Tx) (Made, error) {
		if no, err := access.MayGiveRights(tx.Eyes(), by); err != nil || no.Refused() {
			return Made{Refusal: no}, err
		}
		customer, no, err := customerOf(tx, meter)
		if err != nil || no.Refused() {
			return Made{Refusal: no}, err
		}
		i, err := tx.NewID()
		if err != nil {
			return Made{}, err
		}
		made := Login{ID: i, Tenant: by.Tenant, Name: name, Customer: customer, CreatedAt: l.now()}
		if err := tx.AddIntegration(made, access.StoredForm(l.hash, Form, secret)); err != nil {
			return Made{}, err
		}
		e := by.Entry("integration.create", made.User())
		e.After = "name=" + name + " meters=all"
		if meter != "" {
			e.After = "name=" + name + " meters of the customer of " + meter
		}
		return Made{Login: made, Secret: secret}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "create a login")
}

// customerOf finds the customer of a named meter. If no meter is named, it returns the zero ID.
func customerOf(tx Tx, meter string) (id.ID, refusal.Refusal, error) {
	if meter == "" {
		return id.ID{}, refusal.Refusal{}, nil
	}
	at, no := registry.ParseRef(meter)
	if no.Refused() {
		return id.ID{}, registry.NoMeter(meter), nil
	}
	m, found, err := registry.ResolveMeter(tx.Meters(), at)
	if err != nil || !found {
		return id.ID{}, registry.NoMeter(meter), err
	}
	customer, found, err := tx.CustomerOf(m.ID)
	if err == nil && !found {
		return id.ID{}, refuse.IntegrationMeterVacant(m.Number), nil
	}
	return customer, refusal.Refusal{}, err
}

// List shows the logins, newest last (right: key.manage).
func (l *Logins) List(ctx context.Context, by access.Actor) (Logged, error) {
	if no := by.Needs(access.ManageKeys); no.Refused() {
		return Logged{Refusal: no}, nil
	}
	data, err := access.Look(ctx, l.door, by.Tenant, func(tx Tx) ([]Login, error) { return tx.Integrations(MaxLogins) })
	return Logged{Data: data}, fault.Wrap(err, "list logins")
}

// done is a result without a value.
type done struct{ refusal.Refusal }

// Revoke ends a login; its connections end within a minute (right: key.manage).
func (l *Logins) Revoke(ctx context.Context, by access.Actor, user string) (refusal.Refusal, error) {
	if no := by.Needs(access.ManageKeys); no.Refused() {
		return no, nil
	}
	none := refuse.IntegrationNotFound(refusal.Echo(user))
	i, err := id.Parse(id.Login, user)
	if err != nil {
		return none, nil
	}
	out, err := access.Through(ctx, l.door, by.Tenant, func(tx Tx) (done, error) {
		ok, err := tx.RevokeIntegration(i, l.now())
		if err != nil || !ok {
			return done{none}, err
		}
		return done{}, tx.AuditLog(by.Entry("integration.revoke", user))
	})
	return out.Refusal, fault.Wrap(err, "revoke login %s", user)
}

// anyTenant opens the store for a look-up that finds out the tenant.
const anyTenant access.Tenant = 0

// Check identifies a program by its user name and password; ok is false if they are wrong.
func (l *Logins) Check(ctx context.Context, user, password string) (Login, bool, error) {
	found, hash, ok, err := l.find(ctx, user)
	stored := make([]byte, 32) // compared for unknown names too, so that the time does not reveal which names exist
	copy(stored, hash)
	same := 0
	for _, given := range access.StoredForms(l.hash, Form, access.SecretOf(password)) {
		same |= subtle.ConstantTimeCompare(given[:], stored)
	}
	return found, ok && same == 1 && len(hash) > 0, err
}

// InForce reports whether an earlier login is still valid.
func (l *Logins) InForce(ctx context.Context, user string) (bool, error) {
	_, _, ok, err := l.find(ctx, user)
	return ok, err
}

func (l *Logins) find(ctx context.Context, user string) (found Login, hash []byte, ok bool, err error) {
	i, err := id.Parse(id.Login, user)
	if err != nil {
		return Login{}, nil, false, nil
	}
	err = l.door.View(ctx, anyTenant, func(tx Tx) (err error) { found, hash, ok, err = tx.IntegrationByID(i); return err })
	if err != nil {
		return Login{}, nil, false, fmt.Errorf("look up login %s: %w", user, err)
	}
	return found, hash, ok && !found.Forged && found.RevokedAt.IsZero(), nil
}
