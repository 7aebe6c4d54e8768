package rogue

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/paywatt/paywatt/api/apiv1"
)

// move is one thing that somebody can do. It builds a valid request from what the one who does it has seen.
type move struct {
	name   string
	weight int
	do     func(*Run, *rand.Rand)
}

// moves are all moves of P, of the others, and of time, with how often they come.
func moves() []move {
	return slices.Concat(moneyMoves(), officeMoves(), friendMoves(), phoneMoves(), meterMoves(), tillMoves(), importMoves(), paymentMoves(), trustMoves(), doorMoves(), otherMoves())
}

// table finds a move by its name.
func table() map[string]move {
	out := map[string]move{}
	for _, m := range moves() {
		out[m.name] = m
	}
	return out
}

// Steps draws a history of n moves. The others and time always move; P makes those moves that may says.
func Steps(seed uint64, n int, may func(move string) bool) []Step {
	d := rand.New(rand.NewPCG(seed, 1))
	all := otherMoves()
	for _, m := range slices.Concat(moneyMoves(), officeMoves(), friendMoves(), phoneMoves(), meterMoves(), tillMoves(), importMoves(), paymentMoves(), trustMoves(), doorMoves()) {
		if may(m.name) {
			all = append(all, m)
		}
	}
	sum := 0
	for _, m := range all {
		sum += m.weight
	}
	var out []Step
	for range n {
		x := d.IntN(sum)
		i := 0
		for ; x >= all[i].weight; i++ {
			x -= all[i].weight
		}
		out = append(out, Step{all[i].name, d.Uint64()})
	}
	return out
}

// target draws a meter: mostly one of P's own.
func (r *Run) target(d *rand.Rand) *place {
	if d.IntN(3) > 0 {
		return one(d, r.of(P, nil))
	}
	return r.other(d)
}

// own draws one of P's meters that is not locked.
func (r *Run) own(d *rand.Rand) *place {
	return one(d, r.of(P, func(p *place) bool { return !p.locked }))
}

// other draws a meter of the others that is in use.
func (r *Run) other(d *rand.Rand) *place {
	return one(d, r.of("others", func(p *place) bool { return p.owner != gone && !r.noticed(p) }))
}

func tender(d *rand.Rand) int64 { return 1_000 * int64(1+d.IntN(20)) }

func moneyMoves() []move {
	return []move{
		{"sell from P's shop", 8, func(r *Run, d *rand.Rand) { r.vend("P/shop", r.own(d), tender(d), d) }},
		{"sell for the utility", 6, func(r *Run, d *rand.Rand) { r.vend(r.p(), r.target(d), tender(d), d) }},
		{"quote", 1, func(r *Run, d *rand.Rand) {
			r.ask(r.p(), "POST", "/v1/vend-quotes", apiv1.NewQuote{Meter: r.target(d).number, Tender: kes(tender(d))})
		}},
		{"reverse P's newest sale", 8, func(r *Run, d *rand.Rand) { r.undo(d, isP) }},
		{"reverse another's sale", 5, func(r *Run, d *rand.Rand) { r.undo(d, func(hand string) bool { return !isP(hand) }) }},
		{"P wants money back", 3, func(r *Run, d *rand.Rand) { r.regret(d, true) }},
		{"approve", 10, func(r *Run, d *rand.Rand) { r.decide(d, "approve") }},
		{"reject", 1, func(r *Run, d *rand.Rand) { r.decide(d, "reject") }},
		{"look at a meter's tokens", 3, func(r *Run, d *rand.Rand) {
			r.ask(r.p(), "GET", "/v1/meters/"+r.target(d).number+"/tokens", nil)
		}},
		{"look at approvals", 3, func(r *Run, d *rand.Rand) { r.look() }},
		{"read a sale with P's shop", 2, func(r *Run, d *rand.Rand) {
			if s := latest(d, r.sales); s != nil {
				r.ask(one(d, []string{"P/shop", r.seller(), r.p()}), "GET", "/v1/vends/"+s.id, nil)
			}
		}},
		{"look at a meter's tokens with a seller's key", 2, func(r *Run, d *rand.Rand) {
			r.ask(one(d, []string{"P/shop", r.seller()}), "GET", "/v1/meters/"+r.other(d).number+"/tokens", nil)
		}},
		{"print a receipt again", 2, func(r *Run, d *rand.Rand) {
			if s := latest(d, r.sales); s != nil {
				r.ask(one(d, []string{"P/shop", r.seller(), r.p()}), "POST", "/v1/vends/"+s.id+"/reprints", struct{}{})
			}
		}},
		{"type seen digits", 4, func(r *Run, d *rand.Rand) { r.typeSeen(d) }},
	}
}

// vend sells. Only a sale of P's is a sale by P: the others buy by their own moves.
func (r *Run) vend(hand string, p *place, minor int64, d *rand.Rand) *sold {
	n := apiv1.NewSale{Meter: p.number, Tender: kes(minor)}
	if d.IntN(3) == 0 && p.online && !p.wallet {
		n.Deliver = []string{"mqtt"}
	}
	before := r.told(p.number)
	a := r.ask(hand, "POST", "/v1/vends", n)
	if !a.ok() {
		return nil
	}
	if n.Deliver != nil || p.wallet {
		r.reach(p.number, before, patience)
	}
	return r.order(hand, p.number, minor, a)
}

// seller is P's hand with a seller's key that names no vendor. A server that makes no such key leaves P with the key of P's shop.
func (r *Run) seller() string {
	if r.t.keys[noVendor] == "" {
		return "P/shop"
	}
	return noVendor
}

// undo asks to reverse one of the newest sales of some sellers.
func (r *Run) undo(d *rand.Rand, seller func(string) bool) {
	var list []*sold
	for _, s := range r.sales {
		if seller(s.hand) {
			list = append(list, s)
		}
	}
	s := latest(d, list)
	if s == nil {
		return
	}
	hand := r.p()
	if s.hand == "P/shop" && d.IntN(2) == 0 {
		hand = s.hand
	}
	r.send(hand, s.meter, "/v1/vends/"+s.id+"/reversal", apiv1.NewReversal{Reason: "mistyped"})
}

// look reads the approvals that P can see.
func (r *Run) look() {
	var list apiv1.List[apiv1.Approval]
	r.ask(r.p(), "GET", "/v1/approvals?state=waiting", nil).into(&list)
	for _, a := range list.Data {
		if !slices.Contains(r.waiting, a.ID) {
			r.waiting = append(r.waiting, a.ID)
		}
	}
}

// decide decides about an approval that P knows of, with one of P's hands.
func (r *Run) decide(d *rand.Rand, how string) {
	if len(r.waiting) == 0 {
		r.look()
	}
	id := latest(d, r.waiting)
	if id == "" {
		return
	}
	before := map[string]int{}
	for number := range r.lines {
		before[number] = r.told(number)
	}
	a := r.ask(r.hand(d), "POST", "/v1/approvals/"+id+"/"+how, apiv1.Decision{Reason: "checked"})
	if a.ok() {
		r.waiting = slices.DeleteFunc(r.waiting, func(w string) bool { return w == id })
		r.settle()
		var done apiv1.Approval
		a.into(&done)
		for number, n := range before {
			if p := r.place(number); p != nil && (done.Object == "" || slices.Contains(tokensOrMeters(done), number)) {
				r.reach(number, n, patience)
			}
		}
		if done.Meter != nil {
			r.placeMeter(done.Meter)
		}
	}
}

// tokensOrMeters lists the meters that an approval's request names.
func tokensOrMeters(a apiv1.Approval) []string {
	var q struct{ Meter, Number string }
	reply{body: a.Request}.into(&q)
	return []string{q.Meter, q.Number}
}

// typeSeen enters the digits that P saw into one of P's meters.
func (r *Run) typeSeen(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return !p.wallet }))
	r.touch(p.number, func(h *house) { h.offer(r.digits(), useful) })
}

// digits are the digits that P saw, in a fixed order.
func (r *Run) digits() []string {
	var out []string
	for s := range r.seen {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// ref is a reference that was not used before.
func (r *Run) ref(what string) string { return fmt.Sprintf("%s-%d", what, r.c.n) }
