package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// MeterFilter narrows a list of meters. Empty fields do not narrow it.
type MeterFilter struct {
	Find   string // a number, or words of the name, telephone number or address
	State  string
	Tariff string // name or identity
	Feeder string
	Low    bool // little credit is left, whatever the state
	// Status lists meters of a status, or of every status for EveryStatus. Without it the list leaves out meters that were removed or scrapped.
	Status string
}

// EveryStatus in a filter means meters of every status, also removed and scrapped ones.
const EveryStatus = "all"

// StandingFilter is the part of a MeterFilter that the store can decide.
type StandingFilter struct {
	Texts  [][]string // each list has all words of one way to read what was typed
	Number []string   // parts of meter numbers, another way to read it
	Tariff id.ID
	Feeder string
	Status string // as in a [MeterFilter]
	Names  bool   // read the customers' names
}

// A list that looks for meters in a state reads so many at once, at first and at most: later batches are larger, because a search by words
// looks through customers and places for each.
const (
	standingBatch = 1000
	standingMost  = 16_000
)

// Meters lists the tenant's meters in the order of their registration (right: meter.read).
func (r *Registry) Meters(ctx context.Context, by access.Actor, f MeterFilter, p Page) (Meters, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Meters{Refusal: no}, nil
	}
	list := listMeters
	if f != (MeterFilter{}) {
		list = strings.Join([]string{listMeters, f.Find, f.State, f.Tariff, f.Feeder, f.Status}, "\x00")
	}
	after, max, no := p.Read(r.c.Sealer, by.Tenant, list)
	if no.Refused() {
		return Meters{Refusal: no}, nil
	}
	found, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (listedMeters, error) {
		if f == (MeterFilter{}) {
			recs, err := tx.Lists().MeterRecords(after, max+1)
			if err != nil {
				return listedMeters{}, err
			}
			rows, err := foundRows(tx, recs)
			return listedMeters{rows: rows}, err
		}
		return r.narrowed(tx, by, f, after, max+1)
	})
	if err != nil || found.Refused() {
		return Meters{Refusal: found.Refusal}, fault.Wrap(err, "list meters")
	}
	var out Meters
	rows, next := Cut(found.rows, max, r.c.Sealer, by.Tenant, list, func(m foundRow) id.ID { return m.rec.Meter.ID })
	out.Data, out.Next = make([]MeterView, len(rows)), next
	for i := range rows {
		out.Data[i] = r.shown(by, rows[i])
	}
	return out, nil
}

// MetersNumbered shows the meters with some numbers, at most MaxLimit (right: meter.read). Unknown numbers are left out.
func (r *Registry) MetersNumbered(ctx context.Context, by access.Actor, numbers []string) (Meters, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Meters{Refusal: no}, nil
	}
	numbers = numbers[:min(len(numbers), MaxLimit)]
	rows, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) ([]foundRow, error) {
		recs, err := tx.Lists().MeterRecordsNumbered(numbers)
		if err != nil {
			return nil, err
		}
		return foundRows(tx, recs)
	})
	out := Meters{Data: make([]MeterView, len(rows))}
	for i := range rows {
		out.Data[i] = r.shown(by, rows[i])
	}
	return out, fault.Wrap(err, "look up meters")
}

// GoneMeter is a meter that was removed or scrapped.
type GoneMeter struct {
	Number   string
	Customer id.ID // the last one
}

// GoneMeters is the answer to [Registry.GoneMeters].
type GoneMeters struct {
	refusal.Refusal
	Data []GoneMeter
}

// GoneMeters lists at most max meters that were removed or scrapped, those that ended last first (right: meter.read).
func (r *Registry) GoneMeters(ctx context.Context, by access.Actor, max int) (GoneMeters, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return GoneMeters{Refusal: no}, nil
	}
	gone, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) ([]GoneMeter, error) { return tx.Lists().GoneMeters(max) })
	return GoneMeters{Data: gone}, fault.Wrap(err, "list meters that are gone")
}

type listedMeters struct {
	refusal.Refusal
	rows []foundRow
}

// narrowed reads the records of the meters that a filter names.
func (r *Registry) narrowed(tx Tx, by access.Actor, f MeterFilter, after id.ID, max int) (out listedMeters, err error) {
	sf, no, err := standingFilter(tx, by, f)
	if err != nil || no.Refused() {
		return listedMeters{Refusal: no}, err
	}
	var ids []id.ID
	err = r.standings(tx, sf, after, func(s Standing) bool {
		if f.matches(s, s.State(r.c.Now())) {
			ids = append(ids, s.ID)
		}
		return len(ids) < max
	})
	recs := make([]MeterRecord, len(ids))
	for i := range ids {
		if err != nil {
			return out, err
		}
		recs[i], _, err = tx.MeterRecord(ids[i])
	}
	if err != nil {
		return out, err
	}
	out.rows, err = foundRows(tx, recs)
	return out, err
}

func (f MeterFilter) matches(s Standing, state State) bool {
	return (f.State == "" || f.State == string(state)) && (!f.Low || s.Low())
}

// standings visits the meters that the store's part of a filter names, until visit returns false.
func (r *Registry) standings(tx Tx, f StandingFilter, after id.ID, visit func(Standing) bool) error {
	for size := standingBatch; ; size = min(4*size, standingMost) {
		batch, err := tx.Lists().MeterStandings(f, after, size)
		if err != nil {
			return err
		}
		for _, s := range batch {
			s.Connected = r.c.Connected(s.Number)
			if !visit(s) {
				return nil
			}
		}
		if len(batch) < size {
			return nil
		}
		after = batch[len(batch)-1].ID
	}
}

// standingFilter reads what was typed.
func standingFilter(tx Tx, by access.Actor, f MeterFilter) (out StandingFilter, no refusal.Refusal, err error) {
	if f.State != "" && !slices.Contains(States(), State(f.State)) {
		return out, refuse.MeterStateUnknown(refusal.Echo(f.State), statesText()), nil
	}
	if f.Status != "" && f.Status != EveryStatus && !slices.Contains(Statuses(), Status(f.Status)) {
		return out, refuse.MeterStateUnknown(refusal.Echo(f.Status), listStatuses()), nil
	}
	out.Feeder, out.Status = f.Feeder, f.Status
	if f.Tariff != "" {
		if out.Tariff, no, err = findTariff(tx, f.Tariff, refusal.NotFound); err != nil || no.Refused() {
			return out, no, err
		}
	}
	q := ReadQuery(f.Find)
	switch {
	case q.TooLong:
		return out, SearchTooLong(), nil
	case q.Empty():
		return out, no, nil
	case by.May(access.ReadCustomers):
		out.Texts = q.Terms()
	}
	out.Number = q.Numbers
	if len(out.Texts)+len(out.Number) == 0 {
		out.Texts = [][]string{{q.Text}} // nothing that this role may search for: no meter has it
	}
	return out, no, nil
}

func listStatuses() string {
	names := []string{EveryStatus}
	for _, s := range Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func statesText() string {
	var names []string
	for _, s := range States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// MeterCounts says how many meters are in each state.
type MeterCounts struct {
	refusal.Refusal
	All int
	By  map[State]int
}

func (c *MeterCounts) count(state State) {
	c.All++
	c.By[state]++
}

// CountMeters counts the meters that a filter names, whatever the filter says of their state (right: meter.read).
func (r *Registry) CountMeters(ctx context.Context, by access.Actor, f MeterFilter) (MeterCounts, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return MeterCounts{Refusal: no}, nil
	}
	f.State, f.Low = "", false
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (MeterCounts, error) {
		sf, no, err := standingFilter(tx, by, f)
		c := MeterCounts{Refusal: no, By: map[State]int{}}
		if err != nil || no.Refused() {
			return c, err
		}
		err = r.standings(tx, sf, id.ID{}, func(s Standing) bool {
			c.count(s.State(r.c.Now()))
			return true
		})
		return c, err
	})
	return out, fault.Wrap(err, "count meters")
}
