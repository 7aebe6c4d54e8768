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

// MaxCatchUp is the number of local months for which missing fixed charges are made due; the present month is one of them. Older charges
// are not billed, even if the server was off for longer or the account was opened earlier.
const MaxCatchUp = 24

// ChargeAccount holds the facts of an account that decide which charges fall due.
type ChargeAccount struct {
	ID        id.ID
	Tariff    id.ID // with which the account was opened
	Later     tariff.Assignments
	OpenedAt  time.Time
	ClosedAt  time.Time // zero while open
	ChargedTo string    // local date, inclusive; "" for never
}

// accrual is what must be written to make an account's fixed charges due.
type accrual struct {
	account id.ID
	puts    []Due
	to      string // the date up to which they are complete; "" if nothing changes
}

// accrueCharges finds the fixed charges of an account that have fallen due by a local time and are not in its rows yet. Fixed charges
// are due in advance, on the 1st or on the day the account is opened. Daily charges, and all charges if the tenant says so,
// fall due day by day. Each day the total since the first charged day of the month is computed anew, so that rounding errors
// do not add up. The first and the last month are charged by days. The tariff that the account had when a month began for it,
// in the version in force then, sets the charges of that month. So another tariff or version changes the next month.
func accrueCharges(tx ChargeTx, a ChargeAccount, policy registry.ChargePolicy, now time.Time, at tariff.VersionAt) (accrual, error) {
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
		span, version, err := a.findSpan(m, now, at)
		if err != nil {
			return accrual{}, err
		}
		if span.first == 0 || len(version.Body.Fixed) == 0 {
			continue
		}
		if !read {
			if have, err = tx.ChargesOf(a.ID, first.Format(localday.MonthForm)); err != nil {
				return accrual{}, err
			}
			read, out.to = true, today
		}
		if err := out.month(span, version.Body, policy, have); err != nil {
			return accrual{}, fmt.Errorf("fixed charges of account %s: %w", a.ID.Text(id.Account), err)
		}
	}
	return out, nil
}

// uncharged returns the local time from which charges may be missing: the beginning of the month in which the account was last charged, or
// its opening if that is later.
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

// monthOf returns the beginning of a time's local month.
func monthOf(t time.Time) time.Time { return nextMonth(t, 0) }

// nextMonth returns the beginning of a later local month, counted in months from the month of a time.
func nextMonth(t time.Time, months int) time.Time {
	return localday.Begin(t.Year(), t.Month()+time.Month(months), 1, t.Location())
}

// span is the part of a local month for which an account is charged.
type span struct {
	year        int
	month       time.Month
	first, last int // days, inclusive; first is 0 if there are none
	today       int // the last day that has begun
	ended       bool
}

// findSpan finds the days of a month for which the account is charged, and the version with its charges.
func (a ChargeAccount) findSpan(month, now time.Time, at tariff.VersionAt) (span, tariff.Version, error) {
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
			return span{}, tariff.Version{}, nil
		}
		if closed.Before(next) {
			s.last, s.ended = closed.Day(), true
		}
	}
	v, found, err := a.Later.InForce(a.Tariff, begins, at)
	if err == nil && !found {
		// The tariff itself began in this month, or the account got one that had begun.
		end := next.Add(-time.Microsecond)
		if now.Before(end) {
			end = now
		}
		if v, found, err = a.Later.InForce(a.Tariff, end, at); found {
			s.first = max(s.first, v.EffectiveFrom.In(zone).Day())
		}
	}
	if err != nil || !found || s.first > s.last {
		return span{}, tariff.Version{}, err
	}
	return s, v, nil
}

// lastDue returns the last day for which a fixed charge has fallen due. Charges fall due in advance, or day by day.
func (s span) lastDue(f tariff.FixedCharge, policy registry.ChargePolicy) int {
	if f.Per == tariff.PerDay || policy.Daily {
		return min(s.last, s.today)
	}
	return s.last
}

// month adds the charges of one month that must be written. Amounts rise day by day. An amount falls only if the account
// has ended, and never below what was paid. What another account took over counts as charged, so that nobody pays for a day twice.
func (a *accrual) month(s span, b tariff.Body, policy registry.ChargePolicy, have []Due) error {
	name := time.Date(s.year, s.month, 1, 0, 0, 0, 0, time.UTC).Format(localday.MonthForm)
	for _, f := range b.Fixed {
		last := s.lastDue(f, policy)
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
		case gross > d.Accrued():
			d.Gross = gross - d.Moved
		case gross < d.Accrued() && s.ended:
			d.Gross = max(gross-d.Moved, d.Paid)
		default:
			continue
		}
		if i < 0 || d.Gross != have[i].Gross {
			a.puts = append(a.puts, d)
		}
	}
	return nil
}

// over merges the charges to be written into the open charges.
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
	chargeBatch = 50              // accounts in one transaction
)

// Accrue makes fixed charges due for all accounts, up to the local day of now, and returns how many accounts had charges that
// fell due. It works once a day, on the first call after local midnight. After an interruption it also makes up for the missed
// months. It may run on several instances and be cut off anywhere. Sales do not wait for it, because each makes its own
// account's charges due.
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

// chargedBatch is the work of one transaction of the job.
type chargedBatch struct {
	last    id.ID
	full    bool
	charged int
}

// Refused is false: a batch refuses nothing.
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
	known := rememberVersions(tx.TariffVersionAt)
	for _, a := range accounts {
		out.last = a.ID
		due, err := accrueCharges(tx, a, policy, local, known)
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

// rememberVersions reads each version once, because the accounts of a batch share their tariffs and most of their months.
func rememberVersions(at tariff.VersionAt) tariff.VersionAt {
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
