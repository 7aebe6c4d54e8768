//go:build !linux

package app

import "time"

// timeService is not known on this system, so only a person can confirm the clock.
func timeService() bool { return false }

// bootTime is not known on this system.
func bootTime() (boot string, up time.Duration) { return "", 0 }
