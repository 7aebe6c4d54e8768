package sim

import (
	"time"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Rule is what a witness judges by. Each decides from the witness's own records of what went over the wire, of what was paid
// and of what the meter counted.
type Rule string

// The rules of the witness.
const (
	// RuleLease: a lease stands for no more than is paid for when it is signed.
	RuleLease Rule = "lease-beyond-money"
	// RuleUnheard: once the server is back, no cut-off before a reading of the meter has been delivered.
	RuleUnheard Rule = "cut-on-return"
	// RuleStale: no cut-off by a reading that is older than two intervals and five minutes, by either clock.
	RuleStale Rule = "cut-by-stale-reading"
	// RuleBefore: no cut-off by a reading from before the newest payment, if that left something and it is still there: what the
	// meter had used before is charged when it tells of it, however late.
	RuleBefore Rule = "cut-by-reading-before-payment"
	// RuleUnjust: no cut-off with money left, of a protected account, or in a friendly window.
	RuleUnjust Rule = "unjust-cut"
	// RuleHeld: no cut-off, no lease beyond the money and no money moved by a register that cannot be true, until a person has
	// decided.
	RuleHeld Rule = "decided-by-held-register"
	// RuleLate: a cut-off that was signed before a payment is followed by a connect in the hour of the payment, whether it was
	// obeyed or acknowledged before or after; but for one that was never obeyed and has expired.
	RuleLate Rule = "no-connect-after-late-cut"
	// RuleStarved: no lease runs out that was to be renewed, with money there and the link up.
	RuleStarved Rule = "lease-not-renewed"
	// RuleDark: no supply is off with money and energy of the lease left.
	RuleDark Rule = "off-with-money"
	// RuleBeyond: no meter counts beyond its lease.
	RuleBeyond Rule = "beyond-lease"
	// RuleRelay: no relay moves without a cause that was delivered.
	RuleRelay Rule = "relay-without-cause"
	// RulePerson: nothing but the person's word ends a person's cut, nothing but moving in and a payment the end of an account.
	RulePerson Rule = "undone-without-person"
	// RuleTwice: the books take no more than what was used costs.
	RuleTwice Rule = "charged-twice"
	// RuleBooks: nor any less.
	RuleBooks Rule = "charged-too-little"
	// RuleRecords: everything that a meter has told arrives in the end.
	RuleRecords Rule = "records-lost"
)

// Violation is a broken rule.
type Violation struct {
	Rule Rule   `json:"rule"`
	Text string `json:"text"`
}

// String is the rule and what broke it.
func (v Violation) String() string { return string(v.Rule) + ": " + v.Text }

// sent judges what the server has just signed, whether it arrives or not.
func (w *witness) sent(p parcel) {
	w.trace("sent %s %s to %d Wh", p.down, p.kind, p.lease.MaxRegisterWh)
	switch {
	case p.down == wire.DownLease:
		w.sentLease(p.lease)
	case p.kind == "connect":
		w.off = false
		switch {
		case w.person:
			w.wrong(RulePerson, "a connect was sent, and a person wants the supply off")
		case w.vacant || w.account.moved && w.account.paid == 0:
			w.wrong(RulePerson, "a connect was sent, and nobody who moved in has paid")
		}
	case p.kind == "disconnect":
		w.off, w.offSince, w.offUntil = true, w.now, p.expires
		if !w.person && !w.vacant {
			w.sentCut()
		}
	}
}

// sentLease judges a lease. One that is lower than what the meter has gives nothing.
func (w *witness) sentLease(lease wire.Lease) {
	paid, others := w.account.energy(w.now, known), w.account.others(w)
	if w.riskAt.Equal(w.now) { // it may have been ordered before that reading came, which then says nothing about it
		w.risk = max(w.risk, w.riskWas)
	}
	w.risk, w.signed, w.signedAt = max(w.risk, w.lease.MaxRegisterWh, lease.MaxRegisterWh), lease.Seq, w.now
	most := max(0, min(paid-others, w.limit))
	switch {
	case w.protected:
		most = w.limit
	case w.friendly(w.now):
		most = max(0, min(paid-others+walletOwe, w.limit))
	}
	lower := len(w.account.members) > 1 && lease.MaxRegisterWh <= w.lease.MaxRegisterWh
	rule := RuleLease
	if w.view.doubt {
		rule = RuleHeld
	}
	if register := w.view.last.register; lease.MaxRegisterWh > int64(register)+most && !lower {
		w.wrong(rule, "a lease to %d Wh at %d Wh, with %d Wh paid for and %d Wh in other leases, register held: %t", lease.MaxRegisterWh, register, paid,
			others, w.view.doubt)
	}
}

// sentCut judges a cut-off that no person wanted. The first rule that it breaks is told.
func (w *witness) sentCut() {
	reading := time.Unix(w.view.last.at, 0)
	paid := w.account.energy(w.now, known)
	switch {
	case w.view.doubt:
		w.wrong(RuleHeld, "cut off while a register waits for a person")
	case !w.view.heard.After(w.blind):
		w.wrong(RuleUnheard, "cut off with nothing heard since %s, and the server was down until %s", w.view.heard.UTC().Format(time.RFC3339),
			w.blind.UTC().Format(time.RFC3339))
	case w.now.Sub(w.view.heard) > walletFresh, w.now.Sub(reading) > walletFresh:
		w.wrong(RuleStale, "cut off by a reading of %s", reading.UTC().Format(time.RFC3339))
	case w.account.leftSomething && paid > 0 && w.account.newest().Before(w.account.paidAt):
		w.wrong(RuleBefore, "cut off by a reading of %s, and %s was paid", reading.UTC().Format(time.RFC3339), w.account.paidAt.UTC().Format(time.RFC3339))
	case w.protected:
		w.wrong(RuleUnjust, "a protected account was cut off")
	case w.friendly(w.now):
		w.wrong(RuleUnjust, "cut off in a friendly window")
	case paid > 0:
		w.wrong(RuleUnjust, "cut off with %d Wh paid for", paid)
	}
}

// closes ends an hour in which everything has arrived that could. up is whether the server runs, reached whether the house has
// a network, heard whether the server knows all that the meter has told.
func (w *witness) closes(up, reached, heard bool) {
	if !up {
		w.blind, reached, heard = w.now, false, false
	}
	money := w.account.energy(w.now, actual)
	if !w.protected { // which may use what it likes
		w.account.owed = max(w.account.owed, unit.Energy(-money))
	}
	w.trace("relay %s at %d Wh, a lease to %d Wh, cut %t, %d Wh paid for; reached %t, heard %t, connect lost %t, lease lost %t", w.relay, w.register,
		w.lease.MaxRegisterWh, w.remote, money, reached, heard, w.missed, w.lateLease)
	w.wanted = !w.person && !w.vacant && reached
	w.on = w.wanted && !w.missed && money > 0
	w.linked = reached && heard && !w.lateLease
	w.missed, w.lateLease = false, false
}

// hour judges where the supply stands when an hour is over for all meters of an account.
//
// With money and energy of the lease left, a supply may be off for these causes alone: a person wants it off or nobody lives
// there; its connect cannot get through, because the house has no network or the server is down, or in this very hour a
// connect was on its way and the network lost it or kept it back. A message takes no time here, and a key is pressed at once.
// Nothing else excuses the server: not that a record was late or lost on the way up, for it has the money and knows what it
// sent.
func (w *witness) hour() {
	w.renewable = w.wanted && w.renews()
	money, leased := w.account.energy(w.now, known), w.lease.MaxRegisterWh-int64(w.register)
	switch {
	case w.wanted && w.off && !w.view.doubt && w.account.leftSomething && w.offSince.Before(w.account.paidAt) && money > 0 &&
		(w.remote || w.now.Before(w.offUntil)):
		w.wrong(RuleLate, "the cut-off of %s is the newest order, obeyed: %t, though %s was paid", w.offSince.UTC().Format(time.RFC3339), w.remote,
			w.account.paidAt.UTC().Format(time.RFC3339))
	case w.relay == supply.Closed:
	case w.on && leased > 0:
		w.wrong(RuleDark, "off with %d Wh paid for and %d Wh of the lease left", money, leased)
	case w.renewable && leased <= 0:
		w.wrong(RuleStarved, "off with %d Wh paid for, and no lease was sent", money)
	}
}

// renews reports whether the server must have renewed the lease by now: by what it was told, no more than half of what a new
// one would give is left. The meters of an account have equal shares of its money, and what another one may still use by any
// lease that was signed for it is not there. A hundred watt-hours are left to the roundings of money. Where anything of the
// account is on its way, or waits for a person, nobody can tell.
func (w *witness) renews() bool {
	paid := w.account.energy(w.now, known)
	next := min(paid/int64(len(w.account.members)), w.limit)
	for _, m := range w.account.members {
		if !m.linked || m.view.doubt || !m.rated || m.lease.Seq == 0 {
			return false
		}
		if m != w {
			next = min(next, paid-m.may())
			paid -= m.may()
		}
	}
	if w.protected {
		next = w.limit
	}
	return 2*max(0, w.lease.MaxRegisterWh-int64(known(w)))+100 <= next
}

// may is what the meter may still use by any lease that was signed for it, as far as the server can know.
func (w *witness) may() int64 { return max(0, max(w.risk, w.lease.MaxRegisterWh)-int64(known(w))) }
