package console

import (
	"cmp"
	"net/http"
)

// The themes of colours. Without a theme the pages use the colours of the reader's system.
const (
	themeCookie = "paywatt_theme"
	themeLight  = "light"
	themeDark   = "dark"
	themeKept   = 365 * 24 * 3600 // seconds
)

// theme stores the choice of colours in a cookie, so that the server renders it and nothing flashes.
func (s *Console) theme(w http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{Name: themeCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode}
	switch choice := r.PostFormValue("theme"); choice {
	case themeLight, themeDark:
		c.Value, c.MaxAge = choice, themeKept
	}
	http.SetCookie(w, c)
	http.Redirect(w, r, cmp.Or(local(r.PostFormValue("back")), "/"), http.StatusSeeOther)
}
