package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// tariffChangeFields are what somebody typed for a change of the tariff of a meter.
type tariffChangeFields struct {
	Tariff, From, Why string
	Withdraw          bool
}

// tariffChangePage shows the tariffs of a meter, and changes its tariff: a form, what the change will do, and the list once it is done.
type tariffChangePage struct {
	tariffChangeFields
	Number, Grouped, Customer string
	May                       bool
	Had                       []tariffRow
	Planned                   bool // a change has not begun, so it can be withdrawn
	Tariffs                   []choice
	Plan                      *tariffChangePlan
	FormID, Error, Command    string
}

// tariffRow shows a tariff that the account had, has or will have.
type tariffRow struct{ Name, From, State, By, Reason string }

// tariffChangePlan says what a change will do.
type tariffChangePlan struct {
	From   string
	Rows   []tariffCompared
	Second bool // a second person must allow it where two people must decide
}

// tariffCompared is a figure without a change and with it.
type tariffCompared struct{ What, Before, After string }

// Acts of the form of a change.
const (
	actTariffPlan   = "plan"
	actTariffChange = "change"
)

func tariffChangePath(number string) string { return "/meters/" + url.PathEscape(number) + "/tariff" }

// writeCommand returns the command that does the same as the form.
func (d tariffChangePage) writeCommand(zone *time.Location) string {
	from := d.From
	if at, ok := readLocal(from, zone); ok {
		from = at.Format(time.RFC3339)
	}
	words := "paywatt meter change-tariff " + d.Number
	if d.Withdraw {
		words += " --withdraw"
	} else {
		words += " " + shellWord(cmp.Or(d.Tariff, "TARIFF"))
	}
	return commandLine(words, "--from", from, "--reason", cmp.Or(d.Why, "REASON"))
}

func (s *Console) tariffOfMeter(w http.ResponseWriter, r *http.Request, v visit) {
	s.showTariffChange(w, r, v, http.StatusOK, tariffChangePage{})
}

// showTariffChange shows the page with the tariffs that the account of the meter has now.
func (s *Console) showTariffChange(w http.ResponseWriter, r *http.Request, v visit, status int, d tariffChangePage) {
	ctx := r.Context()
	m, err := s.find(ctx, v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	had, err := s.c.Registry.AccountTariffs(ctx, v.by, m.Meter.Number, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, had.Refusal) {
		return
	}
	list, err := s.c.Registry.Tariffs(ctx, v.by, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	t := v.site.say
	d.Number, d.Grouped, d.Customer, d.May = m.Meter.Number, groups(m.Meter.Number), m.Customer.Name, v.by.May(access.WriteMeters)
	for _, h := range had.Data {
		d.Had = append(d.Had, tariffRow{h.Name, v.site.clock(h.From), t.Name("tariff", string(h.State)), v.site.actor(h.By), h.Reason})
		d.Planned = d.Planned || h.State == registry.TariffPlanned
	}
	for _, o := range list.Data {
		if o.Name != m.Tariff {
			d.Tariffs = append(d.Tariffs, choice{o.Name, o.Name})
		}
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	d.Command = d.writeCommand(v.site.zone)
	p := s.page(r, v, t.TariffChangeTitle(d.Grouped))
	p.mark(t, m.Meter.Simulated)
	s.show(w, r, status, tariffChangeView(p, d))
}

// readChange reads the form. A date or a time without a zone is of the utility's zone.
func (f tariffChangeFields) readChange(v visit) (registry.ChangingTariff, refusal.Refusal) {
	c := registry.ChangingTariff{Tariff: f.Tariff, Withdraw: f.Withdraw, Reason: f.Why}
	if f.Withdraw || f.From == "" {
		return c, refusal.Refusal{}
	}
	at, ok := readLocal(f.From, v.site.zone)
	if !ok {
		return c, refuse.TariffChangeMoment(refusal.Echo(f.From))
	}
	c.From = at
	return c, refusal.Refusal{}
}

// readLocal reads a local date or time as somebody types it.
func readLocal(text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// changeTariffOfMeter shows what a change will do, or makes it.
func (s *Console) changeTariffOfMeter(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	d := tariffChangePage{tariffChangeFields: tariffChangeFields{Tariff: field("tariff"), From: field("from"), Why: field("reason"),
		Withdraw: field("withdraw") != ""}}
	again := func(no refusal.Refusal) {
		d.Error = v.site.say.Refusal(no).Detail()
		s.showTariffChange(w, r, v, max(no.Code.Status(), http.StatusBadRequest), d)
	}
	c, no := d.readChange(v)
	if !v.owns(field("form")) {
		no = refuse.TokenFormOfOtherSession()
	}
	if no.Refused() {
		again(no)
		return
	}
	number := r.PathValue("number")
	if field("act") != actTariffChange {
		plan, err := s.c.Registry.PlanTariffChange(r.Context(), v.by, number, c)
		switch {
		case err != nil:
			s.broken(w, r, v, err)
		case plan.Refused():
			again(plan.Refusal)
		default:
			d.Plan = v.site.tariffPlan(plan)
			s.showTariffChange(w, r, v, http.StatusOK, d)
		}
		return
	}
	done, err := s.c.Registry.ChangeTariff(r.Context(), v.by, number, c)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		again(done.Refusal)
	default:
		http.Redirect(w, r, tariffChangePath(number), http.StatusSeeOther)
	}
}

// tariffPlan writes what a change does in the words of the page.
func (t site) tariffPlan(p registry.TariffPlan) *tariffChangePlan {
	cur, _ := money.CurrencyOf(p.Currency)
	sum := func(m money.Minor) string { return t.say.Sum(money.Amount{Minor: m, Currency: p.Currency}) }
	energy := func(e unit.Energy) string {
		if e >= tariff.MaxUpTo {
			return t.say.TariffChangeNothing()
		}
		return t.say.Energy(e, 1)
	}
	d := &tariffChangePlan{From: t.clock(p.From), Second: !p.Alone, Rows: []tariffCompared{
		{t.say.SellTariff(), p.Before.Name, p.After.Name},
		{t.say.TariffChangeDearest(), t.say.Rate(p.Before.Body.Dearest(), cur), t.say.Rate(p.After.Body.Dearest(), cur)},
	}}
	if p.AtOnce {
		d.From = t.say.TariffChangeAtOnce()
	}
	if p.Use.Pays > 0 {
		d.Rows = append(d.Rows, tariffCompared{t.say.TariffChangeBuys(sum(p.Use.Pays)), energy(p.Preview.Before.Buys), energy(p.Preview.After.Buys)})
	}
	if p.Use.Month > 0 {
		d.Rows = append(d.Rows, tariffCompared{t.say.TariffChangeMonth(energy(p.Use.Month)), sum(p.Preview.Before.UsualMonth),
			sum(p.Preview.After.UsualMonth)})
	}
	return d
}
