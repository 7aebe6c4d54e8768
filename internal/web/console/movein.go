package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// moveInForm is the page that moves a customer in at a free meter.
type moveInForm struct {
	Number, Grouped, Address           string
	Tariff, Customer, Name, Phone, Why string
	Keypad                             bool // units are in the meter
	creditFields
	FormID, Error string
	Tariffs       []choice
}

// A customer moves in in two steps: the form shows what the move-in does, and the page of that plan has the button that does it.
const (
	actMoveIn     = "move-in"
	actMoveInPlan = "plan-move-in"
)

// moveInPlanPage says what a move-in does.
type moveInPlanPage struct {
	moveInForm
	Lines      []factLine
	OtherDebts []otherDebtLine
	First      *firstPurchase // nil for a wallet
	Agrees     bool           // a second person must agree
}

// firstPurchase is the first purchase of a new account, or why it could buy nothing.
type firstPurchase struct {
	Bill           bill
	Units, Problem string
}

func (f moveInForm) planCommand() string { return f.commandWith("--plan") }

func (f moveInForm) command() string {
	return f.commandWith("--reason", cmp.Or(f.Why, "REASON"))
}

func (f moveInForm) commandWith(more ...string) string {
	return commandLine("paywatt meter move-in "+f.Number, append([]string{"--tariff", f.Tariff, "--customer", f.Customer, "--name", f.Name,
		"--phone", f.Phone, "--credit", f.creditOption("")}, more...)...)
}

// creditFields are what somebody typed about the credit in a keypad meter.
type creditFields struct {
	Credit        string // in kilowatt-hours
	CreditUnknown bool   // nobody can read the display
}

func typedCredit(r *http.Request) creditFields {
	return creditFields{Credit: strings.TrimSpace(r.PostFormValue("credit")), CreditUnknown: r.PostFormValue("credit_unknown") != ""}
}

// creditOption is the value of the option --credit of the same command.
func (f creditFields) creditOption(missing string) string {
	if f.CreditUnknown {
		return string(registry.CreditUnknown)
	}
	return cmp.Or(f.Credit, missing)
}

// readCredit reads the credit as the visitor's language writes numbers.
func (f creditFields) readCredit(v visit) (registry.CreditLeft, refusal.Refusal) {
	switch {
	case f.Credit != "" && f.CreditUnknown:
		return registry.CreditLeft{}, refuse.CreditStatedTwice()
	case f.CreditUnknown:
		return registry.CreditLeft{State: registry.CreditUnknown}, refusal.Refusal{}
	case f.Credit == "":
		return registry.CreditLeft{}, refusal.Refusal{}
	}
	n, wrong := v.site.say.Parse(f.Credit, money.Currency{Exp: 3}) // kWh with three decimals
	if wrong != nil {
		return registry.CreditLeft{}, refuse.FormUnitsOfWrongForm(refusal.Echo(f.Credit))
	}
	return registry.CreditOf(unit.Energy(n)), refusal.Refusal{}
}

func moveInPath(number string) string { return "/meters/" + url.PathEscape(number) + "/move-in" }

// vacant reports whether a meter's last customer has moved out.
func vacant(m registry.MeterView) bool {
	return m.Meter.Mode != registry.Postpay && m.Meter.Status == registry.Installed
}

func (s *Console) moveInPage(w http.ResponseWriter, r *http.Request, v visit) {
	s.showMoveIn(w, r, v, http.StatusOK, moveInForm{Customer: r.URL.Query().Get("customer")})
}

func (s *Console) showMoveIn(w http.ResponseWriter, r *http.Request, v visit, status int, f moveInForm) {
	if no := v.by.Needs(access.WriteCustomers); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	if !vacant(m) && f.Error == "" {
		s.refuse(w, r, v, m.Meter.RefuseMoveIn())
		return
	}
	list, err := s.c.Registry.Tariffs(r.Context(), v.by, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, t := range list.Data {
		f.Tariffs = append(f.Tariffs, choice{t.Name, t.Name})
	}
	f.Keypad = m.Meter.Mode == registry.PrepayToken
	f.Number, f.Grouped, f.Address, f.Tariff = m.Meter.Number, groups(m.Meter.Number), m.Address, cmp.Or(f.Tariff, m.Tariff)
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.MoveInTitle(f.Grouped))
	p.mark(v.site.say, m.Meter.Simulated)
	s.show(w, r, status, moveInView(p, f))
}

// moveIn opens an account for a customer at a free meter, or shows what that does. Sent again, it is refused, because the meter is not free any more.
func (s *Console) moveIn(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := moveInForm{Tariff: field("tariff"), Customer: field("customer"), Name: field("name"), Phone: field("phone"),
		Why: field("reason"), creditFields: typedCredit(r)}
	in := registry.MovingIn{Tariff: f.Tariff, CustomerID: f.Customer, Reason: f.Why}
	if f.Customer == "" {
		in.Customer = &registry.NewCustomer{Name: f.Name, Phone: f.Phone}
	}
	var done registry.ChangedMeter
	var plan *vending.MoveInPlan
	var err error
	in.Credit, done.Refusal = f.readCredit(v)
	switch {
	case done.Refused():
	case !v.owns(field("form")):
		done.Refusal = refuse.OfficeFormOfOtherSession()
	case field("act") == actMoveInPlan:
		var p vending.MoveInPlan
		p, err = s.c.Vending.PlanMoveIn(r.Context(), v.by, r.PathValue("number"), in)
		plan, done.Refusal = &p, p.Refusal
	default:
		done, err = s.c.Registry.MoveIn(r.Context(), v.by, r.PathValue("number"), in)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		f.Error = v.site.say.Refusal(done.Refusal).Detail()
		s.showMoveIn(w, r, v, http.StatusUnprocessableEntity, f)
	case plan != nil:
		s.showMoveInPlan(w, r, v, *plan, f)
	default:
		http.Redirect(w, r, accountPath(done.Meter.Number)+"?done=move-in", http.StatusSeeOther)
	}
}

// showMoveInPlan shows what a move-in does, with the button that does it.
func (s *Console) showMoveInPlan(w http.ResponseWriter, r *http.Request, v visit, p vending.MoveInPlan, f moveInForm) {
	t := v.site.say
	f.Number = p.Meter.Number
	d := moveInPlanPage{moveInForm: f, Agrees: p.Waits != nil, OtherDebts: v.site.otherDebtLines(p.OtherDebts, p.Meter.Mode),
		Lines: []factLine{{t.SellCustomer(), cmp.Or(p.Customer.Name, t.SellNoName())}, {t.SellTariff(), p.Tariff},
			{t.MoveInTariffBefore(), p.Before}, {t.MoveInTakenOver(), amountsIn(t, v.site.currency)(p.TakenOver)}}}
	if p.Credit.State != registry.CreditNotAsked {
		d.Lines = append(d.Lines, factLine{t.AccountsCreditLeft(), v.site.creditLeft(p.Credit)})
	}
	switch {
	case p.First == nil:
	case p.First.Refused():
		d.First = &firstPurchase{Problem: brief(t, p.First.Refusal)}
	default:
		d.First = &firstPurchase{Bill: v.site.bill(p.First.Lines, p.First.Tender), Units: unitsOf(t, *p.First)}
	}
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	page := s.page(r, v, t.MoveInPlan(groups(f.Number)))
	page.mark(t, p.Meter.Simulated)
	s.show(w, r, http.StatusOK, moveInPlanView(page, d))
}
