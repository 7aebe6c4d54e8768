// This file decides which device the listener of one meter belongs to, and what becomes of a device whose values were never read. All
// functions here take values and return values.

package profile

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Binding says which device a meter belongs to, and whether the server could ever read a value of it. The zero value is a meter whose device
// was never heard.
//
// A profile names devices by the level {id} of its topics. Where its topics have no such level, messages do not tell devices apart: Name stays
// empty, and only the profile's client id keeps others out.
type Binding struct {
	Name  string    // the device that the meter belongs to, or that was heard first
	Since time.Time // server time of its first message
	// BoundAt is when the meter was bound to the device. It is zero for the first hour, in which another name shows that there are two.
	BoundAt time.Time
	// Rival is a second device that was heard before the meter was bound. Then nothing counts and nothing is switched until a person chooses.
	Rival string
	// Deferred says that the meter counted before its device had a name. The steps of the device's register wait until the meter is bound, because
	// the last value may be another device's.
	Deferred bool
	// ReadAt is when a value of this device was read first. It is zero for a device that was never readable.
	ReadAt time.Time

	// UnreadFor is how long the device has talked and supplied without a readable value, and UnreadAt when that was noted last.
	UnreadFor time.Duration
	UnreadAt  time.Time
	Warned    int       // warnings given of the cut-off: 0 to unreadWarnings
	CutAt     time.Time // when the server cut the supply off for it; zero if it did not
}

// BindAfter is how long one name only must be heard before a listener binds to it by itself. Every device reports within it, because no profile
// may wait longer for a value (max_gap).
const BindAfter = time.Hour

// maxBoundName is the length of the longest name that a listener of one meter belongs to, in bytes.
const maxBoundName = 100

// Acceptance says what becomes of a message.
type Acceptance uint8

// Acceptances. Accepted is the zero value.
const (
	Accepted  Acceptance = iota // the message is of the meter's device
	Foreign                     // it is of another device
	Contested                   // two devices were heard, and nobody has chosen one
)

// Bound reports whether a meter belongs to one device for good.
func (b Binding) Bound() bool { return !b.BoundAt.IsZero() }

// Contested reports whether two devices were heard and nobody has chosen one.
func (b Binding) Contested() bool { return b.Rival != "" }

// BoundNameFits reports whether a name may be that of a device at a listener of one meter.
func BoundNameFits(name string) bool {
	return name != "" && len(name) <= maxBoundName && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || strings.ContainsRune("/+#", r)
	})
}

// Hear decides about a message of a device with a name. The parameter read says that the message had a value to count from, or that the profile
// measures nothing. The listener binds when only one name was heard for BindAfter and a value of it was read.
func (b Binding) Hear(name string, read bool, at time.Time) (Binding, Acceptance) {
	at = at.UTC().Truncate(time.Millisecond)
	switch {
	case b.Contested():
		return b, Contested
	case name != "" && !BoundNameFits(name):
		return b, Foreign
	case name != "" && b.Name != "" && name != b.Name && b.Bound():
		return b, Foreign
	case name != "" && b.Name != "" && name != b.Name:
		b.Rival = name
		return b, Contested
	}
	if name != "" && (b.Name == "" || at.Before(b.Since)) {
		b.Name, b.Since = name, at
	}
	if read && b.ReadAt.IsZero() {
		b.ReadAt = at
	}
	if b.Name != "" && !b.Bound() && read && at.Sub(b.Since) >= BindAfter {
		b.BoundAt, b.Deferred = at, false
	}
	return b, Accepted
}

// Choose binds a meter to the device that a person has chosen. What was known of the device before does not count, unless it is the same device.
func (b Binding) Choose(name string, at time.Time) Binding {
	at = at.UTC().Truncate(time.Millisecond)
	next := Binding{Name: name, Since: at, BoundAt: at}
	if b.Name == name && !b.Contested() {
		next.Since, next.ReadAt = b.Since, b.ReadAt
	}
	return next
}

// UnreadAct is what the server does about a device whose values were never read.
type UnreadAct uint8

// Acts about a device that was never readable.
const (
	UnreadNothing UnreadAct = iota
	UnreadWarn              // warn the customer that the supply will go off
	UnreadCut               // cut the supply off
)

// Times of a device that was never readable.
const (
	// UnreadEvery is how often its state is noted while it talks.
	UnreadEvery = time.Minute
	// UnreadTalks is how long after a message a device still counts as talking.
	UnreadTalks = 10 * time.Minute
	// unreadGap is the longest time between two notes that counts. Time in which the device was silent or away never counts.
	unreadGap      = 3 * UnreadEvery
	unreadWarnings = 2
)

// unreadWarnAfter returns the time after which a warning is due, of the time after which the supply goes off: a half, and eleven twelfths.
func unreadWarnAfter(warned int, limit time.Duration) time.Duration {
	if warned == 0 {
		return limit / 2
	}
	return limit / 12 * 11
}

// Unread decides about a device that talks and supplies while no value of it was ever read. The parameter limit is the time after which its supply
// goes off; 0 for never. A device that was readable once is never cut off here. Only time in which the device talked counts. Both warnings come
// before the cut-off, and an act at a time.
func (b Binding) Unread(at time.Time, supplies bool, limit time.Duration) (Binding, UnreadAct) {
	at = at.UTC().Truncate(time.Millisecond)
	if !b.ReadAt.IsZero() || !supplies || b.Contested() {
		return b, UnreadNothing
	}
	if !b.CutAt.IsZero() { // somebody has connected the supply again, so the time begins again
		b.UnreadFor, b.Warned, b.CutAt = 0, 0, time.Time{}
	}
	if gap := at.Sub(b.UnreadAt); !b.UnreadAt.IsZero() && gap > 0 && gap <= unreadGap {
		b.UnreadFor += gap
	}
	b.UnreadAt = at
	switch {
	case limit <= 0:
		return b, UnreadNothing
	case b.Warned < unreadWarnings && b.UnreadFor >= unreadWarnAfter(b.Warned, limit):
		b.Warned++
		return b, UnreadWarn
	case b.Warned == unreadWarnings && b.UnreadFor >= limit:
		b.CutAt = at
		return b, UnreadCut
	}
	return b, UnreadNothing
}

// Measures reports whether devices of the profile say what is used.
func (p *Profile) Measures() bool { return p.Energy.From != "" }

// NamesDevices reports whether the profile's topics name the device.
func (p *Profile) NamesDevices() bool {
	for i := range p.Up {
		if strings.Contains(p.Up[i].Topic, deviceLevel) {
			return true
		}
	}
	return false
}

// Reads reports whether a message has a value from which the profile counts energy.
func (p *Profile) Reads(m Meaning) bool {
	switch p.Energy.From {
	case FromPower:
		return m.Kind == IsData && m.PowerMW != nil
	case FromRegister:
		return m.Kind == IsData && m.EnergyMWh != nil
	}
	return false
}
