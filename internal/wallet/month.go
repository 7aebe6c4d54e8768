package wallet

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// Month is what moved an account's money in a local month.
type Month struct {
	refusal.Refusal
	Account    id.ID
	Currency   string
	Zone       *time.Location
	Begin, End time.Time
	Wallet     Statement   // of the wallet, all lines
	Carry      money.Minor // change carried forward at the beginning
	Booked     []Booked    // changes of it
}

// monthForm is how a month is written.
const monthForm = "2006-01"

// Month returns what the books say about an account in a local month (right: customer.read). Without a month, it is the present one. The
// account may be named by a meter.
func (w *Wallets) Month(ctx context.Context, by access.Actor, account, month string) (Month, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Month{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (Month, error) {
		t, err := tx.Rating().WalletTenant()
		if err != nil {
			return Month{}, err
		}
		a, no, err := findAccount(tx, account)
		if err != nil || no.Refused() {
			return Month{Refusal: no}, err
		}
		m := Month{Account: a, Currency: t.Currency, Zone: t.Zone}
		if m.Begin, m.End, no = MonthOf(month, w.moment().In(t.Zone)); no.Refused() {
			return Month{Refusal: no}, nil
		}
		var booked []Booked
		if m.Wallet.Opening, booked, err = tx.WalletViews().WalletBooked(a, m.Begin, m.End, maxBooked+1); err != nil {
			return Month{}, err
		}
		if m.Carry, m.Booked, err = tx.WalletViews().CarryBooked(a, m.Begin, m.End, maxBooked+1); err != nil {
			return Month{}, err
		}
		if len(booked) > maxBooked || len(m.Booked) > maxBooked {
			return Month{Refusal: refuse.StatementTooLarge(maxBooked)}, nil
		}
		m.Wallet.fill(booked, m.Begin, m.End, t.Zone)
		return m, nil
	})
	return out, fault.Wrap(err, "statement of %s", account)
}

// MonthOf returns the first moment of a local month such as 2026-11, and that of the month after it, in the zone of a time. Without a month it
// is the month of the time.
func MonthOf(month string, now time.Time) (begin, end time.Time, no refusal.Refusal) {
	first, err := now, error(nil)
	if month != "" {
		if first, err = time.ParseInLocation(monthForm, month, now.Location()); err != nil {
			return begin, end, refuse.StatementMonthOfWrongForm(refusal.Echo(month))
		}
	}
	begin = localday.Begin(first.Year(), first.Month(), 1, now.Location())
	return begin, localday.Begin(first.Year(), first.Month()+1, 1, now.Location()), no
}
