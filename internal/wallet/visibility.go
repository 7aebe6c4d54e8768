package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/job"
)

// Visibility says when the server last lost sight of its meters, and whether its clock can be trusted.
type Visibility struct {
	Unseen time.Time // the beginning of the last time in which it did not see them; zero for never
	Doubt  bool      // nobody knows whether the server's time is right: nothing is taken from anybody by it, and no clock is set by it
}

// VisibilityInput is what was noted when the server last saw its meters, and its clock now.
type VisibilityInput struct {
	Seen   time.Time     // when it last saw them; zero for never
	Unseen time.Time     // as in [Visibility]; later than now while the server does not trust its clock
	Now    time.Time     // by the server's clock
	Apart  time.Duration // by how much this differs from another clock that the server goes by
}

// VisibilityTx stores when the server saw its meters.
type VisibilityTx interface {
	// Looked is what was noted last.
	Looked() (VisibilityInput, error)
	// Saw notes when the server saw its meters, and the beginning of the last time in which it did not.
	Saw(seen, unseen time.Time) error
	// Hasten makes due now what waits for a time later than these, at most max of each. It reports whether there may be more.
	Hasten(later Later, max int) (more bool, err error)
}

// Later bounds due times; Hasten makes anything due after them due now. They are those of looks at supplies, of what is to be
// sent to meters, of messages to people, and of what a worker has taken to send.
type Later struct{ Looks, Commands, Messages, Taken time.Time }

const (
	// unseenAfter is how long the server must not have looked out for its meters to count as blind.
	unseenAfter = 2 * time.Minute
	// awayFor is longer than a server runs between two looks.
	awayFor = 24 * time.Hour
	// messageWaits is longer than a message waits for its next try, which is at most until the next day.
	messageWaits = 48 * time.Hour
	// wakeSlice is how many rows of a table one look makes due. Whoever has more time calls [Wake] before.
	wakeSlice = 100
	// MaxApart is by how much a server's own clock may differ from its database's, by which it goes, for the time not to be in
	// doubt.
	MaxApart = time.Minute
)

// visibility returns since when the server sees its meters, and whether the time is in doubt. The server does not see them while it
// is down or hangs. A server whose clock was set back does not know for how long it saw nothing, so it counts from now. The same
// holds until a person confirms a clock that was moved, and while two clocks differ.
func (l VisibilityInput) visibility() Visibility {
	s := l.noted()
	if l.Apart.Abs() > MaxApart {
		s = Visibility{Unseen: l.Now, Doubt: true}
	}
	return s
}

// noted ignores the other clock.
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
	Looked() (VisibilityInput, error)
}) (Visibility, error) {
	l, err := tx.Looked()
	return l.visibility(), err
}

// LookOut notes that the server sees its meters now. It is called all the time while the server runs. Once its clock was set
// back, what waits for a time that has not come is made due first ([Wake]), and as long as that is not done, nothing is seen.
func LookOut(tx VisibilityTx) error {
	return look(tx, func(l VisibilityInput) time.Time { return l.noted().Unseen })
}

// LookAway notes that the server cannot tell what it sees, because its clock was moved and nobody has said yet that it is
// right: no reading counts as heard until [LookOut] is called again. What waits for a time that has not come is due all the
// same, for afterwards nothing tells any more that the clock was set back.
func LookAway(tx VisibilityTx) error {
	return look(tx, func(l VisibilityInput) time.Time { return l.Now.Add(awayFor) })
}

// look notes the time and, of the look, until when nothing was seen.
func look(tx VisibilityTx, unseen func(VisibilityInput) time.Time) error {
	more, err := Wake(tx, wakeSlice)
	if err != nil || more {
		return err
	}
	l, err := tx.Looked()
	if err != nil {
		return err
	}
	return tx.Saw(l.Now, unseen(l))
}

// Wake makes due, where the clock was set back since the server last saw its meters, what was to be done at a time that the
// clock is not to show for long, at most max of each kind. It reports whether there may be more.
func Wake(tx VisibilityTx, max int) (more bool, err error) {
	l, err := tx.Looked()
	if err != nil || !l.back() {
		return false, err
	}
	return tx.Hasten(Later{Looks: l.Now, Commands: l.Now.Add(job.LongestPause), Messages: l.Now.Add(messageWaits), Taken: l.Now.Add(job.HoldFor)}, max)
}
