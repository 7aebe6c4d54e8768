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

func planted(fault string) bool {
	return strings.Contains(","+os.Getenv("FAULT_INJECT")+",", ","+fault+",")
}

// plantedAlone reports whether a test lets one person do an action alone.
func plantedAlone(a Act) bool { return planted(aloneFault + string(a)) }

// plantedNoCeiling reports whether a test has switched a ceiling off.
func plantedNoCeiling(c Ceiling) bool { return planted(ceilingFault + string(c)) }
