package listen

import (
	"cmp"
	"container/list"
	"slices"
)

// This file says who is next. What strangers make the server work at has few places: their handshakes and their answers. The others wait in a
// line, in which the addresses take turns. So a client does not wait for all who came before it from one other address, and an address with
// many clients is not put last. Of one address, the connection that got the fewest turns is first.

// kind is what a line is for.
type kind int

const (
	handshakes kind = iota
	answers
	kinds
)

// household is an address with its strangers. Each connection of a trusted proxy is an address of its own.
type household struct {
	all  *list.List // of *Conn, the oldest first
	next [kinds]int // the round of each line in which its next turn comes
}

// waiter is a stranger that waits for a place in a line or has one. The crowd's lock guards it.
type waiter struct {
	conn   *Conn
	number int           // in the order in which they asked
	may    chan struct{} // closed when it no longer waits
}

func newWaiter(c *Conn) *waiter { return &waiter{conn: c, may: make(chan struct{})} }

// release ends the wait of a stranger, with a place or without one.
func (t *waiter) release() *waiter {
	close(t.may)
	return t
}

// line is a limited number of places, and the strangers that wait for one. The crowd's lock guards it.
type line struct {
	kind     kind
	places   int
	round    int // in each round, each address that waits gets one place
	asked    int
	waiting  []*waiter // in no order
	underWay []*waiter // the oldest first
}

// addWaiter gives a stranger a place, or lets it wait for one.
func (l *line) addWaiter(c *Conn) *waiter {
	l.asked++
	t := newWaiter(c)
	t.number = l.asked
	// An address saves no turns up. One that comes joins the next round: else addresses that come and go would stand before all that stay.
	c.home.next[l.kind] = max(c.home.next[l.kind], l.round+1)
	l.waiting = append(l.waiting, t)
	l.fillPlaces()
	return t
}

// fillPlaces gives the free places away.
func (l *line) fillPlaces() {
	for len(l.waiting) > 0 && len(l.underWay) < l.places {
		t := slices.MinFunc(l.waiting, l.compare)
		l.waiting = removeWaiter(l.waiting, t)
		l.underWay = append(l.underWay, t.release())
		l.round = t.conn.home.next[l.kind]
		t.conn.home.next[l.kind]++
		t.conn.got[l.kind]++
	}
}

// compare says which of two comes first.
func (l *line) compare(a, b *waiter) int {
	return cmp.Or(cmp.Compare(a.conn.home.next[l.kind], b.conn.home.next[l.kind]), cmp.Compare(a.conn.got[l.kind], b.conn.got[l.kind]),
		cmp.Compare(a.number, b.number))
}

// dropWaiter takes a stranger out of the line, whether it waits or has a place.
func (l *line) dropWaiter(t *waiter) {
	if slices.Contains(l.waiting, t) {
		l.waiting = removeWaiter(l.waiting, t.release())
	}
	l.underWay = removeWaiter(l.underWay, t)
	l.fillPlaces()
}

// isWaiting reports whether a stranger waits.
func (t *waiter) isWaiting() bool {
	select {
	case <-t.may:
		return false
	default:
		return true
	}
}

func removeWaiter(all []*waiter, one *waiter) []*waiter {
	return slices.DeleteFunc(all, func(t *waiter) bool { return t == one })
}
