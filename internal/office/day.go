package office

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/words"
)

// ClosedDay is a closed day, with the paper of it.
type ClosedDay struct {
	Report
	dayclose.Closed
	NoShift []dayclose.CashSeller // what was sold in it without a shift
}

// ClosedDay returns a closed day as it was stored (right: ledger.read). Its paper is dated when the day was closed.
func (o *Office) ClosedDay(ctx context.Context, by access.Actor, date string) (ClosedDay, error) {
	d, err := o.c.Days.Show(ctx, by, date)
	if err != nil || d.Refused() {
		return ClosedDay{Report: Report{Refusal: d.Refusal}}, err
	}
	h, err := o.readHouse(ctx, by, d.ClosedAt)
	h.At = d.ClosedAt
	return ClosedDay{Closed: d.Closed, NoShift: d.NoShift, Report: Report{Name: "day-" + d.Date, House: h, Sheet: func(say *words.Texts) print.Sheet { return print.ClosedDay(say, h, d.Closed) }}}, err
}
