package timeline

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
)

// DaysLeft estimates how many days what is left in a meter lasts (right: meter.read). [Timeline.DaysLeftOf] says how.
func (t *Timeline) DaysLeft(ctx context.Context, by access.Actor, m registry.MeterView) (wallet.Days, error) {
	all, err := t.DaysLeftOf(ctx, by, []registry.MeterView{m})
	return all[m.Meter.N], err
}

// DaysLeftOf estimates how many days what is left in some meters lasts (right: meter.read), by the number of the meter's row. It is the one estimate
// that the console, customers' pages and the board of flats show. For a token meter it is made from the whole days before that of the newest reading,
// without those of earlier customers. Estimated is false if nobody knows what is left, or if there are too few days.
func (t *Timeline) DaysLeftOf(ctx context.Context, by access.Actor, all []registry.MeterView) (map[int64]wallet.Days, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return nil, nil
	}
	out, tokens, wallets := map[int64]wallet.Days{}, []registry.MeterView(nil), []int64(nil)
	for _, m := range all {
		switch left, known := m.Left(); {
		case !known:
		case left.Money != nil:
			wallets = append(wallets, m.Meter.N)
		default:
			tokens = append(tokens, m)
		}
	}
	money, err := t.c.Wallets.DaysLeft(ctx, by, wallets)
	if err != nil {
		return nil, err
	}
	for n, d := range money {
		out[n] = d
	}
	if len(tokens) > 0 {
		err = t.look(ctx, by, func(tx Tx) error { return tokenDays(tx, tokens, out) })
	}
	return out, fault.Wrap(err, "estimate the days left of %d meters", len(tokens))
}

// tokenDays estimates the days left of token meters. It reads once for all meters whose newest reading is of the same local day.
func tokenDays(tx Tx, all []registry.MeterView, out map[int64]wallet.Days) error {
	set, err := tx.WalletTenant()
	if err != nil {
		return err
	}
	newest, err := tx.NewestReadings(numbersOf(all))
	if err != nil {
		return err
	}
	last := map[time.Time][]registry.MeterView{}
	for _, m := range all {
		if at, has := newest[m.Meter.N]; has {
			today := series.Day.Before(at.In(set.Zone), 1)[0].From
			last[today] = append(last[today], m)
		}
	}
	for today, meters := range last {
		if err := recentDays(tx, today, meters, newest, out); err != nil {
			return err
		}
	}
	return nil
}

func numbersOf(all []registry.MeterView) []int64 {
	out := make([]int64, len(all))
	for i, m := range all {
		out[i] = m.Meter.N
	}
	return out
}

// recentDays estimates the days left of meters whose newest reading is of one local day, from the use of the days that the estimate needs:
// [wallet.JudgeDays], and that day. It reads the first and the last reading of each day, which give the same use of whole days as all readings do.
func recentDays(tx Tx, today time.Time, all []registry.MeterView, newest map[int64]time.Time, out map[int64]wallet.Days) error {
	buckets := series.Day.Before(today, wallet.JudgeDays+1)
	c := Chart{By: series.Day, From: buckets[0].From, To: buckets[len(buckets)-1].To}
	ends, err := tx.ReadingsAtEnds(numbersOf(all), c.days())
	if err != nil {
		return err
	}
	const most = wallet.MaxPerPhase * mostPhases
	for _, m := range all {
		c.Meter, c.newest, c.Use = m.Meter, newest[m.Meter.N], nil
		left := budget{most: most, times: maxRefined, rows: maxReadings}
		rows, err := left.refine(tx, m.Meter.N, ends[m.Meter.N])
		if err != nil {
			return err
		}
		for _, u := range series.UseOf(samplesOf(inOrder(rows)), buckets, most) {
			c.Use = append(c.Use, Used{Use: u})
		}
		if !m.Meter.Simulated { // a virtual meter has a time of its own, and no earlier customers
			c.Since(m.Since)
		}
		energy, _ := m.Left()
		out[m.Meter.N] = c.daysLeft(energy.Energy)
	}
	return nil
}
