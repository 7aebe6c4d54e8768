package vendor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MaxSettled is the largest number of entries of one settlement.
const MaxSettled = 20_000

// Days names the local days of a settlement: a month such as 2026-11, or the first and the last day. Without any of them, it is the present
// month.
type Days struct{ Month, From, To string }

// Entry is an entry on a vendor's account, with the sale that it belongs to.
type Entry struct {
	Booked
	Of      ledger.Kind // the kind of journal that a reversal takes back
	Tax     money.Minor // part of a commission; debit positive
	Receipt string
	Meter   string
}

// Sale reports whether the entry is a sale.
func (e Entry) Sale() bool { return e.Kind == ledger.Vend || e.Kind == ledger.TopUp }

// Commission reports whether the entry is a commission, or takes one back.
func (e Entry) Commission() bool { return e.Kind == ledger.Commission || e.Of == ledger.Commission }

// Total is a number of entries, with the sum by which they changed the vendor's balance.
type Total struct {
	Count  int64
	Amount money.Minor // positive: the vendor has more
}

// KindTotal is the total of the entries of one kind.
type KindTotal struct {
	Kind ledger.Kind
	Total
}

// Settlement says what happened on a vendor's account in a period of local days. Opening, totals and closing come from the books, and positive
// amounts are the vendor's. Opening and totals sum to Closing; Tax is a part of the commissions.
type Settlement struct {
	refusal.Refusal
	Utility           string
	Vendor            Vendor
	Zone              *time.Location
	Currency          money.Currency
	From, To          time.Time // the first moment of the period, and the first after it
	Closed            bool      // every day of the period is closed, so no entry can be added
	Opening, Closing  money.Minor
	Sales, Reversals  Total
	Earned, TakenBack Total // commissions, and those of reversed sales
	Tax               money.Minor
	Paid              Total
	Others            []KindTotal // by kind
	Entries           []Entry     // in the order in which they were posted
}

// Settlement returns what a vendor has to settle for a period (right: vendor.float). People and keys of a vendor get only their own vendor's.
func (vs *Vendors) Settlement(ctx context.Context, by access.Actor, vendor string, days Days) (Settlement, error) {
	if no := by.Needs(access.ReadFloat); no.Refused() {
		return Settlement{Refusal: no}, nil
	}
	out, err := access.Look(ctx, vs.c.Door, by.Tenant, func(tx Tx) (Settlement, error) {
		found, no, err := Named(tx, vendor)
		if err == nil && !no.Refused() {
			no = ownVendor(by, found, vendor)
		}
		if err != nil || no.Refused() {
			return Settlement{Refusal: no}, err
		}
		return settle(tx, found, days, vs.moment())
	})
	return out, fault.Wrap(err, "settlement of vendor %s", refusal.Echo(vendor))
}

// settle reads a settlement.
func settle(tx Tx, vendor Vendor, days Days, now time.Time) (Settlement, error) {
	set, err := tx.TenantSettings()
	if err != nil {
		return Settlement{}, err
	}
	s := Settlement{Utility: set.Name, Vendor: vendor}
	if s.Zone, err = localday.LoadZone(set.TZ); err != nil {
		return Settlement{}, err
	}
	if s.Currency.Code, s.Currency.Exp, err = tx.Books().Currency(); err != nil {
		return Settlement{}, err
	}
	if s.Refusal = s.period(days, now); s.Refused() {
		return s, nil
	}
	closed, err := tx.ClosedUntil()
	if err != nil {
		return Settlement{}, err
	}
	s.Closed = !closed.Before(s.To)
	opening, entries, err := tx.Settled(vendor.Account(), s.From, s.To, MaxSettled+1)
	if err != nil {
		return Settlement{}, err
	}
	if len(entries) > MaxSettled {
		return Settlement{Refusal: refuse.SettlementTooLarge(MaxSettled)}, nil
	}
	s.fill(opening, entries)
	return s, nil
}

// period finds the days of a settlement, or returns the refusal of a period that cannot be.
func (s *Settlement) period(d Days, now time.Time) refusal.Refusal {
	d.Month, d.From, d.To = strings.TrimSpace(d.Month), strings.TrimSpace(d.From), strings.TrimSpace(d.To)
	if d.Month != "" && d.From+d.To != "" || (d.From == "") != (d.To == "") {
		return refuse.SettlementPeriodUnclear()
	}
	if d.From == "" {
		first, err := now.In(s.Zone), error(nil)
		if d.Month != "" {
			if first, err = time.Parse(localday.MonthForm, d.Month); err != nil {
				return refuse.StatementMonthOfWrongForm(refusal.Echo(d.Month))
			}
		}
		s.From = localday.Begin(first.Year(), first.Month(), 1, s.Zone)
		s.To = localday.Begin(first.Year(), first.Month()+1, 1, s.Zone)
		return refusal.Refusal{}
	}
	var err error
	if s.From, err = localday.Parse(d.From, s.Zone); err != nil {
		return refuse.DateInvalid(refusal.Echo(d.From))
	}
	last, err := localday.Parse(d.To, s.Zone)
	if err != nil {
		return refuse.DateInvalid(refusal.Echo(d.To))
	}
	if s.To = localday.Next(last); !s.From.Before(s.To) {
		return refuse.PeriodReversed(d.From, d.To)
	}
	return refusal.Refusal{}
}

// fill adds up the entries of a period. The opening balance and the amounts of the entries are debit positive.
func (s *Settlement) fill(opening money.Minor, entries []Entry) {
	s.Opening, s.Entries = -opening, entries
	balance := opening
	for i := range entries {
		e := &entries[i]
		if kind, ref, found := strings.Cut(e.Ref, " "); found && e.Kind == ledger.Reversal {
			e.Of, e.Ref = ledger.Kind(kind), ref
		}
		balance += e.Amount
		e.Balance = balance
		s.Tax += e.Tax
		t := s.total(*e)
		t.Count, t.Amount = t.Count+1, t.Amount-e.Amount
	}
	s.Closing = -balance
	slices.SortFunc(s.Others, func(a, b KindTotal) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
}

// total returns the total that an entry belongs to.
func (s *Settlement) total(e Entry) *Total {
	switch {
	case e.Sale():
		return &s.Sales
	case e.Kind == ledger.Commission:
		return &s.Earned
	case e.Kind == ledger.DepositIn:
		return &s.Paid
	case e.Of == ledger.Commission:
		return &s.TakenBack
	case e.Of == ledger.Vend || e.Of == ledger.TopUp:
		return &s.Reversals
	}
	i := slices.IndexFunc(s.Others, func(k KindTotal) bool { return k.Kind == e.Kind })
	if i < 0 {
		i, s.Others = len(s.Others), append(s.Others, KindTotal{Kind: e.Kind})
	}
	return &s.Others[i].Total
}

// SaleRef returns the sale that an entry with this kind and reference belongs to, if there is one.
func SaleRef(kind ledger.Kind, ref string) (id.ID, bool) {
	if kind == ledger.Reversal {
		_, ref, _ = strings.Cut(ref, " ")
	}
	sale, err := id.Parse(id.Vend, ref)
	return sale, err == nil
}
