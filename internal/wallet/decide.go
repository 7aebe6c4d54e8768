package wallet

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Money is what an account has, as its customer counts: credit is positive.
type Money struct {
	Wallet  money.Minor // in the books: paid in, less what was posted
	Held    money.Minor // reserved on it
	Accrued money.Minor // rated for all meters of the account and not posted
}

// Available is what is left to be used. It is negative where more was used than paid for.
func (m Money) Available() money.Minor { return m.Wallet - m.Accrued - m.Held }

// nearEnd is how little is left at a warning for which the tenant names no amount: what an energy costs, as in a meter that
// keeps its own balance (domain reference, §4.2). Who buys by a plan of less never has that much, and would never hear of the
// end: a part of what the plan buys is the level then, and some days of the fixed charges where only time is paid for.
type nearEnd struct {
	energy unit.Energy
	part   unit.Energy // of a plan
	days   int
}

// cost is what that is at a tariff's prices.
func (n nearEnd) cost(b tariff.Body) (money.Minor, error) {
	if b.Dearest() == 0 {
		return b.DaysOf(n.days)
	}
	if b.Plan > 0 {
		return b.CostOf(min(n.energy, max(b.Plan/n.part, unit.WattHour)))
	}
	return b.CostOf(n.energy)
}

// Levels are the amounts at which something happens.
type Levels struct {
	Warn1, Warn2, CutOff money.Minor
	Margin               money.Minor // a warning is armed again this far above its level, or a tenth of it
}

// LevelsOf are those that a tenant decided and, where it decided nothing, those of a tariff's prices, levies and tax among
// them.
func LevelsOf(p registry.WalletPolicy, b tariff.Body) (Levels, error) {
	l := Levels{Warn1: p.Warn1, Warn2: p.Warn2, CutOff: p.CutOff}
	for _, d := range []struct {
		to   *money.Minor
		left nearEnd
	}{{&l.Warn1, nearEnd{20 * unit.KilowattHour, 5, 5}}, {&l.Warn2, nearEnd{5 * unit.KilowattHour, 20, 2}},
		{&l.Margin, nearEnd{500 * unit.WattHour, 10, 1}}} {
		if *d.to != 0 {
			continue
		}
		var err error
		if *d.to, err = d.left.cost(b); err != nil {
			return Levels{}, err
		}
	}
	return l, nil
}

// Decision is what a change of money came to. Whatever is true in it happens once.
type Decision struct {
	Low1, Low2 bool // a warning has just become due
	Off, On    bool // the supply has just become unwanted, or wanted again
}

// Any reports whether anything happens.
func (d Decision) Any() bool { return d != Decision{} }

// Decide looks at what is available: it notes crossings of the two warnings, each fired once per fall and armed again
// with a margin or by a credit, a credit that ends below one, and whether the supply is wanted. It becomes unwanted where nothing is left (out) and nothing forbids to
// cut it; what forbids it later does not bring it back, unless the account is protected. Only credit is decided here;
// reasons of others stay as they are.
func Decide(s State, available money.Minor, l Levels, out bool, block Block, credit bool) (State, Decision) {
	var d Decision
	warn := func(c *supply.Crossing, level money.Minor) bool {
		if credit {
			return c.Credited(int64(available), int64(level))
		}
		return c.Update(int64(available), int64(level), supply.Margin(int64(level), int64(l.Margin)))
	}
	d.Low1, d.Low2 = warn(&s.Low1, l.Warn1), warn(&s.Low2, l.Warn2)
	was := Wanted(s)
	switch {
	case !out, block == BlockProtected:
		s.Off = s.Off.Without(supply.Credit)
	case block == "":
		s.Off = s.Off.With(supply.Credit)
	}
	d.Off, d.On = was && !Wanted(s), !was && Wanted(s)
	return s, d
}

// Accept rates the reading at which rating stopped as it stands: a person says that it is true. A register that fell
// cannot be accepted, because less than nothing was used, nor can one that has no price; ok is then false. Of a time too
// long to share energy over its days, the last [tariff.MaxSpan] count.
func Accept(s State, t Terms) (next State, out Taken, ok bool) {
	h := s.Held
	if !h.Stopped() || h.Reason == HoldOpen || h.Register < s.Register {
		return s, Taken{}, false
	}
	r := h.reading()
	to := s.until(r, t)
	free := s
	free.Held = Held{}
	if to.Sub(s.At) > tariff.MaxSpan {
		free.At = to.Add(-tariff.MaxSpan)
	}
	next, out, err := free.rate(r, to, t)
	if err != nil {
		return s, Taken{}, false
	}
	next.Open, next.OpenFrom = false, 0
	return next, out, true
}

// Rebase goes on from the register at which rating stopped, or from another one that a person read off the meter,
// without charging for what lies between. The energy rated so far stays rated.
func Rebase(s State, register unit.Energy, t Terms) State {
	h, total := s.Held, s.Total()
	if !s.Started {
		return s
	}
	if h.Stopped() && h.Reason != HoldOpen {
		s.At, s.Store, s.Seq, s.Up = s.until(h.reading(), t), h.Store, h.Seq, h.Up
	}
	s.Held, s.Register, s.Base = Held{}, register, register-total
	s.Open, s.OpenFrom = false, 0
	return s
}

// Discard goes on from the register rated last, as if the reading at which rating stopped had never come.
func Discard(s State) State {
	if h := s.Held; h.Stopped() {
		s.Store, s.Seq, s.Held = h.Store, h.Seq, Held{}
		s.Open, s.OpenFrom = false, 0 // the reading that is left out may have said that the relay closed
	}
	return s
}

// Doubt names what is wrong with the register at which rating stopped.
func (s State) Doubt() metering.Doubt {
	switch s.Held.Reason {
	case HoldSpan:
		return metering.DoubtSpan
	case HoldPrice:
		return metering.DoubtPrice
	case HoldOpen:
		return metering.DoubtOpen
	}
	return metering.CounterDoubt(int64(s.Register), int64(s.Held.Register))
}

func (h Held) reading() Reading {
	return Reading{Store: h.Store, Seq: h.Seq, At: h.At, Up: h.Up, Clock: h.Clock, ReceivedAt: h.Since, Register: h.Register}
}

// hour is the server's hour that a moment lies in: use is posted once in each.
func hour(now time.Time) time.Time { return now.Truncate(time.Hour) }

// HeldAlarm is what a person is told of a meter whose rating stopped.
func HeldAlarm(s State) metering.Alarm {
	if s.Held.Reason == HoldOpen {
		return metering.Alarm{Code: metering.AlarmOpenRelay, Text: HeldText(s) + " It is not charged until somebody decides. Have somebody check the relay."}
	}
	return metering.Alarm{Code: metering.AlarmRatingHeld, Text: HeldText(s) + " Nothing is charged until somebody decides."}
}

// HeldText says why rating stopped.
func HeldText(s State) string {
	h := s.Held
	return fmt.Sprintf("Register %d Wh of record %d after %d Wh: %s.", h.Register, h.Seq, s.Register, s.Doubt().Words())
}
