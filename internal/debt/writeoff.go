package debt

import (
	"context"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// WriteOff is a request to give up a debt or a part of it.
type WriteOff struct {
	once.Request
	Debt   string
	Amount *money.Minor // nil: all that is outstanding; an explicit 0 is refused
	Reason string

	Render func(Booking) (status int, body []byte)
}

// WriteOff takes a debt off the books (right: ledger.adjust; P20). Under four eyes it takes two people.
func (ds *Debts) WriteOff(ctx context.Context, by access.Actor, w WriteOff) (once.Done[Booking], error) {
	out, err := once.Do(ctx, ds.answers, by, access.AdjustLedger, w.Request, w.Render, func(tx Tx) (Booking, refusal.Refusal, error) {
		out, no, err := ds.writeOff(tx, by, w)
		if err != nil || no.Refused() || out.Waits != nil {
			return out, no, err
		}
		out.Currency, _, err = tx.Books().Currency()
		return out, no, err
	})
	return out, fault.Wrap(err, "write off debt %s", refusal.Echo(w.Debt))
}

func (ds *Debts) writeOff(tx Tx, by access.Actor, w WriteOff) (Booking, refusal.Refusal, error) {
	w.Reason = strings.TrimSpace(w.Reason)
	switch {
	case w.Amount != nil && (*w.Amount <= 0 || *w.Amount > money.MaxMinor):
		return Booking{}, refuse.WriteOffOutOfRange(int64(*w.Amount)), nil
	case w.Reason == "" || !access.OneLine(w.Reason, maxMemo):
		return Booking{}, refuse.BookingWithoutReason(maxMemo), nil
	}
	d, no, err := findDebt(tx, w.Debt)
	if err != nil || no.Refused() {
		return Booking{}, no, err
	}
	amount := d.Outstanding
	if w.Amount != nil {
		amount = *w.Amount
	}
	currency, _, err := tx.Books().Currency()
	switch {
	case err != nil:
		return Booking{}, refusal.Refusal{}, err
	case d.Outstanding == 0:
		return Booking{}, refuse.WriteOffOfNoDebt(d.Name()), nil
	case amount > d.Outstanding:
		return Booking{}, refuse.WriteOffAboveDebt(d.Name(), money.Amount{Minor: d.Outstanding, Currency: currency}), nil
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActAdjust, Object: d.Name(),
		Summary: fmt.Sprintf("write off %s of debt %s: %s", money.Amount{Minor: amount, Currency: currency}, d.Name(), w.Reason),
		// The approval is for the amount in the summary, even if the outstanding amount has changed by then.
		Body: adjustAsked{Debt: d.Name(), Amount: amount, Reason: w.Reason}, Takes: takes(amount, d.Account),
		Content: []string{d.Account.Text(id.Account), d.Kind, d.Memo},
		Effect: access.Telling(func(e *access.Effect) {
			e.Fact("debt", strings.TrimSpace(d.Kind+" "+d.Memo))
			e.Fact("account", d.Account.Text(id.Account))
			e.Sum("amount", money.Amount{Minor: amount, Currency: currency})
			e.Change("outstanding", pays(d.Outstanding, currency), pays(d.Outstanding-amount, currency))
		})}, ds.moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Booking{Waits: eyes.Waits}, eyes.Refusal, err
	}
	ok, err := tx.DebtWriteOff(d.ID, amount)
	if err == nil && !ok {
		err = fmt.Errorf("debt %s has less outstanding than was read under its lock", d.Name())
	}
	if err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	before := d.Outstanding
	if d, _, err = tx.Debt(d.ID); err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	if _, err := ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.WriteOff, Memo: d.Name() + ": " + w.Reason, PostedAt: ds.moment(),
		Postings: ledger.DebtWrittenOff(ledger.SubjectOf(d.Account, d.Name()), amount)}); err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	e := by.Entry("debt.write-off", d.Name())
	e.Before, e.After, e.Reason = fmt.Sprintf("outstanding_minor=%d", before), fmt.Sprintf("outstanding_minor=%d", d.Outstanding), w.Reason
	return Booking{Debt: d}, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// findDebt locks the account of a debt and returns the debt, found by its identity text.
func findDebt(tx Tx, text string) (Debt, refusal.Refusal, error) {
	missing := refuse.DebtNotFound(refusal.Echo(text))
	i, err := id.Parse(id.Debt, text)
	if err != nil {
		return Debt{}, missing, nil
	}
	d, found, err := tx.Debt(i)
	if err != nil || !found {
		return Debt{}, missing, err
	}
	if _, found, err = tx.AccountPlace(AccountName{ID: d.Account}); err != nil || !found {
		return Debt{}, refusal.Refusal{}, fmt.Errorf("lock account of debt %s (found: %t): %w", d.Name(), found, err)
	}
	d, _, err = tx.Debt(i)
	return d, refusal.Refusal{}, err
}
