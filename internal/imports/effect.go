package imports

import (
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
)

// effectOf says what a file of debts or balances does, row by row, to the person who must agree. However a row names an account, its meters and its
// customer are shown.
func (s *Imports) effectOf(tx Tx, k Kind, rows []entry, now time.Time) (e access.Effect, err error) {
	fate, ceiling := access.FateCredit, access.AccountCredits
	if k == Debts {
		fate, ceiling = access.FateDebt, access.AccountDebts
	}
	out := make([]access.EffectRow, len(rows))
	for i, r := range rows {
		place, no, err := s.c.Debts.PlaceOf(tx.Debts(), r.money.Account)
		if err != nil {
			return e, err
		}
		meters := strings.Join(place.Meters, ", ")
		if no.Refused() || meters == "" {
			meters = r.money.Account
		}
		out[i] = access.EffectRow{Line: r.line, From: place.Customer.Name, Said: strings.TrimSpace(r.money.Kind + " " + r.money.Memo), Meter: meters,
			Phone: place.Customer.Phone, Fate: fate, Amount: money.Amount{Minor: r.money.Amount}}
	}
	return tellRows(tx, out, fate, ceiling, now)
}

// undoEffect says what undoing a file takes back, from the debts and journals that its rows made.
func (s *Imports) undoEffect(tx Tx, i Import, lines []Line, now time.Time) (e access.Effect, err error) {
	ceiling := access.AccountCredits
	if i.Kind == Balances {
		ceiling = access.AccountDebts
	}
	var out []access.EffectRow
	for _, l := range lines {
		if l.State != Done {
			continue
		}
		m, err := s.c.Debts.ImportedEntry(tx.Debts(), l.Object, i.Kind == Debts)
		if err != nil {
			return e, err
		}
		out = append(out, access.EffectRow{Line: l.Line, From: m.Customer, Said: m.For, Meter: m.Meter, Phone: m.Phone, Fate: access.FateUndone,
			Amount: money.Amount{Minor: m.Amount}})
	}
	if e, err = tellRows(tx, out, access.FateUndone, ceiling, now); err != nil {
		return e, err
	}
	currency, _, err := tx.Debts().Books().Currency()
	e.Sum("at-most", money.Amount{Minor: i.Total, Currency: currency})
	e.Fact("imported-by", access.PlainName(i.By))
	return e, err
}

// tellRows marks the rows that are worth a second look, and chooses those that are shown. All rows have the same fate.
func tellRows(tx Tx, rows []access.EffectRow, fate access.Fate, ceiling access.Ceiling, now time.Time) (e access.Effect, err error) {
	currency, _, err := tx.Debts().Books().Currency()
	if err != nil {
		return e, err
	}
	eyes := tx.Debts().Eyes()
	rules, err := eyes.Ceilings().CeilingRules()
	if err != nil {
		return e, err
	}
	limit := money.Amount{Minor: money.Minor(rules.Most(ceiling)), Currency: currency}
	for i := range rows {
		rows[i].Amount.Currency = currency
	}
	for i, t := range access.AddTogether(rows, fate) {
		r := &rows[i]
		if t.Several() {
			r.Odd = append(r.Odd, access.Oddity{Refusal: refuse.OddManyImported(t.Rows, r.Meter, t.Sum)})
		}
		if t.Sum.Minor > limit.Minor {
			r.Odd = append(r.Odd, access.Oddity{Refusal: refuse.OddAccount(t.Sum, limit)})
		}
	}
	if err := access.MarkOwn(eyes, rows, now); err != nil {
		return e, err
	}
	e.Tell(rows)
	return e, nil
}
