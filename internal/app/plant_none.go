//go:build !faultinject

package app

import (
	"net/http"
	"time"

	"github.com/paywatt/paywatt/internal/vending"
)

// plantClock changes nothing in a release.
func plantClock(now func() time.Time) func() time.Time { return now }

// plantSynced changes nothing in a release.
func plantSynced(synced func() bool) func() bool { return synced }

// plantMachine changes nothing in a release.
func plantMachine(machine func() (string, time.Duration)) func() (string, time.Duration) {
	return machine
}

// clockPlanted is always false in a release.
func clockPlanted() bool { return false }

// plantIssuer changes nothing in a release.
func plantIssuer(i vending.Issuer) vending.Issuer { return i }

// plantHandler changes nothing in a release.
func plantHandler(next http.Handler) http.Handler { return next }
