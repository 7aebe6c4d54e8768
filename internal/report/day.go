package report

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/unit"
)

// MaxActs is the most single-person actions, and the most unconfirmed reversals, that a daily report lists.
const MaxActs = 500

// Sums are the totals of sales, reversals and free tokens in a period.
type Sums struct {
	Sales     int64
	Tendered  money.Minor
	Units     unit.Energy
	Reversals int64
	Refunded  money.Minor
	UnitsBack unit.Energy
	Free      int64 // tokens issued without payment
	UnitsFree unit.Energy
}

// Unconfirmed is a reversed sale. The money was given back, although the meter has not confirmed that the token will never
// load.
type Unconfirmed struct {
	Sale       id.ID
	Meter      string
	Vendor     string // code of the vendor; empty if the utility itself sold
	Tender     money.Amount
	At         time.Time
	SoldBy     string
	By         string // who requested the reversal
	ApprovedBy string // empty if no approval was needed
	Reason     string
	Used       bool // the units are in the meter after all, and their value became a debt
}

// DayTx is the part of a transaction that the daily report needs.
type DayTx interface {
	// TenantZone returns the name of the tenant's time zone.
	TenantZone() (string, error)
	DaySums(from, to time.Time) (Sums, error)
	// SinglePersonActs returns the sensitive actions that one person did alone, oldest first.
	SinglePersonActs(from, to time.Time, max int) ([]access.Entry, error)
	// UnconfirmedReversals returns the reversals between two times that the meter has not confirmed yet, oldest first.
	UnconfirmedReversals(from, to time.Time, max int) ([]Unconfirmed, error)
	// TakenByPeople returns what each person took under ceilings in the local days that begin between two times, sorted by name.
	TakenByPeople(from, to time.Time, max int) ([]access.DayTotal, error)
	Ceilings() access.CeilingTx
	Shifts() till.ShiftTx
	// LastHead returns the newest signed head of the log; empty before the first head.
	LastHead() (string, error)
}

// Day is the report of one local day.
type Day struct {
	refusal.Refusal
	Date     string // 2026-11-20
	Zone     string
	Currency string
	Sums     Sums
	Alone    []access.Entry // actions that a second person should have seen, at most MaxActs
	// Unconfirmed are the day's reversals that the meter has not confirmed yet, at most MaxActs.
	Unconfirmed []Unconfirmed
	// People lists what each person took alone, at most MaxActs rows.
	People []access.DayTotal
	Rules  access.CeilingRules
	Shifts []till.Shift // shifts that were closed on the day, the newest first, at most MaxActs
	Head   string       // the newest signed head, to be stored outside the server
}

// Day returns the report of a local day (right: ledger.read). An empty date is today.
func (r *Reports) Day(ctx context.Context, by access.Actor, date string, now time.Time) (Day, error) {
	if no := by.Needs(access.ReadLedger); no.Refused() {
		return Day{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.door, by.Tenant, func(tx Tx) (Day, error) {
		name, err := tx.TenantZone()
		if err != nil {
			return Day{}, err
		}
		zone, err := localday.LoadZone(name)
		if err != nil {
			return Day{}, err
		}
		if date == "" {
			date = now.In(zone).Format(time.DateOnly)
		}
		from, err := localday.Parse(date, zone)
		if err != nil {
			return Day{Refusal: refuse.DateInvalid(refusal.Echo(date))}, nil
		}
		d := Day{Date: date, Zone: name}
		to := localday.Next(from)
		if d.Currency, _, err = tx.Currency(); err != nil {
			return Day{}, err
		}
		if d.Sums, err = tx.DaySums(from, to); err != nil {
			return Day{}, err
		}
		if d.Alone, err = tx.SinglePersonActs(from, to, MaxActs); err != nil {
			return Day{}, err
		}
		if d.Unconfirmed, err = tx.UnconfirmedReversals(from, to, MaxActs); err != nil {
			return Day{}, err
		}
		if d.People, d.Rules, err = takenAlone(tx, from, to); err != nil {
			return Day{}, err
		}
		if d.Shifts, err = tx.Shifts().ShiftPage(till.Filter{ClosedFrom: from, ClosedTo: to}, id.ID{}, MaxActs); err != nil {
			return Day{}, err
		}
		d.Head, err = tx.LastHead()
		return d, err
	})
	return out, fault.Wrap(err, "report of %s", date)
}

// takenAlone returns what each person took in a day, and the ceilings.
func takenAlone(tx DayTx, from, to time.Time) ([]access.DayTotal, access.CeilingRules, error) {
	all, err := tx.TakenByPeople(from, to, MaxActs)
	if err != nil {
		return nil, access.CeilingRules{}, err
	}
	rules, err := tx.Ceilings().CeilingRules()
	return all, rules, err
}
