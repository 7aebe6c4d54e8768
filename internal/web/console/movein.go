package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// moveInForm is the page that moves a customer in at a free meter.
type moveInForm struct {
	Number, Grouped, Address           string
	Tariff, Customer, Name, Phone, Why string
	FormID, Error                      string
	Tariffs                            []choice
}

func (f moveInForm) command() string {
	return commandLine("paywatt meter move-in "+f.Number, "--tariff", f.Tariff, "--customer", f.Customer, "--name", f.Name, "--phone", f.Phone, "--reason", cmp.Or(f.Why, "REASON"))
}

func moveInPath(number string) string { return "/meters/" + url.PathEscape(number) + "/move-in" }

// vacant reports whether a meter's last customer has moved out.
func vacant(m registry.MeterView) bool {
	return m.Meter.Mode == registry.PrepayWallet && m.Meter.Status == registry.Installed
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
		s.refuse(w, r, v, refuse.MeterNotVacant(m.Meter.Number))
		return
	}
	list, err := s.c.Registry.Tariffs(r.Context(), v.by, registry.Page{Limit: registry.MaxLimit})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, t := range list.Data {
		f.Tariffs = append(f.Tariffs, choice{t.Name, t.Name})
	}
	f.Number, f.Grouped, f.Address, f.Tariff = m.Meter.Number, groups(m.Meter.Number), m.Address, cmp.Or(f.Tariff, m.Tariff)
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.MoveInTitle(f.Grouped))
	p.mark(v.site.say, m.Meter.Simulated)
	s.show(w, r, status, moveInView(p, f))
}

// moveIn opens an account for a customer at a free meter. Sent again, it is refused, because the meter is not free any more.
func (s *Console) moveIn(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := moveInForm{Tariff: field("tariff"), Customer: field("customer"), Name: field("name"), Phone: field("phone"), Why: field("reason")}
	in := registry.MovingIn{Tariff: f.Tariff, CustomerID: f.Customer, Reason: f.Why}
	if f.Customer == "" {
		in.Customer = &registry.NewCustomer{Name: f.Name, Phone: f.Phone}
	}
	var done registry.ChangedMeter
	var err error
	if !v.owns(field("form")) {
		done.Refusal = refuse.OfficeFormOfOtherSession()
	} else {
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
	default:
		http.Redirect(w, r, accountPath(done.Meter.Number)+"?done=move-in", http.StatusSeeOther)
	}
}
