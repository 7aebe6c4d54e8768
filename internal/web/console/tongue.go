package console

import (
	"cmp"
	"net/http"

	"github.com/paywatt/paywatt/internal/words"
)

// languageCookie holds the code of the language that the reader chose.
const languageCookie = "paywatt_language"

// tongue returns the texts in the language that the reader chose, or that the browser prefers.
func (s *Console) tongue(r *http.Request) *words.Texts {
	if c, err := r.Cookie(languageCookie); err == nil {
		if t, known := s.c.Languages.Chosen(c.Value); known {
			return t
		}
	}
	return s.c.Languages.For(r.Header.Get("Accept-Language"))
}

// lookRoutes are the routes of the choices that every page offers: colours and language.
func (s *Console) lookRoutes(m *http.ServeMux) {
	m.HandleFunc("POST /theme", s.theme)
	m.HandleFunc("POST /language", s.language)
}

// onward is the sign of something on its way, in the direction of reading.
func onward(t *words.Texts) string {
	if t.Direction() == "rtl" {
		return "←"
	}
	return "→"
}

// language stores the choice of a language in a cookie. A language that the console does not have clears the choice.
func (s *Console) language(w http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{Name: languageCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode}
	if t, known := s.c.Languages.Chosen(r.PostFormValue("language")); known {
		c.Value, c.MaxAge = t.Code(), themeKept
	}
	http.SetCookie(w, c)
	http.Redirect(w, r, cmp.Or(local(r.PostFormValue("back")), "/"), http.StatusSeeOther)
}
