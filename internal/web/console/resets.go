package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// resetMark marks a place in a meter's use at which its register did not continue: counting stopped there, or continued from another
// register. Use never becomes negative there.
type resetMark struct{ Text, Link string }

// marks puts each mark on the newest row that begins at or before its day, and on the chart.
func (s *Console) marks(r *http.Request, v visit, d *usePage) error {
	list, err := s.c.Quarantine.List(r.Context(), v.by, quarantine.List{Meter: d.Number, All: true, Page: registry.Page{Limit: registry.MaxLimit}})
	if err != nil || list.Refused() {
		return err
	}
	for _, e := range list.Data {
		broke := e.State == quarantine.Rebased || e.State == quarantine.Open && e.Kind == quarantine.OfRating
		at := e.At
		if at.IsZero() {
			at = e.ReceivedAt
		}
		if row := d.rowOf(v.site.in(at).Format("2006-01-02")); broke && row >= 0 {
			d.Rows[row].Marks = append(d.Rows[row].Marks, resetMark{markText(v.site.say, e), "/quarantine/" + v.site.held(e).ID})
			d.Breaks = append(d.Breaks, (len(d.Rows)-1-row)*barWidth+barWidth/2)
		}
	}
	return nil
}

// rowOf returns the row of a day, or -1 if the day is older than all shown.
func (d *usePage) rowOf(day string) int {
	for i, row := range d.Rows {
		if row.From <= day {
			return i
		}
	}
	return -1
}

// markText returns the text about the event at the register.
func markText(t words.Texts, e quarantine.Entry) string {
	if e.State == quarantine.Rebased {
		return "⚠ " + t.DoubtfulMarkAnew(energyText(t, e.Was), energyText(t, e.Register))
	}
	return "⚠ " + t.DoubtfulMarkStopped(energyText(t, e.Was), energyText(t, e.Register))
}
