// Package broken has a test that fails as it is.
package broken

// One returns 1.
func One() int { return 1 }
