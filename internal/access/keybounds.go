package access

import (
	"net/netip"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// keyBounds are the bounds of the API keys that somebody may make or replace.
type keyBounds struct {
	server  bool      // the command line, which may make every key
	person  PersonRow // the person to whom the keys belong
	through *Key      // the API key through which the person acts; nil for a session
}

// allow refuses an API key beyond the bounds. The key has no right that its person lacks. A key that another key makes or replaces has no
// right that the other key lacks either, ends no later than it, and works from none but its networks: otherwise a limited key could be turned
// into one without limits.
func (b keyBounds) allow(k Key) refusal.Refusal {
	if b.server {
		return refusal.Refusal{}
	}
	if no := b.person.mayHold(k.Role); no.Refused() || b.through == nil {
		return no
	}
	switch t := b.through; {
	case !t.Role.covers(k.Role):
		return refuse.KeyBeyondMaker(string(k.Role), string(t.Role))
	case b.last(k.ExpiresAt) != k.ExpiresAt:
		return refuse.KeyOutlivesMaker(t.ExpiresAt)
	case !k.From.within(t.From):
		return refuse.KeyNetworksBeyondMaker(strings.ReplaceAll(string(t.From), ",", ", "))
	}
	return refusal.Refusal{}
}

// last returns the end of a key's life, moved forward into the bounds if it is later. The zero time means never.
func (b keyBounds) last(end time.Time) time.Time {
	if b.through == nil || b.through.ExpiresAt.IsZero() || !end.IsZero() && !end.After(b.through.ExpiresAt) {
		return end
	}
	return b.through.ExpiresAt
}

// keyBoundsOf reads the bounds of the keys that an actor may make. A key of nobody and a vendor's key make none.
func keyBoundsOf(tx Tx, by Actor, now time.Time) (b keyBounds, no refusal.Refusal, err error) {
	if by.Kind == System {
		return keyBounds{server: true}, no, nil
	}
	p, found, err := behind(tx, by)
	if err != nil || !found {
		return b, refuse.KeyMakerWithoutPerson(), err
	}
	b.person = p
	if by.Kind != APIKey {
		return b, no, nil
	}
	k, found, err := tx.KeyByID(by.ID)
	if err != nil || !found || !k.inForce(now) {
		return b, refuse.KeyNotValid(), err
	}
	b.through = &k
	return b, no, nil
}

// limited reports whether a key has an end, or works only from some networks.
func (k Key) limited() bool { return !k.ExpiresAt.IsZero() || k.From != "" }

// MayGiveRights refuses to give rights to a person or a program through a limited API key: they would last without the key's limits, and
// whoever stole the key would keep them.
func MayGiveRights(tx EyesTx, by Actor) (refusal.Refusal, error) {
	if by.Kind != APIKey || plantedLimited() {
		return refusal.Refusal{}, nil
	}
	k, found, err := tx.KeyByID(by.ID)
	if err != nil || found && !k.limited() {
		return refusal.Refusal{}, err
	}
	return refuse.KeyGivesNoRights(), nil
}

// within reports whether each of the networks lies in one of the others.
func (n Networks) within(others Networks) bool {
	if others == "" {
		return true
	}
	for text := range strings.SplitSeq(string(n), ",") {
		if p, err := netip.ParsePrefix(text); err != nil || !others.holds(p) {
			return false // the empty text means every address
		}
	}
	return true
}

// holds reports whether a network lies in one of the networks.
func (n Networks) holds(p netip.Prefix) bool {
	for text := range strings.SplitSeq(string(n), ",") {
		if o, err := netip.ParsePrefix(text); err == nil && o.Bits() <= p.Bits() && o.Contains(p.Addr()) {
			return true
		}
	}
	return false
}
