package debt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
)

// NewCharge is a charge that a person makes due: one left open in another system, or a one-time fee.
type NewCharge struct {
	once.Request
	Account  string // identity of the account, or a meter that supplies it
	Name     string // small letters, digits and dashes; unique in the account together with Month
	Month    string // "2026-11"
	Amount   money.Amount
	VATBps   money.Bps // rate of the tax contained in Amount
	Priority int       // 0 means 20
	Uncapped bool

	Render func(Charged) (status int, body []byte)
}

// Charged is a charge that was made due.
type Charged struct {
	Due
	Currency string
}

// AddCharge makes a charge due (right: debt.write). Like every charge, it is not in the ledger until it is paid.
func (ds *Debts) AddCharge(ctx context.Context, by access.Actor, n NewCharge) (once.Done[Charged], error) {
	name, no := n.normal()
	out, err := once.Do(ctx, ds.answers, by, access.WriteDebts, n.Request, n.Render, func(tx Tx) (Charged, refusal.Refusal, error) {
		if no.Refused() {
			return Charged{}, no, nil
		}
		return ds.addCharge(tx, by, n, name)
	})
	return out, fault.Wrap(err, "charge %s", refusal.Echo(n.Account))
}

// normal fills in the defaults, and returns what is wrong.
func (n *NewCharge) normal() (AccountName, refusal.Refusal) {
	n.Priority = cmp.Or(n.Priority, tariff.FixedPriority)
	name, no := accountName(n.Account)
	if no.Refused() {
		return name, no
	}
	_, err := time.Parse(localday.MonthForm, n.Month)
	switch {
	case !plainName(n.Name):
		return name, refuse.ChargeNameOfWrongForm(refusal.Echo(n.Name), maxKind)
	case err != nil:
		return name, refuse.ChargeMonthOfWrongForm(refusal.Echo(n.Month))
	case n.VATBps < 0 || n.VATBps > tariff.MaxVATBps:
		return name, refuse.ChargeTaxOutOfRange(int64(n.VATBps), int64(tariff.MaxVATBps))
	case n.Priority < 1 || n.Priority > tariff.MaxPriority:
		return name, refuse.ChargePriorityOutOfRange(int64(n.Priority), tariff.MaxPriority)
	case n.Amount.Minor == 0:
		return name, refuse.BookingNotPositive()
	}
	return name, checkAmount(n.Amount)
}

// plainName reports whether a text may name a charge, by the same rule as in tariffs.
func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxKind
}

func (ds *Debts) addCharge(tx Tx, by access.Actor, n NewCharge, name AccountName) (Charged, refusal.Refusal, error) {
	place, no, err := findAccount(tx, name, n.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, n.Amount)
	}
	if err != nil || no.Refused() {
		return Charged{}, no, err
	}
	d := Due{Account: place.ID, Name: n.Name, Month: n.Month, Gross: n.Amount.Minor, VATBps: n.VATBps, Priority: n.Priority, Capped: !n.Uncapped, CreatedAt: ds.moment()}
	there, err := tx.Charges().ChargesOf(place.ID, n.Month)
	if err != nil {
		return Charged{}, refusal.Refusal{}, err
	}
	if slices.ContainsFunc(there, func(o Due) bool { return o.Name == d.Name && o.Month == d.Month }) {
		return Charged{}, refuse.ChargeExists(place.ID.Text(id.Account), d.Ref()), nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActCharge, Takes: takes(d.Gross, place.ID)}, d.CreatedAt)
	if err != nil || eyes.Refused() {
		return Charged{}, eyes.Refusal, err
	}
	if d.ID, err = tx.NewID(); err != nil {
		return Charged{}, refusal.Refusal{}, err
	}
	if err := tx.Charges().ChargePut(d); err != nil {
		return Charged{}, refusal.Refusal{}, err
	}
	e := by.Entry("charge.add", place.ID.Text(id.Account))
	e.After = fmt.Sprintf("charge=%q amount_minor=%d vat_bps=%d priority=%d", d.Ref(), d.Gross, d.VATBps, d.Priority)
	return Charged{Due: d, Currency: n.Amount.Currency}, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}
