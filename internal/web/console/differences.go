package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
)

// differencesPath is the page of what statements, payments and books do not agree about.
const differencesPath = "/differences"

// shownDays is how many compared days the page shows, the newest first.
const shownDays = 7

// differenceLine is a difference as the page shows it.
type differenceLine struct {
	What, Day, Provider, Txn, Payment, Act, Owner, Note string
	Stated, Paid, Booked                                string
	State                                               badge
}

// reconciliationLine is a day of a provider that was compared.
type reconciliationLine struct {
	Day, Provider, Path, Stated, Paid, Booked, Open string
	State                                           badge
}

// differencesPage is the list of differences, with the newest days.
type differencesPage struct {
	Provider, Date string
	All            bool // also those that are settled
	Days           []reconciliationLine
	Rows           []differenceLine
	Next           string
}

// differences lists what does not agree.
func (s *Console) differences(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := differencesPage{Provider: strings.TrimSpace(q.Get("provider")), Date: strings.TrimSpace(q.Get("date")), All: q.Get("all") != ""}
	f := reconcile.Filter{Provider: d.Provider, Date: d.Date, Open: !d.All}
	list, err := s.c.Reconciliations.Items(r.Context(), v.by, f, registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	days, err := s.c.Reconciliations.List(r.Context(), v.by, reconcile.Filter{Provider: d.Provider, Date: d.Date}, registry.Page{Limit: shownDays})
	if s.stopped(w, r, v, err, days.Refusal) {
		return
	}
	for _, c := range days.Days {
		d.Days = append(d.Days, v.site.reconciliationLine(c))
	}
	for _, i := range list.Items {
		d.Rows = append(d.Rows, v.site.differenceLine(i))
	}
	d.Next = nextPage(differencesPath, q, list.Next)
	s.show(w, r, http.StatusOK, differencesView(s.page(r, v, v.site.say.DifferencesTitle()), d))
}

func (t site) reconciliationLine(c reconcile.Reconciliation) reconciliationLine {
	sum := amountsIn(t.say, c.Currency)
	out := reconciliationLine{Day: t.say.Day(c.Date), Provider: c.Provider, Path: differencesPath + "?date=" + c.Date + "&provider=" + c.Provider, Stated: sum(c.Stated), Paid: sum(c.Paid), Booked: sum(c.Booked),
		Open: strconv.Itoa(c.Unsettled), State: badge{"▲", t.say.Name("reconciliation", string(c.State)), classWarn}}
	switch c.State {
	case reconcile.Closed:
		out.State.Sign, out.State.Class = "✓", classOK
	case reconcile.Waiting:
		out.State.Sign, out.State.Class = "…", classOff
		out.Stated = nothing // no statement says anything about the day
	}
	return out
}

func (t site) differenceLine(i reconcile.Item) differenceLine {
	sum := func(m money.Minor) string {
		if m == 0 {
			return ""
		}
		return t.say.Sum(money.Amount{Minor: m, Currency: i.Currency})
	}
	l := differenceLine{What: t.say.Name("difference", string(i.Kind)), Day: t.say.Day(i.Date), Provider: i.Provider, Txn: i.Txn, Payment: i.Payment, Act: t.say.Name("difference-act", string(i.Kind.Act())),
		Owner: i.Owner, Stated: sum(i.Stated), Paid: sum(i.Paid), Booked: sum(i.Booked), State: badge{"▲", t.say.DifferencesOpen(), classWarn}}
	if !i.Open {
		l.State, l.Act, l.Note = badge{"✓", t.say.DifferencesSettled(t.clock(i.ClosedAt)), classOK}, "", i.Why
	}
	return l
}
