package wallet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// ViewTx is the part of a transaction that reading wallets needs.
type ViewTx interface {
	Meters() registry.MeterLookup
	AccountExists(account id.ID) (bool, error)
	// WalletUse lists the use of a meter on a range of local days, the first and last day included, newest first.
	WalletUse(meter int64, from, to string, max int) ([]DayUse, error)
	// WalletUseOf lists the use of some meters on a range of local days, the first and last day included, newest first.
	WalletUseOf(meters []int64, from, to string) (map[int64][]DayUse, error)
	// WalletsOfMeters reads the wallets of the accounts that some meters supply, in the order of the meters.
	WalletsOfMeters(meters []int64) ([]Row, error)
	// WalletMoneyOf returns the money of some accounts. An account without money is missing.
	WalletMoneyOf(accounts []id.ID) (map[id.ID]Money, error)
	// WalletBooked returns the balance of an account's wallet at the beginning of a time span, credit positive, and the bookings on the
	// wallet in that span, in order. CarryBooked is the same for the change carried forward.
	CarryBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []Booked, err error)
	WalletBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []Booked, err error)
	// WalletDifferences lists meters whose register is not fully rated, ordered by number, after the given number.
	WalletDifferences(after int64, max int) ([]Difference, error)
}

// Period is the period by which use is summed.
type Period string

// Periods of use. A week begins on Monday.
const (
	ByDay   Period = "day"
	ByWeek  Period = "week"
	ByMonth Period = "month"
)

// days returns the greatest number of days in a period.
func (p Period) days() int {
	switch p {
	case ByWeek:
		return 7
	case ByMonth:
		return 31
	}
	return 1
}

// first returns the first day of a local day's period.
func (p Period) first(day string) (string, error) {
	at, err := time.Parse(dateForm, day)
	if err != nil {
		return "", fmt.Errorf("read a day of use: %w", err)
	}
	switch p {
	case ByWeek:
		at = at.AddDate(0, 0, -(int(at.Weekday())+6)%7)
	case ByMonth:
		at = at.AddDate(0, 0, 1-at.Day())
	}
	return at.Format(dateForm), nil
}

// Use is a meter's use in a period.
type Use struct {
	Period Period
	First  string // first local day of the period
	DayUse        // use of the whole period; Day is the last day with any use
}

// UseAsked is a request for the use of a meter.
type UseAsked struct {
	Meter    string
	By       Period // empty: by day
	From, To string // local days, inclusive; empty for no limit
	Page     registry.Page
}

// UseList is one page of a meter's use, the newest period first.
type UseList struct {
	refusal.Refusal
	Currency string
	Data     []Use
	Next     string
}

// Limits of local dates if the request sets none.
const (
	firstDate = "0001-01-01"
	lastDate  = "9999-12-31"
)

// listUse is the list that a cursor of a meter's use belongs to.
const listUse = "use:"

// Use lists the use of a wallet meter by day, week or month (right: meter.read), by the meter's time. A day may still grow while its
// readings are on their way. The list of a meter without a wallet is empty.
func (w *Wallets) Use(ctx context.Context, by access.Actor, a UseAsked) (UseList, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return UseList{Refusal: no}, nil
	}
	ref, no := registry.ParseRef(a.Meter)
	if no.Refused() {
		return UseList{Refusal: registry.NoMeter(a.Meter)}, nil
	}
	if a.By == "" {
		a.By = ByDay
	}
	if a.From, a.To, no = dates(a.From, a.To); no.Refused() {
		return UseList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) (UseList, error) {
		m, found, err := registry.ResolveMeter(tx.WalletViews().Meters(), ref)
		if err != nil || !found {
			return UseList{Refusal: registry.NoMeter(a.Meter)}, err
		}
		list := listUse + string(a.By) + m.ID.Text(id.Meter)
		before, max, no := a.Page.Read(w.c.Sealer, by.Tenant, list)
		if no.Refused() {
			return UseList{Refusal: no}, nil
		}
		if !before.IsZero() {
			a.To = min(a.To, dayBefore(before))
		}
		t, err := tx.Rating().WalletTenant()
		if err != nil {
			return UseList{}, err
		}
		days, err := tx.WalletViews().WalletUse(m.N, a.From, a.To, (max+1)*a.By.days())
		if err != nil {
			return UseList{}, err
		}
		periods, err := grouped(days, a.By)
		out := UseList{Currency: t.Currency}
		out.Data, out.Next = registry.Cut(periods, max, w.c.Sealer, by.Tenant, list, func(u Use) id.ID { return placeOf(u.First) })
		return out, err
	})
	return out, fault.Wrap(err, "list the use of meter %s", a.Meter)
}

// grouped sums days by period, in order.
func grouped(days []DayUse, by Period) ([]Use, error) {
	var out []Use
	for _, d := range days {
		first, err := by.first(d.Day)
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].First == first {
			u := &out[n-1].DayUse
			u.Units, u.Debit, u.Estimated = u.Units+d.Units, u.Debit+d.Debit, u.Estimated+d.Estimated
			continue
		}
		out = append(out, Use{Period: by, First: first, DayUse: d})
	}
	return out, nil
}

// placeOf encodes a day in a cursor's identity.
func placeOf(day string) (place id.ID) {
	copy(place[:], day)
	return place
}

// dayBefore returns the day before the day that placeOf encoded.
func dayBefore(place id.ID) string {
	at, err := time.Parse(dateForm, strings.TrimRight(string(place[:]), "\x00"))
	if err != nil {
		return firstDate
	}
	return at.AddDate(0, 0, -1).Format(dateForm)
}

// dates parses two optional local dates.
func dates(from, to string) (string, string, refusal.Refusal) {
	if from == "" {
		from = firstDate
	}
	if to == "" {
		to = lastDate
	}
	for _, d := range [2]string{from, to} {
		if _, err := time.Parse(dateForm, d); err != nil {
			return "", "", refuse.LocalDateOfWrongForm(refusal.Echo(d))
		}
	}
	return from, to, refusal.Refusal{}
}

// Difference is a meter whose own register differs from the rated register: readings wait for a person, or energy was counted while it had
// no account.
type Difference struct {
	Meter    MeterFacts
	Rated    unit.Energy // register rated last
	Register unit.Energy // register that the meter reported last
	Total    unit.Energy // all energy ever rated
	Rebased  unit.Energy // Rated less Total: where rating began, and what rebases left out
	AsOf     time.Time   // meter time of Register
	Held     Held
}

// Differences is one page of meters whose registers differ from the rated ones.
type Differences struct {
	refusal.Refusal
	Data []Difference
	Next string
}

// listDifferences is the list that a cursor of Differences belongs to.
const listDifferences = "registers"

// Differences compares the rated registers with the meters' own (right: meter.read) and lists those that differ.
func (w *Wallets) Differences(ctx context.Context, by access.Actor, page registry.Page) (Differences, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Differences{Refusal: no}, nil
	}
	after, max, no := page.Read(w.c.Sealer, by.Tenant, listDifferences)
	if no.Refused() {
		return Differences{Refusal: no}, nil
	}
	rows, err := access.Look(ctx, w.c.Door, by.Tenant, func(tx Tx) ([]Difference, error) { return tx.WalletViews().WalletDifferences(numberOf(after), max+1) })
	var out Differences
	out.Data, out.Next = registry.Cut(rows, max, w.c.Sealer, by.Tenant, listDifferences, func(d Difference) id.ID { return numbered(d.Meter.N) })
	return out, fault.Wrap(err, "compare registers")
}

// numbered encodes a meter's private number in a cursor's identity; numberOf decodes it.
func numbered(n int64) (place id.ID) {
	for i := range 8 {
		place[i] = byte(n >> (8 * i))
	}
	return place
}

func numberOf(place id.ID) (n int64) {
	for i := range 8 {
		n |= int64(place[i]) << (8 * i)
	}
	return n
}

// ViewOf returns the state of a meter's wallet for people. The parameter rows holds all wallets of the meter's account. ViewOf returns nil for
// a meter without a wallet. A meter that was replaced shows no money.
func ViewOf(meter int64, rows []Row, books Money, currency string) *registry.WalletView {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Meter.N == meter })
	if i < 0 {
		return nil
	}
	w := rows[i]
	out := &registry.WalletView{Total: w.Total(), Supply: Wanted(w.State), Off: w.Off.Names(), Held: string(w.Held.Reason)}
	if !w.Closed() {
		out.Money = new(MoneyFor(w, rows, books, currency))
	}
	return out
}

// MoneyFor returns the money of an account for people: the balance in the books, and the live estimate, which leaves out accrued and reserved
// money. The time and the warning are those of one of its meters. The parameter rows holds all wallets of the account.
func MoneyFor(w Row, rows []Row, books Money, currency string) registry.WalletMoney {
	m := books.used(rows)
	return registry.WalletMoney{Settled: money.Amount{Minor: m.Wallet, Currency: currency}, Unbooked: money.Amount{Minor: m.Accrued, Currency: currency},
		Available: money.Amount{Minor: m.Available(), Currency: currency}, AsOf: w.At, Low: w.Low1.Below}
}
