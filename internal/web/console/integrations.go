package console

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// loginLine is a login of a program, as the list shows it.
type loginLine struct {
	User, Name, Sees, Made string
	State                  badge
	Works                  bool
}

// integrationsPage lists the logins with which programs read meters' states, and makes and revokes them.
type integrationsPage struct {
	Name, Meter           string
	FormID, Error, Notice string
	User, Password        string // of a login that was just made; shown once
	Rows                  []loginLine
	SignIn                string // address to sign in again; empty if the proof of identity is fresh enough
}

func (d integrationsPage) command() string {
	return commandLine("paywatt integration add", "--meter", cmp.Or(d.Meter, "METER"), "--name", cmp.Or(d.Name, "NAME"))
}

// integrations lists the logins.
func (s *Console) integrations(w http.ResponseWriter, r *http.Request, v visit) {
	d := integrationsPage{}
	if r.URL.Query().Has("done") {
		d.Notice = v.site.say.IntegrationsRevokedNow()
	}
	s.showIntegrations(w, r, v, http.StatusOK, d)
}

func (s *Console) showIntegrations(w http.ResponseWriter, r *http.Request, v visit, status int, d integrationsPage) {
	list, err := s.c.Logins.List(r.Context(), v.by)
	if s.stopped(w, r, v, err, list.Refusal) {
		return
	}
	for _, l := range list.Data {
		d.Rows = append(d.Rows, v.site.loginLine(l))
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, integrationsView(s.page(r, v, v.site.say.IntegrationsTitle()), d))
}

func (t site) loginLine(l mirror.Login) loginLine {
	line := loginLine{User: l.User(), Name: l.Name, Sees: t.say.IntegrationsSeesAll(), Made: t.clock(l.CreatedAt), Works: l.RevokedAt.IsZero(), State: badge{"✓", t.say.IntegrationsWorks(), classOK}}
	if !l.Customer.IsZero() {
		line.Sees = t.say.IntegrationsSeesOne()
	}
	if !line.Works {
		line.State = badge{"■", t.say.IntegrationsRevoked(t.clock(l.RevokedAt)), classOff}
	}
	return line
}

// addIntegration makes a login and shows its password, which no other page shows. The form sent again makes no second login.
func (s *Console) addIntegration(w http.ResponseWriter, r *http.Request, v visit) {
	d := integrationsPage{Name: strings.TrimSpace(r.PostFormValue("name")), Meter: strings.TrimSpace(r.PostFormValue("meter"))}
	var made mirror.Made
	_, no, err := s.formOnce(r, v, func(ctx context.Context) (string, refusal.Refusal, error) {
		if no := v.by.Needs(access.ManageKeys); no.Refused() {
			return "", no, nil
		}
		if d.Meter == "" && r.PostFormValue("all") == "" {
			return "", refuse.IntegrationSeesNothing(), nil
		}
		var err error
		made, err = s.c.Logins.Create(ctx, v.by, d.Meter, d.Name)
		return "/integrations", made.Refusal, err
	})
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		d.Error, d.SignIn = v.site.say.Refusal(no).Detail(), signInAgain(no, "/integrations")
		s.showIntegrations(w, r, v, max(no.Code.Status(), http.StatusBadRequest), d)
	case made.Login.ID.IsZero(): // sent before
		http.Redirect(w, r, "/integrations", http.StatusSeeOther)
	default:
		s.showIntegrations(w, r, v, http.StatusCreated, integrationsPage{User: made.Login.User(), Password: made.Secret.Reveal()})
	}
}

// revokeIntegration ends a login.
func (s *Console) revokeIntegration(w http.ResponseWriter, r *http.Request, v visit) {
	var no refusal.Refusal
	var err error
	if !v.owns(r.PostFormValue("form")) {
		no = refuse.OfficeFormOfOtherSession()
	} else {
		no, err = s.c.Logins.Revoke(r.Context(), v.by, r.PathValue("login"))
	}
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case no.Refused():
		s.showIntegrations(w, r, v, max(no.Code.Status(), http.StatusBadRequest), integrationsPage{Error: v.site.say.Refusal(no).Detail(), SignIn: signInAgain(no, "/integrations")})
	default:
		http.Redirect(w, r, "/integrations?done=1", http.StatusSeeOther)
	}
}
