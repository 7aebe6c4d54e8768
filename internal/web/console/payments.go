package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// paymentLine is a payment as pages show it.
type paymentLine struct {
	ID, Provider, Txn, Amount, Reference, Payer string
	At, Meter, Grouped, Sale, Why, Detail       string
	State                                       badge
}

func (l paymentLine) path() string { return "/payments/" + l.ID }

// providerLine is a provider as the list shows it.
type providerLine struct {
	Name, Kind, Most string
	State            badge
}

// paymentsPage is the list of payments, and of providers for those who may see them.
type paymentsPage struct {
	State, Provider, Reference string
	Rows                       []paymentLine
	Next                       string
	Providers                  []providerLine
	Unread                     []differenceLine
}

// paymentPage is one payment with the ways to decide about it.
type paymentPage struct {
	paymentLine
	Way                           []factLine // what became of it, with times
	FormID, Error, Notice         string
	SignIn                        string // address to sign in again; empty if the proof of identity is fresh enough
	Apply, GiveBack, Reject       bool
	Unconfirmed                   bool // applying also says that the provider took it
	Suggested                     []string
	MeterField, Reason, ApplyHint string
}

// Acts of the form on a payment's page.
const (
	actApply    = "apply"
	actGiveBack = "refund"
	actReject   = "reject"
)

// paymentRoutes adds the pages of payments.
func (s *Console) paymentRoutes(m *http.ServeMux) {
	m.Handle("GET /payments", s.signedIn(s.payments))
	m.Handle("GET "+differencesPath, s.signedIn(s.differences))
	m.Handle("POST "+differencesPath, s.signedIn(s.withFile(reconcile.MaySend, s.uploadStatement)))
	m.Handle("GET "+differencesPath+"/{difference}", s.signedIn(s.difference))
	m.Handle("POST "+differencesPath+"/{difference}", s.signedIn(s.settleDifference))
	m.Handle("GET /payments/{payment}", s.signedIn(s.payment))
	m.Handle("POST /payments/{payment}", s.signedIn(s.decidePayment))
}

// paymentStates lists the states of payments, in the order of their way.
func paymentStates() []payment.State {
	return []payment.State{payment.Parked, payment.Received, payment.Applied, payment.Refunded, payment.Rejected}
}

func paymentBadge(t *words.Texts, p payment.State) badge {
	text := t.Name("payment-state", string(p))
	switch p {
	case payment.Applied:
		return badge{"✓", text, classOK}
	case payment.Parked:
		return badge{"▲", text, classWarn}
	case payment.Received:
		return badge{"…", text, classOff}
	}
	return badge{"■", text, classOff}
}

func (t site) paymentLine(p payment.Payment) paymentLine {
	l := paymentLine{ID: p.Name(), Provider: p.Provider, Txn: p.Txn, Amount: t.say.Sum(p.Amount), Reference: p.Reference, Payer: p.Payer, At: t.clock(p.PaidAt), Meter: p.Meter,
		Grouped: groups(p.Meter), Detail: p.Detail, State: paymentBadge(t.say, p.State)}
	if why := p.ShownReason(); why != payment.NoReason {
		l.Why = t.say.Name("payment-reason", string(why))
	}
	if !p.Sale.IsZero() {
		l.Sale = "/sales/" + p.Sale.Text(id.Vend)
	}
	return l
}

// payments lists the payments.
func (s *Console) payments(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	d := paymentsPage{State: q.Get("state"), Provider: strings.TrimSpace(q.Get("provider")), Reference: strings.TrimSpace(q.Get("reference"))}
	f := payment.Filter{State: payment.State(d.State), Provider: d.Provider, Reference: d.Reference}
	list, err := s.c.Payments.List(r.Context(), v.by, f, registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, p := range list.Payments {
		d.Rows = append(d.Rows, v.site.paymentLine(p.Payment))
	}
	d.Next = nextPage("/payments", q, list.Next)
	if v.by.May(access.ReadSettings) {
		of, err := s.c.Payments.Providers(r.Context(), v.by, registry.Page{Limit: pageSize})
		if s.stopped(w, r, v, err, of.Refusal) {
			return
		}
		for _, p := range of.Providers {
			d.Providers = append(d.Providers, v.site.providerLine(p.Provider))
		}
	}
	unread, err := s.c.Reconciliations.Items(r.Context(), v.by, reconcile.Filter{Kind: reconcile.UnreadCall, Open: true}, registry.Page{Limit: shownFiles})
	if s.stopped(w, r, v, err, unread.Refusal) {
		return
	}
	for _, i := range unread.Items {
		d.Unread = append(d.Unread, v.site.differenceLine(i))
	}
	s.show(w, r, http.StatusOK, paymentsView(s.page(r, v, v.site.say.PaymentsTitle()), d))
}

func (t site) providerLine(p payment.Provider) providerLine {
	sum := amountsIn(t.say, t.currency)
	l := providerLine{Name: p.Name, Kind: p.Kind, Most: nothing, State: badge{"✓", t.say.PaymentsHeard(), classOK}}
	if p.Single > 0 {
		l.Most = t.say.PaymentsMost(sum(p.Single), sum(p.Daily))
	}
	if p.Disabled() {
		l.State = badge{"■", t.say.PaymentsNotHeard(), classOff}
	}
	return l
}

// payment shows one payment.
func (s *Console) payment(w http.ResponseWriter, r *http.Request, v visit) {
	f := paymentPage{}
	if r.URL.Query().Has("done") {
		f.Notice = v.site.say.PaymentsDone()
	}
	s.showPayment(w, r, v, http.StatusOK, f)
}

// showPayment shows one payment; f is a refused form, or empty.
func (s *Console) showPayment(w http.ResponseWriter, r *http.Request, v visit, status int, f paymentPage) {
	ctx, name := r.Context(), r.PathValue("payment")
	shown, err := s.c.Payments.Show(ctx, v.by, name)
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	p, t := shown.Payment, v.site.say
	f.paymentLine, f.Way = v.site.paymentLine(p), v.site.wayOf(p)
	parked := p.State == payment.Parked
	f.Apply, f.GiveBack, f.Reject = parked && p.Reason != payment.GivenBack && p.Reason != payment.Returning && p.Reason != payment.ReturnSent && (p.Booked() || p.Unconfirmed()), parked, p.Unconfirmed()
	f.ApplyHint = t.PaymentsApplyEffect()
	switch {
	case p.Unconfirmed():
		f.ApplyHint = t.PaymentsApplyEffectUnconfirmed()
	case p.Reason == payment.NumberHeld:
		f.ApplyHint = t.PaymentsApplyNumberHeld() + " " + f.ApplyHint
	case p.Reason == payment.NumberNewer:
		f.ApplyHint = t.PaymentsApplyNumberNewer() + " " + f.ApplyHint
	case p.Reason == payment.AccountNewer:
		f.ApplyHint = t.PaymentsApplyAccountNewer() + " " + f.ApplyHint
	}
	if no := v.by.Needs(access.DecidePayments); no.Refused() {
		f.SignIn = signInAgain(no, f.path())
		f.Apply, f.GiveBack, f.Reject = false, false, false
	}
	if f.Apply {
		s, err := s.c.Payments.Suggest(ctx, v.by, name)
		if err == nil && !s.Refused() { // the form works without suggestions
			f.Suggested = s.Meters
		}
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, paymentView(s.page(r, v, t.PaymentsTitleOf(f.Txn)), f))
}

// wayOf lists what became of a payment, in order.
func (t site) wayOf(p payment.Payment) []factLine {
	way := []factLine{{t.say.PaymentsPaidAt(), t.clock(p.PaidAt)}, {t.say.PaymentsSeenAt(), t.clock(p.SeenAt)}}
	if !p.ConfirmedAt.IsZero() {
		way = append(way, factLine{t.say.PaymentsConfirmedAt(), t.say.PaymentsConfirmedBy(t.clock(p.ConfirmedAt), t.say.Name("payment-proof", string(p.Proof)))})
	} else {
		way = append(way, factLine{t.say.PaymentsConfirmedAt(), t.say.PaymentsNotYet()})
	}
	return way
}

// decidePayment carries out a decision about a payment.
func (s *Console) decidePayment(w http.ResponseWriter, r *http.Request, v visit) {
	f := paymentPage{MeterField: strings.TrimSpace(r.PostFormValue("meter")), Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	if f.MeterField == "" {
		f.MeterField = r.PostFormValue("suggested")
	}
	to, no, err := s.decide(r, v, f)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		f.Error = v.site.say.Refusal(no).Detail()
		s.showPayment(w, r, v, http.StatusUnprocessableEntity, f)
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// decide asks for the decision, and returns the page that shows its result.
func (s *Console) decide(r *http.Request, v visit, f paymentPage) (to string, no refusal.Refusal, err error) {
	if !v.owns(r.PostFormValue("form")) {
		return "", refuse.OfficeFormOfOtherSession(), nil
	}
	d := payment.Decision{Request: v.requestOf(r), Payment: r.PathValue("payment"), Meter: f.MeterField, Reason: f.Reason, RenderWaits: waitsAt,
		Render: func(x payment.View) (int, []byte) {
			return http.StatusSeeOther, []byte((&url.URL{Path: "/payments/" + x.Payment.Name(), RawQuery: "done=1"}).String())
		}}
	act := s.c.Payments.Apply
	switch word := r.PostFormValue("act"); word {
	case actApply:
		d.Reason = ""
	case actGiveBack:
		act, d.Meter = s.c.Payments.Refund, ""
	case actReject:
		act, d.Meter = s.c.Payments.Reject, ""
	default:
		return "", refuse.ServiceActUnknown(refusal.Echo(word)), nil
	}
	out, err := act(r.Context(), v.by, d)
	if out.Replay != nil {
		out.Reply = *out.Replay
	}
	return string(out.Reply.Body), out.Refusal, err
}
