package rogue

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

func officeMoves() []move {
	return []move{
		{"raise a debt", 3, func(r *Run, d *rand.Rand) {
			minor := tender(d)
			a := r.ask(r.p(), "POST", "/v1/debts", apiv1.NewDebt{Account: r.other(d).number, Kind: "fine", Amount: kes(minor)})
			var made apiv1.Debt
			if a.into(&made); a.ok() && made.PrincipalMinor != minor {
				r.gained = append(r.gained, fmt.Sprintf("the server says that it has added a debt of %d, and shows one of %d", minor, made.PrincipalMinor))
			}
		}},
		{"add a charge", 2, func(r *Run, d *rand.Rand) {
			r.ask(r.p(), "POST", "/v1/charges", apiv1.NewCharge{Account: r.other(d).number, Name: strings.ToLower(r.ref("fee")), Month: r.now().UTC().Format("2006-01"), Amount: kes(tender(d))})
		}},
		{"write off a debt", 4, func(r *Run, d *rand.Rand) { r.writeOff(d) }},
		{"give goodwill", 4, func(r *Run, d *rand.Rand) {
			p := r.target(d)
			r.send(r.p(), p.number, "/v1/adjustments", apiv1.NewAdjustment{Account: p.number, Amount: kes(tender(d)), Reason: usual})
		}},
		{"book a deposit", 4, func(r *Run, d *rand.Rand) {
			minor := tender(d)
			if r.ask(r.p(), "POST", "/v1/vendors/PSHOP/deposits", apiv1.NewDeposit{Amount: kes(minor), Reference: r.ref("NONE")}).ok() {
				r.alone += minor
			}
		}},
		{"change the terms of P's shop", 4, func(r *Run, d *rand.Rand) {
			commission, credit := one(d, []int64{1000, 5000, 10_000}), int64(500_000)
			t := apiv1.VendorTerms{CommissionBps: &commission}
			if d.IntN(2) == 0 {
				t = apiv1.VendorTerms{CreditLimitMinor: &credit}
			}
			r.ask(r.p(), "POST", "/v1/vendors/PSHOP/terms", t)
		}},
		{"publish a tariff", 3, func(r *Run, d *rand.Rand) {
			flat := one(d, []int64{1000, 100_000})
			r.ask(r.p(), "POST", "/v1/tariffs/domestic/versions", apiv1.NewTariffVersion{Price: apiv1.Price{Currency: "KES", VATBps: 1500, FlatMicro: &flat}})
		}},
		{"change the settings", 3, func(r *Run, d *rand.Rand) {
			off, all, grace := "off", int64(10_000), int64(-100_000)
			c := one(d, []apiv1.SettingsChange{{FourEyes: &off}, {MaxCommission: &all}, {WalletCutOff: &grace}, {UsualTariffs: &[]string{"lifeline"}},
				{Ceilings: map[string]int64{one(d, r.t.ceilings): 1_000_000_000}}})
			r.ask(r.p(), "POST", "/v1/settings", c)
		}},
		{"move out and in", 2, func(r *Run, d *rand.Rand) { r.moveHouse(d, "domestic") }},
		{"move out without a network", 2, func(r *Run, d *rand.Rand) { r.outOfReach(d) }},
		{"move in on the cheap tariff", 4, func(r *Run, d *rand.Rand) { r.moveHouse(d, "lifeline") }},
		{"take over another's place", 3, func(r *Run, d *rand.Rand) { r.takeOver(d) }},
		{"pay out a refund", 5, func(r *Run, d *rand.Rand) { r.payOut(d) }},
		{"trust the clock", 1, func(r *Run, d *rand.Rand) { r.ask(r.p(), "POST", "/v1/clock/trust", apiv1.ClockTrust{Reason: usual}) }},
	}
}

func (r *Run) writeOff(d *rand.Rand) {
	var list apiv1.List[apiv1.Debt]
	r.ask(r.p(), "GET", "/v1/debts?open=true&limit=200", nil).into(&list)
	for _, debt := range list.Data {
		if r.accounts[debt.Account] == P {
			r.ask(r.p(), "POST", "/v1/debts/"+debt.ID+"/write-off", apiv1.WriteOff{Reason: usual})
			return
		}
	}
	_ = d
}

// moveHouse moves P out of one of P's places and in again.
func (r *Run) moveHouse(d *rand.Rand, tariff string) {
	p := one(d, r.of(P, nil))
	var a apiv1.Account
	if r.ask(r.p(), "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID != "" {
		r.moveOut(p, a.ID)
	}
	if d.IntN(4) > 0 {
		in := apiv1.MoveIn{Tariff: tariff, Customer: &apiv1.Customer{ID: p.cust}, Reason: usual}
		if p.cust == "" {
			in.Customer = &apiv1.Customer{Name: "P again", Phone: stolen}
		}
		r.send(r.p(), p.number, "/v1/meters/"+p.number+"/move-in", in)
	}
	r.remember(p)
}

// moveOut moves a customer out, and waits until a connected wallet meter has switched off: what it supplies until the order arrives is
// charged to nobody.
func (r *Run) moveOut(p *place, account string) bool {
	out := r.send(r.p(), p.number, "/v1/accounts/"+account+"/move-out", apiv1.Reason{Reason: usual})
	if l := r.lines[p.number]; out.ok() && l != nil && p.wallet && !r.houses[p.number].open {
		l.wait(5*time.Second, func() bool { return !l.on() })
	}
	return out.ok()
}

// outOfReach moves P out of one of P's places while the meter's antenna is off, so that the meter goes on with its lease for some hours.
func (r *Run) outOfReach(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return p.wallet && r.lines[p.number] != nil }))
	l := r.lines[p.number]
	var a apiv1.Account
	if r.ask(r.p(), "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID == "" {
		return
	}
	l.Lock()
	r.dark = p.number
	r.ask(r.p(), "POST", "/v1/accounts/"+a.ID+"/move-out", apiv1.Reason{Reason: usual})
	r.pass(int64(1 + d.IntN(8)))
	r.dark = ""
	l.publish()
	l.Unlock()
	r.settle()
}

// takeOver moves out a customer who still lives there, moves P in, or moves P out again.
func (r *Run) takeOver(d *rand.Rand) {
	p := one(d, r.of("others", func(p *place) bool { return p.wallet && p.owner != gone }))
	var a apiv1.Account
	if r.ask(r.p(), "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID != "" && (r.accounts[a.ID] != P || d.IntN(2) == 0) {
		if r.moveOut(p, a.ID) && !p.movedOut {
			p.movedOut, p.out = true, r.ahead
		}
	}
	in := apiv1.MoveIn{Tariff: "domestic", Customer: &apiv1.Customer{Name: "P again", Phone: stolen}, Reason: usual}
	if p.movedOut && r.send(r.p(), p.number, "/v1/meters/"+p.number+"/move-in", in).ok() {
		if r.ask("auditor", "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID != "" {
			r.accounts[a.ID] = P
		}
	}
}

// noticed reports whether a customer whom P has moved out knows it: the supply has been off for a day.
func (r *Run) noticed(p *place) bool { return p.movedOut && r.ahead >= p.out+day*time.Second }

// remember records the account that a meter supplies now.
func (r *Run) remember(p *place) {
	var a apiv1.Account
	if r.ask("auditor", "GET", "/v1/accounts/"+p.number, nil).into(&a); a.ID != "" {
		r.accounts[a.ID] = p.owner
	}
}

// payOut has a refund paid out, as if P had a right to it, or put on one of P's accounts.
func (r *Run) payOut(d *rand.Rand) {
	id := one(d, r.accountsOf(""))
	n := apiv1.NewRefund{Reason: usual}
	if d.IntN(2) == 0 {
		n.To = r.own(d).number
	}
	var done apiv1.Refund
	if a := r.ask(r.p(), "POST", "/v1/accounts/"+id+"/refunds", n); a.ok() {
		if a.into(&done); done.To == "bank" {
			r.paidOut += done.Amount.AmountMinor
		}
	}
}
