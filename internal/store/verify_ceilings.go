package store

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
)

// dayKey identifies a total.
type dayKey struct {
	ceiling access.Ceiling
	subject string
	from    int64 // seconds
}

// verifyCeilings checks that the totals under ceilings are what the sealed audit rows say was taken. A lowered total would let its person
// take more. Sales have such a row only for what they count under the ceilings of others: the rest is compared with the sales themselves.
func (tx *Tx) verifyCeilings(r *Report) error {
	left := map[dayKey]int64{}
	var sales []access.DayTotal
	err := tx.C.Query(`SELECT ceiling, subject, from_at, to_at, amount FROM day_total WHERE tenant_id = $1 ORDER BY from_at, subject`, func(w core.Row) error {
		d := access.DayTotal{Ceiling: access.Ceiling(w.Text(0)), Subject: w.Text(1), From: w.Time(2), To: w.Time(3), Amount: w.Int(4)}
		if d.Ceiling == access.PersonSales {
			sales = append(sales, d)
		} else {
			left[dayKey{d.Ceiling, d.Subject, d.From.Unix()}] += d.Amount
		}
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	r.Count("day totals", int64(len(left)+len(sales)))
	others := map[dayKey]int64{}
	err = tx.C.Query(`SELECT after FROM audit WHERE tenant_id = $1 AND after LIKE '%took=%'`, func(w core.Row) error {
		for _, d := range access.Took(w.Text(0)) {
			if k := (dayKey{d.Ceiling, d.Subject, d.From.Unix()}); d.Ceiling == access.PersonSales {
				others[k] += d.Amount
			} else {
				left[k] -= d.Amount
			}
		}
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	lessOthers(sales, others, left)
	for k, n := range left {
		if n != 0 {
			r.Find("ceiling", "The total of %s for %s on the day of %s differs by %d from the audit log. Ceilings were counted from a wrong total.",
				k.ceiling, k.subject, time.Unix(k.from, 0).UTC().Format(time.RFC3339), n)
		}
	}
	return tx.verifySoldTotals(r, sales)
}

// lessOthers takes from the totals of sales what they count of other people's sales: an unconfirmed seller's sale counts under the ceilings of
// those as whom the seller counts, too. What a total lacks remains in left.
func lessOthers(sales []access.DayTotal, others, left map[dayKey]int64) {
	for i := range sales {
		k := dayKey{sales[i].Ceiling, sales[i].Subject, sales[i].From.Unix()}
		n := min(others[k], sales[i].Amount)
		sales[i].Amount -= n
		others[k] -= n
	}
	for k, n := range others {
		if n != 0 {
			left[k] -= n
		}
	}
}

// verifySoldTotals compares the totals of people's sales into the utility's own till with the sales. Days that overlap, because the time zone
// was changed, are compared together. Sales before the first total, and on its day, may be older than the totals.
func (tx *Tx) verifySoldTotals(r *Report, totals []access.DayTotal) error {
	var spans []access.DayTotal
	for _, d := range totals {
		if n := len(spans); n > 0 && d.From.Before(spans[n-1].To) {
			spans[n-1].To, spans[n-1].Amount = latest(spans[n-1].To, d.To), spans[n-1].Amount+d.Amount
			continue
		}
		spans = append(spans, d)
	}
	if len(spans) == 0 {
		return nil
	}
	sold, all, err := tx.soldForUtility(spans)
	if err != nil {
		return err
	}
	for i, s := range spans {
		if all -= sold[i]; s.Amount > sold[i] || i > 0 && s.Amount < sold[i] {
			r.Find("ceiling", "The utility's own till took %d on the day of %s, but %d was counted under the ceilings of sellers.", sold[i], s.From.UTC().Format(time.RFC3339), s.Amount)
		}
	}
	if all != 0 {
		r.Find("ceiling", "Sales of %d into the utility's own till were not counted under the ceilings of sellers.", all)
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// soldForUtility sums people's sales into the utility's own till that were priced in each of some spans, whatever became of them. It also
// returns the sum of all such sales from the first span on. The spans are in order and do not overlap. There is no index of these sales by
// their time, so all of them are read once.
func (tx *Tx) soldForUtility(spans []access.DayTotal) (sold []int64, all int64, err error) {
	sold = make([]int64, len(spans))
	const query = `SELECT created_at, tender FROM vend WHERE tenant_id = $1 AND ` + people.SoldByPeople + ` AND created_at >= $2`
	err = tx.C.Query(query, func(w core.Row) error {
		at, tender := w.Time(0), w.Int(1)
		all += tender
		n, exact := slices.BinarySearchFunc(spans, at, func(s access.DayTotal, at time.Time) int { return s.From.Compare(at) })
		if !exact {
			n-- // the last span that began before
		}
		if at.Before(spans[n].To) {
			sold[n] += tender
		}
		return nil
	}, tx.Tenant, spans[0].From)
	return sold, all, err
}
