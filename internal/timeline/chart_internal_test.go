package timeline

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
)

// pastTx has the readings of one meter in the order of their time.
type pastTx struct {
	Tx
	rows []metering.StoredReading
}

func (p pastTx) ReadingsAround(_ int64, s metering.Span, max int) (out []metering.StoredReading, err error) {
	for i, r := range p.rows {
		in := !r.At.Before(s.From) && r.At.Before(s.To)
		before := r.At.Before(s.From) && i+1 < len(p.rows) && !p.rows[i+1].At.Before(s.From)
		after := !r.At.Before(s.To) && (i == 0 || p.rows[i-1].At.Before(s.To))
		if before || after || in && len(out) <= max {
			out = append(out, r)
		}
	}
	return out, nil
}

func (p pastTx) ReadingsAtEnds(_ int64, spans []metering.Span) (out []metering.StoredReading, err error) {
	for _, s := range spans {
		from, _ := slices.BinarySearchFunc(p.rows, s.From, func(r metering.StoredReading, at time.Time) int { return r.At.Compare(at) })
		to, _ := slices.BinarySearchFunc(p.rows, s.To, func(r metering.StoredReading, at time.Time) int { return r.At.Compare(at) })
		if from < to {
			out = append(out, p.rows[from])
		}
		if to-from > 1 {
			out = append(out, p.rows[to-1])
		}
	}
	return out, nil
}

// everyThreeMinutes is a year of readings. Its register falls to zero once, and its memory is replaced once, within a day.
func everyThreeMinutes(year series.Bucket) (rows []metering.StoredReading) {
	memory, register := "a", int64(9_000_000)
	for at := year.From.Add(time.Minute); at.Before(year.To); at = at.Add(3 * time.Minute) {
		n := int64(len(rows))
		switch register += 20 + n%7; n {
		case 50_123:
			register = 0
		case 90_321:
			memory, register = "b", 500
		}
		rows = append(rows, metering.StoredReading{Row: n, Seq: uint64(n), Memory: memory, At: at, RegisterWh: register, W: n % 900})
	}
	return rows
}

// TestAYearOfFrequentReadingsHasItsMonths: the use by month of a meter that reports every three minutes is that of all its readings.
func TestAYearOfFrequentReadingsHasItsMonths(t *testing.T) {
	zone := time.FixedZone("EAT", 3*60*60)
	months := series.Month.Window(time.Date(2026, time.June, 1, 0, 0, 0, 0, zone))
	year := series.Bucket{From: months[0].From, To: months[11].To}
	rows := everyThreeMinutes(year)
	c := Chart{By: series.Month, Meter: registry.Meter{Mode: registry.PrepayToken}, From: year.From, To: year.To}
	if err := c.read(pastTx{rows: rows}, months); err != nil {
		t.Fatal(err)
	}
	all := series.UseOf(samplesOf(rows), months, wallet.MaxPerPhase*mostPhases)
	for i, u := range c.Use {
		if u.Use != all[i] || !u.Covered || u.Units == 0 {
			t.Errorf("%s: %+v, want %+v", u.From.Format("January"), u.Use, all[i])
		}
	}
	if !c.TooMany || len(c.Load) != 0 || len(c.Breaks) != 2 {
		t.Errorf("too many: %v, %d loads, breaks %+v", c.TooMany, len(c.Load), c.Breaks)
	}
	if len(c.Balance) < 2*365-5 {
		t.Errorf("the balance has %d points", len(c.Balance))
	}
}
