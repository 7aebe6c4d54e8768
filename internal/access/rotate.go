package access

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MaxOverlap is the longest time that a replaced API key goes on working.
const MaxOverlap = 30 * 24 * time.Hour

// RotateAPIKey makes a key with the rights, limits and lifetime of an old one, which goes on working for the overlap (right: key.manage). The
// new key answers for the same person, so only that person or the command line may ask for it. A person who asks through a key gets no key
// beyond the limits of that key.
func (a *Access) RotateAPIKey(ctx context.Context, by Actor, old id.ID, overlap time.Duration) (MadeKey, error) {
	if no := by.Needs(ManageKeys); no.Refused() {
		return MadeKey{Refusal: no}, nil
	}
	if overlap < 0 || overlap > MaxOverlap {
		return MadeKey{Refusal: refuse.KeyOverlapTooLong(int64(MaxOverlap / (24 * time.Hour)))}, nil
	}
	secret, err := NewSecret(KeyPrefix, a.c.Rand)
	if err != nil {
		return MadeKey{}, fmt.Errorf("rotate API key: %w", err)
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (MadeKey, error) {
		now := a.c.Now()
		was, found, err := tx.KeyByID(old)
		switch {
		case err != nil:
			return MadeKey{}, err
		case !found || !was.inForce(now):
			return MadeKey{Refusal: refuse.KeyNotToReplace(old.Text(id.Key))}, nil
		case by.Kind != System && by.self() != was.Actor().self():
			return MadeKey{Refusal: refuse.KeyOfAnotherPerson(old.Text(id.Key))}, nil
		}
		bounds, no, err := keyBoundsOf(tx, by, now)
		if err != nil || no.Refused() {
			return MadeKey{Refusal: no}, err
		}
		if no := bounds.allow(was); no.Refused() {
			return MadeKey{Refusal: no}, nil
		}
		k := was.successor(now)
		k.ExpiresAt = bounds.last(k.ExpiresAt)
		if k.ID, err = tx.NewID(); err != nil {
			return MadeKey{}, err
		}
		if err := tx.AddKey(k, StoredForm(a.c.Hasher, FormKey, secret)); err != nil {
			return MadeKey{}, err
		}
		until := now.Add(overlap)
		if was.ExpiresAt.IsZero() || until.Before(was.ExpiresAt) {
			if err := tx.Keys().EndKey(old, until); err != nil {
				return MadeKey{}, err
			}
		}
		e := by.Entry("apikey.rotate", k.ID.Text(id.Key))
		e.Before = "key=" + old.Text(id.Key)
		e.After = fmt.Sprintf("role=%s name=%s old-key-until=%s", k.Role, k.Name, until.UTC().Format(time.RFC3339)) + k.limits()
		return MadeKey{Key: k, Secret: secret, Owner: bounds.person}, tx.AuditLog(e)
	})
	return out, fault.Wrap(err, "rotate API key")
}

// successor returns the key that replaces k, still without an ID. It lives as long as k was meant to live. A key of nobody has a successor of
// nobody.
func (k Key) successor(now time.Time) Key {
	next := Key{Tenant: k.Tenant, Name: k.Name, Role: k.Role, Vendor: k.Vendor, Answers: k.Answers, From: k.From, CreatedAt: now}
	if !k.ExpiresAt.IsZero() {
		next.ExpiresAt = now.Add(k.ExpiresAt.Sub(k.CreatedAt))
	}
	return next
}

// limits describes the limits of a key for the audit log.
func (k Key) limits() (text string) {
	if !k.ExpiresAt.IsZero() {
		text += " expires=" + k.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if k.From != "" {
		text += " from=" + string(k.From)
	}
	return text
}
