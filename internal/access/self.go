package access

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
)

// sameActor reports whether two actors are known to be one person: by their ids if both actors have an id, else by their names. Keys count as
// the person who made them. [apart] asks more: whether one person may be behind both.
func sameActor(a, b Actor) bool {
	if !a.ID.IsZero() && !b.ID.IsZero() {
		return a.self() == b.self()
	}
	return a.String() == b.String()
}

// Self returns the id of the person behind an actor, or else of its key; zero for the program itself.
func Self(a Actor) id.ID { return a.self() }

// self returns the id that counts where two people are needed.
func (a Actor) self() id.ID {
	if !a.Answers.IsZero() {
		return a.Answers
	}
	return a.ID
}

// NamesOf lists the names under which the person behind an actor may have acted: the actor's name, the person's name, and the
// names of all the person's keys, even revoked keys. Rows store names, and several keys may share a name. So actions of others
// under a key of the same name count too.
func NamesOf(tx EyesTx, a Actor) ([]string, error) {
	names, self := []string{a.String()}, a.self()
	if self.IsZero() {
		return names, nil
	}
	keys, err := tx.KeysAnsweredBy(self)
	if err != nil {
		return nil, err
	}
	p, found, err := tx.PersonByID(self)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if by := k.Actor(); by.self() == self {
			names = append(names, by.String())
		}
	}
	if found {
		names = append(names, Actor{Kind: Person, Name: p.Email}.String())
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// SellsFor reports whether the person behind an actor has, or had, a key of a vendor.
func SellsFor(tx EyesTx, a Actor, vendor id.ID) (bool, error) {
	self := a.self()
	if vendor.IsZero() || self.IsZero() {
		return false, nil
	}
	keys, err := tx.KeysAnsweredBy(self)
	return slices.ContainsFunc(keys, func(k Key) bool { return k.Vendor == vendor }), err
}

// roleNow returns the present role of an actor; false if it may no longer act. An actor without an id is the program itself.
func roleNow(tx EyesTx, a Actor, now time.Time) (Role, bool, error) {
	switch {
	case a.ID.IsZero():
		return a.Role, true, nil
	case a.Kind == APIKey:
		k, found, err := tx.KeyByID(a.ID)
		return k.Role, found && k.inForce(now), err
	}
	p, found, err := tx.PersonByID(a.ID)
	return p.Role, found && p.active(), err
}

// within reports whether the person behind a key has all rights of the key. A person who lost rights has no key with those rights.
func (k Key) within() bool { return k.Within == "" || k.Within.covers(k.Role) }

// inForce reports whether a key works: the server wrote its row, it was not revoked, has not expired, and its person is not blocked.
// Blocking a person ends everything that acts for that person.
func (k Key) inForce(now time.Time) bool {
	return !k.Forged && !k.Blocked && k.within() && k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}
