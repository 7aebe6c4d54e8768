// Package flats is the landlord's view of the meters: a board of flats with what each of them needs, and what the meters of a building say
// together. A building is a feeder, and a flat is a meter with its place. Start at [Flats.Board].
package flats

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
)

// Tx is the part of a transaction that this package needs.
type Tx interface {
	// LastPaid returns the last completed sale of each of some meters, if the meter has one.
	LastPaid(meters []int64) (map[int64]Payment, error)
	// WalletTenant returns the tenant's settings.
	WalletTenant() (wallet.Tenant, error)
	// LetterheadAt returns the letterhead of a moment, with the time zone that the utility had then.
	LetterheadAt(at time.Time) (registry.PaperHead, error)
	// Tenancies lists at most a number of accounts that were open at some time of a span, of the flats of a building or of all.
	Tenancies(building string, from, to time.Time, max int) ([]Tenancy, error)
	// MainMeterOf finds the meter that measures the whole of a building, and FlatMeters lists at most a number of those of its flats.
	MainMeterOf(building string) (m Metered, found bool, err error)
	FlatMeters(building string, max int) ([]Metered, error)
}

// Config has the parts of a Flats; every field is required.
type Config struct {
	Door      access.Door[Tx]
	Registry  *registry.Registry
	Office    *office.Office
	Languages *words.Languages
	Now       func() time.Time
	Timelines *timeline.Timeline
	Sealer    registry.Hasher
}

// Flats answers what a landlord asks.
type Flats struct{ c Config }

// New makes a Flats.
func New(c Config) *Flats { return &Flats{c} }

// Flat is a flat on the board.
type Flat struct {
	registry.MeterView
	Days wallet.Days
	Paid Payment // the last payment of the present account; zero if there is none, or if the asker may not read sales
}

// Payment is the last purchase or recharge of a flat.
type Payment struct {
	At      time.Time
	Amount  money.Amount
	Receipt string
}

// Name is what people call the flat: its address, or the tenant's name, or the meter's number.
func (f Flat) Name() string { return cmp.Or(f.Address, f.Customer.Name, f.Meter.Number) }

// Board is a page of flats, those that need somebody first.
type Board struct {
	refusal.Refusal
	Flats  []Flat
	Counts registry.MeterCounts // only on the first page
	Found  int                  // flats on all pages; only on the first page
	Next   string               // cursor of the next page; empty on the last
}

// Board lists the flats of a building, or all of them if it is empty (right: meter.read). Pages are in the order of the flats' states, the most
// urgent first; see [Sort] for the order on a page. The first page counts them too, for which it reads every flat.
func (fs *Flats) Board(ctx context.Context, by access.Actor, building string, p registry.Page) (Board, error) {
	out, all, more, err := fs.page(ctx, by, building, p)
	if err != nil || out.Refused() {
		return out, err
	}
	if more {
		last := all[len(all)-1]
		out.Next = registry.Cursor(fs.c.Sealer, by.Tenant, listOf(building, last.State), last.Meter.ID)
	}
	if out.Flats, err = fs.flats(ctx, by, all); err != nil {
		return out, fault.Wrap(err, "show %d flats", len(all))
	}
	Sort(out.Flats)
	return out, nil
}

// page reads the meters of a page, and says whether others follow. A cursor marks the last meter of the page before, and belongs to its state.
func (fs *Flats) page(ctx context.Context, by access.Actor, building string, p registry.Page) (out Board, all []registry.MeterView, more bool, err error) {
	f := registry.MeterFilter{Feeder: building}
	for _, state := range registry.States() {
		after, most, no := p.Read(fs.c.Sealer, by.Tenant, listOf(building, state))
		switch {
		case no.Refused():
			out.Refusal = no
		case p.Cursor == "":
			b, err := fs.c.Registry.Board(ctx, by, f, registry.ByState, 1, most)
			return Board{Refusal: b.Refusal, Counts: b.Counts, Found: b.Found}, b.Meters, len(b.Meters) < b.Found, err
		default:
			u, err := fs.c.Registry.StatePage(ctx, by, f, state, after, most)
			return Board{Refusal: u.Refusal}, u.Meters, u.More, err
		}
	}
	return out, nil, false, nil
}

// listOf names the part of the list of a building's flats that is in a state.
func listOf(building string, state registry.State) string {
	return "flats:" + string(state) + ":" + building
}

// flats adds to meters what only the board shows. It reads once for all of them.
func (fs *Flats) flats(ctx context.Context, by access.Actor, all []registry.MeterView) ([]Flat, error) {
	days, err := fs.c.Timelines.DaysLeftOf(ctx, by, all)
	if err != nil {
		return nil, err
	}
	paid := map[int64]Payment{}
	if by.May(access.ReadVends) && by.OfUtility() {
		numbers := make([]int64, len(all))
		for i, m := range all {
			numbers[i] = m.Meter.N
		}
		paid, err = access.Look(ctx, fs.c.Door, by.Tenant, func(tx Tx) (map[int64]Payment, error) { return tx.LastPaid(numbers) })
	}
	var out []Flat
	for _, m := range all {
		f := Flat{MeterView: m, Days: days[m.Meter.N]}
		if p := paid[m.Meter.N]; !p.At.Before(m.Since) { // an earlier tenant's payment is not shown
			f.Paid = p
		}
		out = append(out, f)
	}
	return out, err
}

// Sort puts the flats that need the landlord first: by state in the order of [registry.States], then those with the fewest days left, then
// those whose days nobody knows, and at last by name, where "A2" comes before "A10".
func Sort(all []Flat) {
	days := func(f Flat) int64 {
		if !f.Days.Estimated {
			return 1 << 32
		}
		return f.Days.Least
	}
	slices.SortStableFunc(all, func(a, b Flat) int {
		return cmp.Or(cmp.Compare(slices.Index(registry.States(), a.State), slices.Index(registry.States(), b.State)),
			cmp.Compare(days(a), days(b)), ByName(a.Name(), b.Name()))
	})
}

// ByName compares names with their numbers as numbers.
func ByName(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if c := cmp.Compare(a[0], b[0]); c != 0 {
			return c
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits counts the digits at the beginning of a text.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
