package vending

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// Explained is a sale with every figure derived again, or the refusal if there is no such sale.
type Explained struct {
	refusal.Refusal
	Sale     sale.Sale // as stored, without digits
	Currency money.Currency
	Tariff   tariff.Version
	Zone     *time.Location    // of the utility; nil if nothing was derived
	Since    time.Time         // when the account got the tariff; zero if it was opened with it
	Former   string            // name of the tariff that the account had before; empty if it was opened with this one
	Split    tariff.Allocation // derived now, from the facts on which the sale was decided
	Lines    []sale.Line       // the lines of Split
	Costs    []tariff.Cost
	Exact    string      // exact price of the units, with levies and tax, in the major unit
	Sum      money.Minor // the sum of Lines
	// Differences lists the figures in which the stored sale does not match its recalculation. It is empty for every honest sale.
	Differences []Difference
}

// Difference is one mismatch between a stored sale and its recalculation, with both figures as text.
type Difference struct {
	In              DifferenceIn
	Line            int // counted from 1, if In is DiffersLine
	Stored, Derived string
}

// DifferenceIn is the kind of a difference.
type DifferenceIn string

// Kinds of differences.
const (
	DiffersPrice      DifferenceIn = "price"       // the sale cannot be priced; Derived says why
	DiffersRefused    DifferenceIn = "refused"     // the tariff would have refused the sale; Derived says why
	DiffersDerivedSum DifferenceIn = "derived sum" // the recalculated lines do not sum to the payment
	DiffersStoredSum  DifferenceIn = "stored sum"  // the stored lines do not sum to the payment
	DiffersLines      DifferenceIn = "lines"       // the number of lines differs
	DiffersLine       DifferenceIn = "line"
	DiffersCarried    DifferenceIn = "carried"
	DiffersUnits      DifferenceIn = "units"
	DiffersTokens     DifferenceIn = "tokens" // the units of the tokens do not sum to the units sold
)

// Agrees reports whether the stored sale matches what was derived and its lines sum to the payment.
func (e Explained) Agrees() bool { return len(e.Differences) == 0 }

// Explain derives every figure of a sale again: from its tariff version, the account's position in the month's blocks, the charges and
// debts that were due, and the change carried in. It shows nothing from the stored lines. It only compares the stored lines with the
// derived ones.
func (v *Vending) Explain(ctx context.Context, by access.Actor, sale string) (Explained, error) {
	shown, err := v.find(ctx, by, sale)
	if err != nil || shown.Refused() {
		return Explained{Refusal: shown.Refusal}, err
	}
	var zone *time.Location
	var since time.Time
	var former string
	version, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (version tariff.Version, err error) {
		if zone, err = v.zoneOf(tx); err != nil {
			return version, err
		}
		if since, former, err = formerTariff(tx, shown.Sale); err != nil {
			return version, err
		}
		return tx.Sold().TariffVersion(shown.Sale.Tariff)
	})
	if err != nil {
		return Explained{}, fmt.Errorf("explain sale %s: %w", refusal.Echo(sale), err)
	}
	e, err := derive(shown.Sale, version)
	e.Zone, e.Since, e.Former = zone, since, former
	return e, fault.Wrap(err, "explain sale %s", refusal.Echo(sale))
}

// formerTariff returns since when the account of a sale had the tariff of that time, and the name of the one before; zero if it was opened with it.
func formerTariff(tx Tx, s sale.Sale) (since time.Time, name string, err error) {
	first, later, err := tx.Sold().TariffsOfAccount(s.Account)
	if err != nil {
		return since, "", err
	}
	if since = later.Since(s.PricedAt); since.IsZero() {
		return since, "", nil
	}
	name, _, err = tx.Registering().Tariffs().TariffName(later.At(first, since.Add(-time.Microsecond))) // the store keeps microseconds
	return since, name, err
}

// derive prices a sale again and compares the result with the stored sale.
func derive(s sale.Sale, version tariff.Version) (Explained, error) {
	e := Explained{Sale: s, Tariff: version}
	var ok bool
	if e.Currency, ok = money.CurrencyOf(s.Tender.Currency); !ok {
		return Explained{}, fmt.Errorf("currency %q is not known", s.Tender.Currency)
	}
	if s.Recharge() {
		advance := s.Advance()
		if advance != 0 { // the tax was owed at once when the recharge was made
			var err error
			if advance, err = money.TaxIn(s.Tender.Minor, version.Body.VATBps); err != nil {
				return Explained{}, err
			}
		}
		e.Lines, e.Sum = rechargeLines(s.Tender.Minor, advance), s.Tender.Minor
		e.compare()
		return e, nil
	}
	var err error
	e.Split, err = tariff.Allocate(tariff.Purchase{Body: version.Body, Tender: s.Tender.Minor, Carry: s.CarryIn, Month: s.MonthBefore,
		Charges: s.Asked.Charges, MaxDeduction: s.Asked.MaxDeduction, Free: s.Free, ChargesOnly: true, Trace: true})
	if err != nil {
		e.differ(DiffersPrice, "", err.Error())
		return e, nil
	}
	if e.Split.Refused() {
		e.differ(DiffersRefused, "", e.Split.What)
		return e, nil
	}
	labels := map[string]string{}
	for _, l := range s.Lines {
		if l.Label != "" {
			labels[l.Ref] = l.Label
		}
	}
	e.Lines = priced{split: e.Split, carry: s.CarryIn, owed: debt.Owed{Labels: labels}}.lines()
	for _, l := range e.Lines {
		e.Sum += l.Amount
	}
	from := s.MonthBefore
	if !version.Body.Free.Apart {
		from += s.Free
	}
	if e.Costs, e.Exact, err = version.Body.Costs(e.Split.Steps, from); err != nil {
		return Explained{}, err
	}
	e.compare()
	return e, nil
}

func (e *Explained) differ(in DifferenceIn, stored, derived string) {
	e.Differences = append(e.Differences, Difference{In: in, Stored: stored, Derived: derived})
}

// differs adds a difference if two figures are not the same.
func differs[N cmp.Ordered](e *Explained, in DifferenceIn, stored, derived N, text func(N) string) {
	if stored != derived {
		e.differ(in, text(stored), text(derived))
	}
}

// compare finds the differences between the stored sale and its recalculation.
func (e *Explained) compare() {
	s := e.Sale
	amount := func(m money.Minor) string { return money.Amount{Minor: m, Currency: e.Currency.Code}.String() }
	energy := func(u unit.Energy) string { return strconv.FormatInt(int64(u), 10) }
	differs(e, DiffersDerivedSum, s.Tender.Minor, e.Sum, amount)
	var stored money.Minor
	for _, l := range s.Lines {
		stored += l.Amount
	}
	differs(e, DiffersStoredSum, stored, s.Tender.Minor, amount)
	differs(e, DiffersLines, len(s.Lines), len(e.Lines), strconv.Itoa)
	for i := range min(len(s.Lines), len(e.Lines)) {
		if !reflect.DeepEqual(s.Lines[i], e.Lines[i]) {
			e.Differences = append(e.Differences, Difference{DiffersLine, i + 1, s.Lines[i].String(), e.Lines[i].String()})
		}
	}
	differs(e, DiffersCarried, s.CarryOut, e.Split.CarryOut, amount)
	differs(e, DiffersUnits, s.Units, e.Split.Units+e.Split.Free, energy)
	var tokens unit.Energy
	for _, t := range s.Tokens {
		tokens += t.Units
	}
	differs(e, DiffersTokens, tokens, s.Units, energy)
}
