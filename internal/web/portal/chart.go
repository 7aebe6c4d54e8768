package portal

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/unit"
)

// useChart is the use by day, week or month as bars, with the same figures as a table.
type useChart struct {
	Title          string
	Empty          string // why there are no bars
	Periods        []choice
	Earlier, Later string // paths; empty for none
	Most           string // the figure at the top
	From, To       string // first and last bucket
	Bars           []bar
	Rows           [][2]string
}

// choice is one of several links, of which one is shown.
type choice struct {
	link
	Here bool
}

// bar is a bar of a chart, in the units of its drawing.
type bar struct{ X, Y, W, H string }

// The size of the drawing.
const (
	chartWidth  = 300
	chartHeight = 90
)

// use reads the use of a period.
func (p *Portal) use(r *http.Request, v visit) (useChart, error) {
	q := r.URL.Query()
	asked := timeline.Asked{Meter: v.number, By: series.Period(q.Get("by")), On: q.Get("on")}
	c, err := p.c.Timelines.Chart(r.Context(), v.by, asked)
	if err == nil && c.Refused() && asked.On != "" { // a day that cannot be read is as good as none
		asked.On = ""
		c, err = p.c.Timelines.Chart(r.Context(), v.by, asked)
	}
	if err != nil || c.Refused() {
		return useChart{}, err
	}
	v.hide(&c)
	t := v.say
	path := func(by series.Period, on string) string {
		next := url.Values{"by": {string(by)}}
		if on != "" {
			next.Set("on", on)
		}
		return v.path("", next) + "#use"
	}
	out := useChart{Title: v.useTitle(c)}
	for _, by := range []struct {
		by   series.Period
		text string
	}{{series.Day, t.ChartByDay()}, {series.Week, t.ChartByWeek()}, {series.Month, t.ChartByMonth()}} {
		out.Periods = append(out.Periods, choice{link{path(by.by, ""), by.text}, by.by == c.By})
	}
	if v.m.Meter.Simulated || c.From.After(v.opened.Since) {
		out.Earlier = path(c.By, c.Back)
	}
	if c.More {
		out.Later = path(c.By, c.On)
	}
	out.draw(v, c)
	return out, nil
}

func (v visit) useTitle(c timeline.Chart) string {
	units := v.say.KWh(c.Units, 1)
	switch c.By {
	case series.Week:
		return v.say.ChartUseByWeek(units)
	case series.Month:
		return v.say.ChartUseByMonth(units)
	}
	return v.say.ChartUseByDay(units)
}

// draw makes the bars and the rows of the table. What is not known has neither.
func (u *useChart) draw(v visit, c timeline.Chart) {
	var most unit.Energy
	for _, b := range c.Use {
		most = max(most, b.Units)
	}
	slot := chartWidth / max(1, len(c.Use))
	for i, b := range c.Use {
		if !b.Covered {
			continue
		}
		u.Rows = append(u.Rows, [2]string{v.day(b.From), v.say.KWh(b.Units, 1)})
		height := int64(0)
		if most > 0 {
			height = int64(b.Units) * chartHeight / int64(most)
		}
		u.Bars = append(u.Bars, bar{strconv.Itoa(i * slot), strconv.FormatInt(chartHeight-height, 10), strconv.Itoa(max(1, slot-2)), strconv.FormatInt(height, 10)})
	}
	if len(u.Rows) == 0 {
		u.Empty = v.say.ChartNothing()
		if c.NoReading {
			u.Empty = v.say.MeterNoReadings()
		}
		return
	}
	u.Most, u.From, u.To = v.say.Energy(most, 1), v.day(c.From), v.day(c.Use[len(c.Use)-1].From)
}
