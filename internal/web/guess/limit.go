package guess

import (
	"net/netip"
	"time"
)

// Limits of a gate.
const (
	// MaxWaiting is how many attempts may wait.
	MaxWaiting = 64
	// Pause is the time after which a refused address or browser may try again.
	Pause = 6 * time.Second
	// CodePause is the time after which one more code of a second factor may be tried. Somebody who knows the password and guesses codes for a
	// month is right with a probability of 3 %.
	CodePause = 5 * time.Minute

	atOnce      = 10               // attempts that an address or a known browser has on one account at once; then one per Pause
	atOnceAll   = 60               // attempts that an address has on all accounts at once; then one per pauseAll
	pauseAll    = time.Second      // see atOnceAll
	codesAtOnce = 10               // codes of a second factor that an account or a known browser has at once; then one per CodePause
	freely      = 10               // failed attempts on an account before it is slowed down
	slowest     = time.Second      // the longest time between two attempts on an account
	memory      = 15 * time.Minute // for how long attempts count
	remembered  = 20_000           // addresses, browsers and accounts in memory; a full list is emptied
	ipv6Home    = 64               // bits of an IPv6 address that one household has to itself
)

// Gap is the time between the starts of two attempts on an account from unknown browsers, after a number of failed attempts.
func Gap(failed int) time.Duration {
	if failed < freely {
		return 0
	}
	return min(slowest, 100*time.Millisecond<<min(failed-freely, 10))
}

// Household returns the part of an address that its owner cannot change at will: an IPv4 address, or the /64 of an IPv6 address.
func Household(address string) netip.Prefix {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{} // a listener without addresses: all clients count as one
	}
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = ipv6Home
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// bucket holds attempts that may be made now. It fills with one attempt per pause.
type bucket struct {
	used  int
	since time.Time // when used was counted
}

// take reports whether an attempt is left, and takes it.
func (b *bucket) take(now time.Time, size int, pause time.Duration) bool {
	if back := int(now.Sub(b.since) / pause); back > 0 {
		b.used, b.since = max(0, b.used-back), b.since.Add(time.Duration(back)*pause)
	}
	if b.used == 0 {
		b.since = now
	}
	if b.used >= size {
		return false
	}
	b.used++
	return true
}

// recall returns what the map remembers under the key, or makes a new record. A full map is emptied first.
func recall[K comparable, V any](m map[K]*V, key K) *V {
	v, ok := m[key]
	if !ok {
		if len(m) >= remembered {
			clear(m)
		}
		v = new(V)
		m[key] = v
	}
	return v
}
