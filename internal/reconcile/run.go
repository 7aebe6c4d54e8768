package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/statement"
)

// Limits of the work.
const (
	lookBack     = 31   // days that the daily job looks at
	maxFiles     = 200  // files that may cover one day
	maxProviders = 50   // providers of a tenant
	maxOpen      = 5000 // open differences of a day
)

// Ran is the outcome of a reconciliation.
type Ran struct {
	refusal.Refusal
	Reconciliation
}

// Run reconciles a day of a provider now (right: payment.decide). It changes no payment and no journal.
func (s *Statements) Run(ctx context.Context, by access.Actor, provider, date string) (Ran, error) {
	if no := by.Needs(access.DecidePayments); no.Refused() {
		return Ran{Refusal: no}, nil
	}
	out, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (Ran, error) {
		p, found, err := tx.Paying().Payments().ProviderByName(provider)
		if err != nil || !found {
			return Ran{Refusal: refuse.ProviderNotFound(refusal.Echo(provider))}, err
		}
		z, err := zone(tx)
		if err != nil {
			return Ran{}, err
		}
		from, err := localday.Parse(date, z)
		if err != nil {
			return Ran{Refusal: refuse.DateInvalid(refusal.Echo(date))}, nil
		}
		to := localday.Next(from)
		if s.c.Now().Before(to.Add(Slack)) {
			return Ran{Refusal: refuse.ReconcileDayNotOver(date, to.Add(Slack))}, nil
		}
		r, err := s.run(tx, p.Name, from, to, true)
		return Ran{Reconciliation: r}, err
	})
	return out, fault.Wrap(err, "reconcile provider %s", refusal.Echo(provider))
}

// RunDue reconciles every day of the last [lookBack] that has ended and is not closed, and stores the rows of interrupted uploads.
func (s *Statements) RunDue(ctx context.Context, t access.Tenant) (days int, err error) {
	err = s.Continue(ctx, t)
	type due struct {
		providers []payment.Provider
		zone      *time.Location
	}
	d, e := access.Look(ctx, s.c.Door, t, func(tx Tx) (d due, err error) {
		if d.providers, err = tx.Paying().Payments().ProviderPage(id.ID{}, maxProviders); err == nil {
			d.zone, err = zone(tx)
		}
		return d, err
	})
	if e != nil {
		return 0, errors.Join(err, e)
	}
	for _, p := range d.providers {
		to := localday.Of(s.c.Now().Add(-Slack).In(d.zone))
		for range lookBack {
			from := localday.Of(to.Add(-time.Minute))
			ran, e := access.Through(ctx, s.c.Door, t, func(tx Tx) (Ran, error) {
				r, err := s.run(tx, p.Name, from, to, false)
				return Ran{Reconciliation: r}, err
			})
			if e != nil {
				return days, errors.Join(err, fmt.Errorf("reconcile %s of provider %s: %w", from.Format(time.DateOnly), p.Name, e))
			}
			if !ran.ID.IsZero() {
				days++
			}
			to = from
		}
	}
	return days, errors.Join(err, s.watch(ctx, t))
}

// AlarmOpen is the alarm about differences that have been open for more than [openLong].
const AlarmOpen metering.AlarmCode = "differences-open"

const openLong = 24 * time.Hour

// watch raises or ends the alarm about open differences.
func (s *Statements) watch(ctx context.Context, t access.Tenant) error {
	_, err := access.Through(ctx, s.c.Door, t, func(tx Tx) (Ran, error) {
		n, oldest, err := tx.Reconciling().OpenSince(tx.Moment().Add(-openLong))
		switch {
		case err != nil:
			return Ran{}, err
		case n == 0:
			return Ran{}, tx.ClearAlarm(0, AlarmOpen)
		}
		return Ran{}, tx.UpdateAlarm(0, metering.Alarm{Code: AlarmOpen, Text: alarmtext.DifferencesOpen(int64(n), oldest.UTC().Format(time.RFC3339))})
	})
	return fault.Wrap(err, "raise the alarm about open differences")
}

// run reconciles a day: it stores new differences, settles those that are gone, and closes the day if none is left. A day on which nothing
// happened gets no reconciliation unless it is wanted.
func (s *Statements) run(tx Tx, provider string, from, to time.Time, wanted bool) (Reconciliation, error) {
	date := from.Format(time.DateOnly)
	r, known, err := tx.Reconciling().ReconciliationDated(provider, date)
	if err != nil {
		return r, err
	}
	d, err := collect(tx, provider, from, to)
	if err != nil {
		return r, err
	}
	if !known && !wanted && !d.Stated && len(d.Rows)+len(d.Waiting)+len(d.Payments)+len(d.Journals) == 0 {
		return r, nil
	}
	left, err := s.settle(tx, provider, date, Reconcile(d))
	if err != nil {
		return r, err
	}
	if known && r.State == Closed {
		r.Unsettled = left
		return healClosedDay(tx, r, d)
	}
	before := r
	if !known {
		r = Reconciliation{Provider: provider, Date: date, From: access.Stored(from), To: access.Stored(to)}
		if r.ID, err = tx.NewID(); err != nil {
			return r, err
		}
	}
	r.count(d)
	r.Unsettled, r.Unknown = left, unknownText(d)
	r.State = Waiting
	if left > 0 {
		r.State = Open
	} else if d.Stated {
		r.State, r.ClosedAt, r.ClosedBy = Closed, tx.Moment(), actor(0).String()
		e := actor(0).Entry("reconciliation.close", provider+" "+date)
		e.At, e.After = tx.Moment(), fmt.Sprintf("rows=%d stated=%d payments=%d paid=%d booked=%d", r.Rows, r.Stated, r.Payments, r.Paid, r.Booked)
		if err := tx.AuditLog(e); err != nil {
			return r, err
		}
	}
	if before.RanAt = r.RanAt; known && before == r {
		return r, nil
	}
	r.RanAt = tx.Moment()
	return r, tx.Reconciling().PutReconciliation(r)
}

// healClosedDay says what a closed day still cannot be compared with, after a later file brought what was missing, such as the statement before. Nothing
// else of a closed day changes.
func healClosedDay(tx Tx, r Reconciliation, d Day) (Reconciliation, error) {
	unknown := unknownText(d)
	if unknown == r.Unknown {
		return r, nil
	}
	r.Unknown = unknown
	return r, tx.Reconciling().PutReconciliation(r)
}

// count adds up a day.
func (r *Reconciliation) count(d Day) {
	r.Rows, r.Stated, r.Fees, r.Payments, r.Paid, r.Booked = 0, 0, 0, 0, 0, 0
	for _, row := range d.Rows {
		switch r.Currency = row.Currency; row.Kind {
		case statement.Payment:
			r.Rows, r.Stated = r.Rows+1, r.Stated+row.Amount
		case statement.Fee:
			r.Fees += row.Amount
		}
	}
	booked := map[string]money.Minor{}
	for _, j := range d.Journals {
		if j.Amount > 0 {
			booked[j.Ref] += j.Amount
		}
	}
	for _, p := range d.Payments {
		if c := (dayCheck{day: d}); p.ConfirmedAt.IsZero() || !c.ofDay(p.PaidAt) {
			continue
		}
		r.Payments, r.Paid, r.Booked = r.Payments+1, r.Paid+p.Amount.Minor, r.Booked+booked[p.Name()]
	}
}

// collect reads what there is to compare about a day.
func collect(tx Tx, provider string, from, to time.Time) (Day, error) {
	d := Day{From: from, To: to}
	files, err := tx.Reconciling().StatementFiles(provider, from, to, maxFiles)
	if err != nil {
		return d, err
	}
	if err = collectRows(tx, provider, &d); err != nil {
		return d, err
	}
	d.Stated = covers(files, from, to) && coverAccounts(files, d)
	paidFrom, paidTo := from.Add(-Slack), to.Add(-Slack)
	if d.Payments, err = tx.Comparing().ComparedPayments(provider, from, to, paidFrom, paidTo); err != nil {
		return d, err
	}
	if d.Elsewhere, err = tx.Comparing().StatedElsewhere(provider, from, to, paidFrom, paidTo); err != nil {
		return d, err
	}
	before := localday.Of(from.Add(-time.Minute))
	if files, err = tx.Reconciling().StatementFiles(provider, before, from, maxFiles); err != nil {
		return d, err
	}
	if covers(files, before, from) {
		yesterday, err := tx.Comparing().StatementRows(provider, before, from)
		if err != nil {
			return d, err
		}
		if closing, told := Closing(counting(yesterday)); told {
			d.Opening = &closing
		}
	}
	if err := addJournals(tx, provider, &d); err != nil {
		return d, err
	}
	return d, addBacks(tx, provider, &d)
}

// collectRows reads the rows of the day, the rows of other days that name the same payments, and what the files say about balances.
func collectRows(tx Tx, provider string, d *Day) error {
	rows, err := tx.Comparing().StatementRows(provider, d.From, d.To)
	if err != nil {
		return err
	}
	d.Rows = counting(rows)
	for _, r := range rows {
		if r.State == RowWaiting {
			d.Waiting = append(d.Waiting, r)
		}
	}
	if len(d.Rows) > 0 {
		if d.Claims, err = tx.Comparing().ClaimedElsewhere(provider, d.From, d.To); err != nil {
			return err
		}
	}
	if d.Pages, err = tx.Comparing().PageDays(provider, d.From, d.To); err != nil || len(d.Pages) == 0 {
		return err
	}
	d.Before, err = tx.Comparing().PageDays(provider, d.From.Add(-lastStatement), d.From)
	return err
}

// lastStatement is how old the last statement of an account may be.
const lastStatement = 62 * 24 * time.Hour

// counting returns the rows that are movements of money.
func counting(rows []Row) (out []Row) {
	for _, r := range rows {
		if r.State == RowTaken {
			out = append(out, r)
		}
	}
	return out
}

// addBacks finds the payments that were given back in the books on the day, and that rows of other days give back.
func addBacks(tx Tx, provider string, d *Day) error {
	txns := map[string]string{}
	for _, p := range d.Payments {
		txns[p.Name()] = p.Txn
	}
	d.BackElsewhere = map[string]bool{}
	for _, j := range d.Journals {
		txn, known := txns[j.Ref]
		if !known || j.Kind == ledger.Payment || j.At.Before(d.From) || !j.At.Before(d.To) {
			continue
		}
		back, err := tx.Comparing().StatedBack(provider, txn)
		if err != nil {
			return err
		}
		d.BackElsewhere[txn] = back
	}
	return nil
}

// addJournals reads the journals of the day and of its payments, and the payments of these journals. A payment that was given back on the day was
// perhaps booked long before.
func addJournals(tx Tx, provider string, d *Day) (err error) {
	if d.Journals, err = tx.Comparing().ProviderJournals(provider, d.From, d.To); err != nil {
		return err
	}
	if err := addBookedPayments(tx, provider, d); err != nil {
		return err
	}
	booked := map[string]map[ledger.Kind]bool{}
	for _, j := range d.Journals {
		if booked[j.Ref] == nil {
			booked[j.Ref] = map[ledger.Kind]bool{}
		}
		booked[j.Ref][j.Kind] = true
	}
	for _, p := range d.Payments {
		has := booked[p.Name()]
		isWhole := has[ledger.Payment] && !has[ledger.TakenBack] && p.Owed == 0 && has[ledger.Returned] == (p.State == payment.Refunded)
		if p.ConfirmedAt.IsZero() || isWhole {
			continue
		}
		more, err := tx.Comparing().PaymentJournals(provider, p.Name())
		if err != nil {
			return err
		}
		d.Journals = append(slices.DeleteFunc(d.Journals, func(j Journal) bool { return j.Ref == p.Name() }), more...)
	}
	return nil
}

// addBookedPayments reads the payments of the day's journals.
func addBookedPayments(tx Tx, provider string, d *Day) error {
	known := map[string]bool{}
	for _, p := range d.Payments {
		known[p.Name()] = true
	}
	for _, j := range d.Journals {
		i, broken := id.Parse(id.Payment, j.Ref)
		if known[j.Ref] || broken != nil {
			continue
		}
		known[j.Ref] = true
		p, found, err := tx.Paying().Payments().PaymentByID(i)
		if err != nil {
			return err
		}
		if found && p.Provider == provider {
			d.Payments = append(d.Payments, p)
		}
	}
	return nil
}

// covers reports whether files that were read, and uploaded after the end of the day, cover all of it. A file that ends within the day covers the day
// only together with one that goes on from there.
func covers(files []File, from, to time.Time) bool {
	slices.SortFunc(files, func(a, b File) int { return a.From.Compare(b.From) })
	for _, f := range files {
		if f.State == FileRead && !f.AddedAt.Before(to) && !f.From.After(from) && f.To.After(from) {
			from = f.To
		}
	}
	return !from.Before(to)
}

// settle stores the differences of a day, settles the open ones that are gone, and returns how many are open. What a person has settled
// stays settled while its figures are the same.
func (s *Statements) settle(tx Tx, provider, date string, found []Difference) (open int, err error) {
	now := map[string]bool{}
	var items []Item
	for _, x := range merged(date, found) {
		item, left, err := s.keep(tx, provider, date, x)
		if err != nil {
			return open, err
		}
		if now[string(x.Kind)+" "+item.Key] = true; left && item.Date != date {
			open++ // it is listed under another day, and this one is not clean either
		}
		if items = append(items, item); len(items) >= maxOpen {
			s.c.Log.Error("too many differences", "provider", provider, "date", date, "found", len(found))
			break
		}
	}
	stored, err := tx.Reconciling().ItemPage(Filter{Provider: provider, Date: date, Open: true}, id.ID{}, maxOpen)
	if err != nil {
		return open, err
	}
	for _, i := range stored {
		if now[string(i.Kind)+" "+i.Key] || i.Kind.aboutCall() { // which ends when it is read, or when a person settles it
			open++
			continue
		}
		if err := endItem(tx, i); err != nil {
			return open, err
		}
	}
	return open, nil
}

// endItem settles a difference that is no longer found.
func endItem(tx Tx, i Item) error {
	i.Open, i.ClosedAt, i.ClosedBy, i.Why = false, tx.Moment(), actor(0).String(), gone
	if err := tx.Reconciling().PutItem(i); err != nil {
		return err
	}
	e := actor(0).Entry("difference.close", i.Name())
	e.At, e.Reason = tx.Moment(), gone
	return tx.AuditLog(e)
}

// gone is the reason with which the program settles a difference.
const gone = "no longer found"

// counted is a difference, or all fees of a day.
type counted struct {
	Difference
	n int
}

// merged makes one difference of all fees of a day.
func merged(date string, found []Difference) (out []counted) {
	var fees counted
	for _, x := range found {
		if x.Kind != FeeUnbooked {
			out = append(out, counted{x, 1})
			continue
		}
		if fees.n == 0 {
			fees.Difference = Difference{Kind: FeeUnbooked, Key: date, Currency: x.Currency, At: x.At}
		}
		fees.n, fees.Stated = fees.n+1, fees.Stated+x.Stated
	}
	if fees.n > 0 {
		out = append(out, fees)
	}
	return out
}

// keep stores a difference unless it is known, and reports whether it is open. Its key does not hold its figures, so a person may have settled
// other figures under it: those that are found now are a new difference then, with a number behind the key. So are fees that appear after those of
// the day were settled.
func (s *Statements) keep(tx Tx, provider, date string, x counted) (Item, bool, error) {
	key := x.Key
	for n := 2; ; n++ {
		i, known, err := tx.Reconciling().ItemKeyed(provider, x.Kind, x.Key)
		switch {
		case err != nil:
			return i, false, err
		case known && !i.Open && (x.Kind == FeeUnbooked || i.Why != gone && i.figures() != x.figures()):
			x.Key = key + "/" + strconv.Itoa(n)
			continue
		case known && !i.Open && i.Why != gone:
			return i, false, nil
		case known && i.Open && i.Difference == x.Difference && i.Count == x.n:
			return i, true, nil
		}
		if !known {
			i = Item{Provider: provider, Date: date, Owner: x.Kind.Owner(), FoundAt: tx.Moment()}
			if i.ID, err = tx.NewID(); err != nil {
				return i, false, err
			}
		}
		x.At = access.Stored(x.At)
		i.Difference, i.Count, i.Open, i.ClosedAt, i.ClosedBy, i.Why = x.Difference, x.n, true, time.Time{}, "", ""
		i.Note = cut(i.Note)
		return i, true, tx.Reconciling().PutItem(i)
	}
}

// figures are what a person settles: an explanation of 100 does not explain 10,000, nor the same sum at another time. The state of a payment may
// change.
type figures struct {
	stated, paid, booked money.Minor
	currency             string
	at                   int64 // Unix seconds
}

func (d Difference) figures() figures {
	return figures{d.Stated, d.Paid, d.Booked, d.Currency, access.Stored(d.At).Unix()}
}

func cut(note string) string { return strings.ToValidUTF8(note[:min(len(note), 100)], "") }
