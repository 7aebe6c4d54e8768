package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// dayLine is a closed day in the list.
type dayLine struct{ Path, Date, Journals, Sum, Closed, Pending string }

// pendingLine is something that is open at the end of a day.
type pendingLine struct {
	Text, Path, Since string
	Stops             bool
}

// daysPage is the list of closed days, with the form that closes the next one.
type daysPage struct {
	Rows             []dayLine
	Next             string // address of the list's next page
	Empty            bool   // the books have no journal
	Date, Shown, At  string // the first open day, how it is shown, and from when on it can be closed
	Over, May, First bool
	Pending          []pendingLine
	NoShift          []dayFigures
	Stopped, Ask     bool // whether something stops the closing, or must be accepted
	FormID, Error    string
	Note             string
}

// dayFigures is a row of a table of a closed day.
type dayFigures struct{ Name, Subject, Path, A, B, C, D string }

// dayPage is a closed day.
type dayPage struct {
	Title, Date, From, To, Zone, Closed, Note string
	Journals, Sum, Currency                   string
	Accounts, Sellers, NoShift, Kinds         []dayFigures
	Pending                                   []pendingLine
	Seal, Epoch, Head                         string
}

// days lists the closed days.
func (s *Console) days(w http.ResponseWriter, r *http.Request, v visit) {
	s.showDays(w, r, v, http.StatusOK, daysPage{})
}

func (s *Console) showDays(w http.ResponseWriter, r *http.Request, v visit, status int, d daysPage) {
	list, err := s.c.Days.List(r.Context(), v.by, registry.Page{Limit: pageSize, Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	open, err := s.c.Days.ToClose(r.Context(), v.by)
	if s.stopped(w, r, v, err, open.Refusal) {
		return
	}
	for _, c := range list.Days {
		d.Rows = append(d.Rows, dayLine{Path: dayPath(c.Date), Date: v.site.say.Day(c.Date), Journals: strconv.FormatInt(c.Figures.Journals, 10),
			Sum: amountsIn(v.site.say, c.Currency)(c.Figures.Debits), Closed: v.site.say.DaysClosedBy(v.site.clock(c.ClosedAt), v.site.actor(c.ClosedBy)), Pending: strconv.Itoa(len(c.Pending))})
	}
	d.Next = nextPage("/days", r.URL.Query(), list.Next)
	d.Empty, d.Over, d.First, d.Date, d.May = open.None, open.Over, !open.Begun, open.Date, v.by.May(access.AdjustLedger)
	if !d.Empty {
		d.Shown, d.At = v.site.say.Day(open.Date), v.site.clock(open.To.Add(dayclose.Rest))
	}
	d.Pending, d.NoShift = v.site.pending(open.Pending), v.site.unshifted(open.NoShift)
	for _, p := range d.Pending {
		d.Stopped = d.Stopped || p.Stops
	}
	d.Ask = len(d.Pending) > 0 && !d.Stopped || d.First
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, daysView(s.page(r, v, v.site.say.DaysTitle()), d))
}

func dayPath(date string) string { return "/days/" + date }

// pending words what is open at the end of a day, with the page where it is settled.
func (t site) pending(all []dayclose.Pending) (out []pendingLine) {
	for _, p := range all {
		l := pendingLine{Since: t.clock(p.Since), Stops: p.Kind.Stops()}
		switch p.Kind {
		case dayclose.OpenShift:
			l.Text, l.Path = t.say.DaysOpenShift(p.Title), "/tills/"+p.ID
		case dayclose.Unfinished:
			l.Text, l.Path = t.say.DaysUnfinishedSale(p.Title), "/sales/"+p.ID
		case dayclose.Reversing:
			l.Text, l.Path = t.say.DaysReversingSale(p.Title), "/sales/"+p.ID
		case dayclose.Unconfirmed:
			l.Text, l.Path = t.say.DaysUnconfirmedReversal(p.Title), "/sales/"+p.ID
		case dayclose.Doubtful:
			l.Text, l.Path = t.say.DaysDoubtfulReading(p.Title), "/quarantine/"+p.ID
		case dayclose.Waiting:
			l.Text, l.Path = t.say.DaysApproval(t.say.Name("act", actKey(access.Act(p.Title)))), "/approvals/"+p.ID
		default:
			l.Text = t.say.DaysRestore()
		}
		out = append(out, l)
	}
	return out
}

// unshifted lists who took cash without a shift, and how much.
func (t site) unshifted(all []dayclose.CashSeller) (out []dayFigures) {
	sum := amountsIn(t.say, t.currency)
	for _, u := range all {
		out = append(out, dayFigures{Name: t.actor(u.Seller), A: strconv.FormatInt(u.Sales, 10), B: sum(u.Sold), C: sum(u.Reversed)})
	}
	return out
}

// closeDay closes the day of the form.
func (s *Console) closeDay(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	done, err := dayclose.Done{Refusal: refuse.DayFormOfOtherSession()}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		done, err = s.c.Days.Close(r.Context(), v.by, dayclose.Closing{Date: field("date"), Accept: field("accept") != "", Note: field("note")})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		s.showDays(w, r, v, http.StatusUnprocessableEntity, daysPage{Note: field("note"), Error: v.site.say.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, dayPath(done.Date), http.StatusSeeOther)
	}
}

// day shows a closed day as it was stored.
func (s *Console) day(w http.ResponseWriter, r *http.Request, v visit) {
	c, err := s.c.Days.Show(r.Context(), v.by, r.PathValue("date"))
	if s.stopped(w, r, v, err, c.Refusal) {
		return
	}
	d := v.site.dayPage(c.Closed)
	d.NoShift = v.site.unshifted(c.NoShift)
	s.show(w, r, http.StatusOK, dayView(s.page(r, v, d.Title), d))
}

func (t site) dayPage(c dayclose.Closed) dayPage {
	f, sum := c.Figures, amountsIn(t.say, c.Currency)
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	name := func(code ledger.Code) string { return t.say.Name("account", strconv.Itoa(int(code))) }
	d := dayPage{Title: t.say.DaysReport(t.say.Day(c.Date)), Date: c.Date, From: t.clock(c.From), To: t.clock(c.To), Zone: c.Zone, Note: c.Note, Currency: c.Currency,
		Closed: t.say.DaysClosedBy(t.clock(c.ClosedAt), t.actor(c.ClosedBy)), Journals: count(f.Journals), Sum: sum(f.Debits), Pending: t.pending(c.Pending),
		Seal: count(c.Seal), Epoch: count(c.Epoch), Head: c.Head}
	for _, l := range f.Lines {
		d.Accounts = append(d.Accounts, dayFigures{strconv.Itoa(int(l.Code)) + " " + name(l.Code), l.Subject, "", sum(l.Opening), sum(l.Debit), sum(l.Credit), sum(l.Closing)})
	}
	for _, o := range f.Sellers {
		path := ""
		if o.Code == ledger.Till && o.Subject != ledger.MainTill {
			path = "/tills/" + o.Subject
		}
		d.Sellers = append(d.Sellers, dayFigures{name(o.Code), o.Subject, path, count(o.Sales), sum(o.Sold), count(o.Reversals), sum(o.PaidBack)})
	}
	for _, k := range f.Kinds {
		d.Kinds = append(d.Kinds, dayFigures{Name: t.say.Name("journal", string(k.Kind)), A: count(k.Journals), B: sum(k.Debits)})
	}
	return d
}

// dayPDF answers with a closed day as a PDF file.
func (s *Console) dayPDF(w http.ResponseWriter, r *http.Request, v visit) {
	got, err := s.c.Office.ClosedDay(r.Context(), v.by, r.PathValue("date"))
	s.report(w, r, v, got.Report, err)
}
