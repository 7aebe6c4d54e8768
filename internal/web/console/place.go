package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// placeForm is the page that changes the feeder of a meter's place, and the highest power of a wallet meter.
type placeForm struct {
	Number, Grouped, Address string
	Feeder, Measures         string
	MaxW, Reason             string
	FormID, Error, Notice    string
	Wallet                   bool
}

func (f placeForm) command() string {
	return commandLine("paywatt meter set "+f.Number, "--feeder", f.Feeder, "--measures", f.Measures, "--max-w", f.MaxW, "--reason", cmp.Or(f.Reason, "REASON"))
}

func placePath(number string) string { return "/meters/" + url.PathEscape(number) + "/place" }

// place shows the form with what is in force.
func (s *Console) place(w http.ResponseWriter, r *http.Request, v visit) {
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	f := placeForm{Feeder: m.Feeder, Measures: m.Measures}
	if m.MaxW > 0 {
		f.MaxW = strconv.FormatInt(int64(m.MaxW), 10)
	}
	if r.URL.Query().Has("done") {
		f.Notice = v.site.say.PlaceDone(v.site.clock(s.c.Now()))
	}
	s.showPlace(w, r, v, http.StatusOK, m, f)
}

func (s *Console) showPlace(w http.ResponseWriter, r *http.Request, v visit, status int, m registry.MeterView, f placeForm) {
	if no := v.by.Needs(access.WriteMeters); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	f.Number, f.Grouped, f.Address, f.Wallet = m.Meter.Number, groups(m.Meter.Number), m.Address, m.Meter.Mode == registry.PrepayWallet
	var err error
	if f.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.PlaceTitle(f.Grouped))
	p.mark(v.site.say, m.Meter.Simulated)
	s.show(w, r, status, placeView(p, f))
}

// changePlace stores what differs from what is in force. Sent again, it changes nothing more.
func (s *Console) changePlace(w http.ResponseWriter, r *http.Request, v visit) {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f := placeForm{Feeder: field("feeder"), Measures: field("measures"), MaxW: field("max_w"), Reason: field("reason")}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	change, no := f.change(m)
	if !v.owns(field("form")) {
		no = refuse.OfficeFormOfOtherSession()
	}
	done := registry.ChangedMeter{MeterView: registry.MeterView{Refusal: no}}
	if !no.Refused() {
		done, err = s.c.Registry.ChangeMeter(r.Context(), v.by, m.Meter.Number, change)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		f.Error = v.site.say.Refusal(done.Refusal).Detail()
		s.showPlace(w, r, v, max(done.Code.Status(), http.StatusBadRequest), m, f)
	default:
		http.Redirect(w, r, placePath(m.Meter.Number)+"?done=1", http.StatusSeeOther)
	}
}

// change names what the form changes.
func (f placeForm) change(m registry.MeterView) (c registry.MeterChange, no refusal.Refusal) {
	c.Reason = f.Reason
	if f.Feeder != m.Feeder {
		c.Feeder = &f.Feeder
	}
	if f.Measures != m.Measures {
		c.Measures = &f.Measures
	}
	if m.Meter.Mode != registry.PrepayWallet {
		return c, no
	}
	watts, err := strconv.ParseInt(cmp.Or(f.MaxW, "0"), 10, 32)
	if err != nil {
		return c, refuse.FormPowerOfWrongForm(refusal.Echo(f.MaxW))
	}
	if w := unit.Power(watts); w != m.MaxW {
		c.MaxW = &w
	}
	return c, no
}
