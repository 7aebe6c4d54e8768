// Package guess slows down people who guess passwords, and never locks the rightful person out.
//
// Hashing a password is expensive, so few run at once and the rest wait. A [Gate] decides which attempt is next:
//
//	an account's known browser        first, and at its own rate
//	an address with fewer attempts    before an address with more
//	the newest of equal ones          first
//
// Attempts on one account start at least [Gap] apart, except those of a known browser and the first one of an address. So a thousand
// addresses together guess hardly faster than a few, and the rightful person neither waits behind them nor for a pause that they caused.
package guess

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Errors of [Gate.Enter].
var (
	// ErrTooOften says that this address or browser tried too often. It may try again after [Pause].
	ErrTooOften = errors.New("too many attempts to sign in")
	// ErrBusy says that too many attempts are waiting.
	ErrBusy = errors.New("too many attempts to sign in are waiting")
)

// Attempt is one attempt to sign in.
type Attempt struct {
	Account string       // the typed name in its canonical form, whether it exists or not
	From    netip.Prefix // see [Household]
	// Browser identifies a browser in which this account has signed in before. It is empty for any other browser.
	Browser string
}

// Gate lets attempts in. It is safe for concurrent use.
type Gate struct {
	now func() time.Time

	mu        sync.Mutex
	free      int // attempts that may begin now
	waiting   []*waiter
	pairs     map[Attempt]*bucket // by account and address, or by account and known browser
	addresses map[netip.Prefix]*addressRecord
	accounts  map[string]*accountRecord
	codes     map[Attempt]*bucket // by account, or by account and known browser
	wake      *time.Timer
}

// NewGate makes a gate that lets at most atOnce attempts compare a password at the same time.
func NewGate(atOnce int, now func() time.Time) *Gate {
	return &Gate{now: now, free: atOnce, pairs: map[Attempt]*bucket{}, addresses: map[netip.Prefix]*addressRecord{}, accounts: map[string]*accountRecord{},
		codes: map[Attempt]*bucket{}}
}

// addressRecord is what the gate remembers of an address.
type addressRecord struct {
	all   bucket
	tried int
	last  time.Time
}

// accountRecord is what the gate remembers of an account.
type accountRecord struct {
	failed int
	last   time.Time // when an attempt failed last
	next   time.Time // when the next attempt from an unknown browser may begin
}

// waiter is an attempt that waits for its place.
type waiter struct {
	Attempt
	tried int       // attempts of its address before this one
	enter chan bool // true: the attempt may begin; false: others took the last place to wait
}

// Enter waits until the attempt may compare its password. The caller must then call leave once, with the result of the comparison. Without a
// place Enter returns [ErrTooOften], [ErrBusy] or the error of ctx.
func (g *Gate) Enter(ctx context.Context, a Attempt) (leave func(right bool), err error) {
	w, err := g.join(a)
	if err != nil {
		return nil, err
	}
	select {
	case in := <-w.enter:
		if !in {
			return nil, ErrBusy
		}
	case <-ctx.Done():
		if g.withdraw(w) {
			return nil, ctx.Err()
		}
		if !<-w.enter { // the place came at the same moment
			return nil, ErrBusy
		}
	}
	return func(right bool) { g.left(a, right) }, nil
}

// Code counts an attempt to give a code of a second factor, after the right password. It returns [ErrTooOften] if the account had too many. A
// known browser has attempts of its own. The caller calls right after a right code, which gives all attempts back.
func (g *Gate) Code(a Attempt) (right func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.From = netip.Prefix{}
	if !recall(g.codes, a).take(g.now(), codesAtOnce, CodePause) {
		return nil, ErrTooOften
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.codes, a)
	}, nil
}

// join counts the attempt and queues it.
func (g *Gate) join(a Attempt) (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, w := g.now(), &waiter{Attempt: a, enter: make(chan bool, 1)}
	pair := a
	if a.Browser != "" {
		pair.From = netip.Prefix{} // a known browser does not suffer from others at its address
	} else {
		h := recall(g.addresses, a.From)
		if now.Sub(h.last) > memory {
			h.tried = 0
		}
		w.tried, h.tried, h.last = h.tried, h.tried+1, now
		if !h.all.take(now, atOnceAll, pauseAll) {
			return nil, ErrTooOften
		}
	}
	if !recall(g.pairs, pair).take(now, atOnce, Pause) {
		return nil, ErrTooOften
	}
	g.waiting = append(g.waiting, w)
	g.admit(now)
	if len(g.waiting) > MaxWaiting {
		g.remove(g.last()).enter <- false
	}
	return w, nil
}

// left frees the place of an attempt and remembers its result.
func (g *Gate) left(a Attempt, right bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, acc := g.now(), recall(g.accounts, a.Account)
	switch {
	case right:
		acc.failed = 0
	case a.Browser == "":
		if now.Sub(acc.last) > memory {
			acc.failed = 0
		}
		acc.failed, acc.last = acc.failed+1, now
	}
	g.free++
	g.admit(now)
}

// withdraw takes a waiting attempt out of the queue. It returns false if the attempt no longer waits.
func (g *Gate) withdraw(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting {
		if other == w {
			g.remove(i)
			return true
		}
	}
	return false
}

func (g *Gate) remove(i int) *waiter {
	w := g.waiting[i]
	g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
	return w
}

// admit lets the next attempts begin, as many as there are places. If all must wait for their accounts, it sets a timer.
func (g *Gate) admit(now time.Time) {
	for g.free > 0 {
		i, wait := g.first(now)
		if i < 0 {
			if wait > 0 {
				g.alarm(wait)
			}
			return
		}
		w := g.remove(i)
		if w.paced() {
			acc := recall(g.accounts, w.Account)
			acc.next = now.Add(Gap(acc.failed))
		}
		g.free--
		w.enter <- true
	}
}

// first returns the place in the queue of the attempt that begins next. With -1 it returns after which time to look again; 0 if nobody waits.
func (g *Gate) first(now time.Time) (best int, wait time.Duration) {
	best = -1
	for i, w := range g.waiting {
		if w.paced() {
			if left := recall(g.accounts, w.Account).next.Sub(now); left > 0 {
				if wait == 0 || left < wait {
					wait = left
				}
				continue
			}
		}
		if best < 0 || !g.waiting[best].before(w) {
			best = i
		}
	}
	return best, wait
}

// last returns the place in the queue of the attempt that would begin last.
func (g *Gate) last() int {
	worst := 0
	for i, w := range g.waiting {
		if g.waiting[worst].before(w) {
			worst = i
		}
	}
	return worst
}

// paced reports whether the attempt keeps the gap between attempts on its account.
func (w *waiter) paced() bool { return w.Browser == "" && w.tried > 0 }

// before reports whether w begins before an attempt that came later.
func (w *waiter) before(later *waiter) bool {
	if known := w.Browser != ""; known || later.Browser != "" {
		return known
	}
	return w.tried < later.tried
}

// alarm looks at the queue again after a while.
func (g *Gate) alarm(after time.Duration) {
	if g.wake != nil {
		g.wake.Stop()
	}
	g.wake = time.AfterFunc(after, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.admit(g.now())
	})
}
