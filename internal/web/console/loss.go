package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/money"
)

const lossPath = flatsPath + "/loss"

// lossPage compares the main meter of a building with its flats.
type lossPage struct {
	Building, On, Error string
	From, To            string
	Main                lossRow
	Rows                []lossRow
	Sum, Lost, Percent  string // Lost is empty if the loss is unknown
	Shown, More         bool
	Missing             string
}

// lossRow is what one register counted.
type lossRow struct{ Path, Name, Units, Estimated, Gap string }

// loss shows the comparison for a day or a month.
func (s *Console) loss(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := lossPage{Building: strings.TrimSpace(q.Get("feeder")), On: strings.TrimSpace(q.Get("on"))}
	l, err := s.c.Flats.Loss(r.Context(), v.by, d.Building, d.On)
	if s.stopped(w, r, v, err, v.by.Needs(access.ReadMeters)) {
		return
	}
	status := http.StatusOK
	if l.Refused() {
		d.Error, status = v.site.say.Refusal(l.Refusal).Detail(), max(l.Code.Status(), http.StatusBadRequest)
	} else {
		d.show(v.site, l)
	}
	s.show(w, r, status, lossView(s.page(r, v, v.site.say.LossTitle(d.Building)), d))
}

// show writes the figures.
func (d *lossPage) show(t site, l flats.Loss) {
	d.Shown, d.On, d.From, d.To = true, l.On, t.clock(l.From), t.clock(l.To)
	row := func(m flats.Metered) lossRow {
		out := lossRow{Path: "/meters/" + m.Number, Name: m.Name, Units: t.say.KWh(m.Units, 3)}
		if m.Estimated > 0 {
			out.Estimated = t.say.KWh(m.Estimated, 3)
		}
		if g := m.Gap(); g != flats.NoGap {
			out.Gap = t.say.Name("gap", string(g))
		}
		return out
	}
	for _, m := range l.Flats {
		d.Rows = append(d.Rows, row(m))
	}
	d.Main, d.Sum, d.More = row(l.Main), t.say.KWh(l.Sum, 3), l.Whole && l.Lost < 0
	if l.Missing > 0 {
		d.Missing = t.say.LossMissing(itoa(l.Missing))
	}
	if l.Whole {
		d.Lost, d.Percent = t.say.KWh(l.Lost, 3), t.percent(l)
	}
}

// percent writes the loss as a share of what the main meter counted.
func (t site) percent(l flats.Loss) string {
	if l.Main.Units == 0 {
		return ""
	}
	return t.say.LossPercent(t.say.Figure(money.Minor(l.Bps), money.Currency{Exp: 2}))
}

// lossLine is yesterday's loss of a building in one line; empty if it has no main meter, or if its use is not known.
func (t site) lossLine(l flats.Loss) string {
	if l.Refused() || !l.Whole {
		return ""
	}
	return t.say.LossLine(l.On, t.say.KWh(l.Main.Units, 1), t.say.KWh(l.Sum, 1), t.say.KWh(l.Lost, 1), t.percent(l))
}

// lossOf leads to the comparison of a building.
func lossOf(building string) string {
	return lossPath + "?" + url.Values{"feeder": {building}}.Encode()
}
