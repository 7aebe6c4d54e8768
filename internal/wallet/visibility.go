package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/job"
)

// Visibility says when the server last lost sight of its meters, and whether its clock can be trusted.
type Visibility struct {
	Unseen time.Time // when the server last lost sight of its meters; zero for never
	Doubt  bool      // nobody knows whether the server's time is right, so it cuts nobody off, lowers no lease and sets no clock
}

// VisibilityInput holds the facts that show whether the server sees its meters.
type VisibilityInput struct {
	Seen   time.Time     // when the server last saw its meters; zero for never
	Unseen time.Time     // as in [Visibility]; a time after Now means that the server does not trust its clock
	Now    time.Time     // time by the server's clock
	Apart  time.Duration // difference from the other clock that the server uses
}

// VisibilityTx stores when the server saw its meters.
type VisibilityTx interface {
	// LastVisibility returns the times stored last, with the present time.
	LastVisibility() (VisibilityInput, error)
	// NoteVisibility stores when the server saw its meters, and when it last lost sight of them.
	NoteVisibility(seen, unseen time.Time) error
	// MakeDue finds work whose due time lies beyond the given bounds, and makes it due now, at most max rows of each kind. It reports
	// whether there may be more.
	MakeDue(later DueBounds, max int) (more bool, err error)
}

// DueBounds holds the latest due time that is allowed for each kind of work. The kinds are looks at supplies, commands to meters, messages
// to people, and work that a worker has taken. If work is due after its bound, MakeDue makes it due now.
type DueBounds struct{ Looks, Commands, Messages, Taken time.Time }

const (
	// unseenAfter is how long the server may go without looking at its meters before it counts as having lost sight of them.
	unseenAfter = 2 * time.Minute
	// awayFor is how far in the future [NoteBlind] dates the loss of sight. It is longer than any time between two looks of a running
	// server.
	awayFor = 24 * time.Hour
	// messageWaits is how far in the future a message's next try may be before [Wake] makes the message due. A message waits until the next
	// day at most.
	messageWaits = 48 * time.Hour
	// wakeSlice is how many rows of a table one look makes due. A caller with more time calls [Wake] first.
	wakeSlice = 100
	// MaxApart is how far a server's own clock may differ from the clock of its database, which the server uses, before the time is in
	// doubt.
	MaxApart = time.Minute
)

// visibility returns since when the server sees its meters, and whether the time is in doubt. The server does not see them while it is down
// or hangs. A server whose clock was set back does not know how long it saw nothing, so its visibility counts from now. The same applies
// until a person confirms a clock that was moved, and while two clocks differ.
func (l VisibilityInput) visibility() Visibility {
	s := l.noted()
	if l.Apart.Abs() > MaxApart {
		s = Visibility{Unseen: l.Now, Doubt: true}
	}
	return s
}

// noted returns the visibility from the server's notes and its own clock only.
func (l VisibilityInput) noted() Visibility {
	switch {
	case l.back(), l.Unseen.After(l.Now):
		return Visibility{Unseen: l.Now, Doubt: true}
	case !l.Seen.IsZero() && l.Now.Sub(l.Seen) > unseenAfter:
		return Visibility{Unseen: l.Seen}
	}
	return Visibility{Unseen: l.Unseen}
}

// back reports whether the clock was set back since the last look.
func (l VisibilityInput) back() bool { return NotYet(l.Seen, l.Now) }

// VisibilityOf returns the present visibility.
func VisibilityOf(tx interface {
	LastVisibility() (VisibilityInput, error)
}) (Visibility, error) {
	l, err := tx.LastVisibility()
	return l.visibility(), err
}

// NoteSeen records that the server sees its meters now. It is called all the time while the server runs. After its clock was set back, work
// due at a future time is first made due ([Wake]). Until that is done, the server does not count as seeing its meters.
func NoteSeen(tx VisibilityTx) error {
	return look(tx, func(l VisibilityInput) time.Time { return l.noted().Unseen })
}

// NoteBlind records that the server cannot tell what it sees, because its clock was moved and nobody has confirmed it yet. No reading counts
// as heard until [NoteSeen] is called again. Work that was planned for a time now far ahead is made due first, because
// afterwards nothing shows that the clock was set back.
func NoteBlind(tx VisibilityTx) error {
	return look(tx, func(l VisibilityInput) time.Time { return l.Now.Add(awayFor) })
}

// look stores the time of this look, and when the server last lost sight of its meters.
func look(tx VisibilityTx, unseen func(VisibilityInput) time.Time) error {
	more, err := Wake(tx, wakeSlice)
	if err != nil || more {
		return err
	}
	l, err := tx.LastVisibility()
	if err != nil {
		return err
	}
	return tx.NoteVisibility(l.Now, unseen(l))
}

// Wake handles a clock that was set back since the server last saw its meters. It makes work due that was planned for a time now far ahead,
// at most max rows of each kind. It reports whether there may be more.
func Wake(tx VisibilityTx, max int) (more bool, err error) {
	l, err := tx.LastVisibility()
	if err != nil || !l.back() {
		return false, err
	}
	return tx.MakeDue(DueBounds{Looks: l.Now, Commands: l.Now.Add(job.LongestPause), Messages: l.Now.Add(messageWaits), Taken: l.Now.Add(job.HoldFor)}, max)
}
