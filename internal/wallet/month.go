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
	"github.com/paywatt/paywatt/internal/registry"
)

// Month is what moved an account's money in a local month.
type Month struct {
	refusal.Refusal
	Account    id.ID
	Currency   string
	Zone       *time.Location // that of the month's end
	Begin, End time.Time      // each in the zone that the utility had then
	Wallet     Statement      // of the wallet, all lines
	Carry      money.Minor    // change carried forward at the beginning
	Booked     []Booked       // changes of it
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
		m := Month{Account: a, Currency: t.Currency}
		if m.Begin, m.End, no, err = FindMonth(tx, month, w.moment().In(t.Zone)); err != nil || no.Refused() {
			return Month{Refusal: no}, err
		}
		m.Zone = m.End.Location()
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
		m.Wallet.fill(booked, m.Begin, m.End, m.Zone)
		return m, nil
	})
	return out, fault.Wrap(err, "statement of %s", account)
}

// parseMonth reads a month such as 2026-11. Without one it is the month of a time.
func parseMonth(month string, now time.Time) (year int, of time.Month, no refusal.Refusal) {
	if month == "" {
		return now.Year(), now.Month(), no
	}
	first, err := time.Parse(monthForm, month) // not in the zone, where a month may begin at 01:00
	if err != nil {
		return 0, 0, refuse.StatementMonthOfWrongForm(refusal.Echo(month))
	}
	return first.Year(), first.Month(), no
}

// HeadTx reads the letterhead of a moment. It has the time zone that the utility had then.
type HeadTx interface {
	LetterheadAt(at time.Time) (registry.PaperHead, error)
}

// FindMonth returns the first moment of a local month such as 2026-11, and that of the month after it, each in the zone that the utility had
// when the month began in UTC. Without a month it is the month of a time. So the months of statements follow each other also when the utility
// has moved to another zone, and an old statement stays what it was.
func FindMonth(tx HeadTx, month string, now time.Time) (begin, end time.Time, no refusal.Refusal, err error) {
	year, of, no := parseMonth(month, now)
	if no.Refused() {
		return begin, end, no, nil
	}
	begin, err = beginMonth(tx, year, of)
	if err == nil {
		end, err = beginMonth(tx, year, of+1)
	}
	return begin, end, no, err
}

// beginMonth returns the first moment of a month in the zone that the utility had then.
func beginMonth(tx HeadTx, year int, month time.Month) (time.Time, error) {
	head, err := tx.LetterheadAt(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return time.Time{}, err
	}
	zone, err := localday.LoadZone(head.TZ)
	if err != nil {
		return time.Time{}, err
	}
	return localday.Begin(year, month, 1, zone), nil
}
