package debt

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Adjustment gives a customer money out of goodwill.
type Adjustment struct {
	once.Request
	Account string
	Amount  money.Amount
	Reason  string

	Render func(Adjusted) (status int, body []byte)
}

// Adjusted is a booked adjustment.
type Adjusted struct {
	Journal id.ID
	Account id.ID
	To      ledger.AccountRef // the wallet, or the carry of a token account, which its next purchase uses
	Amount  money.Amount
	Reason  string
	At      time.Time
	Waits   *access.Approval // set if the request waits for a second person; nothing was booked
}

// Adjust books goodwill (right: ledger.adjust; P13). Under four eyes it takes two people.
func (ds *Debts) Adjust(ctx context.Context, by access.Actor, a Adjustment) (once.Done[Adjusted], error) {
	out, err := once.Do(ctx, ds.answers, by, access.AdjustLedger, a.Request, a.Render, func(tx Tx) (Adjusted, refusal.Refusal, error) { return ds.adjust(tx, by, a) })
	return out, fault.Wrap(err, "adjust %s", refusal.Echo(a.Account))
}

func (ds *Debts) adjust(tx Tx, by access.Actor, a Adjustment) (Adjusted, refusal.Refusal, error) {
	a.Reason = strings.TrimSpace(a.Reason)
	name, no := accountName(a.Account)
	switch {
	case no.Refused():
		return Adjusted{}, no, nil
	case a.Reason == "" || !access.OneLine(a.Reason, maxMemo):
		return Adjusted{}, refuse.BookingWithoutReason(maxMemo), nil
	case a.Amount.Minor <= 0:
		return Adjusted{}, refuse.AdjustmentNotPositive(), nil
	}
	if no := checkAmount(a.Amount); no.Refused() {
		return Adjusted{}, no, nil
	}
	place, no, err := findAccount(tx, name, a.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, a.Amount)
	}
	if err != nil || no.Refused() {
		return Adjusted{}, no, err
	}
	if place.Status != registry.AccountActive {
		return Adjusted{}, refuse.AccountTakesNoMoney(place.ID.Text(id.Account), place.Status), nil
	}
	to := goodwillTo(place)
	has, err := tx.Books().Balance(to)
	if err != nil || -has > money.MaxMinor-a.Amount.Minor {
		return Adjusted{}, refuse.AccountWouldHoldTooMuch(place.ID.Text(id.Account), money.Amount{Minor: money.MaxMinor, Currency: a.Amount.Currency}), err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActAdjust, Object: place.ID.Text(id.Account),
		Summary: fmt.Sprintf("give %s to account %s: %s", a.Amount, place.ID.Text(id.Account), a.Reason),
		Body:    adjustAsked{Account: place.ID.Text(id.Account), Amount: a.Amount.Minor, Currency: a.Amount.Currency, Reason: a.Reason},
		Takes:   takes(a.Amount.Minor, place.ID),
		Effect: access.Telling(func(e *access.Effect) {
			e.Sum("amount", a.Amount)
			e.Change("balance", access.Pays(money.Amount{Minor: -has, Currency: a.Amount.Currency}), access.Pays(money.Amount{Minor: a.Amount.Minor - has, Currency: a.Amount.Currency}))
		})}, ds.moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Adjusted{Waits: eyes.Waits}, eyes.Refusal, err
	}
	out := Adjusted{Account: place.ID, Amount: a.Amount, Reason: a.Reason, At: ds.moment(), To: to}
	j := ledger.Journal{Kind: ledger.Goodwill, PostedAt: out.At, Memo: a.Reason, Postings: ledger.GoodwillGiven(out.To, a.Amount.Minor)}
	if out.To.Code == ledger.Wallet { // lock the wallets before their ledger accounts, in the same order as a reading does
		if _, err = tx.Wallets().WalletsOf(place.ID); err != nil {
			return Adjusted{}, refusal.Refusal{}, err
		}
	}
	if out.Journal, err = ledger.Enter(tx.Books(), j); err != nil {
		return Adjusted{}, refusal.Refusal{}, err
	}
	if out.To.Code == ledger.Wallet {
		if _, err := wallet.SettleCredit(tx.Wallets(), place.ID, out.At); err != nil {
			return Adjusted{}, refusal.Refusal{}, err
		}
	}
	e := by.Entry("adjustment", place.ID.Text(id.Account))
	e.After = fmt.Sprintf("journal=%s goodwill=%q", out.Journal.Text(id.Journal), a.Amount)
	e.Reason = a.Reason
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// takes is what an entry on an account counts under ceilings.
func takes(amount money.Minor, account id.ID) access.Takes {
	name := account.Text(id.Account)
	return access.Takes{Amount: int64(amount), Account: access.Subject{ID: name, Name: name}}
}

// goodwillTo returns the wallet of an account, or the carry of an account that buys tokens.
func goodwillTo(place AccountDetails) ledger.AccountRef {
	to := ledger.AccountRef{Code: ledger.Carry, Subject: place.ID.Text(id.Account)}
	if place.Mode == registry.PrepayWallet {
		to.Code = ledger.Wallet
	}
	return to
}

// adjustAsked is a write-off or goodwill as it is stored for a second person.
type adjustAsked struct {
	Debt     string      `json:"debt,omitempty"`
	Account  string      `json:"account,omitempty"`
	Amount   money.Minor `json:"amount_minor"`
	Currency string      `json:"currency,omitempty"`
	Reason   string      `json:"reason"`
}

// doAdjust carries out a write-off or goodwill that a second person approved; it is an [access.Executor].
func (ds *Debts) doAdjust(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a adjustAsked
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved adjustment: %w", err)
	}
	if a.Debt != "" {
		out, err := ds.WriteOff(ctx, maker, WriteOff{Debt: a.Debt, Amount: &a.Amount, Reason: a.Reason})
		return access.Done{Refusal: out.Refusal, Object: a.Debt}, err
	}
	out, err := ds.Adjust(ctx, maker, Adjustment{Account: a.Account, Amount: money.Amount{Minor: a.Amount, Currency: a.Currency}, Reason: a.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Journal.Text(id.Journal)}, err
}
