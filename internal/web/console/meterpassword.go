package console

import (
	"context"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// meterPasswordPage is the page that replaces and ends a meter's MQTT password.
type meterPasswordPage struct {
	Number, Grouped       string
	Waits, Ends           string // since when a new password waits to be used; from when on the meter can no longer sign in
	Secret, Error, Notice string
	FormID                string
	Gone                  bool // nobody can give this meter a password
}

func meterPasswordPath(number string) string {
	return "/meters/" + url.PathEscape(number) + "/password"
}

func (s *Console) meterPassword(w http.ResponseWriter, r *http.Request, v visit) {
	d := meterPasswordPage{}
	if r.URL.Query().Has("ended") {
		d.Notice = v.site.say.PasswordEnded()
	}
	s.showMeterPassword(w, r, v, http.StatusOK, d)
}

// showMeterPassword shows the page, with a new password if one was just made. No other page shows that password.
func (s *Console) showMeterPassword(w http.ResponseWriter, r *http.Request, v visit, status int, d meterPasswordPage) {
	if no := v.by.Needs(access.WriteMeters); no.Refused() {
		s.refuse(w, r, v, no)
		return
	}
	m, err := s.find(r.Context(), v, r.PathValue("number"))
	if s.stopped(w, r, v, err, m.Refusal) {
		return
	}
	d.Number, d.Grouped = m.Meter.Number, groups(m.Meter.Number)
	if since := m.Meter.NextPasswordAt; !since.IsZero() {
		d.Waits = v.site.clock(since)
	}
	if at := m.Meter.LoginEndsAt; !at.IsZero() {
		d.Ends, d.Gone = v.site.clock(at), true
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	p := s.page(r, v, v.site.say.PasswordTitle(d.Grouped))
	p.mark(v.site.say, m.Meter.Simulated)
	s.show(w, r, status, meterPasswordView(p, d))
}

// changeMeterPassword does a step. The same form sent again makes no second password, and shows the page as it is.
func (s *Console) changeMeterPassword(w http.ResponseWriter, r *http.Request, v visit) {
	number, step := r.PathValue("number"), registry.PasswordStep(r.PostFormValue("step"))
	var done registry.PasswordChange
	at, no, err := s.formOnce(r, v, func(ctx context.Context) (string, refusal.Refusal, error) {
		if !step.Known() {
			return "", refuse.OfficeFormOfOtherSession(), nil
		}
		var err error
		done, err = s.c.Registry.ReplacePassword(ctx, v.by, number, step)
		at := meterPasswordPath(number)
		if step == registry.EndPassword {
			at += "?ended=1"
		}
		return at, done.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Waits != nil:
		s.showWaits(w, r, v, *done.Waits)
	case no.Refused():
		s.showMeterPassword(w, r, v, max(no.Code.Status(), http.StatusBadRequest), meterPasswordPage{Error: v.site.say.Refusal(no).Detail()})
	case done.Password.Reveal() != "":
		s.showMeterPassword(w, r, v, http.StatusOK, meterPasswordPage{Secret: done.Password.Reveal()})
	default:
		http.Redirect(w, r, at, http.StatusSeeOther)
	}
}

// meterPasswordCommand is the command that does the same.
func meterPasswordCommand(number, step string) string {
	line := "paywatt meter password " + number
	switch registry.PasswordStep(step) {
	case registry.NewPassword:
		line += " --at-once"
	case registry.EndPassword:
		line += " --end"
	}
	return line
}
