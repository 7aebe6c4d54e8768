package console

import (
	"crypto/subtle"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/web/guess"
)

// setupForm is the page that creates the first owner.
type setupForm struct{ Code, Email, Name, Error string }

// rightCode reports whether the code of the one-time set-up link is right and unused.
func (s *Console) rightCode(code string) bool {
	right := s.c.SetupCode.Reveal()
	return right != "" && !s.setUp.Load() && subtle.ConstantTimeCompare([]byte(code), []byte(right)) == 1
}

func (s *Console) setupPage(w http.ResponseWriter, r *http.Request) {
	if code := r.URL.Query().Get("code"); s.rightCode(code) {
		s.show(w, r, http.StatusOK, setupView(s.page(r, visit{}, say(r.Context()).SetupTitle()), setupForm{Code: code}))
		return
	}
	s.setupClosed(w, r)
}

func (s *Console) setupClosed(w http.ResponseWriter, r *http.Request) {
	t := say(r.Context())
	s.show(w, r, http.StatusForbidden, noteView(s.page(r, visit{}, t.SetupTitle()), note{Class: "warn", Title: t.SetupClosed(), Text: t.SetupClosedText(),
		Link: "/signin", LinkText: t.SigninTitle()}))
}

func (s *Console) setup(w http.ResponseWriter, r *http.Request) {
	form := setupForm{Code: r.PostFormValue("code"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name")}
	t := say(r.Context())
	again := func(status int, no refusal.Refusal) {
		form.Error = t.Refusal(no).Detail()
		p := s.page(r, visit{}, t.SetupTitle())
		p.Here = "/setup?code=" + url.QueryEscape(form.Code)
		s.show(w, r, status, setupView(p, form))
	}
	if !s.rightCode(form.Code) {
		s.setupClosed(w, r)
		return
	}
	leave, ok := s.guarded(w, r, guess.Attempt{From: guess.Household(address(r))}, func() {
		again(http.StatusTooManyRequests, refuse.SetupTriedTooOften())
	})
	if !ok {
		return
	}
	by := access.SystemActor(s.c.Tenant, "set-up link")
	by.IP = address(r)
	made, err := s.c.Access.CreateOwner(r.Context(), by,
		access.NewOwner{Email: form.Email, Name: form.Name, Password: access.SecretOf(r.PostFormValue("password"))})
	leave(err == nil && !made.Refused())
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case made.Refused():
		again(http.StatusUnprocessableEntity, made.Refusal)
	default:
		s.setUp.Store(true)
		s.c.Log.Info("owner created", logkey.Actor, made.Person.Email)
		http.Redirect(w, r, "/signin?made=1", http.StatusSeeOther)
	}
}
