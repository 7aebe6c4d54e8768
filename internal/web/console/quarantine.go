package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// heldRow is an entry of the quarantine.
type heldRow struct {
	ID, Number, Grouped, Doubt, Reason string
	Received, At, Record               string
	Was, Register                      string
	State                              badge
	Decided                            string // who decided, when and why; empty while the entry is open
	Simulated                          bool
}

// path is the address of the entry's own page.
func (r heldRow) path() string { return "/quarantine/" + r.ID }

// heldPage is the work list.
type heldPage struct {
	Rows        []heldRow
	Next, Meter string // Meter: only entries of this meter
	All         bool
}

// heldForm is one entry with the ways to decide.
type heldForm struct {
	heldRow
	FormID, Reason, To, Error                 string
	Accept, Rebase, Discard                   bool
	AcceptEffect, RebaseEffect, RebaseDefault string
	Notice                                    string
}

func (t site) held(e quarantine.Entry) heldRow {
	r := heldRow{ID: e.ID.Text(id.Held), Number: e.Number, Grouped: groups(e.Number), Doubt: t.say.Name("doubt", string(e.Doubt)),
		Reason: e.Reason, Received: t.clock(e.ReceivedAt), At: nothing, Was: energyText(t.say, e.Was), Register: energyText(t.say, e.Register), State: heldBadge(t.say, e.State),
		Simulated: e.Simulated, Record: t.say.DoubtfulRecord(strconv.FormatUint(e.Seq, 10))}
	if !e.At.IsZero() {
		r.At = t.clock(e.At)
	}
	if e.State != quarantine.Open {
		r.Decided = t.say.DoubtfulDecidedBy(e.DecidedBy, t.clock(e.DecidedAt), e.Decision)
	}
	return r
}

func energyText(t *words.Texts, e *unit.Energy) string {
	if e == nil {
		return nothing
	}
	return t.Energy(*e, 3)
}

func heldBadge(t *words.Texts, s quarantine.State) badge {
	switch s {
	case quarantine.Accepted:
		return badge{"✓", t.DoubtfulAccepted(), classOK}
	case quarantine.Rebased:
		return badge{"✓", t.DoubtfulRebased(), classOK}
	case quarantine.Discarded:
		return badge{"■", t.DoubtfulDiscarded(), classOff}
	}
	return badge{"▲", t.DoubtfulOpen(), classWarn}
}

// quarantine lists the entries that wait for a decision.
func (s *Console) quarantine(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := heldPage{Meter: q.Get("meter"), All: q.Get("all") != ""}
	list, err := s.c.Quarantine.List(r.Context(), v.by, quarantine.List{Meter: d.Meter, All: d.All, Page: registry.Page{Cursor: q.Get("cursor")}})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	d.Next = nextPage("/quarantine", q, list.Next)
	for _, e := range list.Data {
		d.Rows = append(d.Rows, v.site.held(e))
	}
	s.show(w, r, http.StatusOK, heldList(s.page(r, v, v.site.say.DoubtfulTitle()), d))
}

// held shows one entry.
func (s *Console) held(w http.ResponseWriter, r *http.Request, v visit) {
	s.heldPage(w, r, v, http.StatusOK, heldForm{})
}

// heldPage shows an entry; f is a refused form, or empty.
func (s *Console) heldPage(w http.ResponseWriter, r *http.Request, v visit, status int, f heldForm) {
	shown, err := s.c.Quarantine.Show(r.Context(), v.by, r.PathValue("id"))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	e := shown.Entry
	f.heldRow = v.site.held(e)
	if v.by.May(access.DecideReadings) {
		for _, c := range e.Choices() {
			f.Accept, f.Rebase, f.Discard = f.Accept || c == quarantine.Accept, f.Rebase || c == quarantine.Rebase, f.Discard || c == quarantine.Discard
		}
	}
	t := v.site.say
	f.AcceptEffect = t.DoubtfulAcceptEffect()
	f.RebaseEffect = t.DoubtfulRebaseEffect()
	if e.Kind == quarantine.OfRating && e.Was != nil && e.Register != nil {
		f.AcceptEffect = t.DoubtfulAcceptEffectUnits(v.site.say.KWh((*e.Register - *e.Was), 3))
		if e.Doubt == metering.DoubtOpen {
			f.RebaseEffect = t.DoubtfulRebaseEffectOpen()
			f.AcceptEffect = t.DoubtfulAcceptEffectOpen()
		}
		f.RebaseDefault = strconv.FormatInt(int64(*e.Register), 10)
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, t.DoubtfulTitleOf(groups(e.Number)))
	p.mark(v.site.say, e.Simulated)
	s.show(w, r, status, heldView(p, f))
}

// decideHeld carries out a decision; the use case checks the right and the reason.
func (s *Console) decideHeld(w http.ResponseWriter, r *http.Request, v visit) {
	f := heldForm{Reason: r.PostFormValue("reason"), To: strings.TrimSpace(r.PostFormValue("register"))}
	verdict := quarantine.Verdict{Entry: r.PathValue("id"), Choice: quarantine.Choice(r.PostFormValue("choice")), Reason: f.Reason}
	var out quarantine.Decided
	var err error
	register, unread := strconv.ParseInt(f.To, 10, 64)
	switch {
	case !v.owns(r.PostFormValue("form")):
		out.Refusal = refuse.DecisionFormOfOtherSession()
	case verdict.Choice == quarantine.Rebase && f.To != "" && unread != nil:
		out.Refusal = refuse.FormRegisterOfWrongForm(refusal.Echo(f.To))
	default:
		if verdict.Choice == quarantine.Rebase && f.To != "" {
			verdict.Register = (*unit.Energy)(&register)
		}
		out, err = s.c.Quarantine.Decide(r.Context(), v.by, verdict)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused():
		f.Error = v.site.say.Refusal(out.Refusal).Detail()
		s.heldPage(w, r, v, http.StatusUnprocessableEntity, f)
	case out.Waits != nil:
		s.heldPage(w, r, v, http.StatusAccepted, heldForm{Notice: v.site.say.DoubtfulWaits(out.Waits.ID.Text(id.Approval))})
	default:
		s.heldPage(w, r, v, http.StatusOK, heldForm{Notice: came(v.site.say, out)})
	}
}

// came describes the result of a decision in words. The page with these words answers the form
// directly, without a redirect. That is safe because the same form is refused if it is sent again.
func came(t *words.Texts, d quarantine.Decided) string {
	if d.Currency == "" {
		return t.DoubtfulDecided()
	}
	units, amount := t.KWh(d.Units, 3), t.Sum(money.Amount{Minor: d.Debit, Currency: d.Currency})
	if d.Held.Stopped() {
		return t.DoubtfulDecidedChargedAndStopped(d.Readings, units, amount)
	}
	return t.DoubtfulDecidedCharged(d.Readings, units, amount)
}
