package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// customerLine is a customer as the list shows it.
type customerLine struct {
	ID, Name, Phone, Lang string
	Stopped               bool
	Meters                []string
}

func (t site) customerLine(c registry.Customer) customerLine {
	line := customerLine{ID: c.ID.Text(id.Customer), Name: c.Name, Phone: c.Phone, Lang: languageName(c.Lang), Stopped: c.Stopped}
	line.Name = cmp.Or(line.Name, t.say.SellNoName())
	return line
}

// customers shows all customers, or those whose data contain a text.
func (s *Console) customers(w http.ResponseWriter, r *http.Request, v visit) {
	q := r.URL.Query()
	find := strings.TrimSpace(q.Get("find"))
	list, err := s.c.Registry.Customers(r.Context(), v.by, find, registry.Page{Limit: pageSize, Cursor: q.Get("cursor")})
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	rows := make([]customerLine, len(list.Data))
	for i, c := range list.Data {
		rows[i] = v.site.customerLine(c.Customer)
		rows[i].Meters = c.Meters
	}
	next := nextPage("/customers", url.Values{"find": {find}}, list.Next)
	s.show(w, r, http.StatusOK, customersView(s.page(r, v, v.site.say.CustomersTitle()), rows, find, next, v.by.May(access.WriteCustomers)))
}

// customerForm is the data of one customer.
type customerForm struct {
	FormID, Error, Notice string
	ID                    string
	Name, Phone, Lang     string
	PhoneShown, NameShown string // what the page showed when it was opened
	EraseName             bool
	Notices, May          bool
	AddsMeters            bool
	Month                 string // the present month, for statements
	Meters                []row
	Pages                 []pageLinkLine
	Address, AddressOf    string // of the customer's page, for a visitor who asked for it, and of which meter
}

// command does the same as the form.
func (f customerForm) command() string {
	c, line := f.makeChange(), "paywatt customer change "+f.ID
	if c.Name != nil {
		line += " --name " + shellWord(*c.Name)
	}
	if c.EraseName {
		line += " --erase-name"
	}
	if c.Phone != nil {
		line += " --phone " + shellWord(*c.Phone)
	}
	return commandLine(line, "--lang", f.Lang) + " --notices=" + strconv.FormatBool(f.Notices)
}

func (s *Console) customer(w http.ResponseWriter, r *http.Request, v visit) {
	var f customerForm
	if r.URL.Query().Get("kept") != "" {
		f.Notice = v.site.say.CustomerSaved()
	}
	s.customerWith(w, r, v, http.StatusOK, f)
}

// customerWith shows a customer as stored, with what became of a form.
func (s *Console) customerWith(w http.ResponseWriter, r *http.Request, v visit, status int, f customerForm) {
	c, err := s.c.Registry.Customer(r.Context(), v.by, r.PathValue("customer"))
	if s.stopped(w, r, v, err, c.Refusal) {
		return
	}
	f.Name, f.Phone, f.Lang, f.Notices = c.Customer.Name, c.Customer.Phone, c.Customer.Lang, !c.Customer.Stopped
	f.PhoneShown, f.NameShown = f.Phone, f.Name
	s.showCustomer(w, r, v, status, f)
}

func (s *Console) showCustomer(w http.ResponseWriter, r *http.Request, v visit, status int, f customerForm) {
	f.ID, f.May = r.PathValue("customer"), v.by.May(access.WriteCustomers)
	f.AddsMeters = v.by.May(access.WriteMeters)
	f.Month = v.site.in(s.c.Now()).Format("2006-01")
	meters, err := s.c.Registry.CustomerMeters(r.Context(), v.by, f.ID)
	if err == nil {
		f.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	for _, m := range meters.Data {
		f.Meters = append(f.Meters, v.site.row(m))
	}
	if err := s.pageLinks(r, v, &f); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, customerView(s.page(r, v, v.site.say.CustomerTitle()), f))
}

// makeChange returns what the form changes. Texts that stand as the page showed them are not changed, because somebody may have corrected them
// meanwhile: a wrong number would count as entered by a clerk, and an erased name would come back.
func (f customerForm) makeChange() registry.CustomerChange {
	c := registry.CustomerChange{Lang: &f.Lang, Notices: &f.Notices, EraseName: f.EraseName}
	if f.Name != f.NameShown {
		c.Name = &f.Name
	}
	if f.Phone != f.PhoneShown {
		c.Phone = &f.Phone
	}
	return c
}

func (s *Console) changeCustomer(w http.ResponseWriter, r *http.Request, v visit) {
	f := customerForm{Name: r.PostFormValue("name"), Phone: r.PostFormValue("phone"), Lang: r.PostFormValue("lang"), Notices: r.PostFormValue("notices") != ""}
	f.PhoneShown, f.NameShown, f.EraseName = r.PostFormValue("phone_shown"), r.PostFormValue("name_shown"), r.PostFormValue("erase_name") != ""
	var done registry.AddedCustomer
	var err error
	if !v.owns(r.PostFormValue("form")) {
		done.Refusal = refuse.CustomerFormOfOtherSession()
	} else {
		done, err = s.c.Registry.ChangeCustomer(r.Context(), v.by, r.PathValue("customer"), f.makeChange())
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		f.Error = v.site.say.Refusal(done.Refusal).Detail()
		s.showCustomer(w, r, v, max(done.Code.Status(), http.StatusBadRequest), f)
	default:
		http.Redirect(w, r, "/customers/"+url.PathEscape(r.PathValue("customer"))+"?kept=1", http.StatusSeeOther)
	}
}

// choice is one entry of a list to choose from.
type choice struct{ value, label string }

// languageName is the name of a language of messages; an unknown language keeps its code.
func languageName(code string) string {
	if l, known := notify.LanguageOf(code); known {
		return l.Name()
	}
	return code
}

// languages returns the languages of messages to choose from. If the customer's language is another one, it comes last.
func languages(own string) (out []choice) {
	known := false
	for _, l := range notify.Languages() {
		out = append(out, choice{l.String(), l.Label()})
		known = known || l.String() == own
	}
	if !known && own != "" {
		out = append(out, choice{own, own})
	}
	return out
}
