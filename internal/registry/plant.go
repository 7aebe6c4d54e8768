//go:build faultinject

package registry

import (
	"os"
	"strings"
	"time"
)

// Rules about changed telephone numbers that the environment variable FAULT_INJECT switches off, so that a test can show that it notices.
// They exist only behind the build tag faultinject.
const (
	noHoldFault = "no-number-hold"       // tokens for a changed number do not wait
	sameFault   = "number-by-one-person" // whoever changed a number may confirm it
)

func planted(fault string) bool {
	return strings.Contains(","+os.Getenv("FAULT_INJECT")+",", ","+fault+",")
}

// numberHold is how long tokens wait for a changed number.
func numberHold() time.Duration {
	if planted(noHoldFault) {
		return 0
	}
	return NumberHold
}

// plantedSame reports whether a test lets the person who changed a number confirm it.
func plantedSame() bool { return planted(sameFault) }
