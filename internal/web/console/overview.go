package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// needs is one list of the overview.
type needs struct {
	Path, Title, Count, Note string
	Rows                     []needRow
	Rest                     bool // the list has more than these rows
}

// needRow is one thing that needs somebody.
type needRow struct {
	Path, Title, Detail, Since string
	Number                     bool // the title is a number
}

// overviewPage is what needs somebody.
type overviewPage struct {
	Lists []needs
	At    string
	// Backup says when the last backup was made; empty if nobody notes that.
	Backup string
	Old    bool // the last backup is old, or there is none
	// Standbys says that standbys of the database are missing; empty if none is.
	Standbys string
}

// overview is the page that says what needs somebody. Each line opens where it is mended.
func (s *Console) overview(w http.ResponseWriter, r *http.Request, v visit) {
	view, err := s.c.Overview.Show(r.Context(), v.by)
	if s.stopped(w, r, v, err, view.Refusal) {
		return
	}
	d := overviewPage{At: v.site.clock(view.At)}
	if b := view.Backup; b.Noted {
		d.Backup, d.Old = v.site.say.OverviewBackup(v.site.clock(b.At)), b.Old
	}
	switch b := view.Standbys; {
	case b.Stopped():
		d.Standbys = v.site.say.OverviewNoStandby()
	case b.Missing():
		d.Standbys = v.site.say.OverviewStandbys(strconv.Itoa(b.Following), strconv.Itoa(b.Expected))
	}
	for _, l := range view.Lists {
		if l.Count > 0 {
			d.Lists = append(d.Lists, v.site.needs(l))
		}
	}
	s.show(w, r, http.StatusOK, overviewView(s.page(r, v, v.site.say.OverviewTitle()), d))
}

// needs words a list.
func (t site) needs(l overview.List) needs {
	out := needs{Count: strconv.Itoa(l.Count), Rest: l.More || l.Count > len(l.First)}
	out.Title, out.Path = needsTitle(t.say, l.Kind)
	if l.More {
		out.Count = t.say.OverviewMore(out.Count)
	}
	if l.Paid > 0 {
		out.Note = t.say.OverviewPaid(strconv.Itoa(l.Paid))
	}
	for _, e := range l.First {
		row := needRow{Title: e.Title, Detail: e.Detail, Since: t.clock(e.Since)}
		if e.Text != "" {
			row.Detail = t.shown(t.say.Alarm(e.Text))
		}
		switch l.Kind {
		case overview.Failed:
			row.Path, row.Detail = "/messages/"+e.ID, t.say.Name("message", e.Detail)
		case overview.Doubtful:
			row.Path, row.Detail = "/quarantine/"+e.ID, t.shown(e.Detail)
		case overview.Parked:
			row.Path, row.Detail = "/payments/"+e.ID, t.say.Name("payment-reason", e.Detail)
		case overview.OpenShifts:
			row.Path = "/tills/" + e.ID
		case overview.OpenDays:
			row.Path = "/days"
		case overview.Waiting:
			row.Path = "/approvals/" + e.ID
		case overview.CutOff, overview.Low, overview.Offline, overview.Tampered:
			row.Path, row.Since = "/meters/"+e.Meter, t.lastHeard(e.Since)
		default:
			row.Path = "/alarms"
			if e.Meter != "" {
				row.Path = "/meters/" + e.Meter
			}
		}
		if row.Number = e.Meter != "" && e.Title == e.Meter; row.Number {
			row.Title = groups(e.Meter)
		}
		if row.Title == "" { // an alarm about no meter
			row.Title, row.Detail = row.Detail, ""
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// lastHeard says when a meter was heard last.
func (t site) lastHeard(at time.Time) string {
	if at.IsZero() {
		return t.say.OverviewNeverHeard()
	}
	return t.say.OverviewLastHeard(t.clock(at))
}

// needsTitle returns the heading of a list and the page that has all of it.
func needsTitle(t *words.Texts, k overview.Kind) (title, path string) {
	state := func(s registry.State) (string, string) { return stateBadge(t, s).Text(), "/meters?state=" + string(s) }
	switch k {
	case overview.CutOff:
		return state(registry.CutOff)
	case overview.Low:
		return state(registry.Low)
	case overview.Offline:
		return state(registry.Offline)
	case overview.Tampered:
		return state(registry.TamperState)
	case overview.Failed:
		return t.OverviewFailed(), "/messages?state=failed"
	case overview.Doubtful:
		return t.MenuQuarantine(), "/quarantine"
	case overview.Waiting:
		return t.MenuApprovals(), "/approvals"
	case overview.Parked:
		return t.OverviewPayments(), "/payments?state=parked"
	case overview.OpenShifts:
		return t.OverviewTills(), "/tills"
	case overview.OpenDays:
		return t.DaysLate(), "/days"
	case overview.Unconfirmed:
		return t.OverviewUnconfirmed(), "/alarms"
	}
	return t.MenuAlarms(), "/alarms"
}
