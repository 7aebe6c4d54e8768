package debt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// MaxCatchUp is how many local months back fixed charges are made due for, the present one among them. A server that
// was off longer, or an account that was opened longer ago, is not billed for what is older.
const MaxCatchUp = 24

// ChargeAccount is what making charges due must know of an account.
type ChargeAccount struct {
	ID        id.ID
	Tariff    id.ID
	OpenedAt  time.Time
	ClosedAt  time.Time // zero while open
	ChargedTo string    // local date, inclusive; "" for never
}

// versionAt finds the version of a tariff in force at a moment.
type versionAt func(tariff id.ID, at time.Time) (tariff.Version, bool, error)

// accrual is what has to be written so that an account's fixed charges are due as they should be.
type accrual struct {
	account id.ID
	puts    []Due
	to      string // the date they are complete for; "" where nothing changes
}

// accrue finds which fixed charges of an account have fallen due by a local moment and are not in its rows yet. Fixed
// charges are due in advance, on the 1st or the day the account is opened; charges by the day, and all of them where
// the tenant says so, are due day by day, with the cumulative method. First and last month are by days. A month's
// charges are those of the version in force when it began for the account, so a new version changes the next month.
func accrue(tx ChargeTx, a ChargeAccount, policy registry.ChargePolicy, now time.Time, at versionAt) (accrual, error) {
	out := accrual{account: a.ID}
	today := now.Format(time.DateOnly)
	if a.ChargedTo >= today {
		return out, nil
	}
	from, err := a.uncharged(now.Location())
	if err != nil {
		return accrual{}, err
	}
	first := monthOf(from)
	if oldest := nextMonth(now, 1-MaxCatchUp); first.Before(oldest) {
		first = oldest
	}
	var have []Due
	for m, read := first, false; !m.After(now); m = nextMonth(m, 1) {
		span, body, err := a.span(m, now, at)
		if err != nil {
			return accrual{}, err
		}
		if span.first == 0 || len(body.Fixed) == 0 {
			continue
		}
		if !read {
			if have, err = tx.ChargesOf(a.ID, first.Format(localday.MonthForm)); err != nil {
				return accrual{}, err
			}
			read, out.to = true, today
		}
		if err := out.month(span, body, policy, have); err != nil {
			return accrual{}, fmt.Errorf("fixed charges of account %s: %w", a.ID.Text(id.Account), err)
		}
	}
	return out, nil
}

// uncharged is the local moment from which on charges may be missing: the beginning of the month in which the account
// was charged last, its opening where that is later.
func (a ChargeAccount) uncharged(zone *time.Location) (time.Time, error) {
	opened := a.OpenedAt.In(zone)
	if a.ChargedTo == "" {
		return opened, nil
	}
	last, err := localday.Parse(a.ChargedTo, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("account %s is charged to %q: %w", a.ID.Text(id.Account), a.ChargedTo, err)
	}
	if month := monthOf(last); month.After(opened) {
		return month, nil
	}
	return opened, nil
}

// monthOf is the first local moment of the month that a moment is in.
func monthOf(t time.Time) time.Time { return nextMonth(t, 0) }

// nextMonth is the first local moment of the month so many months after the one that a moment is in.
func nextMonth(t time.Time, months int) time.Time {
	return localday.Begin(t.Year(), t.Month()+time.Month(months), 1, t.Location())
}

// span is the part of a local month for which an account is charged.
type span struct {
	year        int
	month       time.Month
	first, last int // days, inclusive; first 0 for none
	today       int // the last day that has begun
	ended       bool
}

// span finds the days of a month for which the account is charged, and the version that says what for.
func (a ChargeAccount) span(month, now time.Time, at versionAt) (span, tariff.Body, error) {
	zone, next := month.Location(), nextMonth(month, 1)
	s := span{year: month.Year(), month: month.Month(), first: 1, last: localday.After(next, -1).Day()}
	s.today = s.last
	if now.Before(next) {
		s.today = now.Day()
	}
	begins := month
	if opened := a.OpenedAt.In(zone); opened.After(begins) {
		s.first, begins = opened.Day(), opened
	}
	if !a.ClosedAt.IsZero() {
		closed := a.ClosedAt.In(zone)
		if closed.Before(begins) {
			return span{}, tariff.Body{}, nil
		}
		if closed.Before(next) {
			s.last, s.ended = closed.Day(), true
		}
	}
	v, found, err := at(a.Tariff, begins)
	if err == nil && !found {
		// The tariff itself began in the month.
		end := next.Add(-time.Microsecond)
		if now.Before(end) {
			end = now
		}
		if v, found, err = at(a.Tariff, end); found {
			s.first = max(s.first, v.EffectiveFrom.In(zone).Day())
		}
	}
	if err != nil || !found || s.first > s.last {
		return span{}, tariff.Body{}, err
	}
	return s, v.Body, nil
}

// month adds what is to be written of one month. Amounts rise day by day and fall only where the account has ended,
// never below what was paid.
func (a *accrual) month(s span, b tariff.Body, policy registry.ChargePolicy, have []Due) error {
	name := time.Date(s.year, s.month, 1, 0, 0, 0, 0, time.UTC).Format(localday.MonthForm)
	for _, f := range b.Fixed {
		last := s.last
		if f.Per == tariff.PerDay || policy.Daily {
			last = min(last, s.today)
		}
		if last < s.first {
			continue
		}
		gross, err := b.FixedDue(f, s.year, s.month, s.first, last)
		if err != nil {
			return err
		}
		d := Due{Account: a.account, Name: f.Name, Month: name, VATBps: b.FixedVAT(f), Priority: cmp.Or(f.Priority, tariff.FixedPriority), Capped: !f.Uncapped}
		i := slices.IndexFunc(have, func(h Due) bool { return h.Name == d.Name && h.Month == d.Month })
		if i >= 0 {
			d = have[i]
		}
		switch {
		case gross > d.Gross:
			d.Gross = gross
		case gross < d.Gross && s.ended:
			d.Gross = max(gross, d.Paid)
		default:
			continue
		}
		if i < 0 || d.Gross != have[i].Gross {
			a.puts = append(a.puts, d)
		}
	}
	return nil
}

// over are the open charges with those that are to be written among them.
func (a accrual) over(open []Due) []Due {
	for _, d := range a.puts {
		i := slices.IndexFunc(open, func(o Due) bool { return o.Name == d.Name && o.Month == d.Month })
		if i >= 0 {
			open[i] = d
		} else if d.Left() > 0 {
			open = append(open, d)
		}
	}
	slices.SortStableFunc(open, func(x, y Due) int {
		return cmp.Or(cmp.Compare(x.Month, y.Month), cmp.Compare(x.Name, y.Name))
	})
	return open
}

// write makes the charges due.
func (a accrual) write(tx ChargeTx) error {
	for _, d := range a.puts {
		if d.ID.IsZero() {
			var err error
			if d.ID, err = tx.NewID(); err != nil {
				return err
			}
		}
		if err := tx.ChargePut(d); err != nil {
			return err
		}
	}
	if a.to == "" {
		return nil
	}
	return tx.ChargedTo(a.account, a.to)
}

const (
	chargeJob   = "fixed charges" // its period is the local date
	chargeBatch = 50              // accounts of one transaction
)

// Accrue makes fixed charges due for all accounts, up to the local day of now, and reports how many accounts
// had any. It does its work once a day: on the first call after local midnight, and after any time of rest for the
// months that were missed. It may run on several instances and be cut off anywhere; sales do not wait for it, because
// each looks for its own account.
func (ds *Debts) Accrue(ctx context.Context, by access.Actor) (int, error) {
	now := ds.c.Now()
	var done bool
	local, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (time.Time, error) {
		tz, _, err := tx.Charges().ChargeTenant()
		if err != nil {
			return time.Time{}, err
		}
		zone, err := zoneOf(tz)
		if err != nil {
			return time.Time{}, err
		}
		done, err = tx.Charges().JobDone(chargeJob, now.In(zone).Format(time.DateOnly))
		return now.In(zone), err
	})
	if err != nil || done {
		return 0, err
	}
	charged := 0
	for after, more := (id.ID{}), true; more; {
		batch, err := access.Through(ctx, ds.c.Door, by.Tenant, func(tx Tx) (chargedBatch, error) { return chargeSome(tx.Charges(), local, after) })
		if err != nil {
			return charged, fmt.Errorf("make fixed charges due: %w", err)
		}
		charged += batch.charged
		after, more = batch.last, batch.full
	}
	err = ds.c.Door.Do(ctx, by.Tenant, func(tx Tx) (bool, error) {
		_, err := tx.Charges().JobRun(chargeJob, local.Format(time.DateOnly))
		return false, err
	})
	return charged, fault.Wrap(err, "record that fixed charges are due")
}

// chargedBatch is what one transaction of the job did.
type chargedBatch struct {
	last    id.ID
	full    bool
	charged int
}

// Refused is false: there is nothing to refuse.
func (chargedBatch) Refused() bool { return false }

func chargeSome(tx ChargeTx, local time.Time, after id.ID) (chargedBatch, error) {
	_, policy, err := tx.ChargeTenant()
	if err != nil {
		return chargedBatch{}, err
	}
	accounts, err := tx.ChargeAccounts(after, local.Format(time.DateOnly), chargeBatch)
	if err != nil {
		return chargedBatch{}, err
	}
	out := chargedBatch{full: len(accounts) == chargeBatch}
	known := remembered(tx.TariffVersionAt)
	for _, a := range accounts {
		out.last = a.ID
		due, err := accrue(tx, a, policy, local, known)
		if err != nil {
			return chargedBatch{}, err
		}
		if err := due.write(tx); err != nil {
			return chargedBatch{}, fmt.Errorf("charge account %s: %w", a.ID.Text(id.Account), err)
		}
		if len(due.puts) > 0 {
			out.charged++
		}
	}
	return out, nil
}

// remembered asks for each version once: the accounts of a batch share their tariffs and most of their months.
func remembered(at versionAt) versionAt {
	type key struct {
		tariff id.ID
		at     int64
	}
	type answer struct {
		version tariff.Version
		found   bool
	}
	known := map[key]answer{}
	return func(t id.ID, when time.Time) (tariff.Version, bool, error) {
		k := key{t, when.UnixMicro()}
		if a, ok := known[k]; ok {
			return a.version, a.found, nil
		}
		v, found, err := at(t, when)
		if err == nil {
			known[k] = answer{v, found}
		}
		return v, found, err
	}
}
