package wallet

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Closed reports whether another meter took the place of this one.
func (s State) Closed() bool { return !s.ClosedAt.IsZero() }

// countsOn reports whether a meter that was replaced counts beyond its closing register.
func (s State) countsOn(r Reading) bool {
	return s.Closed() && s.Started && r.Register > s.Register+stray
}

// mayBeDead reports whether the meter, which was replaced, has had the life of a lease to answer its cut-off. Until then the money that its
// lease is worth stays with it, so that no two meters hold leases for the same money. A meter that burnt cannot answer, so this must end.
func (c *pointState) mayBeDead() bool {
	return c.now.Sub(c.row.ClosedAt) >= c.tenant.Supply.LeaseTTL()
}

// retired switches off a meter that was replaced. A meter that is silent for the life of a lease gets no more orders until it is heard.
func (c *pointState) retired(r Row) {
	c.Supply.Block, c.Supply.Out, c.LookAt = "", time.Time{}, time.Time{}
	if !c.mayBeDead() || c.now.Sub(c.ReceivedAt) < c.tenant.Supply.LeaseTTL() {
		c.connection(r)
		c.LookAt = c.look(r)
	}
}

// Closing is the end of one meter of an account, because another one takes its place.
type Closing struct {
	Meter    int64
	Register *unit.Energy // read off the meter; nil: the register that was charged last
	By, Why  string
	Now      time.Time
}

// ClosedMeter is the end of a meter, as [CloseMeter] finds or carries it out.
type ClosedMeter struct {
	refusal.Refusal
	Register unit.Energy // the closing register
	At       time.Time   // meter time of that register; zero if the meter never reported one
	Units    unit.Energy // charged by the closing
	Allowed  unit.Energy // what the meter may still supply until it answers its cut-off
}

// CloseMeter charges the use of a meter up to its closing register and switches the meter off for good. Readings that come later are not
// charged, and one beyond the closing register raises an alarm. The parameter act says whether to do it; without it, CloseMeter only
// says what would happen. The caller settles the account afterwards.
func CloseMeter(tx ReleaseTx, c Closing, act bool) (ClosedMeter, error) {
	t, err := tx.WalletTenant()
	if err != nil {
		return ClosedMeter{}, err
	}
	rows, err := tx.WalletOf(c.Meter)
	if err != nil {
		return ClosedMeter{}, err
	}
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == c.Meter })
	if at < 0 {
		return ClosedMeter{Refusal: refuse.ReleaseWithoutWallet()}, nil
	}
	terms, err := tx.WalletTerms(t, rows[at].Meter)
	if err != nil {
		return ClosedMeter{}, err
	}
	out, next, days := rows[at].close(c, terms)
	if out.Refused() {
		return out, nil
	}
	a, err := accountAt(tx, t, rows, c.Now)
	if err != nil {
		return ClosedMeter{}, err
	}
	states, err := a.pointStates()
	if err != nil {
		return ClosedMeter{}, err
	}
	if out.Allowed = states[at].allowed(); !act {
		return out, nil
	}
	s := a.Points[at].Supplied.Supply
	s.By, s.Why = c.By, c.Why
	if err := tx.SuppliesPut([]MeterSupply{{c.Meter, s}}); err != nil {
		return ClosedMeter{}, err
	}
	if err := tx.WalletDays([]MeterDays{{c.Meter, days}}); err != nil {
		return ClosedMeter{}, err
	}
	rows[at].State = next
	return out, tx.WalletsPut(rows[at : at+1])
}

// close is the rule of [CloseMeter]: it returns the meter's last state and the use of each day that the closing charges.
func (r Row) close(c Closing, t Terms) (ClosedMeter, State, []DayUse) {
	refused := func(no refusal.Refusal) (ClosedMeter, State, []DayUse) { return ClosedMeter{Refusal: no}, r.State, nil }
	next, taken := r.State, Taken{}
	switch {
	case r.Closed():
		return refused(refuse.ReleaseOfReplacedMeter(r.Meter.Number))
	case r.Held.Stopped():
		return refused(refuse.SwapBeforeReview(r.Meter.Number))
	case c.Register != nil && !r.Started:
		return refused(refuse.SwapWithoutReading(r.Meter.Number))
	case c.Register != nil:
		last := Reading{Memory: r.Memory, Seq: r.Seq, At: r.Meter.Clock(c.Now), Up: r.Up, Clock: wire.ClockValid, ReceivedAt: c.Now, Register: *c.Register, Open: r.Open}
		to := r.until(last, t)
		if doubt := r.doubt(last, to, t); doubt != "" && doubt != HoldOpen {
			return refused(refuse.SwapRegisterImpossible(r.Meter.Number, *c.Register, r.Register))
		}
		var err error
		if next, taken, err = r.rate(last, to, t); err != nil {
			return refused(refuse.EnergyWithoutPrice())
		}
	}
	next.ClosedAt, next.Off = c.Now, next.Off.With(supply.NotActivated)
	return ClosedMeter{Register: next.Register, At: next.At, Units: taken.Units}, next, taken.Days
}

// Succeed gives a new meter of an account the month figures of the meter that it replaces, so that a swap does not begin the cheap block
// again. It then settles the account: the old meter is switched off, and the new one gets what there is money for.
func Succeed(tx SettleTx, account id.ID, from, to int64, now time.Time) error {
	t, err := tx.WalletTenant()
	if err != nil {
		return err
	}
	rows, err := tx.WalletsOf(account)
	if err != nil {
		return err
	}
	was := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == from })
	is := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == to })
	if was >= 0 && is >= 0 {
		rows[is].Month, rows[is].Used = rows[was].Month, rows[was].Used
	}
	_, err = Settle(tx, t, rows, now, true)
	return err
}
