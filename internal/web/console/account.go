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
}

// account shows the visitor's own account.
func (s *Console) account(w http.ResponseWriter, r *http.Request, v visit) {
	d := accountPage{}
	if r.URL.Query().Get("done") != "" {
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
