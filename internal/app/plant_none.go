//go:build !faultinject

package app

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/vending"
)

// plantIssuer changes nothing in a release.
func plantIssuer(i vending.Issuer) vending.Issuer { return i }

// plantHandler changes nothing in a release.
func plantHandler(next http.Handler) http.Handler { return next }
