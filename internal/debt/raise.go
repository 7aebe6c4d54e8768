package debt

import (
	"cmp"
	"context"
	"encoding/json"
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
	"github.com/paywatt/paywatt/internal/tariff"
)

// NewDebt is a request to raise a debt.
type NewDebt struct {
	once.Request
	Account  string // identity of the account, or a meter that supplies it
	Kind     string // fine, loan, arrears ...
	Memo     string
	Amount   money.Amount
	Mode     tariff.ChargeMode // how much a purchase pays: percent, fixed, full
	Value    int64             // basis points of the payment, or minor units
	Min, Max money.Minor
	MonthCap money.Minor
	Priority int    // 0 means 30
	Uncapped bool   // outside the ceiling of capped charges
	Against  string // the account credited: opening (default), fees, services, fixed, energy

	Render func(Booking) (status int, body []byte)

	row *Row // set for a row of an imported file, which was allowed as a whole
}

// Booking is a debt after an entry was booked on it.
type Booking struct {
	Debt
	Currency string
	Waits    *access.Approval // set if the request waits for a second person; nothing was booked
}

// against returns the account that raising a debt may credit under this name (P12).
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

// Add raises a debt (right: debt.write; P12). The row and its journal become durable together. Above a ceiling it takes two people.
func (ds *Debts) Add(ctx context.Context, by access.Actor, n NewDebt) (once.Done[Booking], error) {
	name, no := n.normal()
	out, err := once.Do(ctx, ds.answers, by, access.WriteDebts, n.Request, n.Render, func(tx Tx) (Booking, refusal.Refusal, error) {
		if no.Refused() {
			return Booking{}, no, nil
		}
		return ds.addDebt(tx, by, n, name)
	})
	return out, fault.Wrap(err, "raise a debt of %s", refusal.Echo(n.Account))
}

// normal fills in the defaults, and returns what is wrong.
func (n *NewDebt) normal() (AccountName, refusal.Refusal) {
	n.Kind, n.Memo = strings.TrimSpace(n.Kind), strings.TrimSpace(n.Memo)
	n.Against, n.Priority = cmp.Or(n.Against, "opening"), cmp.Or(n.Priority, tariff.DebtPriority)
	name, no := accountName(n.Account)
	if no.Refused() {
		return name, no
	}
	_, known := against(n.Against)
	switch {
	case n.Kind == "" || !access.OneLine(n.Kind, maxKind):
		return name, refuse.DebtKindOfWrongForm(maxKind)
	case !access.OneLine(n.Memo, maxMemo):
		return name, refuse.DebtMemoOfWrongForm(maxMemo)
	case !known:
		return name, refuse.DebtAgainstUnknown(refusal.Echo(n.Against))
	case n.Priority < 1 || n.Priority > tariff.MaxPriority:
		return name, refuse.DebtPriorityOutOfRange(int64(n.Priority), tariff.MaxPriority)
	}
	if no := n.limits(); no.Refused() {
		return name, no
	}
	if no := n.mode(); no.Refused() {
		return name, no
	}
	if n.Amount.Minor == 0 {
		return name, refuse.BookingNotPositive()
	}
	return name, checkAmount(n.Amount)
}

// limits checks the limits of what purchases pay.
func (n *NewDebt) limits() refusal.Refusal {
	switch {
	case n.Min < 0:
		return refuse.DebtLimitNegative("min_minor", int64(n.Min))
	case n.Max < 0:
		return refuse.DebtLimitNegative("max_minor", int64(n.Max))
	case n.MonthCap < 0:
		return refuse.DebtLimitNegative("month_cap_minor", int64(n.MonthCap))
	case n.Min > money.MaxMinor:
		return refuse.DebtLeastTooHigh(int64(n.Min), int64(money.MaxMinor))
	case n.Max > 0 && n.Max < n.Min:
		return refuse.DebtMostBelowLeast(int64(n.Max), int64(n.Min))
	}
	return refusal.Refusal{}
}

func (n *NewDebt) mode() refusal.Refusal {
	switch n.Mode {
	case tariff.Percent:
		if n.Value < 1 || n.Value > int64(money.Whole) {
			return refuse.DebtShareOutOfRange(n.Value, int64(money.Whole))
		}
	case tariff.Amount:
		if n.Value < 1 || n.Value > int64(money.MaxMinor) {
			return refuse.DebtPartOutOfRange(n.Value, int64(money.MaxMinor))
		}
	case "", tariff.Full:
		n.Mode, n.Value = tariff.Full, 0
	default:
		return refuse.DebtModeUnknown(refusal.Echo(string(n.Mode)))
	}
	return refusal.Refusal{}
}

func (ds *Debts) addDebt(tx Tx, by access.Actor, n NewDebt, name AccountName) (Booking, refusal.Refusal, error) {
	place, no, err := findAccount(tx, name, n.Account)
	if err == nil && !no.Refused() {
		no, err = ownCurrency(tx, n.Amount)
	}
	if err != nil || no.Refused() {
		return Booking{}, no, err
	}
	_, open, err := tx.Charges().ChargesOpen(place.ID, maxDebts)
	if err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	if len(open) == maxDebts {
		return Booking{}, refuse.TooManyDebts(place.ID.Text(id.Account), maxDebts), nil
	}
	eyes := access.FourEyes{}
	if n.row == nil {
		eyes, err = access.SecondPerson(tx.Eyes(), by, access.ActRequest{Act: access.ActDebt, Object: place.ID.Text(id.Account),
			Summary: fmt.Sprintf("make account %s owe %s as %s: %s", place.ID.Text(id.Account), n.Amount, n.Kind, n.Memo), Body: n.asked(place.ID),
			Takes: takes(n.Amount.Minor, place.ID), Effect: func() (e access.Effect, err error) {
				e.Sum("amount", n.Amount)
				e.Fact("debt", strings.TrimSpace(n.Kind+" "+n.Memo))
				e.Fact("account", place.ID.Text(id.Account))
				owed, err := owedBy(tx, place.ID)
				e.Change("outstanding", pays(owed, n.Amount.Currency), pays(owed+n.Amount.Minor, n.Amount.Currency))
				return e, err
			}}, ds.moment())
	} else {
		eyes, err = n.row.allowed(tx, by, access.ActImportedDebt, takes(n.Amount.Minor, place.ID), ds.moment())
	}
	if err != nil || eyes.Refused() || eyes.Waits != nil {
		return Booking{Waits: eyes.Waits}, eyes.Refusal, err
	}
	code, _ := against(n.Against)
	d, err := Raise(tx, Debt{Account: place.ID, Kind: n.Kind, Memo: n.Memo, Principal: n.Amount.Minor, Mode: n.Mode, Value: n.Value, Min: n.Min,
		Max: n.Max, MonthCap: n.MonthCap, Priority: n.Priority, Capped: !n.Uncapped, Against: n.Against, CreatedAt: ds.moment()},
		n.Memo, ledger.Posting{Account: ledger.AccountRef{Code: code}, Amount: -n.Amount.Minor})
	if err != nil {
		return Booking{}, refusal.Refusal{}, err
	}
	e := by.Entry("debt.raise", d.Name())
	e.After = fmt.Sprintf("account=%s kind=%q amount_minor=%d mode=%s value=%d against=%s", d.Account.Text(id.Account), d.Kind, d.Principal, d.Mode, d.Value, d.Against)
	return Booking{Debt: d, Currency: n.Amount.Currency}, refusal.Refusal{}, tx.AuditLog(eyes.Mark(e))
}

// debtAsked is a debt as it is stored for a second person.
type debtAsked struct {
	Account  string            `json:"account"`
	Kind     string            `json:"kind"`
	Memo     string            `json:"memo,omitempty"`
	Amount   money.Minor       `json:"amount_minor"`
	Currency string            `json:"currency"`
	Mode     tariff.ChargeMode `json:"mode"`
	Value    int64             `json:"value,omitempty"`
	Min      money.Minor       `json:"min_minor,omitempty"`
	Max      money.Minor       `json:"max_minor,omitempty"`
	MonthCap money.Minor       `json:"month_cap_minor,omitempty"`
	Priority int               `json:"priority"`
	Uncapped bool              `json:"uncapped,omitempty"`
	Against  string            `json:"against"`
}

func (n *NewDebt) asked(account id.ID) debtAsked {
	return debtAsked{Account: account.Text(id.Account), Kind: n.Kind, Memo: n.Memo, Amount: n.Amount.Minor, Currency: n.Amount.Currency, Mode: n.Mode, Value: n.Value,
		Min: n.Min, Max: n.Max, MonthCap: n.MonthCap, Priority: n.Priority, Uncapped: n.Uncapped, Against: n.Against}
}

// doDebt raises a debt that a second person approved; it is an [access.Executor].
func (ds *Debts) doDebt(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a debtAsked
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read an approved debt: %w", err)
	}
	out, err := ds.Add(ctx, maker, NewDebt{Account: a.Account, Kind: a.Kind, Memo: a.Memo, Amount: money.Amount{Minor: a.Amount, Currency: a.Currency}, Mode: a.Mode, Value: a.Value,
		Min: a.Min, Max: a.Max, MonthCap: a.MonthCap, Priority: a.Priority, Uncapped: a.Uncapped, Against: a.Against})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Name()}, err
}

// Raise stores a new debt and posts its journal (P12). The credits must sum to the debt's principal, all of which is then
// outstanding. The account must be locked.
func Raise(tx Tx, d Debt, memo string, credits ...ledger.Posting) (Debt, error) {
	var err error
	if d.ID, err = tx.NewID(); err != nil {
		return Debt{}, err
	}
	d.Outstanding, d.Status = d.Principal, Open
	if err := tx.DebtAdd(d); err != nil {
		return Debt{}, err
	}
	_, err = ledger.Enter(tx.Books(), ledger.Journal{Kind: ledger.Raised, Ref: d.Name(), Memo: memo, PostedAt: d.CreatedAt,
		Postings: ledger.DebtRaised(ledger.SubjectOf(d.Account, d.Name()), credits...)})
	return d, err
}
