package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/statement"
)

// differencesPath is the page of what statements, payments and books do not agree about.
const differencesPath = "/differences"

// unreadPath lists calls of providers that could not be read.
const unreadPath = differencesPath + "?kind=" + string(reconcile.UnreadCall)

// shownFiles is how many statement files the page shows, the newest first.
const shownFiles = 20

// shownDays is how many compared days the page shows, the newest first.
const shownDays = 7

// differenceLine is a difference as the page shows it.
type differenceLine struct {
	Path, At, What, Day, Provider, Txn, Payment, Act, Owner, Note string
	Stated, Paid, Booked                                          string
	State                                                         badge
}

// reconciliationLine is a day of a provider that was compared.
type reconciliationLine struct {
	Day, Provider, Path, Stated, Paid, Booked, Open string
	Unknown                                         string // what could not be compared
	State                                           badge
}

// statementLine is a statement file as the page shows it.
type statementLine struct {
	Provider, Path, From, To, Rows, At, By string
	State                                  badge
}

// differencesPage is the list of differences, with the newest days and statement files.
type differencesPage struct {
	Files          []statementLine
	FormID, Error  string
	SignIn         string // address to sign in again; empty if the proof of identity is fresh enough
	Uploads        bool
	Format         string // of the file, as the person chose it before the upload was refused; empty if its beginning tells it
	Provider, Date string
	Kind           string
	All            bool // also those that are settled
	Days           []reconciliationLine
	Rows           []differenceLine
	Next           string
}

// differences lists what does not agree.
func (s *Console) differences(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	s.showDifferences(w, r, v, http.StatusOK, differencesPage{Provider: strings.TrimSpace(q.Get("provider")), Date: strings.TrimSpace(q.Get("date")), Kind: q.Get("kind"), All: q.Get("all") != ""})
}

func (s *Console) showDifferences(w http.ResponseWriter, r *http.Request, v visit, status int, d differencesPage) {
	q := r.URL.Query()
	f := reconcile.Filter{Provider: d.Provider, Date: d.Date, Kind: reconcile.Kind(d.Kind), Open: !d.All}
	list, err := s.c.Reconciliations.Items(r.Context(), v.by, f, registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	days, err := s.c.Reconciliations.List(r.Context(), v.by, reconcile.Filter{Provider: d.Provider, Date: d.Date}, registry.Page{Limit: shownDays})
	if s.stopped(w, r, v, err, days.Refusal) {
		return
	}
	files, err := s.c.Reconciliations.Files(r.Context(), v.by, d.Provider, registry.Page{Limit: shownFiles})
	if s.stopped(w, r, v, err, files.Refusal) {
		return
	}
	for _, f := range files.Files {
		d.Files = append(d.Files, v.site.statementLine(f))
	}
	no := v.by.Needs(access.DecidePayments)
	d.Uploads, d.SignIn = !no.Refused(), signInAgain(no, differencesPath)
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	for _, c := range days.Days {
		d.Days = append(d.Days, v.site.reconciliationLine(c))
	}
	for _, i := range list.Items {
		d.Rows = append(d.Rows, v.site.differenceLine(i))
	}
	d.Next = nextPage(differencesPath, q, list.Next)
	s.show(w, r, status, differencesView(s.page(r, v, v.site.say.DifferencesTitle()), d))
}

func (t site) reconciliationLine(c reconcile.Reconciliation) reconciliationLine {
	sum := amountsIn(t.say, c.Currency)
	out := reconciliationLine{Day: t.say.Day(c.Date), Provider: c.Provider, Path: differencesPath + "?date=" + c.Date + "&provider=" + c.Provider, Stated: sum(c.Stated), Paid: sum(c.Paid), Booked: sum(c.Booked),
		Open: strconv.Itoa(c.Unsettled), State: badge{"▲", t.say.Name("reconciliation", string(c.State)), classWarn}}
	for _, name := range strings.FieldsFunc(c.Unknown, func(r rune) bool { return r == ',' }) {
		out.Unknown = strings.TrimSpace(out.Unknown + " " + t.say.Name("reconciliation-unknown", name))
	}
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
	l := differenceLine{Path: differencesPath + "/" + i.Name(), At: t.clock(i.At), What: t.say.Name("difference", string(i.Kind)), Day: t.say.Day(i.Date), Provider: i.Provider, Txn: i.Txn, Payment: i.Payment, Act: t.say.Name("difference-act", string(i.Kind.Act())),
		Owner: i.Owner, Stated: sum(i.Stated), Paid: sum(i.Paid), Booked: sum(i.Booked), State: badge{"▲", t.say.DifferencesOpen(), classWarn}}
	switch i.Kind {
	case reconcile.UnreadCall, reconcile.PerhapsSame, reconcile.OtherContents, reconcile.Sums, reconcile.Balance, reconcile.Contradiction:
		l.Note = i.Note
	}
	if !i.Open {
		l.State, l.Act, l.Note = badge{"✓", t.say.DifferencesSettled(t.clock(i.ClosedAt)), classOK}, "", i.Why
	}
	return l
}

func (t site) statementLine(f reconcile.File) statementLine {
	last := t.in(f.To.Add(-time.Nanosecond)).Format(time.DateOnly)
	l := statementLine{Provider: f.Provider, Path: differencesPath + "?provider=" + f.Provider, From: t.say.Day(t.in(f.From).Format(time.DateOnly)), To: t.say.Day(last),
		Rows: strconv.Itoa(f.Rows), At: t.clock(f.AddedAt), By: t.actor(f.By), State: badge{"…", t.say.Name("statement", string(f.State)), classOff}}
	if f.State == reconcile.FileRead {
		l.State.Sign, l.State.Class = "✓", classOK
	}
	return l
}

// uploadStatement takes a statement file. The same file again is the same upload.
func (s *Console) uploadStatement(w http.ResponseWriter, r *http.Request, v visit) {
	file, no := readFile(w, r, statement.MaxBytes)
	provider, format := strings.TrimSpace(r.PostFormValue("provider")), r.PostFormValue("format")
	out := reconcile.UploadResult{Refusal: no}
	var err error
	switch {
	case no.Refused():
	case !v.owns(r.PostFormValue("form")):
		out.Refusal = refuse.OfficeFormOfOtherSession()
	default:
		out, err = s.c.Reconciliations.Upload(r.Context(), v.by, provider, file, statement.Format(format))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Waits != nil:
		s.showWaits(w, r, v, *out.Waits)
	case out.Refused():
		s.showDifferences(w, r, v, http.StatusUnprocessableEntity, differencesPage{Provider: provider, Format: format, Error: v.site.say.Refusal(out.Refusal).Detail()})
	default:
		http.Redirect(w, r, differencesPath+"?provider="+out.File.Provider, http.StatusSeeOther)
	}
}
