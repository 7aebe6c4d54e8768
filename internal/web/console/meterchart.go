package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// meterCharts are the charts of a meter, with links to other periods and to the time before and after.
type meterCharts struct {
	Span     string // first and last day
	Periods  []choiceLink
	Back, On string
	Charts   []chart
}

// choiceLink is a link of a choice of which one is shown.
type choiceLink struct {
	Path, Text string
	Here       bool
}

// linePoints is how many points a line has at most: more than a screen shows.
const linePoints = 500

// meterCharts reads the charts of a meter for a page at a path. The period and the day are in the page's address.
func (s *Console) meterCharts(r *http.Request, v visit, number, path string) (*meterCharts, error) {
	q := r.URL.Query()
	asked := timeline.Asked{Meter: number, By: series.Period(q.Get("by")), On: q.Get("on")}
	c, err := s.c.Timelines.Chart(r.Context(), v.by, asked)
	if err == nil && c.Refused() && asked.On != "" { // a day that cannot be read is as good as none
		asked.On = ""
		c, err = s.c.Timelines.Chart(r.Context(), v.by, asked)
	}
	if err != nil || c.Refused() {
		return nil, err
	}
	link := func(by series.Period, on string) string {
		next := url.Values{"by": {string(by)}}
		if on != "" {
			next.Set("on", on)
		}
		return path + "?" + next.Encode() + "#charts"
	}
	t := v.site.say
	out := meterCharts{Span: t.ChartSpan(t.Day(c.From.Format(time.DateOnly)), t.Day(c.To.Add(-time.Second).Format(time.DateOnly))), Back: link(c.By, c.Back)}
	for _, p := range []struct {
		by   series.Period
		text string
	}{{series.Day, t.ChartByDay()}, {series.Week, t.ChartByWeek()}, {series.Month, t.ChartByMonth()}} {
		out.Periods = append(out.Periods, choiceLink{link(p.by, asked.On), p.text, p.by == c.By})
	}
	if c.More {
		out.On = link(c.By, c.On)
	}
	d := meterChart{v.site, c}
	for _, one := range []func() (chart, error){d.use, d.balance, d.load} {
		drawn, err := one()
		if err != nil {
			return nil, err
		}
		out.Charts = append(out.Charts, drawn)
	}
	return &out, nil
}

// meterChart makes charts of a meter's figures.
type meterChart struct {
	site
	timeline.Chart
}

func (d meterChart) zoneName() string { return d.From.Location().String() }

// day is the first day of a bucket.
func (d meterChart) day(u timeline.Used) string { return d.say.Day(u.From.Format(time.DateOnly)) }

// use is the chart of the use of each day, week or month.
func (d meterChart) use() (chart, error) {
	t := d.say
	c := chart{ID: "chart-use", Label: t.ChartUseLabel(), Heads: []string{t.WalletFrom(), t.WalletUsedKwh(), t.ChartEstimated()}}
	c.Title = useTitle(t, d.By, t.KWh(d.Units, 3))
	if d.Wallet() {
		c.Heads = append(c.Heads, t.WalletCharged(d.Currency))
		c.Title = t.ChartWithCharge(c.Title, t.Sum(money.Amount{Minor: d.Charged, Currency: d.Currency}))
	}
	first, last := d.known()
	if first < 0 {
		c.Empty = d.nothing()
		return c, nil
	}
	p := chartData{Kind: "bars", By: string(d.By), TZ: d.zoneName(), Unit: "kWh", Scale: int64(unit.KilowattHour), Digits: 3}
	var days []string
	estimated, gaps := false, false
	for i, u := range d.Use {
		from := u.From.Format(time.DateOnly)
		days = append(days, from)
		row := []string{t.Day(from), t.ChartNoReading(), nothing}
		if !u.Covered {
			p.Y, p.Part = append(p.Y, nil), append(p.Part, nil)
			gaps = gaps || i > first && i < last
		} else {
			p.Y, p.Part = append(p.Y, whole(int64(u.Units))), append(p.Part, whole(int64(u.Units-u.Estimated)))
			row[1], row[2] = t.KWh(u.Units, 3), t.KWh(u.Estimated, 3)
			estimated = estimated || u.Estimated > 0
		}
		if d.Wallet() {
			row = append(row, t.Amount(money.Amount{Minor: u.Charged, Currency: d.Currency}))
		}
		if i >= first && i <= last {
			c.Rows = append(c.Rows, row)
		}
	}
	p.X = days
	if !estimated {
		p.Part = nil
	} else {
		c.Notes = append(c.Notes, chartNote{Text: t.ChartEstimatedNote()})
	}
	if gaps {
		c.Notes = append(c.Notes, chartNote{Text: t.ChartGapNote()})
	}
	for n, b := range d.Breaks {
		for i, u := range d.Use {
			if !b.At.Before(u.From) && b.At.Before(u.To) {
				p.Marks = append(p.Marks, mark{float64(i), "reset"})
			}
		}
		c.Notes = append(c.Notes, d.breakNote(n, b))
	}
	var err error
	c.Data, err = p.text()
	return c, err
}

// breakNote says what the register did at a break. A wallet's leads to where somebody decides about it.
func (d meterChart) breakNote(n int, b series.Break) chartNote {
	if n < len(d.Decided) {
		e := d.Decided[n]
		return chartNote{d.clock(b.At) + " " + markText(d.say, e), "/quarantine/" + d.held(e).ID}
	}
	return chartNote{Text: d.say.ChartReset(d.clock(b.At), d.say.KWh(b.Was, 3), d.say.KWh(b.Now, 3))}
}

// markText returns the text about the event at the register.
func markText(t *words.Texts, e quarantine.Entry) string {
	if e.State == quarantine.Rebased {
		return "⚠ " + t.DoubtfulMarkAnew(energyText(t, e.Was), energyText(t, e.Register))
	}
	return "⚠ " + t.DoubtfulMarkStopped(energyText(t, e.Was), energyText(t, e.Register))
}

// known returns the first and the last bucket with a known use; -1 for none.
func (d meterChart) known() (first, last int) {
	first = -1
	for i, u := range d.Use {
		if u.Covered {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	return first, last
}

func useTitle(t *words.Texts, by series.Period, units string) string {
	switch by {
	case series.Week:
		return t.ChartUseByWeek(units)
	case series.Month:
		return t.ChartUseByMonth(units)
	}
	return t.ChartUseByDay(units)
}

// nothing says why a chart has no figures.
func (d meterChart) nothing() string {
	switch {
	case d.TooMany:
		return d.say.ChartTooMany()
	case d.NoReading:
		return d.say.MeterNoReadings()
	}
	return d.say.ChartNothing()
}

// balance is the chart of the balance, with recharges and resets.
func (d meterChart) balance() (chart, error) {
	t, paid := d.say, d.Wallet()
	c := chart{ID: "chart-balance", Title: t.ChartBalance(), Label: t.ChartBalanceLabel(), Heads: []string{t.WalletFrom(), t.ChartAtEnd(d.unitOfBalance()), t.ChartRecharged(d.unitOfBalance())}}
	if len(d.Balance) == 0 {
		c.Empty = d.nothing()
		switch {
		case paid && d.Meter.Status.HasLeft():
			c.Empty = t.ChartReplaced()
		case paid && d.Untold:
			c.Empty = t.ChartUntold()
		case paid:
			c.Empty = t.ChartNoBookings()
		}
		return c, nil
	}
	last := d.Balance[len(d.Balance)-1]
	p := d.line(d.Balance, false)
	if paid {
		p.Kind, c.Title = "step", t.ChartBalanceInBooks(t.Sum(money.Amount{Minor: money.Minor(last.Value), Currency: d.Currency}), d.clock(last.At))
	} else {
		p.Kind, c.Title = "line", t.ChartBalanceInMeter(d.amount(last.Value), d.clock(last.At))
	}
	p.Unit, p.Scale, p.Digits = d.unitOfBalance(), int64(unit.KilowattHour), 3
	if paid {
		p.Scale, p.Digits = minorUnits(d.Currency)
	}
	for _, a := range d.Credits {
		p.Marks = append(p.Marks, mark{float64(a.At.Unix()), "credit"})
	}
	if len(d.Credits) > 0 {
		c.Notes = append(c.Notes, chartNote{Text: t.ChartRechargeNote()})
	}
	for _, b := range d.Breaks {
		p.Marks = append(p.Marks, mark{float64(b.At.Unix()), "reset"})
	}
	if len(d.Breaks) > 0 {
		c.Notes = append(c.Notes, chartNote{Text: t.ChartResetNote()})
	}
	d.balanceRows(&c)
	var err error
	c.Data, err = p.text()
	return c, err
}

// balanceRows are the balance at the end of each bucket, and what was recharged in it.
func (d meterChart) balanceRows(c *chart) {
	points, credits := d.Balance, d.Credits
	begin, end := points[0].At, points[len(points)-1].At
	held := nothing
	for _, u := range d.Use {
		seen := d.Wallet() // between two bookings the balance in the books stays as it is
		for len(points) > 0 && points[0].At.Before(u.To) {
			held, points, seen = d.amount(points[0].Value), points[1:], true
		}
		added := int64(0)
		for len(credits) > 0 && credits[0].At.Before(u.To) {
			added, credits = added+credits[0].Amount, credits[1:]
		}
		if u.To.Before(begin) || u.From.After(end) {
			continue
		}
		row := []string{d.day(u), held, nothing}
		if !seen {
			row[1] = d.say.ChartNoReading()
		}
		if added != 0 {
			row[2] = d.amount(added)
		}
		c.Rows = append(c.Rows, row)
	}
}

// unitOfBalance is the unit of the balance: a currency, or energy.
func (d meterChart) unitOfBalance() string {
	if d.Wallet() {
		return d.Currency
	}
	return "kWh"
}

func (d meterChart) amount(v int64) string {
	if d.Wallet() {
		return d.say.Amount(money.Amount{Minor: money.Minor(v), Currency: d.Currency})
	}
	return d.say.KWh(unit.Energy(v), 3)
}

// minorUnits returns how many minor units make a unit of a currency, and its number of decimals.
func minorUnits(currency string) (scale int64, digits int) {
	scale = 1
	c, _ := money.CurrencyOf(currency)
	for range c.Exp {
		scale *= 10
	}
	return scale, c.Exp
}

// load is the chart of the power that the meter measured.
func (d meterChart) load() (chart, error) {
	t := d.say
	c := chart{ID: "chart-load", Title: t.ChartLoad(), Label: t.ChartLoadLabel(), Heads: []string{t.WalletFrom(), t.ChartHighest(), t.ChartHighestAt()}}
	if len(d.Load) == 0 {
		c.Empty = d.nothing()
		return c, nil
	}
	p := d.line(d.Load, true)
	p.Kind, p.Unit, p.Scale = "line", "W", 1
	most, points := int64(0), d.Load
	for _, u := range d.Use {
		var high *series.Point
		for len(points) > 0 && points[0].At.Before(u.To) {
			if high == nil || points[0].Value > high.Value {
				high = &points[0]
			}
			points = points[1:]
		}
		if high != nil {
			most = max(most, high.Value)
			c.Rows = append(c.Rows, []string{d.day(u), t.Count(high.Value), d.clock(high.At)})
		} else if len(c.Rows) > 0 && len(points) > 0 {
			c.Rows = append(c.Rows, []string{d.day(u), t.ChartNoReading(), nothing})
		}
	}
	c.Title = t.ChartLoadHighest(t.Count(most))
	var err error
	c.Data, err = p.text()
	return c, err
}

// line makes the points of a line. The balance of a wallet has no gaps: the books always have one.
func (d meterChart) line(points []series.Point, peaks bool) chartData {
	gap := d.Paused
	if !peaks && d.Wallet() {
		gap = 0
	}
	p := chartData{TZ: d.zoneName(), Span: []int64{d.From.Unix(), d.To.Unix()}}
	var x []int64
	for _, one := range series.Thin(points, d.From, d.To, linePoints, peaks, gap) {
		x = append(x, one.At.Unix())
		if one.Gap {
			p.Y = append(p.Y, nil)
		} else {
			p.Y = append(p.Y, whole(one.Value))
		}
	}
	p.X = x
	return p
}
