package console

import (
	"cmp"
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// shiftLine is a shift as a list shows it.
type shiftLine struct {
	Path, Till, Operator, Opened, Closed string
	Expected, Counted, Difference        string // empty while the shift is open
	State                                badge
}

// tillFields are what somebody typed into a form about a till.
type tillFields struct{ Till, Float, Amount, Reason, Counted, Note string }

// tillsPage is the list of shifts, with the form that opens one.
type tillsPage struct {
	Rows          []shiftLine
	Next          string
	Mine          string // address of the asker's open shift; empty for none
	MayOpen       bool
	FormID, Error string
	Currency      string
	Typed         tillFields
}

// shiftPage is the Z report of a shift. While the shift is open, it says what the report would be now.
type shiftPage struct {
	shiftLine
	Title, Note, ClosedBy           string
	Opening, Sold, Paid, Out, Left  string
	Sales, Reversals, Units, Papers string
	Parts                           []lineText
	SalesPath, At                   string
	Open, MayChange                 bool
	FormID, Error, Currency         string
	Typed                           tillFields
}

// Acts of the forms on a shift's page.
const (
	actPayout = "payout"
	actCount  = "close"
)

func shiftPath(s till.Shift) string { return "/tills/" + s.Name() }

func (t site) shiftLine(s till.Shift, currency string) shiftLine {
	sum := amountsIn(t.say, currency)
	l := shiftLine{Path: shiftPath(s), Till: s.Till, Operator: t.actor(s.Operator), Opened: t.clock(s.OpenedAt), State: badge{"●", t.say.TillsStateOpen(), classOK}}
	if s.Open() {
		return l
	}
	l.State, l.Closed = badge{"■", t.say.TillsStateClosed(), classOff}, t.clock(s.ClosedAt)
	l.Expected, l.Counted = sum(s.Expected), sum(s.Counted)
	switch d := s.Difference(); {
	case d < 0:
		l.Difference = t.say.TillsShort(sum(-d))
	case d > 0:
		l.Difference = t.say.TillsOver(sum(d))
	default:
		l.Difference = t.say.TillsExact()
	}
	return l
}

// amountsIn writes amounts of a currency.
func amountsIn(t *words.Texts, currency string) func(money.Minor) string {
	return func(m money.Minor) string { return t.Sum(money.Amount{Minor: m, Currency: currency}) }
}

// tills lists the shifts.
func (s *Console) tills(w http.ResponseWriter, r *http.Request, v visit) {
	s.showTills(w, r, v, http.StatusOK, tillsPage{})
}

func (s *Console) showTills(w http.ResponseWriter, r *http.Request, v visit, status int, d tillsPage) {
	list, err := s.c.Tills.List(r.Context(), v.by, till.Filter{}, registry.Page{Limit: pageSize, Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, shift := range list.Shifts {
		d.Rows = append(d.Rows, v.site.shiftLine(shift, list.Currency))
	}
	d.Next, d.Currency = nextPage("/tills", r.URL.Query(), list.Next), v.site.currency
	mine, err := s.c.Tills.Show(r.Context(), v.by, till.Mine)
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	if !mine.Refused() {
		d.Mine = shiftPath(mine.Shift)
	}
	d.MayOpen = d.Mine == "" && v.by.May(access.UseTill)
	s.show(w, r, status, tillsView(s.page(r, v, v.site.say.TillsTitle()), d))
}

// shift shows one shift.
func (s *Console) shift(w http.ResponseWriter, r *http.Request, v visit) {
	s.showShift(w, r, v, http.StatusOK, shiftPage{})
}

func (s *Console) showShift(w http.ResponseWriter, r *http.Request, v visit, status int, d shiftPage) {
	shown, err := s.c.Tills.Show(r.Context(), v.by, r.PathValue("shift"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	d = v.site.zReport(d, shown)
	d.At = v.site.clock(s.c.Now())
	d.MayChange = d.Open && v.by.May(access.UseTill) && (shown.Shift.Holder == access.Self(v.by) || v.by.May(access.Reverse))
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, shiftView(s.page(r, v, d.Title), d))
}

// zReport writes the figures of a shift.
func (t site) zReport(d shiftPage, shown till.View) shiftPage {
	s, c, sum := shown.Shift, shown.Cash, amountsIn(t.say, shown.Currency)
	d.shiftLine, d.Title = t.shiftLine(s, shown.Currency), t.say.TillsReport(s.Till)
	if s.Open() {
		d.Title = t.say.TillsReportOpen(s.Till)
	}
	d.Open, d.Note, d.ClosedBy, d.Currency = s.Open(), s.Note, t.actor(s.ClosedBy), t.currency
	d.Opening, d.Sold, d.Paid, d.Out, d.Left = sum(s.Opening), sum(c.Sold), sum(c.PaidBack), sum(c.PaidOut), sum(shown.Left)
	d.Sales, d.Reversals, d.Units = strconv.FormatInt(c.Sales, 10), strconv.FormatInt(c.Reversals, 10), t.say.KWh(c.Units, 1)
	if c.FirstPaper != "" {
		d.Papers = t.say.TillsFromTo(c.FirstPaper, c.LastPaper)
	}
	for _, p := range c.Breakdown {
		d.Parts = append(d.Parts, lineText{Name: t.say.Name("account", strconv.Itoa(int(p.Code))), Amount: sum(p.Amount)})
	}
	d.SalesPath = "/sales?shift=" + s.ID.Text(id.Shift)
	return d
}

// typedTill reads a form about a till.
func typedTill(r *http.Request) tillFields {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return tillFields{field("till"), field("float"), field("amount"), field("reason"), field("counted"), field("note")}
}

// cash reads an amount that may be 0. An empty field is 0.
func (t site) cash(text string) (money.Amount, refusal.Refusal) {
	c, known := money.CurrencyOf(t.currency)
	if !known {
		return money.Amount{}, refuse.UtilityWithoutCurrency()
	}
	m, err := t.say.Parse(cmp.Or(text, "0"), c)
	if err != nil || m < 0 {
		return money.Amount{}, refuse.TillAmountOfWrongForm(refusal.Echo(text), t.say.Figure(money.Minor(100*money.PowerOfTen(c.Exp)), c))
	}
	return money.Amount{Minor: m, Currency: c.Code}, refusal.Refusal{}
}

// askedOf identifies a form, so that it books once however often the browser sends it.
func (v visit) askedOf(r *http.Request, shift string) till.Asked {
	body := strings.Join([]string{r.URL.Path, r.PostForm.Encode()}, "\x00")
	return till.Asked{Shift: shift,
		Request: once.Request{Once: access.Once{Principal: v.by.String(), Key: r.PostFormValue("form"), Hash: sha256.Sum256([]byte(body))}},
		Render:  func(v till.View) (int, []byte) { return http.StatusSeeOther, []byte(shiftPath(v.Shift)) },
		RenderWaits: func(a access.Approval) (int, []byte) {
			return http.StatusSeeOther, []byte("/approvals/" + a.ID.Text(id.Approval))
		}}
}

// openTill opens a shift of the asker's own.
func (s *Console) openTill(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedTill(r)
	out, float, err := once.Done[till.View]{Refusal: refuse.TillFormOfOtherSession()}, money.Amount{}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		float, out.Refusal = v.site.cash(f.Float)
	}
	if !out.Refused() {
		out, err = s.c.Tills.Open(r.Context(), v.by, till.Opening{Asked: v.askedOf(r, ""), Till: f.Till, Float: float})
	}
	if s.booked(w, r, v, out, err) {
		return
	}
	s.showTills(w, r, v, http.StatusUnprocessableEntity, tillsPage{Typed: f, Error: v.site.say.Refusal(out.Refusal).Detail()})
}

// changeShift does what a form on a shift's page asks for.
func (s *Console) changeShift(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedTill(r)
	out, err := s.countOrPay(r, v, f)
	if s.booked(w, r, v, out, err) {
		return
	}
	s.showShift(w, r, v, http.StatusUnprocessableEntity, shiftPage{Typed: f, Error: v.site.say.Refusal(out.Refusal).Detail()})
}

func (s *Console) countOrPay(r *http.Request, v visit, f tillFields) (out once.Done[till.View], err error) {
	if !v.owns(r.PostFormValue("form")) {
		out.Refusal = refuse.TillFormOfOtherSession()
		return out, nil
	}
	asked := v.askedOf(r, r.PathValue("shift"))
	var amount money.Amount
	switch act := r.PostFormValue("act"); act {
	case actPayout:
		if amount, out.Refusal = v.site.cash(f.Amount); out.Refused() {
			return out, nil
		}
		return s.c.Tills.PayOut(r.Context(), v.by, till.Payout{Asked: asked, Amount: amount, Reason: f.Reason})
	case actCount:
		if f.Counted == "" {
			out.Refusal = refuse.TillNotCounted()
			return out, nil
		}
		if amount, out.Refusal = v.site.cash(f.Counted); out.Refused() {
			return out, nil
		}
		return s.c.Tills.Close(r.Context(), v.by, till.Count{Asked: asked, Counted: amount, Note: f.Note})
	default:
		out.Refusal = refuse.TillActUnknown(refusal.Echo(act))
		return out, nil
	}
}

// booked answers a booking that was made, that waits, or that failed. It reports whether it answered.
func (s *Console) booked(w http.ResponseWriter, r *http.Request, v visit, out once.Done[till.View], err error) bool {
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Replay != nil:
		http.Redirect(w, r, string(out.Replay.Body), http.StatusSeeOther)
	case out.Refused():
		return false
	case out.Value.Waits != nil:
		s.showWaits(w, r, v, *out.Value.Waits)
	default:
		http.Redirect(w, r, shiftPath(out.Value.Shift), http.StatusSeeOther)
	}
	return true
}

// tillOf says which till the sales of a visit go to, or for a vendor what is left to sell and what was sold today. The line is empty for
// somebody who does not use tills.
func (s *Console) tillOf(r *http.Request, v visit) (line, path string, err error) {
	if !v.by.OfUtility() {
		return s.floatOf(r, v)
	}
	if !v.by.May(access.UseTill) {
		return "", "", nil
	}
	mine, err := s.c.Tills.Show(r.Context(), v.by, till.Mine)
	if err != nil || mine.Refused() {
		return v.site.say.TillsNoneOpen(ledger.MainTill), "/tills", err
	}
	return v.site.say.TillsRunning(mine.Shift.Till, strconv.FormatInt(mine.Cash.Sales, 10), amountsIn(v.site.say, mine.Currency)(mine.Left)), shiftPath(mine.Shift), nil
}

// floatOf says what a vendor has left to sell, and what it sold today.
func (s *Console) floatOf(r *http.Request, v visit) (line, path string, err error) {
	shown, err := s.c.Vendors.Show(r.Context(), v.by, v.by.Vendor.Text(id.Vendor))
	if err != nil || shown.Refused() {
		return "", "", err
	}
	today := v.site.in(s.c.Now()).Format(time.DateOnly)
	sold, err := s.c.Vending.SalesTotal(r.Context(), v.by, vending.SaleRequest{From: today, To: today})
	if err != nil || sold.Refused() {
		return "", "", err
	}
	sum := amountsIn(v.site.say, shown.Currency)
	return v.site.say.TillsFloatLeft(sum(shown.Headroom.Left), strconv.FormatInt(sold.Sold.Sales, 10), sum(sold.Sold.Tender.Minor)), "/sales?from=" + today + "&to=" + today, nil
}
