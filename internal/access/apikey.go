package access

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// KeyPrefix begins every API key, so that people and secret scanners recognise it.
const KeyPrefix = "pk_"

// keyLength is the prefix and 43 base64url characters of 256 bits.
const keyLength = len(KeyPrefix) + 43

// maxKeyName bounds the name of a key, in bytes.
const maxKeyName = 64

// Key is an API key without its secret.
type Key struct {
	Tenant    Tenant
	ID        id.ID
	Name      string
	Role      Role
	Vendor    id.ID // of a vendor's key: the vendor whose float its sales use; zero for the tenant itself
	Answers   id.ID // the person to whom it belongs; zero for nobody
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time // about when it was last used, to the hour; zero: never
	From      Networks  // where it may be used from; empty: from everywhere
	RevokedAt time.Time // zero: not revoked
	Blocked   bool      // the person behind it may not act any more; set for a single key, not in lists
	Within    Role      // the role of the person behind it, empty if there is none; set for a single key, not in lists
	Forged    bool      // somebody other than the server wrote its row; set for a single key, not in lists
}

// NewKey is an API key to make. Only Role is required.
type NewKey struct {
	Role      Role
	Name      string
	Vendor    id.ID
	Person    string // at the command line: e-mail address of the person it is for; empty: the only person there is
	ExpiresAt time.Time
	From      []string // addresses and networks from which it may be used; none: everywhere
}

// MadeKey is a new API key with its secret, which is shown only once.
type MadeKey struct {
	refusal.Refusal
	Key    Key
	Secret Secret
	Owner  PersonRow // the person to whom a new key belongs; zero for nobody
}

// Authenticated is the actor of a secret, or the refusal.
type Authenticated struct {
	refusal.Refusal
	Actor Actor
}

// CreateAPIKey makes a key of 256 random bits; only a keyed hash of it is stored.
func (a *Access) CreateAPIKey(ctx context.Context, by Actor, n NewKey) (MadeKey, error) {
	if no := by.Needs(ManageKeys); no.Refused() {
		return MadeKey{Refusal: no}, nil
	}
	if no := n.check(a.c.Now()); no.Refused() {
		return MadeKey{Refusal: no}, nil
	}
	from, no := ParseNetworks(n.From)
	if no.Refused() {
		return MadeKey{Refusal: no}, nil
	}
	secret, err := NewSecret(KeyPrefix, a.c.Rand)
	if err != nil {
		return MadeKey{}, fmt.Errorf("create API key: %w", err)
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (MadeKey, error) {
		if !n.Vendor.IsZero() {
			if ok, err := tx.VendorExists(n.Vendor); err != nil || !ok {
				return MadeKey{Refusal: refuse.KeyVendorNotFound(n.Vendor.Text(id.Vendor))}, err
			}
		}
		now := a.c.Now()
		bounds, no, err := keyBoundsOf(tx, by, now)
		owner := bounds.person
		if err == nil && bounds.server {
			owner, no, err = ownerOf(tx, n)
		}
		if err != nil || no.Refused() {
			return MadeKey{Refusal: no}, err
		}
		k := Key{Answers: owner.ID, Tenant: by.Tenant, Name: n.Name, Role: n.Role, Vendor: n.Vendor, CreatedAt: now, ExpiresAt: n.ExpiresAt, From: from}
		if no := bounds.allow(k); no.Refused() {
			return MadeKey{Refusal: no}, nil
		}
		if k.ID, err = tx.NewID(); err != nil {
			return MadeKey{}, err
		}
		if err := tx.AddKey(k, StoredForm(a.c.Hasher, FormKey, secret)); err != nil {
			return MadeKey{}, err
		}
		e := by.Entry("apikey.create", k.ID.Text(id.Key))
		e.After = fmt.Sprintf("role=%s name=%s", k.Role, k.Name) + k.limits()
		return MadeKey{Key: k, Secret: secret, Owner: owner}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "create API key")
}

func (n NewKey) check(now time.Time) refusal.Refusal {
	switch {
	case !n.Role.Known():
		return refuse.KeyRoleUnknown(refusal.Echo(string(n.Role)), roleNames())
	case len(rights[n.Role]) == 0:
		return refuse.KeyRoleWithoutRights(string(n.Role), roleNames())
	case !n.Vendor.IsZero() && n.Role != VendorAPI:
		return refuse.KeyRoleNotForVendors(string(n.Role))
	case n.Vendor.IsZero() && n.Role == VendorAPI:
		return refuse.KeyWithoutVendor()
	case len(n.Name) > maxKeyName || !IsLine(n.Name):
		return refuse.KeyNameOfWrongForm(maxKeyName)
	case !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now):
		return refuse.KeyExpiryInThePast(n.ExpiresAt)
	}
	return refusal.Refusal{}
}

// roleNames lists the roles a key can have.
func roleNames() string {
	var out []string
	for _, r := range Roles() {
		if len(rights[r]) > 0 {
			out = append(out, string(r))
		}
	}
	return strings.Join(out, ", ")
}

// ByAPIKey returns the actor of a key. The refusal is the same for a key that is unknown, expired or revoked, whose person is
// blocked, whose row was changed outside the server, or whose role this version does not know.
// A key that is used from an address where it must not be used is refused too, with a refusal of its own.
func (a *Access) ByAPIKey(ctx context.Context, secret string, from netip.Addr) (Authenticated, error) {
	if len(secret) != keyLength || !strings.HasPrefix(secret, KeyPrefix) {
		return Authenticated{Refusal: refuse.KeyNotValid()}, nil
	}
	forms := StoredForms(a.c.Hasher, FormKey, SecretOf(secret))
	var k Key
	found := false
	err := a.c.Door.View(ctx, anyTenant, func(tx Tx) (err error) {
		found = false
		for i := 0; i < len(forms) && !found && err == nil; i++ {
			k, found, err = tx.KeyByHash(forms[i])
		}
		return err
	})
	if err != nil {
		return Authenticated{}, fmt.Errorf("look up API key: %w", err)
	}
	if !found || !k.inForce(a.c.Now()) || !k.Role.Known() {
		return Authenticated{Refusal: refuse.KeyNotValid()}, nil
	}
	if !k.From.Allow(from) {
		return Authenticated{Refusal: refuse.KeyAddressNotAllowed(from.Unmap().String())}, nil
	}
	a.seeKey(ctx, k)
	return Authenticated{Actor: k.Actor()}, nil
}

// keySeenEvery is how old the stored time of a key's last use may be, so that using a key rarely writes.
const keySeenEvery = time.Hour

// seeKey stores that a key was used. If the store cannot be written to, the key works all the same.
func (a *Access) seeKey(ctx context.Context, k Key) {
	now := a.c.Now()
	if now.Sub(k.UsedAt) < keySeenEvery {
		return
	}
	_ = a.c.Door.Do(ctx, k.Tenant, func(tx Tx) (bool, error) { return false, tx.Keys().SeeKey(k.ID, now) })
}

// Still reports whether an actor may act as before: a key is in force, a person is not blocked, and the role is the same. A stream asks it
// before each answer.
func (a *Access) Still(ctx context.Context, by Actor) (bool, error) {
	still, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (bool, error) {
		role, active, err := roleNow(tx, by, a.c.Now())
		return active && role == by.Role, err
	})
	return still, fault.Wrap(err, "look up API key")
}

// Actor returns who acts through the key. A key without a name is called by its id.
func (k Key) Actor() Actor {
	name := k.Name
	if name == "" {
		name = k.ID.Text(id.Key)
	}
	return Actor{Tenant: k.Tenant, Kind: APIKey, ID: k.ID, Name: name, Role: k.Role, Vendor: k.Vendor, Answers: k.Answers}
}

// anyTenant opens the store for a look-up that finds the tenant.
const anyTenant Tenant = 0

// RevokedKey is the answer to RevokeAPIKey.
type RevokedKey struct{ refusal.Refusal }

// RevokeAPIKey ends a key at once. A key that was revoked before is refused as not found.
func (a *Access) RevokeAPIKey(ctx context.Context, by Actor, key id.ID) (RevokedKey, error) {
	if no := by.Needs(ManageKeys); no.Refused() {
		return RevokedKey{no}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (RevokedKey, error) {
		ok, err := tx.Keys().RevokeKey(key, a.c.Now())
		if err != nil {
			return RevokedKey{}, err
		}
		if !ok {
			return RevokedKey{refuse.KeyNotInForce(key.Text(id.Key))}, nil
		}
		return RevokedKey{}, tx.AuditLog(by.Entry("apikey.revoke", key.Text(id.Key)))
	})
	return out, fault.Wrap(err, "revoke API key")
}

// Keys is a list of API keys, without their secrets.
type Keys struct {
	refusal.Refusal
	Data   []Key
	Owners map[id.ID]PersonRow // the people to whom the keys of Data belong, by id
}

// KeyState is what an API key of a list can do now.
type KeyState string

// States of API keys.
const (
	KeyWorks   KeyState = "works"
	KeyStopped KeyState = "stopped" // its person is blocked, or lacks one of its rights
	KeyExpired KeyState = "expired"
	KeyRevoked KeyState = "revoked"
)

// State returns the state of a key of the list.
func (l Keys) State(k Key, now time.Time) KeyState {
	owner, found := l.Owners[k.Answers]
	switch {
	case !k.RevokedAt.IsZero():
		return KeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return KeyExpired
	case found && (!owner.active() || !owner.Role.covers(k.Role)):
		return KeyStopped
	}
	return KeyWorks
}

// MaxKeys is how many keys APIKeys returns at once.
const MaxKeys = 200

// APIKeys lists up to MaxKeys keys after the given one (zero: from the first) in the order in which they were made, with revoked keys.
func (a *Access) APIKeys(ctx context.Context, by Actor, after id.ID) (Keys, error) {
	if no := by.Needs(ManageKeys); no.Refused() {
		return Keys{Refusal: no}, nil
	}
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Keys, error) {
		keys, err := tx.KeyPage(after, MaxKeys)
		if err != nil {
			return Keys{}, err
		}
		return owned(tx, keys)
	})
	return out, fault.Wrap(err, "list API keys")
}

// APIKey returns a list of one key (right: key.manage).
func (a *Access) APIKey(ctx context.Context, by Actor, key id.ID) (Keys, error) {
	if no := by.Needs(ManageKeys); no.Refused() {
		return Keys{Refusal: no}, nil
	}
	out, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (Keys, error) {
		k, found, err := tx.KeyByID(key)
		if err != nil || !found {
			return Keys{Refusal: refuse.KeyNotFound(key.Text(id.Key))}, err
		}
		return owned(tx, []Key{k})
	})
	return out, fault.Wrap(err, "show API key")
}

// owned returns keys with the people to whom they belong.
func owned(tx Tx, keys []Key) (Keys, error) {
	out := Keys{Data: keys, Owners: map[id.ID]PersonRow{}}
	for _, k := range keys {
		if _, known := out.Owners[k.Answers]; known || k.Answers.IsZero() {
			continue
		}
		p, found, err := tx.PersonByID(k.Answers)
		if err != nil {
			return Keys{}, err
		}
		if found {
			out.Owners[k.Answers] = p
		}
	}
	return out, nil
}
