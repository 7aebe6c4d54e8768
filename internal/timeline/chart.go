package timeline

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Limits of a chart.
const (
	maxReadings = 50_000
	// maxOfYear is how many readings of a year are all read. A reading every half hour is fewer.
	maxOfYear = 20_000
	// maxRefined bounds the days of which all readings are read because the register did not continue.
	maxRefined  = 40
	maxBookings = 20_000
	maxMarks    = 1000
	// mostPhases is the number of phases whose highest power a register may rise by. A token meter's own number is not always known.
	mostPhases = 3
)

// Asked is a request for charts.
type Asked struct {
	Meter string
	By    series.Period // of the use; empty: by day
	On    string        // a local day of the charts; empty: the day of the newest reading
}

// Used is the use of a bucket, with what was charged for it if the meter has a wallet.
type Used struct {
	series.Use
	Charged money.Minor
}

// Credit is what a recharge added: money to a wallet, or energy to a token meter.
type Credit struct {
	At     time.Time
	Amount int64 // minor units of money, or Wh
}

// Chart has the figures of a meter's charts. Times are in the utility's zone. The use and the load are in the meter's own time. The balance of
// a wallet is in the server's time.
type Chart struct {
	refusal.Refusal
	Meter     registry.Meter
	Currency  string
	By        series.Period
	From, To  time.Time
	Back, On  string // local days of the charts before and after these
	More      bool   // there is a time after these charts
	Use       []Used
	Units     unit.Energy
	Charged   money.Minor
	Breaks    []series.Break
	Decided   []quarantine.Entry // of a wallet meter: what the quarantine says about each of the breaks
	Balance   []series.Point     // minor units of a wallet, or Wh in a token meter
	Credits   []Credit
	Load      []series.Point // W
	Paused    time.Duration  // readings further apart are a gap
	TooMany   bool           // the span has too many readings: the use is that between the first and the last of each day, and there is no load
	Untold    bool           // the asker may not see the bookings of the wallet
	NoReading bool           // the meter has never sent a reading
	newest    time.Time
}

// Wallet reports whether the balance is money.
func (c Chart) Wallet() bool { return c.Meter.Mode == registry.PrepayWallet }

// Chart returns the figures of a meter's charts (right: meter.read). Only those who may read customers see the balance of a wallet over time.
func (t *Timeline) Chart(ctx context.Context, by access.Actor, a Asked) (Chart, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Chart{Refusal: no}, nil
	}
	c := Chart{By: period(a.By)}
	err := t.look(ctx, by, func(tx Tx) (err error) {
		if c.Meter, c.Refusal, err = registry.MeterNamed(tx.Meters(), a.Meter); err != nil || c.Refused() {
			return err
		}
		set, err := tx.WalletTenant()
		if err != nil {
			return err
		}
		c.Currency = set.Currency
		on, err := t.shown(tx, &c, a.On, set.Zone)
		if err != nil || c.Refused() {
			return err
		}
		buckets := c.By.Window(on)
		c.From, c.To = buckets[0].From, buckets[len(buckets)-1].To
		c.Back, c.On = c.By.Step(on, false).Format(time.DateOnly), c.By.Step(on, true).Format(time.DateOnly)
		c.More = c.To.Before(latest(c.newest, t.c.Now()))
		if err := c.read(tx, buckets); err != nil {
			return err
		}
		if !c.Wallet() {
			return c.tokens(tx)
		}
		c.Untold = by.Needs(access.ReadCustomers).Refused()
		return c.wallet(tx, buckets, t.c.Now())
	})
	return c, fault.Wrap(err, "charts of meter %s", a.Meter)
}

// daysLeft estimates how many days an energy lasts, from the whole days of a chart by day. The day of the newest reading is not over.
func (c Chart) daysLeft(left unit.Energy) wallet.Days {
	var daily []unit.Energy
	for _, u := range c.Use {
		if u.Covered && !u.To.After(c.newest) {
			daily = append(daily, u.Units)
		}
	}
	return wallet.DaysLeft(left, daily[max(0, len(daily)-wallet.JudgeDays):])
}

// Since hides the use of everybody before a time: of buckets that begin before its local day.
func (c *Chart) Since(at time.Time) {
	if len(c.Use) == 0 {
		return
	}
	first := localday.Of(at.In(c.From.Location()))
	for i, u := range c.Use {
		if u.From.Before(first) {
			c.Units, c.Charged = c.Units-u.Units, c.Charged-u.Charged
			c.Use[i] = Used{Use: series.Use{Bucket: u.Bucket}}
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func period(p series.Period) series.Period {
	if p == series.Week || p == series.Month {
		return p
	}
	return series.Day
}

// shown returns the time whose charts are shown.
func (t *Timeline) shown(tx Tx, c *Chart, on string, zone *time.Location) (time.Time, error) {
	newest, err := tx.NewestReading(c.Meter.N, time.Time{})
	c.newest, c.NoReading = newest, newest.IsZero()
	switch {
	case err != nil:
		return newest, err
	case on != "":
		at, err := localday.Parse(on, zone)
		if err != nil || at.Year() < 1971 || at.Year() > 9000 {
			c.Refusal = refuse.LocalDateOfWrongForm(refusal.Echo(on))
		}
		return at, nil
	case newest.IsZero():
		newest = t.c.Now()
	}
	return newest.In(zone), nil
}

// read takes the figures of the readings.
func (c *Chart) read(tx Tx, buckets []series.Bucket) error {
	most, limit := wallet.MaxPerPhase*mostPhases, maxReadings
	if c.By == series.Month {
		limit = maxOfYear
	}
	rows, err := tx.ReadingsAround(c.Meter.N, metering.Span{From: c.From, To: c.To}, limit+1)
	if err != nil {
		return err
	}
	if c.TooMany = len(rows) > limit; c.TooMany {
		if rows, err = c.byDay(tx, most); err != nil {
			return err
		}
	}
	rows = inOrder(rows)
	samples := samplesOf(rows)
	for _, u := range series.UseOf(samples, buckets, most) {
		c.Use, c.Units = append(c.Use, Used{Use: u}), c.Units+u.Units
	}
	for _, b := range series.Breaks(samples, most) {
		if !b.At.Before(c.From) && b.At.Before(c.To) && len(c.Breaks) < maxMarks {
			c.Breaks = append(c.Breaks, b)
		}
	}
	rows = slices.DeleteFunc(rows, func(r metering.StoredReading) bool { return r.At.Before(c.From) || !r.At.Before(c.To) })
	slices.SortStableFunc(rows, func(a, b metering.StoredReading) int { return a.At.Compare(b.At) })
	for _, r := range rows {
		if !c.TooMany { // the first and last load of a day are not its highest
			c.Load = append(c.Load, series.Point{At: r.At, Value: r.W})
		}
		if !c.Wallet() {
			c.Balance = append(c.Balance, series.Point{At: r.At, Value: r.BalanceWh})
		}
	}
	c.Paused = series.Spacing(c.Load)
	return nil
}

// byDay reads the first and the last reading of each local day. Where the register did not continue between two of them, or the meter's memory
// was replaced, it reads all readings in between.
func (c *Chart) byDay(tx Tx, most unit.Power) ([]metering.StoredReading, error) {
	ends, err := tx.ReadingsAtEnds([]int64{c.Meter.N}, c.days())
	if err != nil {
		return nil, err
	}
	left := budget{most: most, times: maxRefined, rows: maxReadings}
	return left.refine(tx, c.Meter.N, ends[c.Meter.N])
}

// days are the local days of a chart.
func (c *Chart) days() (out []metering.Span) {
	for at := c.From; at.Before(c.To); at = localday.Next(at) {
		out = append(out, metering.Span{From: at, To: localday.Next(at)})
	}
	return out
}

// budget bounds how often, and how many readings, are read because a register did not continue.
type budget struct {
	most        unit.Power
	times, rows int
}

// refine adds to some readings of a meter all those between two at which its register did not continue, or its memory was replaced.
func (b *budget) refine(tx Tx, meter int64, ends []metering.StoredReading) ([]metering.StoredReading, error) {
	out := inOrder(ends)
	for i := 1; i < len(ends) && b.times > 0 && b.rows > 0; i++ {
		pair := ends[i-1 : i+1]
		if pair[0].Memory == pair[1].Memory && len(series.Breaks(samplesOf(pair), b.most)) == 0 {
			continue
		}
		from, to := pair[0].At, pair[1].At
		if to.Before(from) {
			from, to = to, from
		}
		between, err := tx.ReadingsAround(meter, metering.Span{From: from, To: to.Add(time.Microsecond)}, b.rows)
		if err != nil {
			return nil, err
		}
		out, b.times, b.rows = append(out, between...), b.times-1, b.rows-len(between)
	}
	slices.SortFunc(out, func(a, b metering.StoredReading) int { return cmp.Compare(a.Row, b.Row) })
	return slices.CompactFunc(out, func(a, b metering.StoredReading) bool { return a.Row == b.Row }), nil
}

// inOrder sorts readings as the meter made them: by memory, as they came to be, and by number. Where the clock was not set, the server's time
// counts.
func inOrder(rows []metering.StoredReading) []metering.StoredReading {
	slices.SortStableFunc(rows, func(a, b metering.StoredReading) int { return cmp.Compare(a.Row, b.Row) })
	memories := map[string]int{}
	for i := range rows {
		if _, ok := memories[rows[i].Memory]; !ok {
			memories[rows[i].Memory] = len(memories)
		}
		rows[i].At = stamp(rows[i])
	}
	slices.SortStableFunc(rows, func(a, b metering.StoredReading) int {
		return cmp.Or(cmp.Compare(memories[a.Memory], memories[b.Memory]), cmp.Compare(a.Seq, b.Seq))
	})
	return rows
}

// stamp is the time of a reading by the meter's clock, or by the server's where the meter's was not set.
func stamp(r metering.StoredReading) time.Time {
	if r.Clock == string(wire.ClockInvalid) {
		return r.ReceivedAt
	}
	return r.At
}

func samplesOf(rows []metering.StoredReading) []series.Count {
	out := make([]series.Count, len(rows))
	for i, r := range rows {
		out[i] = series.Count{At: r.At, Register: unit.Energy(r.RegisterWh)}
	}
	return out
}

// tokens marks the credit that a token meter accepted.
func (c *Chart) tokens(tx Tx) error {
	list, err := tx.AcceptedTokens(c.Meter.N, c.From, c.To, maxMarks)
	for _, r := range list {
		c.Credits = append(c.Credits, Credit{At: r.At, Amount: r.UnitsWh})
	}
	return err
}

// wallet replaces the use by what was rated, and takes the balance from the books. Use is 0 where readings show that nothing was used. A meter
// that was replaced has no balance.
func (c *Chart) wallet(tx Tx, buckets []series.Bucket, now time.Time) error {
	days, err := tx.WalletUse(c.Meter.N, c.From.Format(time.DateOnly), c.To.Add(-time.Nanosecond).Format(time.DateOnly), 400)
	if err != nil {
		return err
	}
	c.Units = 0
	for i := range c.Use {
		c.Use[i].Units, c.Use[i].Estimated = 0, 0
	}
	for _, d := range days {
		i := slices.IndexFunc(buckets, func(b series.Bucket) bool {
			return b.From.Format(time.DateOnly) <= d.Day && d.Day < b.To.Format(time.DateOnly)
		})
		if i < 0 {
			continue
		}
		u := &c.Use[i]
		u.Units, u.Estimated, u.Charged, u.Covered = u.Units+d.Units, u.Estimated+d.Estimated, u.Charged+d.Debit, true
		c.Units, c.Charged = c.Units+d.Units, c.Charged+d.Debit
	}
	if err := c.decided(tx); err != nil || c.Untold || c.Meter.Status.HasLeft() {
		return err
	}
	opening, booked, err := tx.WalletBooked(c.Meter.Account, c.From, c.To, maxBookings+1)
	if err != nil {
		return err
	}
	if len(booked) > maxBookings {
		c.TooMany = true
		return nil
	}
	if len(booked) == 0 && opening == 0 {
		return nil
	}
	balance := opening
	if opening != 0 {
		c.Balance = []series.Point{{At: c.From, Value: int64(balance)}}
	}
	for _, b := range booked {
		balance += b.Amount
		c.Balance = append(c.Balance, series.Point{At: b.At, Value: int64(balance)})
		if b.Recharge() && len(c.Credits) < maxMarks {
			c.Credits = append(c.Credits, Credit{At: b.At, Amount: int64(b.Amount)})
		}
	}
	if end := earlier(now, c.To.Add(-time.Second)); end.After(c.Balance[len(c.Balance)-1].At) { // the balance in the books stays until now
		c.Balance = append(c.Balance, series.Point{At: end, Value: int64(balance)})
	}
	return nil
}

// decided replaces the breaks by those of the quarantine, which are the places where charging stopped or went on from another register.
func (c *Chart) decided(tx Tx) error {
	list, err := tx.HeldEntries(c.Meter.N, false, id.ID{}, maxMarks)
	c.Breaks = nil
	for _, e := range slices.Backward(list) {
		if e.At.IsZero() {
			e.At = e.ReceivedAt
		}
		if e.Broke() && !e.At.Before(c.From) && e.At.Before(c.To) {
			c.Breaks = append(c.Breaks, series.Break{At: e.At, Was: energyOf(e.Was), Now: energyOf(e.Register)})
			c.Decided = append(c.Decided, e)
		}
	}
	return err
}

func energyOf(e *unit.Energy) unit.Energy {
	if e == nil {
		return 0
	}
	return *e
}
