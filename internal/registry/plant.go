package registry

import (
	"time"

	"github.com/paywatt/paywatt/internal/plant"
)

// Rules about changed telephone numbers that a test can switch off.
const (
	noHoldFault = "no-number-hold"       // tokens for a changed number do not wait
	sameFault   = "number-by-one-person" // whoever changed a number may confirm it
)

// numberHold is how long tokens wait for a changed number.
func numberHold() time.Duration {
	if plant.Has(noHoldFault) {
		return 0
	}
	return NumberHold
}

// plantedSame reports whether a test lets the person who changed a number confirm it.
func plantedSame() bool { return plant.Has(sameFault) }
