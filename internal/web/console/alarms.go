package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
)

// alarmRow is an alarm in the list.
type alarmRow struct {
	ID, Text, Meter, Grouped, At, Cleared string
	Where                                 string // the feeder or the server that it is about, if it is about no meter
	State                                 badge
}

// alarmPage is the list of open alarms, or of all.
type alarmPage struct {
	Rows        []alarmRow
	Next, Meter string
	All         bool
}

// alarms lists what somebody should look at.
func (s *Console) alarms(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := alarmPage{Meter: strings.TrimSpace(q.Get("meter")), All: q.Get("all") != ""}
	list, err := s.c.History.Alarms(r.Context(), v.by, d.Meter, !d.All, pageSize, q.Get("cursor"))
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	d.Next = nextPage("/alarms", q, list.Next)
	for _, a := range list.Rows {
		d.Rows = append(d.Rows, v.site.alarm(a))
	}
	s.show(w, r, http.StatusOK, alarmsView(s.page(r, v, v.site.say.AlarmsTitle()), d))
}

func (t site) alarm(a metering.RaisedAlarm) alarmRow {
	row := alarmRow{ID: a.ID.Text(id.Alarm), Text: t.shown(t.say.Alarm(a.Alarm.Text)), Meter: a.Number, Where: a.Feeder + a.Alarm.Server,
		At: t.clock(a.RaisedAt), State: badge{"⚠", t.say.AlarmsOpen(), classBad}}
	if a.Number != "" {
		row.Grouped = groups(a.Number)
	}
	if !a.ClearedAt.IsZero() {
		row.State, row.Cleared = badge{"✓", t.say.AlarmsEnded(), classOK}, t.clock(a.ClearedAt)
	}
	return row
}
