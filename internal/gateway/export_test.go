package gateway

import "github.com/paywatt/paywatt/internal/profile"

// Claimed returns the last attempt of another device to send to the listener.
func (l *Legacy) Claimed() (profile.Claim, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claim.Claim, l.claim.Times > 0
}
