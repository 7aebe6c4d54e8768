//go:build !faultinject

package postgres

// plant does nothing in a release, which cannot be made to misbehave.
func (e *Engine) plant() {}
