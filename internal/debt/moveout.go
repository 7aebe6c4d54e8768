package debt

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// MoveOut is a request to end the account of a customer who moves out.
type MoveOut struct {
	once.Request
	Account string // identity of the account, or a meter that supplies it
	Reason  string
	Credit  registry.CreditLeft // what is left in a keypad meter, which must be stated

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

	Waits *access.Approval // set if the request waits for a second person; the account stays open until then

	last   accrual // fixed charges of a keypad meter up to the day on which the account ends
	claims []claim // what the customer's money pays, in this order
}

// claim is something that the money of a leaving customer pays: a fixed charge, a debt, or the final bill.
type claim struct {
	due  Due  // without a name for a debt
	debt Debt // without an identity for a fixed charge, which is no debt yet, and for the final bill
	paid money.Minor
}

// makeCharge returns the claim as a sale would pay it.
func (c claim) makeCharge() tariff.Charge {
	if c.due.Name != "" {
		return c.due.charge()
	}
	return c.debt.charge("")
}

// finalBill is the kind of the debt that is raised for use beyond the wallet.
const finalBill = "final bill"

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
	name, no := accountName(m.Account)
	if no.Refused() {
		return MovedOut{}, no, nil
	}
	place, no, err := findAccount(tx, name, m.Account)
	if err != nil || no.Refused() {
		return MovedOut{}, no, err
	}
	now := ds.moment()
	out := MovedOut{Account: place.ID, At: now, Meters: place.Meters, Credit: m.Credit}
	if out.Currency, _, err = tx.Books().Currency(); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	if no, err := ds.mayEnd(tx, place, m.Credit); err != nil || no.Refused() {
		return MovedOut{}, no, err
	}
	allowed, no, err := ds.chargeLast(tx, place, &out)
	if err != nil || no.Refused() {
		return MovedOut{}, no, err
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
	if place.Mode == registry.PrepayWallet {
		if err := wallet.MoveOut(tx.Wallets(), place.ID, by.String(), "moved out: "+m.Reason, now); err != nil {
			return MovedOut{}, refusal.Refusal{}, err
		}
	}
	if err := tx.AccountClose(place.ID, now, m.Credit); err != nil {
		return MovedOut{}, refusal.Refusal{}, err
	}
	e := by.Entry("account.move-out", place.ID.Text(id.Account))
	e.Before, e.Reason = "status="+place.Status, m.Reason
	e.After = fmt.Sprintf("status=closed wallet=%d deposit=%d carry=%d final_bill=%d debts_paid=%d refund_due=%d still_owed=%d meters=%s", out.Wallet,
		out.Deposit, out.Carry, out.FinalBill, out.Paid, out.Refund, out.Owed, strings.Join(out.Meters, ","))
	if m.Credit.State != registry.CreditNotAsked {
		e.After += " credit_wh=" + m.Credit.String()
	}
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// mayEnd refuses to end an account that is not active or has no end, or of whose keypad meter nobody said what is left in it.
func (ds *Debts) mayEnd(tx Tx, place AccountDetails, left registry.CreditLeft) (refusal.Refusal, error) {
	name := place.ID.Text(id.Account)
	switch {
	case place.Status != registry.AccountActive:
		return refuse.AccountMovedOut(name, place.Status), nil
	case place.Mode != registry.PrepayWallet && place.Mode != registry.PrepayToken:
		return refuse.MoveOutWithoutPrepayment(name, string(place.Mode)), nil
	case place.Mode == registry.PrepayToken && left.State == registry.CreditNotAsked:
		return refuse.MoveOutWithoutCredit(name), nil
	}
	if no := left.Check(place.Mode); no.Refused() {
		return no, nil
	}
	busy, err := tx.VendUnderWay(place.ID)
	if err == nil && busy {
		return refuse.AccountWithPendingOperation(name), nil
	}
	return refusal.Refusal{}, err
}

// chargeLast charges what there is to charge when an account ends. It returns the energy that its meters may still supply and nobody pays for.
func (ds *Debts) chargeLast(tx Tx, place AccountDetails, out *MovedOut) (allowed unit.Energy, no refusal.Refusal, err error) {
	if place.Mode == registry.PrepayToken {
		out.last, err = accrueToMoveOut(tx.Charges(), place, out.At)
		return 0, no, err
	}
	if no, err = ds.postLastUse(tx, place, out, out.At); err != nil || no.Refused() {
		return 0, no, err
	}
	allowed, err = wallet.StillAllowed(tx.Wallets(), place.ID, out.At)
	return allowed, no, err
}

// accrueToMoveOut finds the fixed charges of an account of a keypad meter up to the day before the one on which it ends: that day is charged to
// whoever moves in on it. The last month is charged by days, also if it was charged as a whole already.
func accrueToMoveOut(tx ChargeTx, place AccountDetails, now time.Time) (accrual, error) {
	tz, policy, err := tx.ChargeTenant()
	if err != nil {
		return accrual{}, err
	}
	zone, err := zoneOf(tz)
	if err != nil {
		return accrual{}, err
	}
	local := now.In(zone)
	today := localday.Of(local)
	a := ChargeAccount{ID: place.ID, Tariff: place.Tariff, Later: place.Later, OpenedAt: place.OpenedAt, ClosedAt: today.Add(-time.Microsecond),
		ChargedTo: place.ChargedTo}
	if date := today.Format(time.DateOnly); a.ChargedTo >= date {
		a.ChargedTo = localday.After(today, -1).Format(time.DateOnly)
	}
	out, err := accrueCharges(tx, a, policy, local, tx.TariffVersionAt)
	if err != nil {
		return accrual{}, err
	}
	if local.Day() == 1 || !place.OpenedAt.Before(today) {
		if err := out.dropMonth(tx, local.Format(localday.MonthForm)); err != nil {
			return accrual{}, err
		}
	}
	out.to = today.Format(time.DateOnly) // the daily job has nothing left to look for
	return out, nil
}

// dropMonth takes back the charges of a month of which the account is charged no day. What was paid stays paid, and what it took over stays due.
func (a *accrual) dropMonth(tx ChargeTx, month string) error {
	have, err := tx.ChargesOf(a.account, month)
	for _, d := range have {
		if d.Month == month && d.Gross > d.Paid && !d.IsTakenOver() {
			d.Gross = d.Paid
			a.puts = append(a.puts, d)
		}
	}
	return err
}

// postLastUse posts the last use of a wallet's meters, and refuses if it is not known.
func (ds *Debts) postLastUse(tx Tx, place AccountDetails, out *MovedOut, now time.Time) (refusal.Refusal, error) {
	settled, err := wallet.SettleAccount(tx.Wallets(), place.ID, now, true)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if settled.Money.Held != 0 {
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
	goesOn := fmt.Sprintf("the meters may still supply %s kWh", allowed.KWh(1))
	switch m.Credit.State {
	case registry.CreditRead:
		goesOn = fmt.Sprintf("%s kWh are left in the meter", m.Credit.Units.KWh(1))
	case registry.CreditUnknown:
		goesOn = "what is left in the meter is unknown"
	}
	return access.ActRequest{Act: access.ActMoveOutOwing, Object: name, Takes: takes, Body: moveOutRequest{name, m.Reason, owing, m.Credit},
		Summary: fmt.Sprintf("move out the customer of account %s (meters %s), who still owes %s after %s of debts are paid; %s; "+
			"nobody collects the debt until the customer has a new account; reason: %s", name, strings.Join(place.Meters, ", "), amount(out.Owed), amount(out.Paid),
			goesOn, m.Reason),
		Effect: access.Telling(func(e *access.Effect) {
			e.Sum("outstanding", amount(out.Owed+out.Paid))
			e.Sum("paid-of-that", amount(out.Paid))
			e.Sum("nobody-collects", amount(out.Owed))
			e.Sum("refund-due", amount(out.Refund))
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
		debts = append(debts, Debt{Outstanding: out.FinalBill, Mode: tariff.Full, Priority: tariff.DebtPriority, CreatedAt: out.At})
	}
	out.claims = nil
	for _, d := range out.last.over(dues) {
		if d.Left() > 0 {
			out.claims = append(out.claims, claim{due: d})
		}
	}
	for _, d := range debts {
		out.claims = append(out.claims, claim{debt: d})
	}
	slices.SortStableFunc(out.claims, func(x, y claim) int {
		a, b := x.makeCharge(), y.makeCharge()
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.Since.Compare(b.Since))
	})
	left := out.Wallet + out.Deposit + out.Carry
	for i := range out.claims {
		c := &out.claims[i]
		owed := c.makeCharge().Outstanding
		c.paid = min(owed, left)
		left -= c.paid
		out.Paid += c.paid
		out.Owed += owed - c.paid
	}
	out.Refund = left
	return nil
}

// clearOut settles the customer's money against the charges and debts, as leftOver worked it out.
func (ds *Debts) clearOut(tx Tx, place AccountDetails, out *MovedOut) error {
	name := place.ID.Text(id.Account)
	if err := out.last.write(tx.Charges()); err != nil {
		return err
	}
	leaving := ledger.Leaving{Account: name, Wallet: out.Wallet, Deposit: out.Deposit, Carry: out.Carry, Advanced: out.Advanced}
	if out.Advanced != 0 {
		if err := tx.Wallets().WalletAdvanced(place.ID, -out.Advanced); err != nil {
			return err
		}
	}
	for _, c := range out.claims {
		d, err := ds.raiseClaim(tx, place, c)
		if err != nil {
			return err
		}
		if c.paid == 0 {
			continue
		}
		leaving.Debts = append(leaving.Debts, ledger.Owed{Debt: ledger.SubjectOf(place.ID, d.Name()), Amount: c.paid})
		if err := tx.DebtPay(d.ID, c.paid); err != nil {
			return err
		}
	}
	lines := ledger.MovedOut(leaving)
	if len(lines) == 0 {
		return nil
	}
	j := ledger.Journal{Kind: ledger.MoveOut, Ref: name, PostedAt: out.At, Memo: "moved out", Postings: lines}
	var err error
	out.Journal, err = ledger.Enter(tx.Books(), j)
	return err
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
	smaller.Gross -= c.paid
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
