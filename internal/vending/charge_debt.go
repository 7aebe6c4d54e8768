package vending

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Limits of what is said about a debt.
const (
	maxKind  = 32
	maxMemo  = 120
	maxDebts = MaxOpen // open ones of an account
)

// DebtTx is what the use cases of debts and charges need of a transaction.
type DebtTx interface {
	// AccountPlace finds an account by its identity, or by a meter that supplies it, and locks it.
	AccountPlace(AccountName) (AccountPlace, bool, error)
	DebtAdd(Debt) error
	// Debt reads a debt. To change it, lock its account and read it again.
	Debt(debt id.ID) (Debt, bool, error)
	// DebtWriteOff lowers a debt by what is written off; false where not so much is outstanding.
	DebtWriteOff(debt id.ID, amount money.Minor) (bool, error)
	// DebtPage lists debts, newest first, before the given one (zero for the newest), of one account unless it is zero.
	DebtPage(account id.ID, open bool, before id.ID, max int) ([]Debt, error)
	// ChargePage lists charges in the same way.
	ChargePage(account id.ID, open bool, before id.ID, max int) ([]Due, error)
	// AccountEntries lists sales of an account and what else was booked for it, newest first, before the given one.
	AccountEntries(account, before id.ID, max int) ([]Entry, error)
	// Balance is the signed balance of a ledger account, debit positive.
	Balance(ledger.AccountRef) (money.Minor, error)
}

// NewDebt is a debt to be raised.
type NewDebt struct {
	Request
	Account  string // identity of the account, or a meter that supplies it
	Kind     string // fine, loan, arrears ...
	Memo     string
	Amount   money.Amount
	Mode     tariff.ChargeMode // how much a purchase pays: percent, fixed, full
	Value    int64             // basis points of what is tendered, or minor units
	Min, Max money.Minor
	MonthCap money.Minor
	Priority int    // 0 means 30
	Uncapped bool   // outside the ceiling of what purchases give to charges
	Against  string // what is credited: opening (default), fees, services, fixed, energy

	Render func(Booking) (status int, body []byte)
}

// Booking is a debt after something was booked on it.
type Booking struct {
	Debt
	Currency string
	Waits    *access.Approval // it waits for a second person, and nothing was booked
}

// against are the accounts that raising a debt may credit (P12).
func against(name string) (ledger.Code, bool) {
	switch name {
	case "opening":
		return ledger.Opening, true
	case "fees":
		return ledger.RevenueFees, true
	case "services":
		return ledger.RevenueServices, true
	case "fixed":
		return ledger.RevenueFixed, true
	case "energy":
		return ledger.RevenueEnergy, true
	}
	return 0, false
}

// AddDebt raises a debt (right: debt.write; P12): the row and its journal become durable together.
func (v *Vending) AddDebt(ctx context.Context, by access.Actor, n NewDebt) (Done[Booking], error) {
	if no := by.Needs(access.WriteDebts); no.Refused() {
		return Done[Booking]{Refusal: no}, nil
	}
	name, no := n.normal()
	out, err := keyed(ctx, v, by, n.Request, n.Render, func(tx Tx) (Booking, refusal.Refusal, error) {
		if no.Refused() {
			return Booking{}, no, nil
		}
		d, no, err := v.addDebt(tx, by, n, name)
		return Booking{Debt: d, Currency: n.Amount.Currency}, no, err
	})
	if err != nil {
		return Done[Booking]{}, fmt.Errorf("raise a debt of %s: %w", echo(n.Account), err)
	}
	return out, nil
}

// normal fills in what was left out, and says what is wrong.
func (n *NewDebt) normal() (AccountName, refusal.Refusal) {
	n.Kind, n.Memo = strings.TrimSpace(n.Kind), strings.TrimSpace(n.Memo)
	n.Against, n.Priority = cmp.Or(n.Against, "opening"), cmp.Or(n.Priority, tariff.DebtPriority)
	name, no := accountName(n.Account)
	if no.Refused() {
		return name, no
	}
	_, known := against(n.Against)
	switch {
	case n.Kind == "" || !oneLine(n.Kind, maxKind) || !oneLine(n.Memo, maxMemo):
		return name, badDebt(fmt.Sprintf("A debt needs a kind of 1 to %d printable characters; its memo has at most %d.", maxKind, maxMemo), "Name it fine, loan or arrears.")
	case !known:
		return name, badDebt(fmt.Sprintf("A debt cannot be raised against %q.", echo(n.Against)), "Use opening, fees, services, fixed or energy.")
	case n.Priority < 1 || n.Priority > tariff.MaxPriority:
		return name, badDebt(fmt.Sprintf("A priority of %d is outside 1 to %d.", n.Priority, tariff.MaxPriority), "Leave it out for 30; fixed charges have 20.")
	case n.Min < 0 || n.Max < 0 || n.MonthCap < 0 || n.Min > money.MaxMinor || n.Max > 0 && n.Max < n.Min:
		return name, badDebt("Least, most and most in a month do not fit together.", "Give amounts in minor units, the most not below the least; 0 means no limit.")
	}
	if no := n.mode(); no.Refused() {
		return name, no
	}
	if n.Amount.Minor == 0 {
		return name, badDebt("A debt of nothing cannot be raised.", "Give a positive amount.")
	}
	return name, checkTender(n.Amount)
}

func (n *NewDebt) mode() refusal.Refusal {
	switch n.Mode {
	case tariff.Percent:
		if n.Value < 1 || n.Value > int64(money.Whole) {
			return badDebt(fmt.Sprintf("%d basis points are no share of a purchase.", n.Value), "Write 20 % as 2000.")
		}
	case tariff.Amount:
		if n.Value < 1 || n.Value > int64(money.MaxMinor) {
			return badDebt(fmt.Sprintf("%d minor units cannot be taken of a purchase.", n.Value), "Give a positive amount.")
		}
	case "", tariff.Full:
		n.Mode, n.Value = tariff.Full, 0
	default:
		return badDebt(fmt.Sprintf("A debt cannot be collected by %q.", echo(string(n.Mode))), "Use percent, fixed or full.")
	}
	return refusal.Refusal{}
}

func badDebt(what, try string) refusal.Refusal {
	return refusal.Because(refusal.InvalidRequest, what, nothingBooked, try)
}

const nothingBooked = "Nothing was booked."

func (v *Vending) addDebt(tx Tx, by access.Actor, n NewDebt, name AccountName) (Debt, refusal.Refusal, error) {
	place, no, err := findAccount(tx, name, n.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, n.Amount)
	}
	if err != nil || no.Refused() {
		return Debt{}, no, err
	}
	_, open, err := tx.ChargesOpen(place.ID, maxDebts)
	if err != nil {
		return Debt{}, refusal.Refusal{}, err
	}
	if len(open) == maxDebts {
		return Debt{}, refusal.Because(refusal.TooLarge, fmt.Sprintf("The account has %d open debts, the most there may be.", maxDebts),
			nothingBooked, "Collect or write off some of them first."), nil
	}
	d := Debt{Account: place.ID, Kind: n.Kind, Memo: n.Memo, Principal: n.Amount.Minor, Outstanding: n.Amount.Minor, Mode: n.Mode,
		Value: n.Value, Min: n.Min, Max: n.Max, MonthCap: n.MonthCap, Priority: n.Priority, Capped: !n.Uncapped, Against: n.Against,
		Status: DebtOpen, CreatedAt: v.moment()}
	if d.ID, err = tx.NewID(); err != nil {
		return Debt{}, refusal.Refusal{}, err
	}
	if err := tx.DebtAdd(d); err != nil {
		return Debt{}, refusal.Refusal{}, err
	}
	code, _ := against(d.Against)
	lines := ledger.DebtRaised(DebtSubject(d.Account, d.Name()), ledger.AccountRef{Code: code}, d.Principal)
	if err := v.journal(tx, ledger.Raised, d.Name(), d.Memo, lines); err != nil {
		return Debt{}, refusal.Refusal{}, err
	}
	e := by.Entry("debt.raise", d.Name())
	e.After = fmt.Sprintf("account=%s kind=%q amount_minor=%d mode=%s value=%d against=%s", d.Account.Text(id.Account), d.Kind, d.Principal, d.Mode, d.Value, d.Against)
	return d, refusal.Refusal{}, tx.AuditLog(e)
}

// journal posts an operation that no limit can stand in the way of.
func (v *Vending) journal(tx Tx, k ledger.Kind, ref, memo string, lines []ledger.Posting) error {
	j := ledger.Journal{Kind: k, Ref: ref, Memo: memo, PostedAt: v.moment(), Postings: lines}
	var err error
	if j.ID, err = tx.NewID(); err != nil {
		return err
	}
	breach, err := tx.Post(j)
	if err == nil && breach.Refused() {
		err = breachOf(j, breach)
	}
	return err
}

// ownCurrency refuses money of another currency than the tenant's.
func ownCurrency(tx Tx, a money.Amount) (refusal.Refusal, error) {
	currency, _, err := tx.Currency()
	switch {
	case err != nil:
		return refusal.Refusal{}, err
	case currency == "":
		return refusal.Because(refusal.TariffMissing, "The tenant has no currency yet.", nothingBooked, "Publish a tariff first."), nil
	case currency != a.Currency:
		return wrongCurrency(a.Currency, currency), nil
	}
	return refusal.Refusal{}, nil
}

// WriteOff is a debt, or a part of it, that nobody expects any more.
type WriteOff struct {
	Request
	Debt   string
	Amount *money.Minor // nil: all that is outstanding. Nothing, said outright, is refused
	Reason string

	Render func(Booking) (status int, body []byte)
}

// WriteOffDebt takes a debt off the books (right: ledger.adjust; P20). It is an act for two people where four eyes are
// asked for.
func (v *Vending) WriteOffDebt(ctx context.Context, by access.Actor, w WriteOff) (Done[Booking], error) {
	if no := by.Needs(access.AdjustLedger); no.Refused() {
		return Done[Booking]{Refusal: no}, nil
	}
	out, err := keyed(ctx, v, by, w.Request, w.Render, func(tx Tx) (Booking, refusal.Refusal, error) {
		out, no, err := v.writeOff(tx, by, w)
		if err != nil || no.Refused() || out.Waits != nil {
			return out, no, err
		}
		out.Currency, _, err = tx.Currency()
		return out, no, err
	})
	if err != nil {
		return Done[Booking]{}, fmt.Errorf("write off debt %s: %w", echo(w.Debt), err)
	}
	return out, nil
}

func (v *Vending) writeOff(tx Tx, by access.Actor, w WriteOff) (Booking, refusal.Refusal, error) {
	w.Reason = strings.TrimSpace(w.Reason)
	switch {
	case w.Amount != nil && (*w.Amount <= 0 || *w.Amount > money.MaxMinor):
		return Booking{}, refusal.Because(refusal.AmountInvalid, fmt.Sprintf("An amount of %d minor units cannot be written off.", *w.Amount), nothingBooked,
			"Give a positive amount, or leave it out for all that is outstanding."), nil
	case w.Reason == "" || !oneLine(w.Reason, maxMemo):
		return Booking{}, badDebt(fmt.Sprintf("A write-off needs a reason of 1 to %d printable characters.", maxMemo), "Say why nobody expects the money any more."), nil
	}
	d, no, err := findDebt(tx, w.Debt)
	if err != nil || no.Refused() {
		return Booking{}, no, err
	}
	amount := d.Outstanding
	if w.Amount != nil {
		amount = *w.Amount
	}
	if amount == 0 || amount > d.Outstanding {
		return Booking{}, refusal.Because(refusal.AmountInvalid, fmt.Sprintf("Of debt %s only %d minor units are outstanding.", d.Name(), d.Outstanding),
			nothingBooked, "Give at most that."), nil
	}
	currency, _, err := tx.Currency()
	if err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	eyes, err := access.SecondPerson(tx, by, access.Wish{Act: access.ActAdjust, Object: d.Name(),
		Summary: fmt.Sprintf("write off %s of debt %s: %s", money.Amount{Minor: amount, Currency: currency}, d.Name(), w.Reason),
		// The amount that the summary names, whatever is outstanding when somebody allows it.
		Body: adjustAsked{Debt: d.Name(), Amount: amount, Reason: w.Reason}}, v.moment())
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
	lines := ledger.DebtWrittenOff(DebtSubject(d.Account, d.Name()), amount)
	if err := v.journal(tx, ledger.WriteOff, "", d.Name()+": "+w.Reason, lines); err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	e := by.Entry("debt.write-off", d.Name())
	e.Before, e.After, e.Reason = fmt.Sprintf("outstanding_minor=%d", before), fmt.Sprintf("outstanding_minor=%d", d.Outstanding), w.Reason
	return Booking{Debt: d}, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// findDebt finds a debt by its identity text, its account locked.
func findDebt(tx Tx, text string) (Debt, refusal.Refusal, error) {
	missing := refusal.Because(refusal.NotFound, "There is no debt "+echo(text)+".", nothingBooked, "Look at the list of debts.")
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

// Owing asks for debts or charges.
type Owing struct {
	Account string // identity, or a meter that supplies it; "" for all
	Open    bool   // only what is not paid
	Page    registry.Page
}

// DebtList is one page of debts, newest first.
type DebtList struct {
	refusal.Refusal
	Currency string
	Debts    []Debt
	Next     string
}

// DueList is one page of charges, newest first.
type DueList struct {
	refusal.Refusal
	Currency string
	Dues     []Due
	Next     string
}

// Lists that a cursor can belong to.
const (
	listDebts   = "debts"
	listCharges = "charges"
)

// owing reads what both lists have in common.
func (v *Vending) owing(tx Tx, by access.Actor, o Owing, list string) (account, before id.ID, max int, currency string, no refusal.Refusal, err error) {
	if before, max, no = o.Page.Read(v.c.Sealer, by.Tenant, list); no.Refused() {
		return account, before, max, currency, no, nil
	}
	if currency, _, err = tx.Currency(); err != nil || o.Account == "" {
		return account, before, max, currency, no, err
	}
	name, no := accountName(o.Account)
	if no.Refused() {
		return account, before, max, currency, no, nil
	}
	place, no, err := findAccount(tx, name, o.Account)
	return place.ID, before, max, currency, no, err
}

// Debts lists debts (right: customer.read).
func (v *Vending) Debts(ctx context.Context, by access.Actor, o Owing) (DebtList, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return DebtList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (DebtList, error) {
		account, before, max, currency, no, err := v.owing(tx, by, o, listDebts)
		if err != nil || no.Refused() {
			return DebtList{Refusal: no}, err
		}
		rows, err := tx.DebtPage(account, o.Open, before, max+1)
		l := DebtList{Currency: currency, Debts: rows}
		if len(rows) > max {
			l.Debts, l.Next = rows[:max], registry.Cursor(v.c.Sealer, by.Tenant, listDebts, rows[max-1].ID)
		}
		return l, err
	})
	if err != nil {
		return DebtList{}, fmt.Errorf("list debts: %w", err)
	}
	return out, nil
}

// Charges lists fixed charges that fell due (right: customer.read).
func (v *Vending) Charges(ctx context.Context, by access.Actor, o Owing) (DueList, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return DueList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (DueList, error) {
		account, before, max, currency, no, err := v.owing(tx, by, o, listCharges)
		if err != nil || no.Refused() {
			return DueList{Refusal: no}, err
		}
		rows, err := tx.ChargePage(account, o.Open, before, max+1)
		l := DueList{Currency: currency, Dues: rows}
		if len(rows) > max {
			l.Dues, l.Next = rows[:max], registry.Cursor(v.c.Sealer, by.Tenant, listCharges, rows[max-1].ID)
		}
		return l, err
	})
	if err != nil {
		return DueList{}, fmt.Errorf("list charges: %w", err)
	}
	return out, nil
}

// Adjustment gives a customer money out of goodwill.
type Adjustment struct {
	Request
	Account string
	Amount  money.Amount
	Reason  string

	Render func(Adjusted) (status int, body []byte)
}

// Adjusted is a booked adjustment.
type Adjusted struct {
	Journal id.ID
	Account id.ID
	To      ledger.AccountRef // the wallet, or the carry of a token account: its next purchase has it
	Amount  money.Amount
	Reason  string
	At      time.Time
	Waits   *access.Approval // it waits for a second person, and nothing was booked
}

// Adjust books goodwill (right: ledger.adjust; P13). It is an act for two people where four eyes are asked for.
func (v *Vending) Adjust(ctx context.Context, by access.Actor, a Adjustment) (Done[Adjusted], error) {
	if no := by.Needs(access.AdjustLedger); no.Refused() {
		return Done[Adjusted]{Refusal: no}, nil
	}
	out, err := keyed(ctx, v, by, a.Request, a.Render, func(tx Tx) (Adjusted, refusal.Refusal, error) { return v.adjust(tx, by, a) })
	if err != nil {
		return Done[Adjusted]{}, fmt.Errorf("adjust %s: %w", echo(a.Account), err)
	}
	return out, nil
}

func (v *Vending) adjust(tx Tx, by access.Actor, a Adjustment) (Adjusted, refusal.Refusal, error) {
	a.Reason = strings.TrimSpace(a.Reason)
	name, no := accountName(a.Account)
	switch {
	case no.Refused():
		return Adjusted{}, no, nil
	case a.Reason == "" || !oneLine(a.Reason, maxMemo):
		return Adjusted{}, badDebt(fmt.Sprintf("An adjustment needs a reason of 1 to %d printable characters.", maxMemo), "Say why."), nil
	case a.Amount.Minor <= 0:
		return Adjusted{}, badDebt("An adjustment gives a positive amount.", "What a customer owes is a debt."), nil
	}
	if no := checkTender(a.Amount); no.Refused() {
		return Adjusted{}, no, nil
	}
	place, no, err := findAccount(tx, name, a.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, a.Amount)
	}
	if err != nil || no.Refused() {
		return Adjusted{}, no, err
	}
	if place.Status != accountActive {
		return Adjusted{}, refusal.Because(refusal.AccountClosed, "Account "+place.ID.Text(id.Account)+" cannot take money: nothing more is bought or paid out of it.",
			nothingBooked, "Name an account that is active."), nil
	}
	to := goodwillTo(place)
	if has, err := tx.Balance(to); err != nil || -has > money.MaxMinor-a.Amount.Minor {
		return Adjusted{}, refusal.Because(refusal.AmountInvalid, "The account would hold more than any purchase can use.", nothingBooked, "Give less."), err
	}
	eyes, err := access.SecondPerson(tx, by, access.Wish{Act: access.ActAdjust, Object: place.ID.Text(id.Account),
		Summary: fmt.Sprintf("give %s to account %s: %s", a.Amount, place.ID.Text(id.Account), a.Reason),
		Body:    adjustAsked{Account: place.ID.Text(id.Account), Amount: a.Amount.Minor, Currency: a.Amount.Currency, Reason: a.Reason}}, v.moment())
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Adjusted{Waits: eyes.Waits}, eyes.Refusal, err
	}
	out := Adjusted{Account: place.ID, Amount: a.Amount, Reason: a.Reason, At: v.moment(), To: to}
	j := ledger.Journal{Kind: ledger.Goodwill, PostedAt: out.At, Memo: a.Reason, Postings: ledger.GoodwillGiven(out.To, a.Amount.Minor)}
	if out.To.Code == ledger.Wallet { // its wallets are locked before its money, as by a reading
		if _, err = tx.WalletsOf(place.ID); err != nil {
			return Adjusted{}, refusal.Refusal{}, err
		}
	}
	if j.ID, err = tx.NewID(); err != nil {
		return Adjusted{}, refusal.Refusal{}, err
	}
	breach, err := tx.Post(j)
	if err == nil && breach.Refused() {
		err = breachOf(j, breach)
	}
	if err != nil {
		return Adjusted{}, refusal.Refusal{}, err
	}
	out.Journal = j.ID
	if out.To.Code == ledger.Wallet {
		if _, err := wallet.SettleCredit(tx, place.ID, out.At); err != nil {
			return Adjusted{}, refusal.Refusal{}, err
		}
	}
	e := by.Entry("adjustment", place.ID.Text(id.Account))
	e.After = fmt.Sprintf("journal=%s goodwill=%q", j.ID.Text(id.Journal), a.Amount)
	e.Reason = a.Reason
	return out, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// goodwillTo is the wallet of an account, or the carry of one that buys tokens.
func goodwillTo(place AccountPlace) ledger.AccountRef {
	to := ledger.AccountRef{Code: ledger.Carry, Subject: place.ID.Text(id.Account)}
	if place.Mode == registry.PrepayWallet {
		to.Code = ledger.Wallet
	}
	return to
}

// adjustAsked is a write-off or goodwill as it is written down for a second person.
type adjustAsked struct {
	Debt     string      `json:"debt,omitempty"`
	Account  string      `json:"account,omitempty"`
	Amount   money.Minor `json:"amount_minor"`
	Currency string      `json:"currency,omitempty"`
	Reason   string      `json:"reason"`
}

// DoAdjust does a write-off or gives goodwill that a second person allowed; it is an [access.Doer].
func (v *Vending) DoAdjust(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a adjustAsked
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved adjustment: %w", err)
	}
	if a.Debt != "" {
		out, err := v.WriteOffDebt(ctx, maker, WriteOff{Debt: a.Debt, Amount: &a.Amount, Reason: a.Reason})
		return access.Done{Refusal: out.Refusal, Object: a.Debt}, err
	}
	out, err := v.Adjust(ctx, maker, Adjustment{Account: a.Account, Amount: money.Amount{Minor: a.Amount, Currency: a.Currency}, Reason: a.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Journal.Text(id.Journal)}, err
}
