package console

import (
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// utilityFields are the settings that the page offers, as somebody typed them. Every other setting has an option of "paywatt utility set".
type utilityFields struct {
	Name, Zone, Currency, VATNo string
	Address, Contact, Message   string
	QuietFrom, QuietTo          string
}

// utilityPage shows and changes the utility's settings.
type utilityPage struct {
	utilityFields
	FormID, Error, Notice string
	HasCurrency, Manages  bool
	SignIn                string // address to sign in again; empty if the proof of identity is fresh enough
	Printers              printersPart
}

// command is the command that sets these values.
func (f utilityFields) command() string {
	return commandLine("paywatt utility set", "--name", f.Name, "--tz", f.Zone, "--currency", f.Currency, "--vat-no", f.VATNo, "--address", f.Address,
		"--contact", f.Contact, "--message", f.Message, "--quiet-from", f.QuietFrom, "--quiet-to", f.QuietTo)
}

func fieldsOf(s registry.Settings) utilityFields {
	f := utilityFields{Name: s.Name, Zone: s.TZ, Currency: s.Currency, VATNo: s.VATNo, Address: s.Receipt.Address, Contact: s.Receipt.Contact, Message: s.Receipt.Message}
	f.QuietFrom, f.QuietTo = s.Quiet.Times()
	return f
}

// change names the settings that differ from those in force.
func (f utilityFields) change(was utilityFields) registry.SettingsChange {
	var c registry.SettingsChange
	for _, field := range [...]struct {
		to        **string
		typed, is string
	}{{&c.Name, f.Name, was.Name}, {&c.TZ, f.Zone, was.Zone}, {&c.VATNo, f.VATNo, was.VATNo}, {&c.Address, f.Address, was.Address},
		{&c.Contact, f.Contact, was.Contact}, {&c.Message, f.Message, was.Message}, {&c.QuietFrom, f.QuietFrom, was.QuietFrom}, {&c.QuietTo, f.QuietTo, was.QuietTo}} {
		if field.typed != field.is {
			*field.to = &field.typed
		}
	}
	if f.Currency != was.Currency && f.Currency != "" {
		c.Currency = &f.Currency
	}
	return c
}

// utility shows the utility's settings.
func (s *Console) utility(w http.ResponseWriter, r *http.Request, v visit) {
	set, err := s.c.Registry.Settings(r.Context(), v.by)
	if s.stopped(w, r, v, err, set.Refusal) {
		return
	}
	d := utilityPage{utilityFields: fieldsOf(set.Settings)}
	if r.URL.Query().Has("done") {
		d.Notice = v.site.say.UtilityDone()
	}
	s.showUtility(w, r, v, http.StatusOK, d)
}

func (s *Console) showUtility(w http.ResponseWriter, r *http.Request, v visit, status int, d utilityPage) {
	no := v.by.Needs(access.WriteSettings)
	d.Manages, d.SignIn, d.HasCurrency = !no.Refused(), signInAgain(no, "/settings"), v.site.currency != ""
	d.Printers = s.printers(v)
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, utilityView(s.page(r, v, v.site.say.UtilityTitle()), d))
}

// changeUtility changes the settings that differ from those in force.
func (s *Console) changeUtility(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := utilityFields{field("name"), field("tz"), strings.ToUpper(field("currency")), field("vat_no"), field("address"), field("contact"), field("message"),
		field("quiet_from"), field("quiet_to")}
	set, err := s.c.Registry.Settings(r.Context(), v.by)
	if s.stopped(w, r, v, err, set.Refusal) {
		return
	}
	was := fieldsOf(set.Settings)
	if was.Currency != "" {
		f.Currency = was.Currency
	}
	var done registry.SettingsView
	if v.owns(r.PostFormValue("form")) {
		done, err = s.c.Registry.ChangeSettings(r.Context(), v.by, f.change(was))
	} else {
		done.Refusal = refuse.OfficeFormOfOtherSession()
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		s.showUtility(w, r, v, http.StatusUnprocessableEntity, utilityPage{utilityFields: f, Error: v.site.say.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, "/settings?done=1", http.StatusSeeOther)
	}
}

func currencyHint(t *words.Texts, fixed bool) string {
	if fixed {
		return t.UtilityCurrencyFixed()
	}
	return t.UtilityCurrencyHint()
}
