//go:build faultinject

package access

import (
	"os"
	"strings"
)

// Rules that the environment variable FAULT_INJECT switches off, one at a time, so that a test can show that it notices. They exist only
// behind the build tag faultinject.
const (
	aloneFault   = "alone="      // followed by an act, which then needs no second person
	ceilingFault = "no-ceiling=" // followed by a ceiling, which then has no limit
)

// nobodyFault makes a key of nobody count as a person of its own.
const nobodyFault = "keys-of-nobody"

// unconfirmedFault makes a person who is not confirmed count as themselves only.
const unconfirmedFault = "unconfirmed-people"

// limitedFault lets a limited key give rights, and shows it every secret.
const limitedFault = "limited-keys"

func planted(fault string) bool {
	return strings.Contains(","+os.Getenv("FAULT_INJECT")+",", ","+fault+",")
}

// plantedAlone reports whether a test lets one person do an action alone.
func plantedAlone(a Act) bool { return planted(aloneFault + string(a)) }

// plantedNobody reports whether a test lets keys of nobody count as people.
func plantedNobody() bool { return planted(nobodyFault) }

// plantedUnconfirmed reports whether a test lets people who are not confirmed count as themselves only.
func plantedUnconfirmed() bool { return planted(unconfirmedFault) }

// plantedNoCeiling reports whether a test has switched a ceiling off.
func plantedNoCeiling(c Ceiling) bool { return planted(ceilingFault + string(c)) }

// plantedLimited reports whether a test lets a limited key give what lasts without the limits of the key.
func plantedLimited() bool { return planted(limitedFault) }
