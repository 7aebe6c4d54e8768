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
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// MoveOut is a request to end the account of a customer who moves out.
type MoveOut struct {
	once.Request
	Account string // identity of the account, or a meter that supplies it
	Reason  string
	Credit  registry.CreditLeft // what is left in a keypad meter, which must be stated
	Shown   *money.Minor        // what would stay owed as the person was shown it; nil if nothing was shown

	Render func(MovedOut) (status int, body []byte)

	owing money.Minor // what the customer may still owe at most, if a second person approved it
}

// MovedOut is the result of a move-out.
type MovedOut struct {
	Account  id.ID
	Currency string
	At       time.Time
	Journal  id.ID    // zero if there was no money at all
	Meters   []string // meters that are free now
	// The customer's money after the last use was posted, and where it went.
	Wallet, Deposit, Carry, Paid, Refund money.Minor
	FinalBill                            money.Minor // use beyond the wallet; raised as a debt
	Advanced                             money.Minor // tax on the part of the top-ups that was never used; this tax is no longer payable
	Owed                                 money.Minor // unpaid debts and charges
	AsOf                                 time.Time   // meter time of the newest reading that is charged; zero for a keypad meter
	Credit                               registry.CreditLeft
	Ended                                Ended

	Waits *access.Approval // set if the request waits for a second person; the account stays open until then

	claims []claim // what the customer's money pays, in this order
}

// MoveOut ends an account in one transaction (right: customer.write). It posts the last use of the account's meters, pays the fixed charges and the
// debts from the customer's money and books the rest as due back (P18). Then it switches the supply off, closes the account and frees its meters. A
// keypad meter has no use to post: its last fixed charges fall due, and it goes on with the credit that is in it. MoveOut pays nothing out; see
// [Debts.Refund]. An account moves out once. Under four eyes a move-out that leaves a debt takes two people, because a closed account buys nothing
// that could collect it.
func (ds *Debts) MoveOut(ctx context.Context, by access.Actor, m MoveOut) (once.Done[MovedOut], error) {
	out, err := once.Do(ctx, ds.answers, by, access.WriteCustomers, m.Request, m.Render, func(tx Tx) (MovedOut, refusal.Refusal, error) { return ds.moveOut(tx, by, m) })
	return out, fault.Wrap(err, "move out of account %s", refusal.Echo(m.Account))
}

func (ds *Debts) moveOut(tx Tx, by access.Actor, m MoveOut) (MovedOut, refusal.Refusal, error) {
	m.Reason = strings.TrimSpace(m.Reason)
	if m.Reason == "" || !access.OneLine(m.Reason, maxMemo) {
		return MovedOut{}, refuse.BookingWithoutReason(maxMemo), nil
	}
	plan, err := ds.planMoveOut(tx, m.Account, m.Credit)
	if err != nil || plan.Refused() {
		return MovedOut{}, plan.Refusal, err
	}
	if no := plan.NeedsCredit(); no.Refused() {
		return MovedOut{}, no, nil
	}
	if m.Shown != nil && plan.Owed > *m.Shown {
		return MovedOut{}, refuse.MoveOutOwesMore(plan.accountText(), plan.inCurrency(plan.Owed), plan.inCurrency(*m.Shown)), nil
	}
	eyes, no, err := agreeToMoveOut(tx, by, m, plan)
	switch {
	case err != nil || no.Refused() || eyes.Waits != nil:
		return MovedOut{Waits: eyes.Waits}, no, err
	case eyes.Checker != "" && plan.Owed > m.owing:
		return MovedOut{}, refuse.MoveOutOwesMore(plan.accountText(), plan.inCurrency(plan.Owed), plan.inCurrency(m.owing)), nil
	}
	out := plan.MovedOut
	if out.Journal, err = ds.clearOut(tx, plan); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if plan.place.Mode == registry.PrepayWallet {
		if err := wallet.MoveOut(tx.Wallets(), out.Account, by.String(), "moved out: "+m.Reason, out.At); err != nil {
			return MovedOut{}, refusal.Refusal{}, err
		}
	}
	if err := tx.AccountClose(out.Account, out.At, m.Credit); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	e := by.Entry("account.move-out", plan.accountText())
	e.Before, e.Reason = "status="+plan.place.Status, m.Reason
	e.After = fmt.Sprintf("status=closed wallet=%d deposit=%d carry=%d final_bill=%d debts_paid=%d refund_due=%d still_owed=%d meters=%s", out.Wallet,
		out.Deposit, out.Carry, out.FinalBill, out.Paid, out.Refund, out.Owed, strings.Join(out.Meters, ","))
	if m.Credit.State != registry.CreditNotAsked {
		e.After += " credit_wh=" + m.Credit.String()
	}
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// agreeToMoveOut asks for a second person if a move-out needs one, and refuses what the actor may not do.
func agreeToMoveOut(tx Tx, by access.Actor, m MoveOut, plan MoveOutPlan) (access.FourEyes, refusal.Refusal, error) {
	eyes, err := access.SecondPerson(tx.Eyes(), by, m.describeAct(plan), plan.At)
	if err == nil && eyes.Over != "" {
		return eyes, refuse.MoveOutWhileSupplying(plan.Ended.MaySupply, plan.accountText()), nil
	}
	return eyes, eyes.Refusal, err
}

// describeAct returns the act of a move-out. One that leaves a debt is an act of its own.
func (m MoveOut) describeAct(plan MoveOutPlan) access.ActRequest {
	allowed := plan.Ended.MaySupply
	takes := access.Takes{Amount: int64(allowed)}
	if plan.Owed == 0 && m.owing == 0 {
		return access.ActRequest{Act: access.ActMoveOut, Takes: takes}
	}
	owing := m.owing
	if owing == 0 {
		owing = plan.Owed
	}
	name, amount := plan.accountText(), plan.inCurrency
	goesOn := fmt.Sprintf("the meters may still supply %s kWh", allowed.KWh(1))
	switch m.Credit.State {
	case registry.CreditRead:
		goesOn = fmt.Sprintf("%s kWh are left in the meter", m.Credit.Units.KWh(1))
	case registry.CreditUnknown:
		goesOn = "what is left in the meter is unknown"
	}
	return access.ActRequest{Act: access.ActMoveOutOwing, Object: name, Takes: takes, Body: moveOutRequest{name, m.Reason, owing, m.Credit},
		Summary: fmt.Sprintf("move out the customer of account %s (meters %s), who still owes %s after %s of debts are paid; %s; "+
			"nobody collects the debt until the customer has a new account; reason: %s", name, strings.Join(plan.Meters, ", "), amount(plan.Owed), amount(plan.Paid),
			goesOn, m.Reason),
		Effect: access.Telling(func(e *access.Effect) {
			e.Sum("outstanding", amount(plan.Owed+plan.Paid))
			e.Sum("paid-of-that", amount(plan.Paid))
			e.Sum("nobody-collects", amount(plan.Owed))
			e.Sum("refund-due", amount(plan.Refund))
			if m.Credit.State == registry.CreditNotAsked {
				e.Fact("may-still-supply", allowed.KWh(1)+" kWh")
			}
			e.Tells("left-in-the-meter", m.Credit.Figure())
			e.Fact("reason", m.Reason)
		})}
}

// moveOutRequest is a move-out that leaves a debt, as it is stored for a second person.
type moveOutRequest struct {
	Account string              `json:"account"`
	Reason  string              `json:"reason"`
	Owing   money.Minor         `json:"owing_minor"`
	Credit  registry.CreditLeft `json:"credit,omitzero"`
}

// doMoveOut carries out a move-out that a second person approved. It is an [access.Executor].
func (ds *Debts) doMoveOut(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a moveOutRequest
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved move-out: %w", err)
	}
	out, err := ds.MoveOut(ctx, maker, MoveOut{Account: a.Account, Reason: a.Reason, Credit: a.Credit, owing: a.Owing})
	return access.Done{Refusal: out.Refusal, Object: a.Account}, err
}

// clearOut posts the last use and settles the customer's money against the charges and debts, as it was planned. It returns the journal.
func (ds *Debts) clearOut(tx Tx, plan MoveOutPlan) (journal id.ID, err error) {
	if err := plan.lastUse.Post(tx.Wallets()); err != nil {
		return id.ID{}, err
	}
	if err := plan.lastCharges.write(tx.Charges()); err != nil {
		return id.ID{}, err
	}
	leaving := ledger.Leaving{Account: plan.accountText(), Wallet: plan.Wallet, Deposit: plan.Deposit, Carry: plan.Carry, Advanced: plan.Advanced}
	if plan.Advanced != 0 {
		if err := tx.Wallets().WalletAdvanced(plan.Account, -plan.Advanced); err != nil {
			return id.ID{}, err
		}
	}
	for _, c := range plan.claims {
		d, err := ds.raiseClaim(tx, plan.place, c)
		if err != nil {
			return id.ID{}, err
		}
		if c.paid == 0 {
			continue
		}
		leaving.Debts = append(leaving.Debts, ledger.Owed{Debt: ledger.SubjectOf(plan.Account, d.Name()), Amount: c.paid})
		if err := tx.DebtPay(d.ID, c.paid); err != nil {
			return id.ID{}, err
		}
	}
	lines := ledger.MovedOut(leaving)
	if len(lines) == 0 {
		return id.ID{}, nil
	}
	return ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.MoveOut, Ref: plan.accountText(), PostedAt: plan.At, Memo: "moved out", Postings: lines})
}

// raiseClaim returns the debt of a claim, and raises it if there is none yet: for the final bill, and for what is paid of a fixed charge.
func (ds *Debts) raiseClaim(tx Tx, place AccountDetails, c claim) (Debt, error) {
	switch {
	case !c.debt.ID.IsZero():
		return c.debt, nil
	case c.due.Name == "":
		return ds.billLast(tx, place, c.debt.Outstanding)
	case c.paid == 0:
		return Debt{}, nil
	}
	return ds.raiseCharge(tx, place, c)
}

// raiseCharge makes what is paid of a fixed charge a debt, with the revenue and the tax that a sale posts when it pays the charge (P12). Only sales
// are recorded as payments of a charge itself, so the charge becomes smaller.
func (ds *Debts) raiseCharge(tx Tx, place AccountDetails, c claim) (Debt, error) {
	vat, err := money.TaxIn(c.paid, c.due.VATBps)
	if err != nil {
		return Debt{}, err
	}
	smaller := c.due
	smaller.Gross, smaller.Moved = smaller.Gross-c.paid, smaller.Moved+c.paid
	if err := (accrual{account: place.ID, puts: []Due{smaller}}).write(tx.Charges()); err != nil {
		return Debt{}, err
	}
	return Raise(tx, Debt{Account: place.ID, Kind: c.due.Name, Memo: c.due.Ref(), Principal: c.paid, Mode: tariff.Full, Priority: c.due.Priority,
		Capped: c.due.Capped, Against: "fixed", CreatedAt: ds.moment()}, c.due.Ref(),
		ledger.Posting{Account: ledger.AccountRef{Code: ledger.RevenueFixed}, Amount: vat - c.paid},
		ledger.Posting{Account: ledger.AccountRef{Code: ledger.VATPayable}, Amount: -vat})
}

// billLast raises the use beyond the wallet as a debt, which brings the wallet to zero (P12).
func (ds *Debts) billLast(tx Tx, place AccountDetails, amount money.Minor) (Debt, error) {
	return Raise(tx, Debt{Account: place.ID, Kind: finalBill, Principal: amount, Mode: tariff.Full, Priority: tariff.DebtPriority, Capped: true,
		Against: "wallet", CreatedAt: ds.moment()}, finalBill,
		ledger.Posting{Account: ledger.AccountRef{Code: ledger.Wallet, Subject: place.ID.Text(id.Account)}, Amount: -amount})
}
