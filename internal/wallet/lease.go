package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// leaseStep is how much further a new lease that money bounds must reach to be sent before the old one is half used: what
// was paid in is given at once, and a tariff that is cheaper at some hours does not cause a message with every reading.
const leaseStep = unit.KilowattHour

// Spendable is the energy that an account can pay for: what is available above the level of the cut-off, at the dearest
// price, less what was used below a minor unit. extra is energy that may be owed besides.
func Spendable(b tariff.Body, have Money, cutoff money.Minor, rests int64, extra unit.Energy) (unit.Energy, error) {
	more, err := b.CostOf(extra)
	if err != nil {
		return 0, err
	}
	more = max(more-1, 0) // the price was rounded up; no more than extra is given
	return b.AffordableLess(have.Available()-cutoff+more, rests)
}

// LeaseMax is the register up to which a meter may count now: what the account can pay for, at most one cap ahead. A rule
// that forbids to cut the supply adds the allowance, and one that protects the account the whole cap.
func LeaseMax(r Row, b tariff.Body, have Money, rests int64, t Tenant, block Block) (unit.Energy, error) {
	extra := unit.Energy(0)
	switch block {
	case BlockProtected:
		return r.Register + t.Supply.LeaseCap(), nil
	case BlockFriendly, BlockNotice:
		extra = t.Supply.AllowanceWh()
	}
	energy, err := Spendable(b, have, t.Policy.CutOff, rests, extra)
	return r.Register + min(energy, t.Supply.LeaseCap()), err
}

// Renew reports whether a meter is to get another lease up to want. It is when half of what a new one would give is used,
// when the new one reaches much further, when half the time is gone, when it has lost the old one, and, where nothing
// forbids to cut the supply, when there is less money than the old one stands for.
func Renew(r Row, s Supplied, t Tenant, want unit.Energy, block Block, now time.Time) bool {
	have := s.InMeter
	ordered := s.Seen.Lease.Open()
	if ordered {
		have = s.Supply.Lease
	}
	left, wants := have.Max-r.Register, want-r.Register
	switch {
	case have.Order.IsZero() || have.Store != s.Memory: // it has none
		return wants > 0
	case want < have.Max:
		return block == "" // the meter opens its relay where the register has passed it already
	case ordered:
		return wants < t.Supply.LeaseCap() && want-have.Max >= leaseStep || left <= 0 && wants > 0
	case wants > 0 && lost(r, s, left):
		return true
	case now.Sub(have.At) >= t.Supply.LeaseTTL()/2:
		return wants > 0
	}
	return want > have.Max && (2*max(left, 0) <= wants || wants < t.Supply.LeaseCap() && want-have.Max >= leaseStep)
}

// lost reports whether the meter says, after it has taken its lease, that it has none.
func lost(r Row, s Supplied, left unit.Energy) bool {
	return left > 0 && s.Left == 0 && s.Reasons.Has(leaseReason) && s.Seen.Lease.Done() && s.ReceivedAt.After(s.Seen.Lease.Since) && r.Started
}
