package sim

import (
	"time"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Rule is a rule that the witness checks. It uses only the witness's own records: the messages on the wire, the
// payments and the meter's registers.
type Rule string

// The rules of the witness.
const (
	// RuleLease: a lease covers no more energy than was paid for when the lease was signed.
	RuleLease Rule = "lease-beyond-money"
	// RuleUnheard: after the server was down, it sends no cut-off before a reading of the meter has arrived.
	RuleUnheard Rule = "cut-on-return"
	// RuleStale: a reading causes no cut-off if it is older than two intervals and five minutes, by the meter's or the
	// server's clock.
	RuleStale Rule = "cut-by-stale-reading"
	// RuleBefore: a reading from before the newest payment causes no cut-off while money from that payment is left.
	// Energy that the meter used before is charged when the meter reports it, even if it reports late.
	RuleBefore Rule = "cut-by-reading-before-payment"
	// RuleUnjust: the server itself orders no cut-off while money is left, and none in a friendly window. It never cuts
	// off a protected account.
	RuleUnjust Rule = "unjust-cut"
	// RuleHeld: a register that cannot be true causes no cut-off, no lease beyond the money and no change of money until
	// a person has decided about it.
	RuleHeld Rule = "decided-by-held-register"
	// RuleLate: a cut-off that was signed before a payment is followed by a connect in the hour of the payment. It does not
	// matter when the meter obeyed or acknowledged the cut-off. The exception is an expired cut-off that the meter never
	// obeyed.
	RuleLate Rule = "no-connect-after-late-cut"
	// RuleStarved: the server renews every lease before it runs out, while there is money and the connection works.
	RuleStarved Rule = "lease-not-renewed"
	// RuleDark: no supply is off while money and lease energy are left.
	RuleDark Rule = "off-with-money"
	// RuleBeyond: no meter counts beyond its lease.
	RuleBeyond Rule = "beyond-lease"
	// RuleRelay: no relay moves unless a message or event that causes the move was delivered.
	RuleRelay Rule = "relay-without-cause"
	// RulePerson: only a person ends a person's cut-off, and only moving in and a payment end the vacancy of a house.
	RulePerson Rule = "undone-without-person"
	// RuleTwice: the books charge no more than the cost of the used energy.
	RuleTwice Rule = "charged-twice"
	// RuleBooks: the books charge no less than the cost of the used energy.
	RuleBooks Rule = "charged-too-little"
	// RuleRecords: every record of a meter arrives in the end.
	RuleRecords Rule = "records-lost"
)

// Violation is a violation of a rule.
type Violation struct {
	Rule Rule   `json:"rule"`
	Text string `json:"text"`
}

// String returns the rule and the text of the violation.
func (v Violation) String() string { return string(v.Rule) + ": " + v.Text }

// sent checks a message that the server has just signed, even if the message never arrives.
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

// sentLease checks a lease. A lease below the meter's current lease grants no energy.
func (w *witness) sentLease(lease wire.Lease) {
	paid, others := w.account.energy(w.now, known), w.account.others(w)
	if w.riskAt.Equal(w.now) { // the lease may have been ordered before that reading came, so the smaller risk does not count yet
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

// sentCut checks a cut-off that no person ordered. It reports the first broken rule.
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

// closes ends an hour, when all messages that could arrive have arrived. The parameter up says whether the server runs,
// reached whether the house has network, and heard whether the server has all records of the meter.
func (w *witness) closes(up, reached, heard bool) {
	if !up {
		w.blind, reached, heard = w.now, false, false
	}
	money := w.account.energy(w.now, actual)
	if !w.protected { // a protected account may use any amount
		w.account.owed = max(w.account.owed, unit.Energy(-money))
	}
	w.trace("relay %s at %d Wh, a lease to %d Wh, cut %t, %d Wh paid for; reached %t, heard %t, connect lost %t, lease lost %t", w.relay, w.register,
		w.lease.MaxRegisterWh, w.remote, money, reached, heard, w.missed, w.lateLease)
	w.wanted = !w.person && !w.vacant && reached
	w.on = w.wanted && !w.missed && money > 0
	w.linked = reached && heard && !w.lateLease
	w.missed, w.lateLease = false, false
}

// hour checks the supply at the end of an hour. It is called after closes has been called for each meter of the account.
//
// With money and lease energy left, a supply may be off only because a person wants it off, because nobody lives there, or
// because its connect cannot get through. In the last case the house has no network, the server is down, or the network lost
// or delayed a connect in this very hour. A message takes no time in the simulation, and a key is pressed at once. No other
// cause excuses the server. For example, a late or lost record from the meter is no excuse. Even without the record, the
// server knows which payments it received and which orders it signed.
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

// renews reports whether the server must have renewed the lease by now. It must have done so if, by the server's records,
// the energy left on the lease is at most half of the energy that a new lease would give. The meters of an account share
// its money equally. Energy that another meter may still use under a signed lease is not available. A tolerance of 100 Wh
// covers the rounding of money. If a message for the account is on its way, or a decision waits for a person, renews
// reports false.
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

// may returns the energy that the meter may still use under any lease signed for it, as far as the server can know.
func (w *witness) may() int64 { return max(0, max(w.risk, w.lease.MaxRegisterWh)-int64(known(w))) }
