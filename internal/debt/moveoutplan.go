package debt

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// A move-out is planned first, and carried out as it was planned. So whoever asks for the plan sees the figures of the move-out itself.

// MoveOutPlan is what a move-out does. Waits is set if a second person must agree; nothing waits for one yet.
type MoveOutPlan struct {
	refusal.Refusal
	MovedOut
	Customer registry.Customer

	place       AccountDetails
	lastUse     wallet.LastUse // of a wallet's meters
	lastCharges accrual        // fixed charges of a keypad meter up to the day on which the account ends
}

// Ended is what ends with an account besides its money and its debts.
type Ended struct {
	// MaySupply is the energy that wallet meters may still supply before the order to switch off reaches them. Nobody pays for it.
	MaySupply  unit.Energy
	ChargedTo  string      // the last local day that counts for fixed charges of a keypad meter; empty if the account was opened today
	Units      unit.Energy // what the blocks of the month count at all meters: the next account begins at zero
	FreeDue    unit.Energy // free units of the month that were not claimed
	Tariff     string      // name of the tariff of a planned change, which never begins; empty if none is planned
	TariffFrom time.Time   // when it would have begun
}

// Claim is something that the money of a leaving customer pays.
type Claim struct {
	Kind   string      // name of the fixed charge, or kind of the debt
	Month  string      // local month of a fixed charge; empty for a debt
	Debt   id.ID       // zero for a fixed charge, and for the final bill, which is no debt yet
	Before money.Minor // what was open of it before the last use and the last month were charged
	Owed   money.Minor
	Paid   money.Minor // of Owed
}

// Claims returns the unpaid fixed charges and debts in the order in which the customer's money pays them.
func (m MovedOut) Claims() []Claim {
	out := make([]Claim, len(m.claims))
	for i, c := range m.claims {
		out[i] = Claim{Kind: c.due.Name, Month: c.due.Month, Debt: c.debt.ID, Before: c.before, Owed: c.makeCharge().Outstanding, Paid: c.paid}
		if c.due.Name == "" {
			out[i].Kind = c.debt.Kind
		}
	}
	return out
}

// NeedsCredit refuses to move the customer of a keypad meter out before somebody has said what is left in it.
func (p MoveOutPlan) NeedsCredit() refusal.Refusal {
	if p.place.Mode == registry.PrepayToken && p.Credit.State == registry.CreditNotAsked {
		return refuse.MoveOutWithoutCredit(p.accountText())
	}
	return refusal.Refusal{}
}

// claim is something that the money of a leaving customer pays: a fixed charge, a debt, or the final bill.
type claim struct {
	due    Due  // without a name for a debt
	debt   Debt // without an identity for a fixed charge, which is no debt yet, and for the final bill
	before money.Minor
	paid   money.Minor
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

// PlanMoveOut says what a move-out would do (rights: customer.write and customer.read). It makes every check of [Debts.MoveOut], but needs no
// reason, and nobody has to have read the display of a keypad meter. Its transaction is undone, so it changes nothing. It costs as much as a
// move-out that is refused.
func (ds *Debts) PlanMoveOut(ctx context.Context, by access.Actor, m MoveOut) (plan MoveOutPlan, err error) {
	for _, right := range []access.Right{access.WriteCustomers, access.ReadCustomers} {
		if no := by.Needs(right); no.Refused() {
			return MoveOutPlan{Refusal: no}, nil
		}
	}
	err = ds.c.Door.Do(ctx, by.Tenant, func(tx Tx) (undo bool, err error) {
		plan, err = ds.planMoveOut(tx, m.Account, m.Credit)
		if err != nil || plan.Refused() {
			return true, err
		}
		eyes, no, err := agreeToMoveOut(tx, by, m, plan)
		plan.Refusal, plan.Waits = no, eyes.Waits
		return true, err
	})
	return plan, fault.Wrap(err, "plan the move-out of account %s", refusal.Echo(m.Account))
}

// planMoveOut decides what a move-out does. It locks the account and its wallets, so that no sale and no reading comes between, and writes nothing.
func (ds *Debts) planMoveOut(tx Tx, account string, left registry.CreditLeft) (MoveOutPlan, error) {
	name, no := accountName(account)
	if no.Refused() {
		return MoveOutPlan{Refusal: no}, nil
	}
	place, no, err := findAccount(tx, name, account)
	if err != nil || no.Refused() {
		return MoveOutPlan{Refusal: no}, err
	}
	p := MoveOutPlan{MovedOut: MovedOut{Account: place.ID, At: ds.moment(), Meters: place.Meters, Credit: left}, Customer: place.Customer, place: place}
	if p.Currency, _, err = tx.Books().Currency(); err != nil {
		return MoveOutPlan{}, err
	}
	if no, err := p.mayEnd(tx); err != nil || no.Refused() {
		return MoveOutPlan{Refusal: no}, err
	}
	if no, err := p.chargeLast(tx); err != nil || no.Refused() {
		return MoveOutPlan{Refusal: no}, err
	}
	if err := p.payClaims(tx); err != nil {
		return MoveOutPlan{}, err
	}
	if err := p.findEnded(tx); err != nil {
		return MoveOutPlan{}, err
	}
	return p, nil
}

// accountText is the identity text of the account.
func (p MoveOutPlan) accountText() string { return p.Account.Text(id.Account) }

// inCurrency returns a sum in the currency of the books.
func (p MoveOutPlan) inCurrency(n money.Minor) money.Amount {
	return money.Amount{Minor: n, Currency: p.Currency}
}

// mayEnd refuses to end an account that is not active or has no end, or that has a pending operation.
func (p MoveOutPlan) mayEnd(tx Tx) (refusal.Refusal, error) {
	switch {
	case p.place.Status != registry.AccountActive:
		return refuse.AccountMovedOut(p.accountText(), p.place.Status), nil
	case p.place.Mode != registry.PrepayWallet && p.place.Mode != registry.PrepayToken:
		return refuse.MoveOutWithoutPrepayment(p.accountText(), string(p.place.Mode)), nil
	}
	if no := p.Credit.Check(p.place.Mode); no.Refused() {
		return no, nil
	}
	busy, err := tx.VendUnderWay(p.Account)
	if err == nil && busy {
		return refuse.AccountWithPendingOperation(p.accountText()), nil
	}
	return refusal.Refusal{}, err
}

// chargeLast finds what there is to charge when the account ends.
func (p *MoveOutPlan) chargeLast(tx Tx) (refusal.Refusal, error) {
	if p.place.Mode == registry.PrepayWallet {
		return p.chargeLastUse(tx)
	}
	last, err := accrueToMoveOut(tx.Charges(), p.place, p.At)
	if err != nil {
		return refusal.Refusal{}, err
	}
	p.lastCharges, p.Ended.ChargedTo = last.accrual, last.through
	return refusal.Refusal{}, nil
}

// chargeLastUse finds the last use of a wallet's meters, and refuses if it is not known.
func (p *MoveOutPlan) chargeLastUse(tx Tx) (refusal.Refusal, error) {
	last, err := wallet.PlanLastUse(tx.Wallets(), p.Account, p.At)
	if err != nil {
		return refusal.Refusal{}, err
	}
	if last.Money.Held != 0 {
		return refuse.AccountWithPendingOperation(p.accountText()), nil
	}
	for _, r := range last.Rows {
		asked, err := tx.RatingPending(r.Meter.N)
		if err != nil {
			return refusal.Refusal{}, err
		}
		if r.Held.Stopped() || asked {
			return refuse.MoveOutBeforeReview(r.Meter.Number), nil
		}
		if r.Started && r.At.After(p.AsOf) {
			p.AsOf = r.At
		}
	}
	p.lastUse, p.Wallet, p.Advanced, p.Ended.MaySupply = last, last.Money.Wallet, last.Advanced, last.Allowed
	return refusal.Refusal{}, nil
}

// lastMonth are the last fixed charges of a keypad meter.
type lastMonth struct {
	accrual
	through string // the last local day that is charged; empty for none
}

// accrueToMoveOut finds the fixed charges of an account of a keypad meter up to the day before the one on which it ends: that day is charged to
// whoever moves in on it. The last month is charged by days, also if it was charged as a whole already.
func accrueToMoveOut(tx ChargeTx, place AccountDetails, now time.Time) (lastMonth, error) {
	tz, policy, err := tx.ChargeTenant()
	if err != nil {
		return lastMonth{}, err
	}
	zone, err := zoneOf(tz)
	if err != nil {
		return lastMonth{}, err
	}
	local := now.In(zone)
	today := localday.Of(local)
	a := ChargeAccount{ID: place.ID, Tariff: place.Tariff, Later: place.Later, OpenedAt: place.OpenedAt, ClosedAt: lastCharged(local),
		ChargedTo: place.ChargedTo}
	yesterday := localday.After(today, -1).Format(time.DateOnly)
	if date := today.Format(time.DateOnly); a.ChargedTo >= date {
		a.ChargedTo = yesterday
	}
	through := yesterday
	if !place.OpenedAt.Before(today) { // opened today: it is charged no day
		through = ""
	}
	out, err := accrueCharges(tx, a, policy, local, tx.TariffVersionAt)
	if err != nil {
		return lastMonth{}, err
	}
	if local.Day() == 1 || !place.OpenedAt.Before(today) {
		if err := out.dropMonth(tx, local.Format(localday.MonthForm)); err != nil {
			return lastMonth{}, err
		}
	}
	out.to = today.Format(time.DateOnly) // the daily job has nothing left to look for
	return lastMonth{out, through}, nil
}

// lastCharged returns the last moment for which an account of a keypad meter is charged that ends at a local time: the day before.
func lastCharged(ends time.Time) time.Time { return localday.Of(ends).Add(-time.Microsecond) }

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

// payClaims works out which fixed charges and debts the customer's money pays, and what is left.
func (p *MoveOutPlan) payClaims(tx Tx) error {
	for _, side := range []struct {
		code ledger.Code
		to   *money.Minor
	}{{ledger.Deposit, &p.Deposit}, {ledger.Carry, &p.Carry}} {
		balance, err := tx.Books().Balance(ledger.AccountRef{Code: side.code, Subject: p.accountText()})
		if err != nil {
			return err
		}
		*side.to = -balance
	}
	if p.Wallet < 0 {
		p.FinalBill, p.Wallet = -p.Wallet, 0
	}
	if err := p.findClaims(tx); err != nil {
		return err
	}
	left := p.Wallet + p.Deposit + p.Carry
	for i := range p.claims {
		c := &p.claims[i]
		owed := c.makeCharge().Outstanding
		c.paid = min(owed, left)
		left -= c.paid
		p.Paid += c.paid
		p.Owed += owed - c.paid
	}
	p.Refund = left
	return nil
}

// findClaims finds what the customer owes, in the order in which a purchase would pay it. A charge that was counted for days after the move-out is
// smaller than before.
func (p *MoveOutPlan) findClaims(tx Tx) error {
	dues, debts, err := tx.Charges().ChargesOpen(p.Account, allOpen)
	if err != nil {
		return err
	}
	before := make(map[string]money.Minor, len(dues))
	for _, d := range dues {
		before[d.Ref()] = d.Left()
	}
	for _, d := range p.lastCharges.over(dues) {
		if d.Left() > 0 || before[d.Ref()] > 0 {
			p.claims = append(p.claims, claim{due: d, before: before[d.Ref()]})
		}
	}
	for _, d := range debts {
		p.claims = append(p.claims, claim{debt: d, before: d.Outstanding})
	}
	if p.FinalBill > 0 {
		p.claims = append(p.claims, claim{debt: Debt{Kind: finalBill, Outstanding: p.FinalBill, Mode: tariff.Full, Priority: tariff.DebtPriority,
			CreatedAt: p.At}})
	}
	slices.SortStableFunc(p.claims, claim.compareOrder)
	return nil
}

// compareOrder compares claims by the order in which a purchase pays them.
func (c claim) compareOrder(other claim) int {
	a, b := c.makeCharge(), other.makeCharge()
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.Since.Compare(b.Since))
}

// findEnded finds what else ends with the account.
func (p *MoveOutPlan) findEnded(tx Tx) error {
	tz, _, err := tx.Charges().ChargeTenant()
	if err != nil {
		return err
	}
	zone, err := zoneOf(tz)
	if err != nil {
		return err
	}
	month := p.At.In(zone).Format(localday.MonthForm)
	if p.place.Mode == registry.PrepayToken {
		bought, err := tx.VendMonth(p.Account, month)
		if err != nil {
			return err
		}
		version, _, err := p.place.Later.InForce(p.place.Tariff, p.At, tx.Charges().TariffVersionAt)
		if err != nil {
			return err
		}
		p.Ended.Units, p.Ended.FreeDue = bought.Units, bought.FreeDue(version.Body)
	}
	for _, r := range p.lastUse.Rows {
		if r.Month == month {
			p.Ended.Units += r.Used
		}
	}
	planned, found := p.place.Later.Next(p.At)
	if !found {
		return nil
	}
	version, _, err := tx.Charges().TariffVersionAt(planned.Tariff, planned.From)
	p.Ended.Tariff, p.Ended.TariffFrom = version.Name, planned.From
	return err
}
