package debt

import (
	"cmp"
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

// Refund is a request to pay out what is due back to a customer who has moved out, or to give it to another account.
type Refund struct {
	once.Request
	Account string        // identity of the account
	Amount  *money.Amount // nil: all that is due back; an explicit 0 is refused
	Bank    string        // the bank account that pays; empty means main
	To      string        // the receiving account instead of the bank: its identity, or a meter that supplies it
	Reason  string        // says to whom and how the refund is paid, for example with a bank's reference

	Render func(Refunded) (status int, body []byte)
}

// Refunded is a refund that was booked.
type Refunded struct {
	Journal id.ID
	Account id.ID
	To      ledger.AccountRef
	Amount  money.Amount
	Left    money.Minor // the amount that is still due back
	Reason  string
	At      time.Time
	Waits   *access.Approval // set if the request waits for a second person; nothing was booked
}

// refundRequest is the part of a refund that is stored for a second person.
type refundRequest struct {
	Account  string      `json:"account"`
	Minor    money.Minor `json:"amount_minor"`
	Currency string      `json:"currency"`
	Bank     string      `json:"bank,omitempty"`
	To       string      `json:"to,omitempty"`
	Reason   string      `json:"reason"`
}

// Refund books that an amount due back was paid out, or moves it to another account (right: ledger.adjust). Under four eyes it takes two
// people.
func (ds *Debts) Refund(ctx context.Context, by access.Actor, r Refund) (once.Done[Refunded], error) {
	out, err := once.Do(ctx, ds.answers, by, access.AdjustLedger, r.Request, r.Render, func(tx Tx) (Refunded, refusal.Refusal, error) { return ds.refund(tx, by, r) })
	return out, fault.Wrap(err, "refund account %s", refusal.Echo(r.Account))
}

// normal fills in the defaults of a refund, and returns what is wrong.
func (r *Refund) normal() (AccountName, refusal.Refusal) {
	r.Reason, r.Bank, r.To = strings.TrimSpace(r.Reason), strings.TrimSpace(r.Bank), strings.TrimSpace(r.To)
	name, no := accountName(r.Account)
	switch {
	case no.Refused():
		return name, no
	case r.Reason == "" || !access.OneLine(r.Reason, maxMemo):
		return name, refuse.RefundWithoutReason(maxMemo)
	case r.Bank != "" && r.To != "":
		return name, refuse.RefundToBankAndAccount()
	case len(r.Bank) > maxKind || !access.Printable(r.Bank):
		return name, refuse.BankNameOfWrongForm(maxKind)
	case r.Amount != nil && r.Amount.Minor <= 0:
		return name, refuse.RefundNotPositive()
	}
	r.Bank = cmp.Or(strings.ToLower(r.Bank), ledger.MainBank) // one written form, as for deposits
	return name, refusal.Refusal{}
}

func (ds *Debts) refund(tx Tx, by access.Actor, r Refund) (Refunded, refusal.Refusal, error) {
	name, no := r.normal()
	if no.Refused() {
		return Refunded{}, no, nil
	}
	place, no, err := findAccount(tx, name, r.Account)
	if err != nil || no.Refused() {
		return Refunded{}, no, err
	}
	due := ledger.AccountRef{Code: ledger.RefundDue, Subject: place.ID.Text(id.Account)}
	out := Refunded{Account: place.ID, Reason: r.Reason, At: ds.moment(), To: ledger.AccountRef{Code: ledger.Bank, Subject: r.Bank}}
	balance, err := tx.Books().Balance(due)
	if err != nil {
		return Refunded{}, refusal.Refusal{}, err
	}
	if out.Amount.Currency, _, err = tx.Books().Currency(); err != nil {
		return Refunded{}, refusal.Refusal{}, err
	}
	out.Amount.Minor = -balance
	if r.Amount != nil {
		out.Amount.Minor = r.Amount.Minor
	}
	switch {
	case r.Amount != nil && r.Amount.Currency != out.Amount.Currency:
		return Refunded{}, refuse.BookingNotMade(refuse.CurrencyMismatch(refusal.Echo(r.Amount.Currency), out.Amount.Currency)), nil
	case -balance <= 0 && place.Mode == registry.Postpay:
		return Refunded{}, refuse.RefundNotDuePostPaid(place.ID.Text(id.Account)), nil
	case -balance <= 0:
		return Refunded{}, refuse.RefundNotDue(place.ID.Text(id.Account)), nil
	case out.Amount.Minor > -balance:
		return Refunded{}, refuse.RefundAboveDue(place.ID.Text(id.Account), money.Amount{Minor: -balance, Currency: out.Amount.Currency}), nil
	}
	out.Left = -balance - out.Amount.Minor
	var to AccountDetails
	if r.To != "" {
		if out.To, to, no, err = receiver(tx, place, r.To); err != nil || no.Refused() {
			return Refunded{}, no, err
		}
	}
	owed, err := owedBy(tx, place.ID)
	if err != nil {
		return Refunded{}, refusal.Refusal{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActRefund, Object: place.ID.Text(id.Account),
		Summary: fmt.Sprintf("refund %s of account %s to %s: %s", out.Amount, place.ID.Text(id.Account), receiverName(out.To), r.Reason),
		Body:    refundRequest{place.ID.Text(id.Account), out.Amount.Minor, out.Amount.Currency, r.bankOf(), r.To, r.Reason},
		Effect: access.Telling(func(e *access.Effect) {
			e.Sum("amount", out.Amount)
			e.Fact("from-account", place.ID.Text(id.Account))
			if r.To == "" {
				e.Fact("bank", out.To.Subject)
			} else {
				e.Fact("to-account", out.To.Subject)
			}
			to.tell(e, "to-")
			e.Change("balance", access.Pays(money.Amount{Minor: -balance, Currency: out.Amount.Currency}), access.Pays(money.Amount{Minor: out.Left, Currency: out.Amount.Currency}))
			if owed > 0 {
				e.Sum("outstanding", money.Amount{Minor: owed, Currency: out.Amount.Currency})
			}
		})}, out.At)
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Refunded{Waits: eyes.Waits}, eyes.Refusal, err
	}
	return ds.payRefund(tx, by, out, due, to.ID, eyes)
}

// receiverName says in words which account gets money.
func receiverName(a ledger.AccountRef) string {
	if a.Code == ledger.Bank {
		return "bank account " + a.Subject
	}
	return "account " + a.Subject
}

// refName names an account of the books.
func refName(a ledger.AccountRef) string { return fmt.Sprintf("%d:%s", int(a.Code), a.Subject) }

// bankOf returns the bank account, or "" if another account gets the money.
func (r Refund) bankOf() string {
	if r.To != "" {
		return ""
	}
	return r.Bank
}

// receiver returns the wallet or the carry of another account that gets a refund.
func receiver(tx Tx, from AccountDetails, text string) (ledger.AccountRef, AccountDetails, refusal.Refusal, error) {
	name, no := accountName(text)
	if no.Refused() {
		return ledger.AccountRef{}, AccountDetails{}, no, nil
	}
	to, no, err := findAccount(tx, name, text)
	if err != nil || no.Refused() {
		return ledger.AccountRef{}, AccountDetails{}, no, err
	}
	switch {
	case to.ID == from.ID:
		return ledger.AccountRef{}, AccountDetails{}, refuse.RefundToItself(to.ID.Text(id.Account)), nil
	case to.Status != registry.AccountActive:
		return ledger.AccountRef{}, AccountDetails{}, refuse.AccountTakesNoMoney(to.ID.Text(id.Account), to.Status), nil
	}
	return goodwillTo(to), to, refusal.Refusal{}, nil
}

// payRefund books a refund that needs no further approval.
func (ds *Debts) payRefund(tx Tx, by access.Actor, out Refunded, due ledger.AccountRef, to id.ID, eyes access.FourEyes) (Refunded, refusal.Refusal, error) {
	if !to.IsZero() {
		if has, err := tx.Books().Balance(out.To); err != nil || -has > money.MaxMinor-out.Amount.Minor {
			return Refunded{}, refuse.AccountWouldHoldTooMuch(to.Text(id.Account), money.Amount{Minor: money.MaxMinor, Currency: out.Amount.Currency}), err
		}
	}
	j := ledger.Journal{Kind: ledger.Refund, PostedAt: out.At, Memo: out.Reason, Postings: []ledger.Posting{
		{Account: due, Amount: out.Amount.Minor}, {Account: out.To, Amount: -out.Amount.Minor}}}
	var err error
	if out.To.Code == ledger.Wallet { // lock the wallets before their ledger accounts, in the same order as a reading does
		if _, err = tx.Wallets().WalletsOf(to); err != nil {
			return Refunded{}, refusal.Refusal{}, err
		}
	}
	if out.Journal, err = ledger.Enter(tx.Books(), j); err != nil {
		return Refunded{}, refusal.Refusal{}, err
	}
	if out.To.Code == ledger.Wallet {
		if _, err := wallet.SettleCredit(tx.Wallets(), to, out.At); err != nil {
			return Refunded{}, refusal.Refusal{}, err
		}
	}
	e := by.Entry("account.refund", out.Account.Text(id.Account))
	e.After = fmt.Sprintf("journal=%s amount=%q to=%s left_minor=%d", out.Journal.Text(id.Journal), out.Amount, refName(out.To), out.Left)
	e.Reason = out.Reason
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// doRefund pays a refund that a second person approved.
func (ds *Debts) doRefund(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w refundRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved refund: %w", err)
	}
	out, err := ds.Refund(ctx, maker, Refund{Account: w.Account, Amount: &money.Amount{Minor: w.Minor, Currency: w.Currency}, Bank: w.Bank, To: w.To, Reason: w.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Journal.Text(id.Journal)}, err
}
