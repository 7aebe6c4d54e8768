package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refuse"
)

// accountPage is the visitor's own account.
type accountPage struct {
	personLine
	FormID, Error, Notice string
	Sessions              []sessionLine
	Left                  int // recovery codes that are left
	Manages               bool
	Devices               []deviceLine
	Agent                 bool   // the visitor may register a counter device
	Device                string // name of the device that the form registers
	ByPIN                 bool   // the visitor signed in with a PIN
	SignIn                string // address to sign in with the password, if that is needed to register a device
}

// account shows the visitor's own account.
func (s *Console) account(w http.ResponseWriter, r *http.Request, v visit) {
	d := accountPage{}
	switch r.URL.Query().Get("done") {
	case "":
	case "device":
		d.Notice = v.site.say.PinRegistered()
	case "revoked":
		d.Notice = v.site.say.PinRevoked()
	default:
		d.Notice = v.site.say.AccountEnded()
	}
	s.showAccount(w, r, v, http.StatusOK, d)
}

func (s *Console) showAccount(w http.ResponseWriter, r *http.Request, v visit, status int, d accountPage) {
	shown, err := s.c.Access.Person(r.Context(), v.by, v.by.ID.Text(id.Person))
	if s.stopped(w, r, v, err, shown.Refusal) {
		return
	}
	d.personLine = v.site.personLine(shown.Person, shown.Emails)
	d.Left, d.Manages = shown.Person.Factor.Left(), v.by.May(access.ManagePeople)
	d.Vendor, err = s.vendorOf(r.Context(), v, shown.Person.Vendor, map[id.ID]string{})
	if err == nil {
		d.Sessions, err = s.sessionsOf(r.Context(), v, d.ID)
	}
	if err == nil {
		d.Devices, err = s.devicesOf(r.Context(), v, d.ID)
	}
	d.Agent, d.ByPIN = !v.by.Vendor.IsZero(), !v.by.Device.IsZero()
	if d.ByPIN || v.by.Stale {
		d.SignIn = passwordPage("/account")
	}
	if err == nil {
		d.FormID, err = s.formID(v)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, accountView(s.page(r, v, v.site.say.AccountTitle()), d))
}

// endOthers ends the visitor's other sessions.
func (s *Console) endOthers(w http.ResponseWriter, r *http.Request, v visit) {
	done, err := access.EndedSessions{Refusal: refuse.PersonFormOfOtherSession()}, error(nil)
	if v.owns(r.PostFormValue("form")) {
		done, err = s.c.Access.EndOtherSessions(r.Context(), v.by, v.session)
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case done.Refused():
		s.showAccount(w, r, v, http.StatusUnprocessableEntity, accountPage{Error: v.site.say.Refusal(done.Refusal).Detail()})
	default:
		http.Redirect(w, r, "/account?done=1", http.StatusSeeOther)
	}
}
