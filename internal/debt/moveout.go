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
	"github.com/paywatt/paywatt/unit"
)

// MoveOut is a request to end the account of a customer whose balance is money on the server.
type MoveOut struct {
	once.Request
	Account string // identity of the account, or a meter that supplies it
	Reason  string

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
	AsOf                                 time.Time   // meter time of the newest reading that is charged

	Waits *access.Approval // set if the request waits for a second person; the account stays open until then
}

// finalBill is the kind of the debt that is raised for use beyond the wallet.
const finalBill = "final bill"

// MoveOut ends an account in one transaction (right: customer.write). It posts the last use of the account's meters, pays the debts
// from the customer's money and books the rest as due back (P18). Then it switches the supply off, closes the account and frees its
// meters. It pays nothing out; see [Debts.Refund]. An account moves out once. Under four eyes a move-out that leaves a debt takes two people,
// because a closed account buys nothing that could collect it.
func (ds *Debts) MoveOut(ctx context.Context, by access.Actor, m MoveOut) (once.Done[MovedOut], error) {
	out, err := once.Do(ctx, ds.answers, by, access.WriteCustomers, m.Request, m.Render, func(tx Tx) (MovedOut, refusal.Refusal, error) { return ds.moveOut(tx, by, m) })
	return out, fault.Wrap(err, "move out of account %s", refusal.Echo(m.Account))
}

func (ds *Debts) moveOut(tx Tx, by access.Actor, m MoveOut) (MovedOut, refusal.Refusal, error) {
	m.Reason = strings.TrimSpace(m.Reason)
	if m.Reason == "" || !access.OneLine(m.Reason, maxMemo) {
		return MovedOut{}, refuse.BookingWithoutReason(maxMemo), nil
	}
	name, no := accountName(m.Account)
	if no.Refused() {
		return MovedOut{}, no, nil
	}
	place, no, err := findAccount(tx, name, m.Account)
	if err != nil || no.Refused() {
		return MovedOut{}, no, err
	}
	now := ds.moment()
	out := MovedOut{Account: place.ID, At: now, Meters: place.Meters}
	if out.Currency, _, err = tx.Books().Currency(); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if no, err := ds.lastUse(tx, place, &out, now); err != nil || no.Refused() {
		return MovedOut{}, no, err
	}
	allowed, err := wallet.StillAllowed(tx.Wallets(), place.ID, now)
	if err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if err := ds.leftOver(tx, place, &out); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	eyes, err := access.SecondPerson(tx.Eyes(), by, m.act(place, out, allowed), now)
	switch {
	case err != nil:
		return MovedOut{}, refusal.Refusal{}, err
	case eyes.Over != "":
		return MovedOut{}, refuse.MoveOutWhileSupplying(allowed, place.ID.Text(id.Account)), nil
	case eyes.Refused() || eyes.Waits != nil:
		return MovedOut{Waits: eyes.Waits}, eyes.Refusal, nil
	case eyes.Checker != "" && out.Owed > m.owing:
		return MovedOut{}, refuse.MoveOutOwesMore(place.ID.Text(id.Account), money.Amount{Minor: out.Owed, Currency: out.Currency},
			money.Amount{Minor: m.owing, Currency: out.Currency}), nil
	}
	if err := ds.clearOut(tx, place, &out); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if err := wallet.MoveOut(tx.Wallets(), place.ID, by.String(), "moved out: "+m.Reason, now); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if err := tx.AccountClose(place.ID, now); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	e := by.Entry("account.move-out", place.ID.Text(id.Account))
	e.Before, e.Reason = "status="+place.Status, m.Reason
	e.After = fmt.Sprintf("status=closed wallet=%d deposit=%d carry=%d final_bill=%d debts_paid=%d refund_due=%d still_owed=%d meters=%s", out.Wallet,
		out.Deposit, out.Carry, out.FinalBill, out.Paid, out.Refund, out.Owed, strings.Join(out.Meters, ","))
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// lastUse posts the last use, and refuses if it is not known.
func (ds *Debts) lastUse(tx Tx, place AccountDetails, out *MovedOut, now time.Time) (refusal.Refusal, error) {
	switch {
	case place.Status != accountActive:
		return refuse.AccountMovedOut(place.ID.Text(id.Account), place.Status), nil
	case place.Mode != registry.PrepayWallet:
		return refuse.MoveOutWithoutWallet(place.ID.Text(id.Account), string(place.Mode)), nil
	}
	busy, err := tx.VendUnderWay(place.ID)
	if err != nil {
		return refusal.Refusal{}, err
	}
	settled, err := wallet.SettleAccount(tx.Wallets(), place.ID, now, true)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if busy || settled.Money.Held != 0 {
		return refuse.AccountWithPendingOperation(place.ID.Text(id.Account)), nil
	}
	for _, r := range settled.Rows {
		asked, err := tx.RatingPending(r.Meter.N)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if r.Held.Stopped() || asked {
			return refuse.MoveOutBeforeReview(r.Meter.Number), nil
		}
		if r.Started && r.At.After(out.AsOf) {
			out.AsOf = r.At
		}
	}
	out.Wallet = settled.Money.Wallet
	if len(settled.Rows) > 0 {
		out.Advanced = settled.Rows[0].Meter.Advanced
	}
	return refusal.Refusal{}, nil
}

// accountActive is the status of an account that buys and is charged.
const accountActive = "active"

// act returns the act of a move-out. One that leaves a debt is an act of its own.
func (m MoveOut) act(place AccountDetails, out MovedOut, allowed unit.Energy) access.ActRequest {
	takes := access.Takes{Amount: int64(allowed)}
	if out.Owed == 0 && m.owing == 0 {
		return access.ActRequest{Act: access.ActMoveOut, Takes: takes}
	}
	owing := m.owing
	if owing == 0 {
		owing = out.Owed
	}
	amount := func(n money.Minor) money.Amount { return money.Amount{Minor: n, Currency: out.Currency} }
	name := place.ID.Text(id.Account)
	return access.ActRequest{Act: access.ActMoveOutOwing, Object: name, Takes: takes, Body: moveOutRequest{name, m.Reason, owing},
		Summary: fmt.Sprintf("move out the customer of account %s (meters %s), who still owes %s after %s of debts are paid; the meters may still supply %s kWh; "+
			"nobody collects the debt until the customer has a new account; reason: %s", name, strings.Join(place.Meters, ", "), amount(out.Owed), amount(out.Paid),
			allowed.KWh(1), m.Reason),
		Effect: access.Telling(func(e *access.Effect) {
			e.Sum("outstanding", amount(out.Owed+out.Paid))
			e.Sum("paid-of-that", amount(out.Paid))
			e.Sum("nobody-collects", amount(out.Owed))
			e.Sum("refund-due", amount(out.Refund))
			e.Fact("may-still-supply", allowed.KWh(1)+" kWh")
			e.Fact("reason", m.Reason)
		})}
}

// moveOutRequest is a move-out that leaves a debt, as it is stored for a second person.
type moveOutRequest struct {
	Account string      `json:"account"`
	Reason  string      `json:"reason"`
	Owing   money.Minor `json:"owing_minor"`
}

// doMoveOut carries out a move-out that a second person approved. It is an [access.Executor].
func (ds *Debts) doMoveOut(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a moveOutRequest
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved move-out: %w", err)
	}
	out, err := ds.MoveOut(ctx, maker, MoveOut{Account: a.Account, Reason: a.Reason, owing: a.Owing})
	return access.Done{Refusal: out.Refusal, Object: a.Account}, err
}

// leftOver works out what a move-out does with the customer's money, and changes nothing.
func (ds *Debts) leftOver(tx Tx, place AccountDetails, out *MovedOut) error {
	name := place.ID.Text(id.Account)
	for _, side := range []struct {
		code ledger.Code
		to   *money.Minor
	}{{ledger.Deposit, &out.Deposit}, {ledger.Carry, &out.Carry}} {
		balance, err := tx.Books().Balance(ledger.AccountRef{Code: side.code, Subject: name})
		if err != nil {
			return err
		}
		*side.to = -balance
	}
	dues, debts, err := tx.Charges().ChargesOpen(place.ID, allOpen)
	if err != nil {
		return err
	}
	if out.Wallet < 0 {
		out.FinalBill, out.Wallet = -out.Wallet, 0
		debts = append(debts, Debt{Outstanding: out.FinalBill})
	}
	for _, d := range dues {
		out.Owed += d.Left()
	}
	left := out.Wallet + out.Deposit + out.Carry
	for _, d := range debts {
		paid := min(d.Outstanding, left)
		left, out.Paid, out.Owed = left-paid, out.Paid+paid, out.Owed+d.Outstanding-paid
	}
	out.Refund = left
	return nil
}

// clearOut settles the customer's money against the debts, as leftOver worked it out.
func (ds *Debts) clearOut(tx Tx, place AccountDetails, out *MovedOut) error {
	name := place.ID.Text(id.Account)
	if out.FinalBill > 0 {
		if err := ds.billLast(tx, place, out.FinalBill); err != nil {
			return err
		}
	}
	_, debts, err := tx.Charges().ChargesOpen(place.ID, allOpen)
	if err != nil {
		return err
	}
	leaving := ledger.Leaving{Account: name, Wallet: out.Wallet, Deposit: out.Deposit, Carry: out.Carry, Advanced: out.Advanced}
	if out.Advanced != 0 {
		if err := tx.Wallets().WalletAdvanced(place.ID, -out.Advanced); err != nil {
			return err
		}
	}
	left := out.Wallet + out.Deposit + out.Carry
	for _, d := range debts {
		paid := min(d.Outstanding, left)
		if paid == 0 {
			continue
		}
		left -= paid
		leaving.Debts = append(leaving.Debts, ledger.Owed{Debt: ledger.SubjectOf(place.ID, d.Name()), Amount: paid})
		if err := tx.DebtPay(d.ID, paid); err != nil {
			return err
		}
	}
	lines := ledger.MovedOut(leaving)
	if len(lines) == 0 {
		return nil
	}
	j := ledger.Journal{Kind: ledger.MoveOut, Ref: name, PostedAt: out.At, Memo: "moved out", Postings: lines}
	out.Journal, err = ledger.Enter(tx.Books(), j)
	return err
}

// billLast raises the use beyond the wallet as a debt, which brings the wallet to zero (P12).
func (ds *Debts) billLast(tx Tx, place AccountDetails, amount money.Minor) error {
	_, err := Raise(tx, Debt{Account: place.ID, Kind: finalBill, Principal: amount, Mode: tariff.Full, Priority: tariff.DebtPriority, Capped: true,
		Against: "wallet", CreatedAt: ds.moment()}, finalBill,
		ledger.Posting{Account: ledger.AccountRef{Code: ledger.Wallet, Subject: place.ID.Text(id.Account)}, Amount: -amount})
	return err
}
