package rogue

import (
	"math/rand/v2"

	"github.com/paywatt/paywatt/api/apiv1"
)

func tillMoves() []move {
	return []move{
		{"open a till", 1, func(r *Run, d *rand.Rand) {
			float := kes(tender(d))
			r.ask(r.p(), "POST", "/v1/shifts", apiv1.NewShift{Till: one(d, []string{"main", "till-2"}), Opening: &float})
		}},
		{"bring cash to the bank", 1, func(r *Run, d *rand.Rand) {
			r.ask(r.p(), "POST", "/v1/shifts/"+r.till(d)+"/payouts", apiv1.ShiftPayout{Amount: kes(tender(d)), Reason: usual})
		}},
		{"count a till", 2, func(r *Run, d *rand.Rand) { r.count(r.p(), r.till(d), d) }},
	}
}

// till names P's own till or another's.
func (r *Run) till(d *rand.Rand) string { return one(d, []string{"mine", "main", "till-2"}) }

// count closes a till with all cash, with none or with too much.
func (r *Run) count(hand, till string, d *rand.Rand) {
	r.counted(hand, till, func(left int64) int64 {
		if !isP(hand) {
			return left
		}
		return one(d, []int64{left, 0, left / 2, left + tender(d)})
	})
}

// counted closes a till. Cash that P says was too much is money that nobody confirmed.
func (r *Run) counted(hand, till string, says func(left int64) int64) {
	var z apiv1.ShiftReport
	if r.ask(hand, "GET", "/v1/shifts/"+till+"/report", nil).into(&z); z.Shift.ID == "" {
		return
	}
	counted := says(z.Left.AmountMinor)
	if a := r.ask(hand, "POST", "/v1/shifts/"+till+"/close", apiv1.ShiftCount{Counted: kes(counted)}); a.ok() {
		r.alone += max(0, counted-z.Left.AmountMinor)
		if isP(hand) {
			r.surplus += max(0, counted-z.Left.AmountMinor)
		}
	}
}

// clerk opens the clerk's till, or counts it honestly.
func (r *Run) clerk(d *rand.Rand) {
	if d.IntN(2) == 0 {
		float := kes(tender(d))
		r.ask("operator", "POST", "/v1/shifts", apiv1.NewShift{Till: "main", Opening: &float})
		return
	}
	r.count("operator", "mine", d)
}
