package wallet

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
)

// recentUse reads the use of meters on the days from which the days left are estimated. The parameter today is the local day that is not over yet.
func recentUse(tx Tx, rows []Row, today time.Time) (map[int64][]DayUse, error) {
	meters := make([]int64, len(rows))
	for i, r := range rows {
		meters[i] = r.Meter.N
	}
	return tx.WalletViews().WalletUseOf(meters, localday.After(today, -JudgeDays).Format(dateForm), localday.After(today, -1).Format(dateForm))
}

// DaysLeft estimates how many days the money of some wallet meters lasts (right: meter.read), by the number of the meter's row. It reads each table
// once for all meters that have the same local day.
func (w *Wallets) DaysLeft(ctx context.Context, by access.Actor, meters []int64) (map[int64]Days, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() || len(meters) == 0 {
		return nil, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (map[int64]Days, error) {
		t, err := tx.Rating().WalletTenant()
		if err != nil {
			return nil, err
		}
		all, err := tx.WalletViews().WalletsOfMeters(meters)
		if err != nil {
			return nil, err
		}
		of := map[id.ID][]Row{} // the wallets of each account
		var accounts []id.ID
		for _, r := range all {
			if of[r.Meter.Account] == nil {
				accounts = append(accounts, r.Meter.Account)
			}
			of[r.Meter.Account] = append(of[r.Meter.Account], r)
		}
		have, err := tx.WalletViews().WalletMoneyOf(accounts)
		if err != nil {
			return nil, err
		}
		asked := map[int64]bool{}
		for _, n := range meters {
			asked[n] = true
		}
		days := map[time.Time][]Row{} // the wanted meters by their local day: a simulated one has its own
		for _, r := range all {
			if asked[r.Meter.N] {
				today := midnight(r.Meter.Clock(w.moment()), t.Zone)
				days[today] = append(days[today], r)
			}
		}
		out := map[int64]Days{}
		for today, wanted := range days {
			if err := daysLeft(tx, t, today, wanted, of, have, out); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
	return out, fault.Wrap(err, "estimate the days left of %d wallets", len(meters))
}

// daysLeft estimates the days left of meters that have the same local day. The parameter of has the wallets of each account, and have its money.
func daysLeft(tx Tx, t Tenant, today time.Time, wanted []Row, of map[id.ID][]Row, have map[id.ID]Money, out map[int64]Days) error {
	var rows []Row
	for _, r := range wanted {
		rows = append(rows, of[r.Meter.Account]...)
	}
	used, err := recentUse(tx, rows, today)
	if err != nil {
		return err
	}
	for _, r := range wanted {
		mine := of[r.Meter.Account]
		daily, err := daysOf(tx, t, mine, used)
		if err != nil {
			return err
		}
		out[r.Meter.N] = DaysLeft(have[r.Meter.Account].used(mine).Available()-t.Policy.CutOff, daily)
	}
	return nil
}
