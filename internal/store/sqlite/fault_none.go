//go:build !faultinject

package sqlite

// faultInjection says that this build can be made to misbehave; a release cannot.
const faultInjection = false

// planted is empty in a release.
type planted struct{}

// plant does nothing in a release.
func (e *Engine) plant() { e.planted = planted{} }

// pin does nothing in a release.
func pin() {}

// early does nothing in a release.
func (e *Engine) early(*batch) {}
