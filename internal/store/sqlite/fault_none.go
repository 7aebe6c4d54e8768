//go:build !faultinject

package sqlite

// faultInjection is false in a release, which cannot be made to misbehave.
const faultInjection = false

// planted is empty in a release.
type planted struct{}

// plant does nothing in a release.
func (e *Engine) plant() { e.planted = planted{} }

// pin does nothing in a release.
func pin() {}

// early does nothing in a release.
func (e *Engine) early(*batch) {}
