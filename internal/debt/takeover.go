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
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// TakeOver is a request to make one account owe what another account owes, because a person found that both belong to one customer.
type TakeOver struct {
	once.Request
	Account string // identity of the account that takes the debts over, or a meter that supplies it
	From    string // identity of the account that owes them, or a meter that supplies it
	Reason  string

	Render func(TakenOver) (status int, body []byte)

	owing money.Minor // what the second person approved
}

// TakenOver is the result of a take-over.
type TakenOver struct {
	Account, From id.ID
	Amount        money.Amount
	Reason        string
	At            time.Time

	Waits *access.Approval // set if the request waits for a second person; nothing was moved
}

// takeOverRequest is a take-over as it is stored for a second person.
type takeOverRequest struct {
	Account string      `json:"account"`
	From    string      `json:"from"`
	Owing   money.Minor `json:"owing_minor"`
	Reason  string      `json:"reason"`
}

// TakeOver moves all unpaid debts and charges of an account to another one (right: debt.write; P32). Each keeps its terms. Under four eyes it
// takes two people: one customer no longer owes the money, and another one does. A closed account takes nothing over, because nobody buys there.
// [MayTakeOver] says from which accounts an open one may.
func (ds *Debts) TakeOver(ctx context.Context, by access.Actor, t TakeOver) (once.Done[TakenOver], error) {
	out, err := once.Do(ctx, ds.answers, by, access.WriteDebts, t.Request, t.Render, func(tx Tx) (TakenOver, refusal.Refusal, error) { return ds.takeOver(tx, by, t) })
	return out, fault.Wrap(err, "take over what account %s owes", refusal.Echo(t.From))
}

func (ds *Debts) takeOver(tx Tx, by access.Actor, t TakeOver) (TakenOver, refusal.Refusal, error) {
	t.Reason = strings.TrimSpace(t.Reason)
	if t.Reason == "" || !access.OneLine(t.Reason, maxMemo) {
		return TakenOver{}, refuse.BookingWithoutReason(maxMemo), nil
	}
	from, no, err := named(tx, t.From)
	if err != nil || no.Refused() {
		return TakenOver{}, no, err
	}
	to, no, err := named(tx, t.Account)
	if err != nil || no.Refused() {
		return TakenOver{}, no, err
	}
	fromName, toName := from.ID.Text(id.Account), to.ID.Text(id.Account)
	out := TakenOver{Account: to.ID, From: from.ID, Reason: t.Reason, At: ds.moment()}
	if out.Amount.Currency, _, err = tx.Books().Currency(); err != nil {
		return TakenOver{}, refusal.Refusal{}, err
	}
	debts, charges, err := tx.Owing().OwedBy(from.ID)
	if err != nil {
		return TakenOver{}, refusal.Refusal{}, err
	}
	if out.Amount.Minor, err = owedBy(tx, from.ID); err != nil {
		return TakenOver{}, refusal.Refusal{}, err
	}
	busy, err := tx.VendUnderWay(from.ID)
	switch {
	case err != nil:
		return TakenOver{}, refusal.Refusal{}, err
	case from.ID == to.ID:
		return TakenOver{}, refuse.TakeOverFromItself(toName), nil
	case to.Status != registry.AccountActive:
		return TakenOver{}, refuse.TakeOverByClosedAccount(toName, to.Status), nil
	case !MayTakeOver(to.Mode, from.Status):
		return TakenOver{}, refuse.TakeOverFromOpenAccount(toName, string(to.Mode), fromName), nil
	case out.Amount.Minor == 0:
		return TakenOver{}, refuse.TakeOverOfNothing(fromName), nil
	case busy: // it holds a part of a debt until it has its token
		return TakenOver{}, refuse.AccountWithPendingOperation(fromName), nil
	}
	owing := t.owing
	if owing == 0 {
		owing = out.Amount.Minor
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActTakeOver, Object: toName,
		Summary: fmt.Sprintf("make account %s of %s owe %s that account %s of %s owes now (%d debts, %d charges); reason: %s", toName,
			customerName(to), out.Amount, fromName, customerName(from), len(debts), len(charges), t.Reason),
		Body: takeOverRequest{toName, fromName, owing, t.Reason}, Takes: takes(out.Amount.Minor, to.ID),
		Effect: func() (e access.Effect, err error) {
			e.Sum("amount", out.Amount)
			from.tell(&e, "from-")
			to.tell(&e, "to-")
			e.Fact("debts", fmt.Sprint(len(debts)))
			e.Fact("charges", fmt.Sprint(len(charges)))
			owed, err := owedBy(tx, to.ID)
			e.Change("outstanding", pays(owed, out.Amount.Currency), pays(owed+out.Amount.Minor, out.Amount.Currency))
			return e, err
		}}, out.At)
	switch {
	case err != nil || eyes.Refused() || eyes.Waits != nil:
		return TakenOver{Waits: eyes.Waits}, eyes.Refusal, err
	case out.Amount.Minor > owing:
		return TakenOver{}, refuse.TakeOverOfMore(fromName, out.Amount, money.Amount{Minor: owing, Currency: out.Amount.Currency}), nil
	}
	if _, err := registry.TakeOver(tx.Owing(), from.ID, to.ID, out.At); err != nil {
		return TakenOver{}, refusal.Refusal{}, err
	}
	e := by.Entry("debt.take-over", toName)
	e.After, e.Reason = fmt.Sprintf("from=%s amount=%q", fromName, out.Amount), t.Reason
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// MayTakeOver reports whether an open account of a mode may take over what an account of another status owes. Only purchases of tokens pay
// debts and charges; a wallet pays them once, at its move-out. So a wallet may not relieve an account that is still open, whose own purchases
// or whose own move-out would pay. What a closed account owes is paid nowhere else.
func MayTakeOver(mode registry.Mode, otherStatus string) bool {
	return mode == registry.PrepayToken || otherStatus != registry.AccountActive
}

// owedBy returns what an account owes: its debts and charges that are not paid.
func owedBy(tx Tx, account id.ID) (sum money.Minor, err error) {
	debts, charges, err := tx.Owing().OwedBy(account)
	for _, d := range append(debts, charges...) {
		sum += d.Left
	}
	return sum, err
}

// pays returns an amount of money as a figure of an effect.
func pays(n money.Minor, currency string) access.Value {
	return access.Pays(money.Amount{Minor: n, Currency: currency})
}

// named finds and locks an account.
func named(tx Tx, text string) (AccountDetails, refusal.Refusal, error) {
	name, no := accountName(text)
	if no.Refused() {
		return AccountDetails{}, no, nil
	}
	return findAccount(tx, name, text)
}

// customerName is the customer of an account as an approver reads it.
func customerName(a AccountDetails) string {
	name := a.Customer.Name
	if name == "" {
		name = "a customer without a name"
	}
	if a.Customer.Phone != "" {
		name += " (" + a.Customer.Phone + ")"
	}
	return name
}

// doTakeOver carries out a take-over that a second person approved. It is an [access.Executor].
func (ds *Debts) doTakeOver(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a takeOverRequest
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved take-over: %w", err)
	}
	out, err := ds.TakeOver(ctx, maker, TakeOver{Account: a.Account, From: a.From, Reason: a.Reason, owing: a.Owing})
	return access.Done{Refusal: out.Refusal, Object: a.Account}, err
}
