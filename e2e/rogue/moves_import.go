package rogue

import (
	"fmt"
	"math/rand/v2"

	"github.com/paywatt/paywatt/api/apiv1"
)

// file is the body of a request that sends a list as CSV.
type file string

// importMoves are what P does with the lists of the utility's system before, and with the meter that P has in the store room.
func importMoves() []move {
	return []move{
		{"import a balance", 3, func(r *Run, d *rand.Rand) {
			p := one(d, r.of(P, func(p *place) bool { return p.fresh || d.IntN(3) == 0 }))
			r.send(r.p(), p.number, "/v1/imports?kind=balances&mode=apply", file(fmt.Sprintf("account,amount\n%s,%d\n", p.number, tender(d)/100)))
		}},
		{"undo an import", 3, func(r *Run, d *rand.Rand) {
			var list apiv1.List[apiv1.ImportSummary]
			r.ask(r.p(), "GET", "/v1/imports?limit=200", nil).into(&list)
			if i := one(d, list.Data); i.ID != "" {
				r.ask(r.p(), "POST", "/v1/imports/"+i.ID+"/undo", apiv1.ImportNothing{})
			}
		}},
		{"replace a meter", 3, func(r *Run, d *rand.Rand) { r.swap(d) }},
	}
}

// swap replaces one of P's meters, and claims as much as the server allows: what was bought is said to be on the display or never entered.
// The old meter goes on with what it has.
func (r *Run) swap(d *rand.Rand) {
	p := one(d, r.of(P, func(p *place) bool { return !p.stock && !p.wallet }))
	stock := one(d, r.of(P, func(q *place) bool { return q.stock }))
	var f apiv1.SwapFacts
	r.ask(r.p(), "GET", "/v1/meters/"+p.number+"/swap", nil).into(&f)
	n, left := apiv1.NewSwap{NewMeter: stock.number, Reason: usual}, f.MostWh
	for _, t := range f.Unused {
		if d.IntN(2) == 0 {
			n.Unused, left = append(n.Unused, t.ID), left-t.UnitsWh
		}
	}
	n.BalanceWh = &left
	r.send(r.p(), p.number, "/v1/meters/"+p.number+"/swap", n)
}
