package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// configAllPath is the page with the values of all meters.
const configAllPath = "/settings/meters"

// configAllPage has a form for the values that all meters have.
type configAllPage struct {
	Groups                         []configGroup
	Values                         []configValue // for a visitor who may not change them
	FormID, Error, Notice, Command string
	SignIn                         string // address to sign in again; empty if the proof of identity is fresh enough
	Manages                        bool
}

// configAll shows the values of all meters.
func (s *Console) configAll(w http.ResponseWriter, r *http.Request, v visit) {
	set, err := s.c.Registry.Settings(r.Context(), v.by)
	if s.stopped(w, r, v, err, set.Refusal) {
		return
	}
	d := configAllPage{}
	if r.URL.Query().Has("done") {
		d.Notice = v.site.say.UtilityDone()
	}
	s.showConfigAll(w, r, v, http.StatusOK, d, configForm{say: v.site.say, own: set.MeterConfig, all: true})
}

func (s *Console) showConfigAll(w http.ResponseWriter, r *http.Request, v visit, status int, d configAllPage, f configForm) {
	no := v.by.Needs(access.WriteSettings)
	d.Manages, d.SignIn = !no.Refused(), signInAgain(no, configAllPath)
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	change, _ := f.change()
	d.Groups, d.Values, d.Command = f.groups(), f.values(), configCommand("paywatt utility set", "--meter-config", "--clear-meter-config", change, f.own, "")
	s.show(w, r, status, configAllView(s.page(r, v, v.site.say.ConfigAllTitle()), d))
}

// changeConfigAll changes the values that differ from those in force.
func (s *Console) changeConfigAll(w http.ResponseWriter, r *http.Request, v visit) {
	set, err := s.c.Registry.Settings(r.Context(), v.by)
	if s.stopped(w, r, v, err, set.Refusal) {
		return
	}
	f := configForm{say: v.site.say, own: set.MeterConfig, typed: r.PostForm, all: true}
	var change meterconfig.Change
	done := registry.SettingsView{}
	if change, done.Refusal = f.change(); !v.owns(r.PostFormValue("form")) {
		done.Refusal = refuse.OfficeFormOfOtherSession()
	}
	if !done.Refused() {
		done, err = s.c.Registry.ChangeSettings(r.Context(), v.by, registry.SettingsChange{MeterConfig: change.Set, MeterConfigClear: change.Clear})
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case done.Refused():
		f.bad = badConfigKey(done.Refusal)
		s.showConfigAll(w, r, v, max(done.Code.Status(), http.StatusBadRequest), configAllPage{Error: v.site.say.Refusal(f.named(done.Refusal)).Detail()}, f)
	default:
		http.Redirect(w, r, configAllPath+"?done=1", http.StatusSeeOther)
	}
}
