package shoptest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
)

// movable is a shop whose clock can be moved while its machine runs on.
type movable struct {
	*shop
	own     time.Time // running time of the machine
	off     time.Duration
	boot    string // of the machine; empty: unknown
	booted  time.Time
	receipt int
	meter   string
}

func openMovable(t *testing.T) *movable {
	m := &movable{shop: open(t, true), own: monday(), booted: monday().Add(-time.Hour)}
	m.running = func() time.Time { return m.own }
	m.machine = func() (string, time.Duration) { return m.boot, m.own.Sub(m.booted) }
	m.meter = m.shop.meter(1, place{tariff: m.publish("domestic", flat(), monday())})
	m.begin()
	return m
}

// pass lets time pass and moves the clock by so much more.
func (m *movable) pass(some, moved time.Duration) {
	m.own = m.own.Add(some)
	m.off += moved
	m.clock.set(m.own.Add(m.off))
}

// move moves the clock and lets the running server notice it.
func (m *movable) move(by time.Duration) {
	m.pass(time.Minute, by)
	m.note()
}

// restart ends the process; the next one begins after some time.
func (m *movable) restart(off time.Duration) {
	m.pass(off, 0)
	m.begin()
}

// sells requires that a sale is made, or refused because of the clock.
func (m *movable) sells(when string, want refusal.Code) {
	m.t.Helper()
	m.t.Helper()
	m.receipt++
	if no := m.fault(); no.Code != want {
		m.t.Fatalf("%s the clock's state is %q (%s), want %q", when, no.Code, no.What, want)
	}
	key := fmt.Sprintf("key-move-%d", m.receipt)
	if want == "" {
		m.sell(order(m.meter, 10000, key))
	} else {
		m.refused(order(m.meter, 10000, key), want)
	}
}

// doubts requires that the clock is in doubt, or not.
func (m *movable) doubts(when string, want bool) {
	m.t.Helper()
	if got := m.ClockDoubted(); got != want {
		m.t.Fatalf("%s the clock is in doubt: %t, want %t (%s)", when, got, want, m.fault().What)
	}
}

// TestARestartForgetsNoStepOfTheClock: each step is below the limit. The server is started again after each of them.
func TestARestartForgetsNoStepOfTheClock(t *testing.T) {
	const step = 50 * time.Minute
	t.Run("three steps in a day, then set right", func(t *testing.T) {
		m := openMovable(t)
		m.move(step)
		m.restart(10 * time.Minute)
		m.sells("after one step", "")
		m.move(step)
		m.sells("after two steps", refusal.ClockUntrusted)
		m.restart(10 * time.Minute)
		m.sells("started again", refusal.ClockUntrusted)
		m.restart(10 * time.Hour)
		m.sells("started again later", refusal.ClockUntrusted)
		m.move(-2 * step)
		m.sells("set right", "")
		m.restart(time.Minute)
		m.sells("set right and started again", "")
	})
	t.Run("one step of five hours", func(t *testing.T) {
		m := openMovable(t)
		m.move(5 * time.Hour)
		m.restart(time.Minute)
		m.sells("started again", refusal.ClockUntrusted)
		m.trusts(owner(), "")
		m.sells("trusted", "")
		m.restart(time.Minute)
		m.sells("trusted and started again", "")
		m.move(step)
		m.sells("moved a little after it was trusted", "")
	})
	t.Run("a step a day and a half", func(t *testing.T) {
		m := openMovable(t)
		for range 4 {
			m.move(step)
			m.sells("after a step", "")
			for range 36 {
				m.pass(time.Hour, 0)
				m.note()
			}
			m.restart(time.Minute)
		}
	})
	t.Run("ahead, back, ahead", func(t *testing.T) {
		m := openMovable(t)
		for _, by := range []time.Duration{step, -step, step, -step, step} {
			m.move(by)
			m.restart(time.Minute)
			m.doubts("after a step", false)
		}
	})
	t.Run("moved while the server was off", func(t *testing.T) {
		m := openMovable(t)
		m.boot = "one"
		m.note()
		m.move(0)
		m.restart(time.Minute)
		for n, want := range []bool{false, true, true} {
			m.note()
			m.pass(time.Minute, step)
			m.restart(time.Minute)
			m.doubts(fmt.Sprintf("after %d steps", n+1), want)
			m.note()
		}
		m.pass(time.Minute, -3*step)
		m.restart(time.Minute)
		m.sells("set right while the server was off", "")
		m.note()
		m.restart(20 * time.Hour)
		m.sells("off for most of a day", "")
	})
	t.Run("set right while the machine was off", func(t *testing.T) {
		m := openMovable(t)
		m.boot = "one"
		m.move(5 * time.Hour)
		m.boot, m.booted = "two", m.own
		m.pass(time.Minute, -5*time.Hour)
		m.restart(time.Minute)
		m.sells("set right", "")
	})
	t.Run("a time service confirms it", func(t *testing.T) {
		m := openMovable(t)
		m.move(5 * time.Hour)
		m.synced = true
		m.restart(time.Minute)
		m.sells("confirmed", "")
		m.note()
		m.synced = false
		m.restart(time.Minute)
		m.sells("confirmed before the restart", "")
	})
}

// TestServersOfOneDatabaseShareTheStepsOfItsClock: a server that starts takes the steps that another one has recorded. A person's word ends them at both.
func TestServersOfOneDatabaseShareTheStepsOfItsClock(t *testing.T) {
	m := openMovable(t)
	const step = 50 * time.Minute
	m.move(step)
	second := m.vendingOver(m.door)
	if err := second.StartClock(context.Background(), tenant); err != nil {
		t.Fatal(err)
	}
	m.pass(time.Minute, step)
	for n, v := range []*vending.Vending{m.Vending, second} {
		if no, err := v.NoteClock(context.Background(), tenant); err != nil || no.Code != refusal.ClockUntrusted {
			t.Errorf("server %d: %v %q, want %q", n+1, err, no.Code, refusal.ClockUntrusted)
		}
	}
	m.trusts(owner(), "")
	for n, v := range []*vending.Vending{m.Vending, second} {
		if no, err := v.NoteClock(context.Background(), tenant); err != nil || no.Refused() {
			t.Errorf("server %d after a person's word: %v %q", n+1, err, no.Code)
		}
	}
}

// TestASaleWritesNothingOfTheClock: the steps of the clock are written by the regular check alone.
func TestASaleWritesNothingOfTheClock(t *testing.T) {
	m := openMovable(t)
	m.note()
	read := func() (at time.Time) {
		m.do(func(tx *store.Tx) error {
			r, err := tx.ClockRecord()
			at = r.At
			return err
		})
		return at
	}
	before := read()
	m.pass(time.Minute, 30*time.Minute)
	m.sells("after a step", "")
	if after := read(); !after.Equal(before) {
		t.Errorf("a sale wrote %s over %s", after, before)
	}
	m.note()
	if after := read(); after.Equal(before) {
		t.Error("the check wrote nothing")
	}
}
