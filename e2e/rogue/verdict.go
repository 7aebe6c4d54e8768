package rogue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/meter"
)

// Rounding that a verdict forgives, in minor units: a sale rounds each of its lines, and leaves change of less than 0.1 kWh.
const (
	slackOnce = 200
	slackSale = 3
	slackLoss = 40
)

// allowance is what a wallet's customer may owe before the supply goes off: the server's default of 5 kWh, and what one lease
// still allows a meter that the server cannot reach.
const allowance = 5_000 * 2875 / 10_000

// Verdict says who has what at the end of a history, in minor units.
type Verdict struct {
	// Gain is what P has beyond what P paid: energy delivered or left and not charged, at the tariff from before P, spendable float and
	// wallet, and cash, less money whose receipt another person confirmed.
	Gain int64
	// Made is what all parties together have beyond the money that the utility received.
	Made int64
	// Reported is what the daily report names against P.
	Reported int64
	// Against is the part of it that takes from others: debts, charges and reversals.
	Against int64
	// Lost says who else has less than they paid for, with the amount beyond rounding.
	Lost map[string]int64
	// Unbound lists what the report names against P beyond a ceiling.
	Unbound []string
	// Leaked lists sales whose digits one of P's keys was shown without the right to see them, and links to pages that P got without a right.
	Leaked []string
	// Unsound is what the check of the books found; empty if they add up.
	Unsound string
	slack   int64
}

// Bad says what is wrong; empty if nothing is.
func (v Verdict) Bad() string {
	var out []string
	if worst := max(v.Gain, v.Made) - v.Reported; worst > v.slack {
		out = append(out, fmt.Sprintf("P gained %d, %d was made from nothing, and the report names %d (rounding %d)", v.Gain, v.Made, v.Reported, v.slack))
	}
	lost := int64(0)
	for _, minor := range v.Lost {
		lost += minor
	}
	if lost > v.Against {
		out = append(out, fmt.Sprintf("others lost %v, and the report names %d taken from others", v.Lost, v.Against))
	}
	if v.Unsound != "" {
		out = append(out, "the books do not add up: "+v.Unsound)
	}
	return strings.Join(slices.Concat(out, v.Unbound, v.Leaked), "; ")
}

// balances are what each party has at one moment, in minor units.
type balances struct {
	energy, money map[string]int64 // of customers
	float         map[string]int64 // by vendor
	cash          int64            // till and bank of the utility
}

// balances measures what everybody has. Copies of the meters are offered all digits and run for 72 hours.
func (r *Run) balances() balances {
	w := balances{energy: map[string]int64{}, money: map[string]int64{}, float: map[string]int64{}}
	live := map[string]int64{} // live estimates of wallets by account
	for _, p := range r.places {
		h := r.final(p)
		w.energy[p.owner] += price(h.worth(p))
		if !p.wallet {
			continue
		}
		var m apiv1.Meter
		var a apiv1.Account
		r.ask("auditor", "GET", "/v1/meters/"+p.number, nil).into(&m)
		r.ask("auditor", "GET", "/v1/accounts/"+p.number, nil).into(&a)
		if m.Live != nil && a.ID != "" {
			live[a.ID] = m.Live.AmountMinor - price(h.register()-r.houses[p.number].register())
			if p.owner == P { // P never pays what P owes, up to what every customer may owe
				live[a.ID] = max(live[a.ID], -allowance)
			}
		}
	}
	for _, id := range r.accountsOf("") {
		var a apiv1.Account
		r.ask("auditor", "GET", "/v1/accounts/"+id, nil).into(&a)
		b := a.Balance
		wallet, ok := live[id]
		if !ok {
			wallet = b.WalletMinor
		}
		if r.accounts[id] == P && a.Status == "closed" && !r.agreed[id] { // P never pays what a closed account owes, unless somebody knows of it
			w.money[P] += max(wallet, 0) + b.CarryMinor
			continue
		}
		w.money[r.accounts[id]] += wallet + b.CarryMinor - b.DueMinor - b.DebtsMinor
	}
	for _, code := range []string{"PSHOP", "CORNER"} {
		var f apiv1.Float
		r.ask("auditor", "GET", "/v1/vendors/"+code+"/float", nil).into(&f)
		w.float[code] = f.AvailableMinor
	}
	for _, a := range r.ledger() {
		switch a.Code {
		case 1000, 1010:
			w.cash += a.BalanceMinor
		case 2090:
			w.money[r.accounts[a.Subject]] -= a.BalanceMinor // a liability: credit
		}
	}
	return w
}

func (r *Run) ledger() []apiv1.LedgerAccount {
	var list apiv1.List[apiv1.LedgerAccount]
	r.ask("finance", "GET", "/v1/ledger/accounts?limit=200", nil).into(&list)
	return list.Data
}

// accountsOf lists the accounts of a party, or of all, in a fixed order.
func (r *Run) accountsOf(owner string) (out []string) {
	for id, of := range r.accounts {
		if owner == "" || owner == of {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// final returns a copy of a meter after it was offered every digit string and ran for 72 hours. P may stand at any meter: P enters what
// helps P's own meters, and what harms others. Customers enter what they hold.
func (r *Run) final(p *place) *house {
	h := r.houses[p.number].clone()
	if p.owner == P {
		h.offer(r.digits(), useful)
	} else {
		h.offer(r.digits(), harmful)
		h.offer(slices.Concat(r.held[p.number], r.kept(p), r.digits()), useful)
	}
	h.give(meter.Event{Kind: meter.EventConfirm})
	for range 12 { // an overload trips within each part, if the meter has a limit
		h.sample()
		h.give(meter.Event{Kind: meter.EventActivate, Source: meter.Keypad}) // refused unless emergency credit is offered
		h.run(6 * 3600)
		h.reports = nil
	}
	return h
}

// kept are the digits that a customer wanted to give back, of sales that were not reversed.
func (r *Run) kept(p *place) (out []string) {
	for _, s := range r.sales {
		if s.wanted && s.meter == p.number && p.owner != P && r.stands(s) {
			out = append(out, s.digits...)
		}
	}
	return out
}

// stands reports whether a sale was neither reversed nor failed.
func (r *Run) stands(s *sold) bool {
	var now apiv1.Sale
	r.ask("auditor", "GET", "/v1/vends/"+s.id, nil).into(&now)
	return now.State != "reversed" && now.State != "failed"
}

// worth is the energy that a meter delivered, and what it can still deliver. P's own credit counts only while the relay is closed: the
// utility locks what a meter holds after tampering. Emergency credit counts like credit, because P never pays it back. What a later token
// pays back of it can be taken again, so the payment counts once. The rest of a lease is no credit.
func (h *house) worth(p *place) int64 {
	wh := h.register()
	if !p.wallet && (p.owner != P || h.on()) {
		wh += h.balance()
		if h.state.EC != meter.ECExhausted {
			wh += int64(h.state.ECLeft(&h.config))
		}
	}
	return wh * max(1, h.slow)
}

// judge compares the end of a history with its beginning.
func (r *Run) judge(before balances) Verdict {
	if r.down != "" {
		return Verdict{Leaked: []string{r.down}}
	}
	r.reckon()
	r.quiet()
	for _, l := range r.lines {
		l.do(func(h *house) { h.give(meter.Event{Kind: meter.EventRead}) })
	}
	r.quiet()
	after := r.balances()
	v := Verdict{Lost: map[string]int64{}, slack: slackOnce + slackSale*int64(len(r.sales))}
	paid, commission, confirmed := r.payments()
	taken := map[string]int64{}
	v.Reported, v.Against, v.Unbound = r.reported(taken)
	if r.surplus > taken["till_surplus"] {
		v.Unbound = append(v.Unbound, fmt.Sprintf("P booked %d of cash that nobody else has seen, and the report names %d", r.surplus, taken["till_surplus"]))
	}
	if bent := r.bent(); bent > taken["feeders"] {
		v.Unbound = append(v.Unbound, fmt.Sprintf("%d places are on another feeder than their wires, so the losses of feeder %s are false", bent, north))
	}
	for owner, minor := range r.banked {
		paid[owner] += minor
		v.Made -= minor
	}
	for _, b := range r.bought {
		if paid["CORNER cash"] += b.minor; !b.by.movedOut { // whoever lives there no longer still has the voucher
			paid[b.by.owner] += b.minor
		}
	}
	v.Leaked = slices.Clone(r.gained)
	for _, s := range r.sales {
		v.Leaked = append(v.Leaked, r.leaks(s)...)
	}
	change := func(owner string) int64 {
		return after.energy[owner] - before.energy[owner] + after.money[owner] - before.money[owner]
	}
	v.Gain = change(P) + after.float["PSHOP"] - before.float["PSHOP"] - commission["PSHOP"] + r.paidOut + paid["PSHOP cash"] - r.deposits - paid[P]
	v.Made += after.float["PSHOP"] - before.float["PSHOP"] + after.float["CORNER"] - before.float["CORNER"] - commission["PSHOP"] - commission["CORNER"] -
		(after.cash - before.cash - confirmed)
	for owner := range after.energy {
		v.Made += change(owner)
		if lost := paid[owner] - change(owner) - slackLoss*int64(1+len(r.sales)); owner != P && lost > 0 {
			v.Lost[owner] = lost
		}
	}
	corner := r.cornerPaid + commission["CORNER"] - paid["CORNER cash"] - (after.float["CORNER"] - before.float["CORNER"])
	if corner > slackLoss {
		v.Lost["corner"] = corner - slackLoss
	}
	return v
}

// leaks says which of P's keys were shown the digits of somebody else's sale without the right to see them.
func (r *Run) leaks(s *sold) (out []string) {
	if isP(s.hand) || r.place(s.meter).owner == P { // P has these digits
		return nil
	}
	for _, digits := range s.digits {
		if phone := r.texted[digits]; phone != "" {
			out = append(out, phone+", a telephone of P's, got the digits of "+s.id+", which "+s.hand+" sold")
		}
	}
	for hand, shown := range r.shown {
		if !maySee(hand) && slices.ContainsFunc(s.digits, func(digits string) bool { return shown[digits] }) {
			out = append(out, hand+" was shown the digits of "+s.id+", which "+s.hand+" sold")
		}
	}
	slices.Sort(out)
	return out
}

// maySee reports whether a key of P's may be shown the digits that others sold to others. Three roles of the utility may.
func maySee(hand string) bool {
	return hand == "P/owner" || hand == "P/operator" || hand == "P/supervisor"
}

// reported adds up what each ceiling counted of P in taken, and is the value of what the daily reports name against P's keys, the part of it that takes from others, and the rows that exceed
// their ceiling.
func (r *Run) reported(taken map[string]int64) (minor, against int64, unbound []string) {
	for at := r.now().Add(-r.ahead); !at.After(r.now().Add(day * time.Second)); at = at.Add(day * time.Second) {
		var report apiv1.DailyReport
		r.ask("auditor", "GET", "/v1/reports/daily?date="+at.UTC().Format(time.DateOnly), nil).into(&report)
		for _, row := range report.People {
			if !strings.HasSuffix(row.Name, " "+r.p()) && !strings.HasSuffix(row.Name, " P/shop") {
				continue
			}
			if row.Taken > row.Most {
				unbound = append(unbound, fmt.Sprintf("%s took %d under %s of %d", row.Name, row.Taken, row.Ceiling, row.Most))
			}
			_, what, _ := strings.Cut(row.Ceiling, "/")
			taken[what] += row.Taken
			switch what {
			case "free_units", "emergency_supply":
				minor += price(row.Taken)
			case "reversals", "texts", "till_surplus", "feeders": // no value for P
			case "debts", "reversed_value":
				minor, against = minor+row.Taken, against+row.Taken
			default:
				minor += row.Taken
			}
		}
	}
	return minor, against, unbound
}

// payments sums up the sales: what each party paid and did not get back, the commission of each vendor at the terms from before P, and
// what the utility's till and bank got from P alone, which nobody confirmed.
func (r *Run) payments() (paid, commission map[string]int64, unconfirmed int64) {
	paid, commission = map[string]int64{}, map[string]int64{}
	unconfirmed = r.alone
	for _, s := range r.sales {
		stands := r.stands(s)
		code, ofShop := shops()[s.hand]
		owner := r.place(s.meter).owner
		if stands && ofShop {
			commission[code] += s.minor * shopCommission / 10_000
		}
		if stands && isP(s.hand) && !ofShop {
			unconfirmed += s.minor
		}
		back := !stands && (s.wanted || owner == P) && s.hand != "P/shop" // the seller has paid the money back
		if s.bought && !back {
			paid[owner] += s.minor
			if ofShop {
				paid[code+" cash"] += s.minor
			}
		}
	}
	return paid, commission, unconfirmed
}
