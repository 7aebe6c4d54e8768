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
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/words"
)

// vendorLine is a vendor as pages show it.
type vendorLine struct {
	Code, Name, Billing         string
	Commission, Credit          string
	Balance, Held, Left, Opened string
	State                       badge
	Blocked                     bool
}

func (l vendorLine) path() string { return "/vendors/" + l.Code }

// vendorFields are the terms as somebody typed them.
type vendorFields struct{ Code, Name, Billing, Commission, Credit string }

// vendorsPage is the list of vendors, with the form that adds one.
type vendorsPage struct {
	Rows          []vendorLine
	Next          string
	FormID, Error string
	Manages       bool
	Add           vendorFields
}

// bookedLine is an entry on a vendor's account.
type bookedLine struct{ At, Kind, Ref, Amount, Balance string }

// vendorPage is one vendor with its terms and its latest entries.
type vendorPage struct {
	vendorLine
	Booked                []bookedLine
	FormID, Error, Notice string
	Manages               bool
	SignIn                string // address to sign in again; empty if the proof of identity is fresh enough
	Change                vendorFields
	Settlement            vendor.Days
}

// Acts of the forms on a vendor's page.
const (
	actTerms       = "terms"
	actStopSales   = "block"
	actResumeSales = "unblock"
)

// vendors lists the vendors.
func (s *Console) vendors(w http.ResponseWriter, r *http.Request, v visit) {
	s.showVendors(w, r, v, http.StatusOK, vendorsPage{})
}

func (s *Console) showVendors(w http.ResponseWriter, r *http.Request, v visit, status int, d vendorsPage) {
	list, err := s.c.Vendors.List(r.Context(), v.by, registry.Page{Limit: pageSize, Cursor: r.URL.Query().Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, shown := range list.Vendors {
		d.Rows = append(d.Rows, v.site.vendorLine(shown))
	}
	d.Next = nextPage("/vendors", r.URL.Query(), list.Next)
	d.Manages = v.by.May(access.ManageVendors)
	d.Add.Billing = cmp.Or(d.Add.Billing, string(vendor.PrepaidFloat))
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, vendorsView(s.page(r, v, v.site.say.VendorsTitle()), d))
}

func (t site) vendorLine(shown vendor.VendorView) vendorLine {
	v, h := shown.Vendor, shown.Headroom
	sum := amountsIn(t.say, shown.Currency)
	l := vendorLine{Code: v.Code, Name: v.Name, Billing: string(v.Billing), Commission: t.say.Percent(v.Commission), Credit: sum(v.Credit), Balance: sum(-h.Balance),
		Held: sum(h.Held), Left: sum(h.Left), Opened: t.clock(v.CreatedAt), Blocked: v.Blocked, State: badge{"✓", t.say.VendorsActive(), classOK}}
	if v.Blocked {
		l.State = badge{"■", t.say.VendorsBlocked(), classBad}
	}
	return l
}

// vendor shows one vendor.
func (s *Console) vendor(w http.ResponseWriter, r *http.Request, v visit) {
	f := vendorPage{}
	if r.URL.Query().Has("done") {
		f.Notice = v.site.say.VendorsDone()
	}
	s.showVendor(w, r, v, http.StatusOK, f)
}

func (s *Console) showVendor(w http.ResponseWriter, r *http.Request, v visit, status int, f vendorPage) {
	ctx, code := r.Context(), r.PathValue("vendor")
	shown, err := s.c.Vendors.Show(ctx, v.by, code)
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	f.vendorLine, f.Settlement = v.site.vendorLine(shown), s.lastMonth(v.site)
	booked, err := s.c.Vendors.Statement(ctx, v.by, code, registry.Page{Limit: pageSize})
	if s.stopped(w, r, v, err, booked.Refusal) {
		return
	}
	sum := amountsIn(v.site.say, booked.Currency)
	for _, b := range booked.Lines {
		f.Booked = append(f.Booked, bookedLine{v.site.clock(b.At), v.site.say.Name("journal", string(b.Kind)), b.Ref,
			sum(-b.Amount), sum(-b.Balance)})
	}
	if no := v.by.Needs(access.ManageVendors); no.Refused() {
		f.SignIn = signInAgain(no, f.path())
	} else {
		f.Manages = true
	}
	if f.Change == (vendorFields{}) {
		f.Change = v.site.vendorFields(shown)
	}
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, vendorView(s.page(r, v, f.Name), f))
}

// vendorFields writes the terms as people type them.
func (t site) vendorFields(shown vendor.VendorView) vendorFields {
	v := shown.Vendor
	f := vendorFields{Name: v.Name, Commission: t.say.Decimal(strings.TrimSuffix(v.Commission.Percent(), " %")), Credit: "0"}
	if c, ok := money.CurrencyOf(shown.Currency); ok {
		f.Credit = t.say.Typed(v.Credit, c)
	}
	return f
}

// typedVendor reads the terms of a form.
func typedVendor(r *http.Request) vendorFields {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return vendorFields{field("code"), field("name"), field("billing"), field("commission"), field("credit")}
}

// terms reads commission and credit limit; an empty field is 0.
func (t site) terms(f vendorFields) (money.Bps, money.Minor, refusal.Refusal) {
	percent, err := t.say.Parse(cmp.Or(f.Commission, "0"), money.Currency{Exp: 2})
	if err != nil || percent < 0 {
		return 0, 0, refuse.VendorFormCommission(refusal.Echo(f.Commission))
	}
	if f.Credit == "" || f.Credit == "0" {
		return money.Bps(percent), 0, refusal.Refusal{}
	}
	c, ok := money.CurrencyOf(t.currency)
	if !ok {
		return 0, 0, refuse.VendorFormWithoutCurrency()
	}
	credit, err := t.say.Parse(f.Credit, c)
	if err != nil || credit < 0 {
		return 0, 0, refuse.VendorFormCredit(refusal.Echo(f.Credit), c.Code)
	}
	return money.Bps(percent), credit, refusal.Refusal{}
}

// addVendor takes a vendor on.
func (s *Console) addVendor(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedVendor(r)
	done, err := s.newVendor(r, v, f)
	if s.vendorChanged(w, r, v, done, err) {
		return
	}
	s.showVendors(w, r, v, http.StatusUnprocessableEntity, vendorsPage{Add: f, Error: v.site.say.Refusal(done.Refusal).Detail()})
}

func (s *Console) newVendor(r *http.Request, v visit, f vendorFields) (vendor.VendorView, error) {
	if !v.owns(r.PostFormValue("form")) {
		return vendor.VendorView{Refusal: refuse.VendorFormOfOtherSession()}, nil
	}
	commission, credit, no := v.site.terms(f)
	switch {
	case no.Refused():
		return vendor.VendorView{Refusal: no}, nil
	case f.Code == "": // the next free code would take the vendor on twice if the form is sent twice
		return vendor.VendorView{Refusal: refuse.VendorFormWithoutCode()}, nil
	}
	return s.c.Vendors.Add(r.Context(), v.by, vendor.NewVendor{Code: f.Code, Name: f.Name, Billing: vendor.Billing(f.Billing), Commission: commission, Credit: credit})
}

// changeVendor does what a form on the vendor's page asks for.
func (s *Console) changeVendor(w http.ResponseWriter, r *http.Request, v visit) {
	f := typedVendor(r)
	done, err := s.changeTerms(r, v, f)
	if s.vendorChanged(w, r, v, done, err) {
		return
	}
	page := vendorPage{Error: v.site.say.Refusal(done.Refusal).Detail()}
	if r.PostFormValue("act") == actTerms {
		page.Change = f
	}
	s.showVendor(w, r, v, http.StatusUnprocessableEntity, page)
}

func (s *Console) changeTerms(r *http.Request, v visit, f vendorFields) (vendor.VendorView, error) {
	if !v.owns(r.PostFormValue("form")) {
		return vendor.VendorView{Refusal: refuse.VendorFormOfOtherSession()}, nil
	}
	var t vendor.Terms
	switch act := r.PostFormValue("act"); act {
	case actStopSales, actResumeSales:
		t.Blocked = new(act == actStopSales)
	case actTerms:
		commission, credit, no := v.site.terms(f)
		if no.Refused() {
			return vendor.VendorView{Refusal: no}, nil
		}
		t.Name, t.Commission, t.Credit = &f.Name, &commission, &credit
	default:
		return vendor.VendorView{Refusal: refuse.VendorActUnknown(refusal.Echo(act))}, nil
	}
	return s.c.Vendors.SetTerms(r.Context(), v.by, r.PathValue("vendor"), t)
}

// vendorChanged answers a change that failed, that was made, or that waits for a second person. It reports whether it answered.
func (s *Console) vendorChanged(w http.ResponseWriter, r *http.Request, v visit, done vendor.VendorView, err error) bool {
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		return false
	default:
		http.Redirect(w, r, "/vendors/"+url.PathEscape(done.Vendor.Code)+"?done=1", http.StatusSeeOther)
	}
	return true
}

// billingChoices lists the ways in which a vendor pays.
func billingChoices(t *words.Texts) []choice {
	var out []choice
	for _, b := range []vendor.Billing{vendor.PrepaidFloat, vendor.Postpaid} {
		out = append(out, choice{string(b), t.Name("billing", string(b))})
	}
	return out
}
