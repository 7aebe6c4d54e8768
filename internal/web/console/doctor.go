package console

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// doctorFields is a question about a token as somebody typed it.
type doctorFields struct{ Digits, Meter string }

// findingLine is one finding of a diagnosis.
type findingLine struct{ Text, Do string }

// doctorPage asks what is wrong with a token, and shows the answer.
type doctorPage struct {
	doctorFields
	FormID, Error string
	Findings      []findingLine
	Facts         []factLine
	Reports       []factLine
	Meant         []string // tokens sold here that were meant
	// Addresses of the token's meter and sale, and of the token on its way; empty if the visitor has none.
	MeterPath, SalePath, Follow string
}

// command asks the same. Its digits may be those of a customer's token, so the page names none.
func (f doctorFields) command() string {
	return commandLine("paywatt token explain DIGITS", "--number", f.Meter)
}

// doctor shows the form.
func (s *Console) doctor(w http.ResponseWriter, r *http.Request, v visit) {
	s.showDoctor(w, r, v, http.StatusOK, doctorPage{doctorFields: doctorFields{Meter: strings.TrimSpace(r.URL.Query().Get("meter"))}})
}

func (s *Console) showDoctor(w http.ResponseWriter, r *http.Request, v visit, status int, d doctorPage) {
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, doctorView(s.page(r, v, v.site.say.DoctorTitle()), d))
}

// diagnose answers a question. It is a form that is sent, because digits do not belong into an address.
func (s *Console) diagnose(w http.ResponseWriter, r *http.Request, v visit) {
	d := doctorPage{doctorFields: doctorFields{strings.TrimSpace(r.PostFormValue("digits")), strings.TrimSpace(r.PostFormValue("meter"))}}
	var x diagnosis.Diagnosis
	var err error
	if !v.owns(r.PostFormValue("form")) {
		x.Refusal = refuse.OfficeFormOfOtherSession()
	} else {
		x, err = s.c.Diagnoses.Diagnose(r.Context(), v.by, diagnosis.Question{Digits: pasted(d.Digits), Meter: d.Meter})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case x.Code == refusal.Forbidden:
		s.refuse(w, r, v, x.Refusal)
	case x.Refused():
		d.Error = v.site.say.Refusal(x.Refusal).Detail()
		s.showDoctor(w, r, v, max(x.Code.Status(), http.StatusBadRequest), d)
	default:
		v.site.answer(&d, x, v)
		s.showDoctor(w, r, v, http.StatusOK, d)
	}
}

// pasted returns the one token in a pasted message, or else the text.
func pasted(text string) string {
	if digits, found := registry.TokenIn(text); found && len(text) <= registry.MaxPasted {
		return digits
	}
	return text
}

// answer writes a diagnosis onto the page.
func (t site) answer(d *doctorPage, x diagnosis.Diagnosis, v visit) {
	for _, f := range x.Findings {
		d.Findings = append(d.Findings, findingLine{t.shown(t.say.Diagnosed(f.Text)), t.shown(t.say.Diagnosed(f.Do))})
	}
	fact := func(name, text string) {
		if text != "" {
			d.Facts = append(d.Facts, factLine{name, text})
		}
	}
	if x.Number != "" {
		fact(t.say.SellMeter(), groups(x.Number))
		if v.by.OfUtility() {
			d.MeterPath = "/meters/" + x.Number
		}
	}
	if c := x.Contents; c != nil {
		fact(t.say.BoxKind(), c.Kind)
		if c.Units > 0 {
			fact(t.say.MeterEnergy(), t.say.Energy(c.Units, 1))
		}
		if c.Section > 0 {
			fact(t.say.DoctorSection(), strconv.Itoa(int(c.Section)))
		}
		if at := c.IssuedAt(); !at.IsZero() {
			fact(t.say.MeterMade(), t.clock(at))
		}
	}
	if x.Key != nil {
		fact(t.say.DoctorKey(), x.Key.Facts())
	}
	if sold := x.Sold; sold != nil {
		fact(t.say.MetersState(), tokenBadge(t.say, sale.Token{State: sold.State, Result: sold.Result}).Text())
		if !sold.Sale.IsZero() {
			d.SalePath = salePath(sold.Sale)
		}
		if d.MeterPath != "" {
			d.Follow = trackPath(x.Number, sold.Token.Text(id.Token))
		}
	}
	for _, r := range x.Reports {
		d.Reports = append(d.Reports, factLine{t.clock(r.ReceivedAt), plain(cmp.Or(r.Result, t.say.Name("token-source", r.Source)))})
	}
	if x.Typing != nil {
		for _, meant := range x.Typing.Meant {
			d.Meant = append(d.Meant, groups(meant.Reveal()))
		}
	}
}
