package console

import (
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/timeline"
)

// timeLine is a moment in the life of a meter.
type timeLine struct {
	At, Kind, Text string
	Path           string // the page about it; empty if there is none
	Sub            string // what else is known
	State          badge
}

// timelinePage is everything that happened to a meter, page by page.
type timelinePage struct {
	Number, Grouped, Next string
	Kinds                 []choice
	Kind                  string
	Rows                  []timeLine
}

func timelinePath(number string) string { return "/meters/" + url.PathEscape(number) + "/timeline" }

// timeline shows what happened to a meter, newest first.
func (s *Console) timeline(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	kind := timeline.Kind(q.Get("kind"))
	list, err := s.c.Timelines.List(r.Context(), v.by, r.PathValue("number"), kind, registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	t := v.site.say
	d := timelinePage{Number: list.Meter.Number, Grouped: groups(list.Meter.Number), Kind: string(kind), Kinds: []choice{{"", t.TimelineEverything()}}}
	for _, k := range list.Kinds {
		d.Kinds = append(d.Kinds, choice{string(k), t.Name("moment", string(k))})
	}
	d.Next = nextPage(timelinePath(d.Number), url.Values{"kind": q["kind"]}, list.Next)
	for _, m := range list.Moments {
		d.Rows = append(d.Rows, v.moment(m))
	}
	p := s.page(r, v, t.TimelineTitle(d.Grouped))
	p.mark(t, list.Meter.Simulated)
	s.show(w, r, http.StatusOK, timelineView(p, d))
}

// moment writes a moment in the words of the page on which its object is.
func (v visit) moment(m timeline.Moment) timeLine {
	t := v.site.say
	out := timeLine{At: v.site.clock(m.At), Kind: t.Name("moment", string(m.Kind)), Sub: joined(v.site.shown(m.Note), v.site.actor(m.By))}
	switch m.Kind {
	case timeline.Sales:
		state := saleBadge(t, sale.State(m.State))
		out.Text, out.State, out.Path = t.TimelineSale(t.Sum(m.Tender)), state, salePath(m.ID)
		if m.Units > 0 {
			out.Text = t.TimelineSaleUnits(t.Sum(m.Tender), t.Energy(m.Units, 1))
		}
	case timeline.Tokens:
		out.Text = t.MeterTokenMade(t.Energy(m.Units, 1))
		if m.What == timeline.HandedIn {
			out.Text = t.MeterTokenHandedIn(t.Energy(m.Units, 1))
		}
		out.State, out.Path = tokenBadge(t, sale.Token{State: sale.TokenState(m.State), Result: m.Result}), trackPath(m.Number, m.ID.Text(id.Token))
	case timeline.Orders, timeline.Settings:
		out.Text, out.State = commandWord(t, command.Type(m.What)), commandBadge(t, command.Command{State: command.State(m.State), Answer: m.Result})
	case timeline.Events:
		out.Text, out.Sub = t.Name("event", m.What), v.site.meterTime(m)
	case timeline.Doubts:
		out.Text, out.State, out.Path = t.Name("doubt", m.What), heldBadge(t, quarantine.State(m.State)), "/quarantine/"+m.ID.Text(id.Held)
	case timeline.Alarms:
		out.Text, out.Sub, out.State = v.site.shown(t.Alarm(m.Note)), "", badge{"⚠", t.AlarmsOpen(), classBad}
		if m.State == timeline.AlarmEnded {
			out.State = badge{"✓", t.AlarmsEnded(), classOK}
		}
	case timeline.Swaps:
		other := groups(m.Result)
		if out.Text, out.Path = t.TimelineReplaces(other), swapPath(m.Result); m.What == timeline.Replaced {
			out.Text, out.Path = t.TimelineReplaced(other), swapPath(m.Number)
		}
		if m.Units > 0 {
			out.Sub = joined(t.Energy(m.Units, 1), out.Sub)
		}
	case timeline.Tariffs:
		out.Path = tariffChangePath(m.Number)
		if out.Text = t.TimelineTariff(m.Result, v.site.clock(m.Begins)); m.What == timeline.Withdrawn {
			out.Text = t.TimelineTariffStays(m.Result)
		}
	case timeline.Messages:
		out.Text, out.State, out.Path = t.Name("message", m.What), messageBadge(t, notify.State(m.State)), "/messages/"+m.ID.Text(id.Message)
	}
	return out
}

// meterTime is the meter's own time of an event, if it is not the minute in which the event arrived.
func (t site) meterTime(m timeline.Moment) string {
	at := t.clock(m.MeterAt)
	switch {
	case m.MeterAt.IsZero():
		return t.say.MeterTimeUnknown()
	case at == t.clock(m.At):
		return ""
	}
	return t.say.MeterTimeOf(at)
}

// joined joins two texts of which either may be empty.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " · " + b
}
