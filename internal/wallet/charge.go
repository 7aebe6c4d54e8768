package wallet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
)

// ChargeAccount is an account whose fixed charges are taken from its wallet day by day.
type ChargeAccount struct {
	Meter    MeterFacts // the meter that supplies the account; its clock gives the day
	OpenedAt time.Time
}

const (
	chargeJob   = "wallet charges" // its period is the local date
	chargeBatch = 8                // accounts in one list
	// chargeDays is how many days of an account one transaction takes.
	chargeDays = 31
	// maxChargeDays is how many days back fixed charges are taken. A server that was off for longer does not charge for older days.
	maxChargeDays = 400
)

// ChargeDays takes the fixed charges of every local day that has begun from the wallets (P17 of docs/reference/postings.md). It writes one
// journal for each account and day, and returns the number of journals. By the cumulative method, the daily parts of a monthly amount sum
// exactly to that amount. A simulated meter counts its own days. ChargeDays may run at any time and on several instances, because the
// account stores the day up to which it is charged, and a day's journal can exist only once.
func (w *Wallets) ChargeDays(ctx context.Context, by access.Actor) (int, error) {
	now := w.moment()
	var today string
	var done bool
	err := w.c.Door.View(ctx, by.Tenant, func(tx Tx) error {
		t, err := tx.Rating().WalletTenant()
		if err != nil {
			return err
		}
		today = now.In(t.Zone).Format(dateForm)
		done, err = tx.WalletJobs().JobDone(chargeJob, today)
		return err
	})
	if err != nil {
		return 0, err
	}
	date := today
	if done {
		date = "" // today is done: list only accounts that were never charged, and accounts with a simulated meter
	}
	charged, after := 0, int64(0)
	for {
		list, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) ([]ChargeAccount, error) {
			return tx.WalletJobs().WalletsUncharged(date, after, chargeBatch)
		})
		if err != nil {
			return charged, fmt.Errorf("look for wallets to charge: %w", err)
		}
		for _, a := range list {
			n, err := w.chargeAccount(ctx, by, a, now)
			if err != nil {
				return charged, fmt.Errorf("charge the wallet of meter %s: %w", a.Meter.Number, err)
			}
			charged, after = charged+n, a.Meter.N
		}
		if len(list) < chargeBatch {
			break
		}
	}
	if done {
		return charged, nil
	}
	return charged, w.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) {
		_, err := tx.WalletJobs().JobRun(chargeJob, today)
		return false, err
	})
}

// chargeAccount charges one account, a few days in each transaction.
func (w *Wallets) chargeAccount(ctx context.Context, by access.Actor, a ChargeAccount, now time.Time) (charged int, err error) {
	for b := (batch{full: true}); b.full; {
		b, err = access.Through(ctx, w.c.Door, by.Tenant, func(tx Tx) (batch, error) { return chargeSome(tx, a, now) })
		if err != nil {
			return charged, err
		}
		charged += b.done
	}
	return charged, nil
}

// chargeSome charges the next days of an account. If more days remain, batch.full is true in the result.
func chargeSome(tx Tx, a ChargeAccount, now time.Time) (batch, error) {
	t, err := tx.Rating().WalletTenant()
	if err != nil {
		return batch{}, err
	}
	to, err := tx.WalletJobs().WalletChargedTo(a.Meter.Account)
	if err != nil {
		return batch{}, err
	}
	today := midnight(a.Meter.Clock(now), t.Zone)
	day := firstDay(a, to, today, t.Zone)
	if day.After(today) {
		return batch{}, nil
	}
	rows, err := tx.Rating().WalletsOf(a.Meter.Account)
	if err != nil || len(rows) == 0 || !rows[0].Meter.Active { // the account was closed, or lost its meter, since it was listed
		return batch{}, err
	}
	var out batch
	for n := 0; !day.After(today); n++ {
		if n == chargeDays {
			out.full = true
			break
		}
		booked, err := chargeDay(tx, a, rows, day, t.Zone, now)
		if err != nil {
			return batch{}, err
		}
		if booked {
			out.done++
		}
		to, day = day.Format(dateForm), localday.Next(day)
	}
	if err := tx.WalletJobs().ChargedTo(a.Meter.Account, to); err != nil {
		return batch{}, err
	}
	if out.done > 0 {
		_, err = Settle(tx.Rating(), t, rows, now, false)
	}
	return out, err
}

// firstDay returns the first local day that an account has not been charged for.
func firstDay(a ChargeAccount, to string, today time.Time, zone *time.Location) time.Time {
	day := midnight(a.OpenedAt, zone)
	if last, err := localday.Parse(to, zone); err == nil {
		day = localday.Next(last)
	}
	if oldest := localday.After(today, 1-maxChargeDays); day.Before(oldest) {
		day = oldest
	}
	return day
}

// midnight returns the beginning of a time's local day.
func midnight(at time.Time, zone *time.Location) time.Time { return localday.Of(at.In(zone)) }

// chargeDay posts the fixed charges of one local day, and reports whether there were any. It uses the tariff of the account and its version in
// force when the day began, or when the account was opened on that day. The parameter rows holds the account's locked wallets.
func chargeDay(tx Tx, a ChargeAccount, rows []Row, day time.Time, zone *time.Location, now time.Time) (bool, error) {
	begins := day
	if a.OpenedAt.After(begins) {
		begins = a.OpenedAt
	}
	v, found, err := tx.Rating().TariffVersionAt(rows[0].Meter.TariffAt(begins), begins)
	if err != nil || !found {
		return false, err
	}
	net, vat, names, err := DayCharges(v.Body, day)
	if err != nil || net+vat == 0 {
		return false, err
	}
	account := a.Meter.Account.Text(id.Account)
	memo := strings.Join(names, ", ")
	if most := ledger.MaxText - len(testMark); len(memo) > most {
		memo = memo[:most]
	}
	if a.Meter.Simulated {
		memo += testMark
	}
	lines, err := bookAdvanced(tx.Rating(), rows, ledger.WalletCharged(account, net, vat))
	if err != nil {
		return false, err
	}
	return true, book(tx.Rating(), ledger.Journal{Kind: ledger.Charged, Ref: ChargeRef(a.Meter.Account, day.Format(dateForm)), PostedAt: now, Memo: memo, Postings: lines})
}

// DayCharges returns a tariff's fixed charges of a local day: the tax contained in each, rounded half up, and the rest.
func DayCharges(b tariff.Body, day time.Time) (net, vat money.Minor, names []string, err error) {
	for _, f := range b.Fixed {
		gross, err := b.FixedDue(f, day.Year(), day.Month(), day.Day(), day.Day())
		if err != nil {
			return 0, 0, nil, err
		}
		tax, err := money.TaxIn(gross, b.FixedVAT(f))
		if err != nil {
			return 0, 0, nil, err
		}
		net, vat, names = net+gross-tax, vat+tax, append(names, f.Name)
	}
	return net, vat, names, nil
}

// ChargeRef returns the reference of the journal of an account's fixed charges of a local day. No two journals have the same reference.
func ChargeRef(account id.ID, day string) string { return account.Text(id.Account) + " " + day }
