package meter_test

import (
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

const (
	// leaseTime is the duration in seconds of every lease of the searches.
	leaseTime = 60
	// leaseMost is the longest time that a lease may run, in milliseconds. The meter rounds the end of a lease up to a
	// whole second.
	leaseMost = leaseTime*1000 + 999
)

// leaseMax returns the register up to which lease number n goes. A lease with an even number ends at a lower register
// than the lease before.
func leaseMax(n uint32) unit.Energy { return unit.Energy(100*n) - unit.Energy(150*((n+1)%2)) }

// leaseActions returns the actions about leases.
func leaseActions() []action {
	return []action{
		{"a lease", "lease mode", func(l *lab, w *world) bool { return l.lease(w, w.lease+1, leaseMax(w.lease+1)) }},
		{"the last lease again, with more in it", "lease", func(l *lab, w *world) bool {
			return w.lease > 0 && l.lease(w, w.lease, leaseMax(w.lease)+1000)
		}},
	}
}

// lease gives a lease of the server.
func (l *lab) lease(w *world, n uint32, limit unit.Energy) bool {
	counter := w.counter + 1
	return w.under.Kind == 0 && l.step(w, meter.Event{
		Kind: meter.EventCommand, Command: meter.CommandLease, Counter: counter, Lease: meter.Lease{Seq: n, TTL: leaseTime, Max: limit},
		Request: meter.Handle(commandID(meter.CommandLease, counter)),
	})
}

// bought returns the energy credited by the accepted tokens.
func (l *lab) bought(w *world) (credit unit.Energy) {
	for which, in := range w.accepted {
		if in {
			credit += unit.FromTenths(l.opened[which].Amount.Tenths())
		}
	}
	return credit
}

// configOf returns the configuration of a version.
func (l *lab) configOf(version uint32) *meter.Config {
	if version == l.next.Version {
		return &l.next
	}
	return &l.cfg
}

// goesTo notes the register up to which the meter may supply now.
func (l *lab) goesTo(w *world, limit unit.Energy) { w.base = limit - l.bought(w) }

// leased notes the contents of a report about the lease.
func (l *lab) leased(w *world, r *meter.Report) {
	args := r.Args()
	n, limit := uint32(args["seq"].(int64)), unit.Energy(args["max_register_wh"].(int64))
	l.goesTo(w, limit)
	if args["lease"] == "expired" {
		l.hold(n == w.lease && limit <= leaseMax(n), "another lease has ended than there was")
		w.age = 0
		return
	}
	l.hold(n > w.lease && limit == leaseMax(n), "a lease was taken twice, or another one than was given")
	w.lease, w.age = n, 0
}

// checkLease checks the invariants of wallet mode.
func (l *lab) checkLease(w *world) {
	s := &w.s
	l.hold(s.Wallet() == w.cfg.Wallet || w.under.Kind == meter.RecordConfig, "the mode is not that of the configuration")
	l.hold(s.LeaseSeq >= w.lease, "a lease is forgotten")
	l.hold(s.Reasons.Has(supply.Lease) == (s.Balance <= 0), "reason LEASE does not follow the lease")
	l.hold(!s.Reasons.Has(supply.Credit), "reason CREDIT in wallet mode")
	l.hold(!running(s) || w.age <= leaseMost || s.Flags.Has(meter.FlagFriendly), "a lease runs for longer than it was given")
}

// running reports whether the time of a lease runs.
func running(s *meter.State) bool {
	return s.Wallet() && s.LeaseAt != 0 && !s.Reasons.Has(supply.Lease)
}

// leaseAge restarts the age of a lease after a power cut: the time since the last snapshot does not count.
func (l *lab) leaseAge(w *world) {
	if w.age = 0; running(&w.s) {
		left := int64(w.s.LeaseAt)*1000 - int64(w.s.On)
		l.hold(left <= leaseMost, "a power cut has made a lease longer")
		w.age = uint64(max(0, leaseTime*1000-left))
	}
}

// wallet puts a meter in wallet mode. A lease ends when its time is over, because the grace is 0.
func wallet(l *lab, s *meter.State) {
	l.cfg.Wallet, l.cfg.LeaseGrace = true, 0
	s.Flags, s.Reasons, s.Relay, s.LED = s.Flags|meter.FlagWallet, supply.Of(supply.Lease), supply.Open, meter.LEDFast
}
