package rogue

import (
	"math/rand/v2"
	"slices"

	"github.com/paywatt/paywatt/api/apiv1"
)

// otherMoves are what the others do by their script. Customers buy, enter and use; their clerk and their shop sell for money;
// the office books money that it received. They approve nothing of P's.
func otherMoves() []move {
	token := func(p *place) bool { return !p.wallet }
	return append(strangers(), []move{
		{"a customer buys", 10, func(r *Run, d *rand.Rand) {
			r.buy(one(d, []string{"operator", "corner"}), r.other(d), d, d.IntN(4) > 0)
		}},
		{"a customer buys at P's shop", 2, func(r *Run, d *rand.Rand) {
			// The customer enters the digits before leaving: no server can see whether a shop hands out what it sold.
			r.buy("P/shop", one(d, r.of("others", token)), d, false)
		}},
		{"P buys", 4, func(r *Run, d *rand.Rand) {
			p := r.own(d)
			r.buy(one(d, []string{"operator", "corner"}), p, d, d.IntN(2) == 0)
		}},
		{"customers enter what they hold", 2, func(r *Run, d *rand.Rand) {
			for _, p := range r.of("others", token) {
				r.enterHeld(p)
			}
		}},
		{"a customer wants money back", 2, func(r *Run, d *rand.Rand) { r.regret(d, false) }},
		{"a clerk opens or counts a till", 1, func(r *Run, d *rand.Rand) { r.clerk(d) }},
		{"the office books a deposit", 3, func(r *Run, d *rand.Rand) { r.banking(d) }},
		{"hours pass", 6, func(r *Run, d *rand.Rand) { r.pass(int64(1 + d.IntN(12))) }},
		{"a day passes", 2, func(r *Run, d *rand.Rand) { r.pass(24) }},
	}...)
}

// buy buys for money. The buyer enters the tokens at once, or holds them.
func (r *Run) buy(hand string, p *place, d *rand.Rand, hold bool) {
	before, minor := r.told(p.number), tender(d)
	var deliver []string
	if !p.wallet {
		deliver = one(d, [][]string{nil, nil, nil, {"sms"}, {"sms", "meter_sms"}})
	}
	a := r.ask(hand, "POST", "/v1/vends", apiv1.NewSale{Meter: p.number, Tender: kes(minor), Deliver: deliver})
	if !a.ok() {
		return
	}
	s := r.order(hand, p.number, minor, a)
	s.bought, s.digits = true, tokensIn(a.body)
	if p.wallet {
		r.reach(p.number, before, patience)
		return
	}
	if p.owner == P { // P reads the receipt and enters the digits when P likes
		for _, digits := range tokensIn(a.body) {
			r.seen[digits] = true
		}
		return
	}
	r.held[p.number] = append(r.held[p.number], s.digits...)
	if !hold {
		r.enterHeld(p)
	}
}

// enterHeld enters the digits that a customer holds.
func (r *Run) enterHeld(p *place) {
	if len(r.held[p.number]) == 0 {
		return
	}
	r.touch(p.number, func(h *house) { h.offer(r.held[p.number], useful) })
	delete(r.held, p.number)
}

// regret asks a seller to reverse a purchase. The seller pays the money back once the server has reversed the sale. Only P asks for money
// after entering the digits: a customer asks before, and throws the receipt away.
func (r *Run) regret(d *rand.Rand, own bool) {
	var list []*sold
	for _, s := range r.sales {
		p := r.place(s.meter)
		entered := !p.wallet && !slices.ContainsFunc(r.held[s.meter], func(digits string) bool { return slices.Contains(s.digits, digits) })
		if s.bought && !isP(s.hand) && (p.owner == P) == own && (own || !entered) {
			list = append(list, s)
		}
	}
	s := latest(d, list)
	if s == nil {
		return
	}
	a := r.send(s.hand, s.meter, "/v1/vends/"+s.id+"/reversal", apiv1.NewReversal{Reason: "the customer asked"})
	if a.status < 300 {
		s.wanted = true
		r.held[s.meter] = slices.DeleteFunc(r.held[s.meter], func(digits string) bool { return slices.Contains(s.digits, digits) })
	}
}

// banking books money that a shop really paid in: one person of finance asks and another approves.
func (r *Run) banking(d *rand.Rand) {
	code, minor := one(d, []string{"PSHOP", "CORNER"}), tender(d)
	a := r.ask("finance", "POST", "/v1/vendors/"+code+"/deposits", apiv1.NewDeposit{Amount: kes(minor), Reference: r.ref("BANK")})
	if id := a.approval(); id != "" {
		a = r.ask("finance2", "POST", "/v1/approvals/"+id+"/approve", apiv1.Decision{Reason: "on the bank statement"})
	}
	if a.ok() && code == "PSHOP" {
		r.deposits += minor
	}
	if a.ok() && code == "CORNER" {
		r.cornerPaid += minor
	}
}
