package wallet

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// leaseStep is the smallest extension of a lease that is sent at once. A smaller extension waits until [Renew] finds another reason for a
// new lease. leaseStep applies to leases that are limited by money. So a payment is passed on at once, but a tariff that is cheaper at some
// hours does not cause a message with every reading.
const leaseStep = unit.KilowattHour

// Spendable returns the energy that an account can pay for: the amount available above the cut-off level, at the dearest price, less the
// use below a minor unit.
func Spendable(b tariff.Body, have Money, cutoff money.Minor, rests int64) (unit.Energy, error) {
	return b.AffordableLess(have.Available()-cutoff, rests)
}

// Renew reports whether a meter gets another lease up to want. It gets another lease in four cases: half of the energy that a new lease
// would give is used, the new lease reaches much further, half the time is over, or the meter has lost the old lease. If no rule forbids a
// cut-off, it also gets another lease when there is less money than the old lease is worth.
func Renew(r Row, s Supplied, t Tenant, want unit.Energy, block CutoffDelay, now time.Time) bool {
	have := s.InMeter
	ordered := s.Seen.Lease.Open()
	if ordered {
		have = s.Supply.Lease
	}
	left, wants := have.Max-r.Register, want-r.Register
	switch {
	case have.Command.IsZero() || have.Memory != s.Memory: // the meter has no lease
		return wants > 0
	case want < have.Max:
		return block == "" // the meter opens its relay if the register is already beyond want
	case ordered:
		return wants < t.Supply.LeaseCap() && want-have.Max >= leaseStep || left <= 0 && wants > 0
	case wants > 0 && lost(r, s, left):
		return true
	case now.Sub(have.At) >= t.Supply.LeaseTTL()/2:
		return wants > 0
	}
	return want > have.Max && wants > 0 && (2*max(left, 0) <= wants || wants < t.Supply.LeaseCap() && want-have.Max >= leaseStep)
}

// lost reports whether a meter that had taken its lease says that it has no lease.
func lost(r Row, s Supplied, left unit.Energy) bool {
	return left > 0 && s.Left == 0 && s.Reasons.Has(leaseReason) && s.Seen.Lease.Done() && s.ReceivedAt.After(s.Seen.Lease.Since) && r.Started
}
