package access

import (
	"context"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// ofNobody reports whether an actor is a key of the utility that belongs to no person.
//
// While a utility has never had a person, such a key works like its owner. It can never approve, because nobody knows who uses it. Once
// there are people, it can do no act of value: one person could use it to pass every ceiling of one person.
func (a Actor) ofNobody() bool {
	return a.Kind == APIKey && a.Vendor.IsZero() && a.Answers.IsZero() && !plantedNobody()
}

// needsOwner refuses an act of value by a key of nobody, once the utility has had people.
func needsOwner(people *people, a Actor) (refusal.Refusal, error) {
	if !a.ofNobody() {
		return refusal.Refusal{}, nil
	}
	had, err := people.had()
	if err != nil || !had {
		return refusal.Refusal{}, err
	}
	return refuse.KeyOfNobody(PlainName(a.String())), nil
}

// people tells whether the tenant has ever had a person. A decision asks the store once.
type people struct {
	tx         EyesTx
	asked, yes bool
}

func (p *people) had() (bool, error) {
	if p.asked {
		return p.yes, nil
	}
	yes, err := p.tx.Ceilings().HadPeople()
	p.asked, p.yes = err == nil, yes
	return yes, err
}

// ownerOf returns the person to whom a key from the command line belongs: the named person. If none is named, it is the only person there is.
// A key that can move value belongs to nobody only while there are no people.
func ownerOf(tx Tx, n NewKey) (PersonRow, refusal.Refusal, error) {
	if n.Person != "" {
		p, found, err := tx.PersonByEmail(CanonicalEmail(n.Person))
		if err == nil && (!found || !p.active()) {
			return p, refuse.KeyPersonNotFound(refusal.Echo(n.Person)), nil
		}
		return p, p.mayHold(n.Role), err
	}
	if !n.Vendor.IsZero() {
		return PersonRow{}, refusal.Refusal{}, nil
	}
	all, err := tx.People().PersonPage(id.ID{}, 2)
	switch {
	case err != nil || len(all) == 0:
		return PersonRow{}, refusal.Refusal{}, err
	case len(all) == 1 && all[0].active() && all[0].Role.covers(n.Role):
		return all[0], refusal.Refusal{}, nil
	case n.Role.movesValue():
		return PersonRow{}, refuse.KeyNeedsPerson(string(n.Role)), nil
	}
	return PersonRow{}, refusal.Refusal{}, nil
}

// mayHold refuses a key with a role that has rights which the person lacks.
func (p PersonRow) mayHold(role Role) refusal.Refusal {
	if p.Role.covers(role) {
		return refusal.Refusal{}
	}
	return refuse.KeyBeyondPerson(string(role), p.Email, string(p.Role))
}

// OwnedKey is the answer to GiveAPIKey.
type OwnedKey struct{ refusal.Refusal }

// GiveAPIKey makes a person answer for a key of nobody. Only the command line may do it.
func (a *Access) GiveAPIKey(ctx context.Context, by Actor, key id.ID, email string) (OwnedKey, error) {
	if by.Kind != System {
		return OwnedKey{refuse.RightMissing(string(by.Role), string(ManageKeys))}, nil
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (OwnedKey, error) {
		k, found, err := tx.KeyByID(key)
		if err != nil {
			return OwnedKey{}, err
		}
		if !found || !k.inForce(a.c.Now()) || !k.Actor().ofNobody() {
			return OwnedKey{refuse.KeyNotToGive(key.Text(id.Key))}, nil
		}
		p, found, err := tx.PersonByEmail(CanonicalEmail(email))
		switch {
		case err != nil:
			return OwnedKey{}, err
		case !found || !p.active() || !p.Vendor.IsZero():
			return OwnedKey{refuse.KeyPersonNotFound(refusal.Echo(email))}, nil
		}
		if no := p.mayHold(k.Role); no.Refused() {
			return OwnedKey{no}, nil
		}
		return OwnedKey{}, give(tx, by, k, p)
	})
	return out, fault.Wrap(err, "give an API key")
}

func give(tx Tx, by Actor, k Key, p PersonRow) error {
	if err := tx.Keys().GiveKey(k.ID, p.ID); err != nil {
		return err
	}
	e := by.Entry("apikey.give", k.ID.Text(id.Key))
	e.After = "person=" + p.ID.Text(id.Person)
	return tx.AuditLog(e)
}

// maxKeyPages bounds how many pages of keys one transaction reads.
const maxKeyPages = 50

// LacksOwner reports whether a key works, can move value, and belongs to nobody.
func (k Key) LacksOwner(now time.Time) bool {
	return k.Actor().ofNobody() && k.Role.movesValue() && k.inForce(now)
}

// keysOfNobody lists the keys that lack an owner. KeyByID reads each again, because lists do not check the marks of rows.
func keysOfNobody(tx Tx, now time.Time) (out []Key, err error) {
	after := id.ID{}
	for range maxKeyPages {
		page, err := tx.KeyPage(after, MaxKeys)
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			after = k.ID
			if !k.LacksOwner(now) {
				continue
			}
			whole, found, err := tx.KeyByID(k.ID)
			if err != nil {
				return nil, err
			}
			if found && whole.LacksOwner(now) {
				out = append(out, whole)
			}
		}
		if len(page) < MaxKeys {
			return out, nil
		}
	}
	return nil, fmt.Errorf("there are more than %d API keys", maxKeyPages*MaxKeys)
}

// takeOver gives the keys of nobody to the only person there is, as far as that person's role allows.
func takeOver(tx Tx, by Actor, p PersonRow, now time.Time) (given int, err error) {
	keys, err := keysOfNobody(tx, now)
	for _, k := range keys {
		if err == nil && p.Role.covers(k.Role) {
			given, err = given+1, give(tx, by, k, p)
		}
	}
	return given, err
}

// TakenOver is the answer to TakeOver.
type TakenOver struct {
	refusal.Refusal
	Keys int // how many keys were given
}

// TakeOver gives the keys of nobody to the only person of a utility. The server does it when it starts, for utilities of older versions. With
// more people, somebody must say whose the keys are.
func (a *Access) TakeOver(ctx context.Context, by Actor) (TakenOver, error) {
	some, err := Look(ctx, a.c.Door, by.Tenant, func(tx Tx) (bool, error) {
		keys, err := keysOfNobody(tx, a.c.Now())
		return len(keys) > 0, err
	})
	if err != nil || !some {
		return TakenOver{}, fault.Wrap(err, "look for keys of nobody")
	}
	out, err := Through(ctx, a.c.Door, by.Tenant, func(tx Tx) (out TakenOver, err error) {
		all, err := tx.People().PersonPage(id.ID{}, 2)
		if err == nil && len(all) == 1 && all[0].active() && all[0].Vendor.IsZero() {
			out.Keys, err = takeOver(tx, by, all[0], a.c.Now())
		}
		return out, err
	})
	return out, fault.Wrap(err, "give the keys of nobody to the only person")
}
