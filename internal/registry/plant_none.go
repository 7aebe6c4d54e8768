//go:build !faultinject

package registry

import "time"

// numberHold is how long tokens wait for a changed number.
func numberHold() time.Duration { return NumberHold }

// plantedSame is false in a release: whoever changed a number cannot confirm it.
func plantedSame() bool { return false }
