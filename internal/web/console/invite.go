package console

import (
	"net/http"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/web/guess"
)

// inviteForm is the page on which a person with a one-time link sets a password.
type inviteForm struct{ Link, Email, Error string }

func (s *Console) invitePage(w http.ResponseWriter, r *http.Request) {
	s.invited(w, r, http.StatusOK, refusal.Refusal{})
}

// invited shows the form of a link that works, or says that the link does not.
func (s *Console) invited(w http.ResponseWriter, r *http.Request, status int, wrong refusal.Refusal) {
	t, link := say(r.Context()), r.PathValue("link")
	p := s.page(r, visit{}, t.InviteTitle())
	p.Here = "/signin" // the link stays out of the other parts of the page
	known, err := s.c.Access.Invited(r.Context(), s.c.Tenant, link)
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case known.Refused():
		no := t.Refusal(known.Refusal)
		s.show(w, r, http.StatusForbidden, noteView(p, note{Class: "warn", Title: no.What, Text: no.Not + " " + no.Try, Link: "/signin", LinkText: t.SigninTitle()}))
	default:
		form := inviteForm{Link: link, Email: known.Person.Email}
		if wrong.Refused() {
			form.Error = t.Refusal(wrong).Detail()
		}
		s.show(w, r, status, inviteView(p, form))
	}
}

func (s *Console) accept(w http.ResponseWriter, r *http.Request) {
	leave, ok := s.guarded(w, r, guess.Attempt{From: guess.Household(address(r))}, func() {
		s.invited(w, r, http.StatusTooManyRequests, refuse.SetupTriedTooOften())
	})
	if !ok {
		return
	}
	done, err := s.c.Access.Accept(r.Context(), s.c.Tenant, r.PathValue("link"), access.SecretOf(r.PostFormValue("password")), address(r))
	leave(err == nil && !done.Refused())
	switch {
	case err != nil:
		s.broken(w, r, visit{}, err)
	case done.Refused():
		s.invited(w, r, http.StatusUnprocessableEntity, done.Refusal)
	default:
		http.Redirect(w, r, "/signin?set=1", http.StatusSeeOther)
	}
}
