package access

import "github.com/paywatt/paywatt/internal/plant"

// Rules that a test can switch off, one at a time.
const (
	aloneFault       = "alone"              // for an act, which then needs no second person
	ceilingFault     = "no-ceiling"         // for a ceiling, which then has no limit
	nobodyFault      = "keys-of-nobody"     // a key of nobody counts as a person of its own
	unconfirmedFault = "unconfirmed-people" // a person who is not confirmed counts as themselves only
	limitedFault     = "limited-keys"       // a limited key gives rights, and sees every secret
)

// plantedAlone reports whether a test lets one person do an action alone.
func plantedAlone(a Act) bool { return plant.HasFor(aloneFault, string(a)) }

// plantedNobody reports whether a test lets keys of nobody count as people.
func plantedNobody() bool { return plant.Has(nobodyFault) }

// plantedUnconfirmed reports whether a test lets people who are not confirmed count as themselves only.
func plantedUnconfirmed() bool { return plant.Has(unconfirmedFault) }

// plantedNoCeiling reports whether a test has switched a ceiling off.
func plantedNoCeiling(c Ceiling) bool { return plant.HasFor(ceilingFault, string(c)) }

// plantedLimited reports whether a test lets a limited key give what lasts without the limits of the key.
func plantedLimited() bool { return plant.Has(limitedFault) }
