package console

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/web/guess"
)

// secure reports whether the browser's connection is encrypted, by this server or by a trusted proxy. The API's guard removes the header
// from requests that did not come through a trusted proxy.
func (s *Console) secure(r *http.Request) bool {
	return s.c.Secure || r.Header.Get("X-Forwarded-Proto") == "https"
}

// cookie returns the name of the session cookie. The prefix __Host- makes browsers accept the cookie only over TLS and for the path /, and
// send it to this host only.
func (s *Console) cookie(r *http.Request) string {
	if s.secure(r) {
		return "__Host-paywatt_session"
	}
	return "paywatt_session"
}

func (s *Console) session(r *http.Request) string {
	c, err := r.Cookie(s.cookie(r))
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Console) setCookie(w http.ResponseWriter, r *http.Request, value string, expires time.Time) {
	c := &http.Cookie{Name: s.cookie(r), Value: value, Path: "/", HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteLaxMode, Expires: expires}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// enter finds the visitor. Without a session the request is refused.
func (s *Console) enter(w http.ResponseWriter, r *http.Request) (v visit, known access.Authenticated, err error) {
	v.session = s.session(r)
	if known, err = s.c.Access.ByLogin(r.Context(), s.c.Tenant, v.session); err != nil || known.Refused() {
		return visit{site: site{say: say(r.Context())}}, known, err
	}
	listen.SignedIn(r.Context())
	v.by = known.Actor
	v.by.IP, v.by.RequestID = address(r), w.Header().Get(requestIDHeader)
	v.site, err = s.site(r.Context())
	return v, known, err
}

// signedIn requires a session before the page; without a session it redirects to the sign-in page, which leads back.
func (s *Console) signedIn(next func(http.ResponseWriter, *http.Request, visit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, known, err := s.enter(w, r)
		switch {
		case err != nil:
			s.broken(w, r, v, err)
		case !known.Refused():
			next(w, r, v)
		case r.Header.Get("HX-Request") != "":
			// The sign-in page must not replace only a part of a page, so the browser loads it as a whole page.
			w.Header().Set("HX-Redirect", "/signin?ended=1&next="+url.QueryEscape(resume(r)))
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodGet && r.URL.Path != "/":
			http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		case r.Method == http.MethodGet:
			http.Redirect(w, r, "/signin", http.StatusSeeOther)
		default:
			http.Redirect(w, r, "/signin?ended=1&next="+url.QueryEscape(resume(r)), http.StatusSeeOther)
		}
	})
}

// resume returns the address at which a person continues after signing in again, if the session had ended before a form or a part of a page
// was requested. That is the page with the form, and for a sale the first step with the typed values.
func resume(r *http.Request) string {
	switch {
	case r.URL.Path == "/sell" || r.URL.Path == "/sell/preview":
		return "/sell?" + url.Values{"meter": {r.FormValue("meter")}, "amount": {r.FormValue("amount")}}.Encode()
	case r.Method == http.MethodGet:
		page, err := url.Parse(r.Header.Get("HX-Current-URL"))
		if err != nil {
			return "/"
		}
		return local(page.RequestURI())
	}
	return back(r)
}

// signInAgain returns the address at which a person signs in again and continues at a page, if a refusal asks for that; else "".
func signInAgain(no refusal.Refusal, page string) string {
	if no.Code != refusal.SignInAgain {
		return ""
	}
	return "/signin?" + url.Values{"next": {page}}.Encode()
}

// signInForm is the sign-in page.
type signInForm struct{ Email, Next, Error, Notice string }

func (s *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, t := signInForm{Next: local(q.Get("next"))}, say(r.Context())
	switch {
	case q.Get("made") != "":
		f.Notice = t.SigninOwnerMade()
	case q.Get("set") != "":
		f.Notice = t.InviteSet()
	case q.Get("ended") != "":
		f.Notice = t.SigninSessionEnded()
	}
	if q.Get("password") == "" && s.pinPage(w, r, http.StatusOK, pinForm{Next: f.Next, Notice: f.Notice}) {
		return
	}
	s.show(w, r, http.StatusOK, signInView(s.page(r, visit{}, t.SigninTitle()), f))
}

func (s *Console) signIn(w http.ResponseWriter, r *http.Request) {
	t := say(r.Context())
	form := signInForm{Email: r.PostFormValue("email"), Next: local(r.PostFormValue("next"))}
	again := func(status int, no refusal.Refusal) {
		form.Error = t.Refusal(no).Detail()
		s.show(w, r, status, signInView(s.page(r, visit{}, t.SigninTitle()), form))
	}
	attempt := s.attempt(r, access.CanonicalEmail(form.Email))
	leave, ok := s.guarded(w, r, attempt, func() { again(http.StatusTooManyRequests, refuse.SigninTriedTooOften()) })
	if !ok {
		return
	}
	in, err := s.c.Access.SignIn(r.Context(), s.c.Tenant, form.Email, r.PostFormValue("password"), s.session(r), browserOf(r))
	leave(err == nil && !in.Refused())
	if err != nil {
		s.broken(w, r, visit{}, err)
		return
	}
	if in.Refused() {
		again(http.StatusUnprocessableEntity, in.Refusal)
		return
	}
	s.setCookie(w, r, in.Session.Reveal(), in.Expires)
	if in.Step != access.StepNone {
		http.Redirect(w, r, codeURL(in.Step, form.Next), http.StatusSeeOther)
		return
	}
	s.entered(w, r, attempt, form.Next, nil)
}

// guarded waits for a place to hash a password; the caller gives it back with leave and the result. Without a place, guarded has already
// written the answer.
func (s *Console) guarded(w http.ResponseWriter, r *http.Request, a guess.Attempt, tooOften func()) (leave func(right bool), ok bool) {
	leave, err := s.gate.Enter(r.Context(), a)
	switch {
	case errors.Is(err, guess.ErrTooOften):
		w.Header().Set("Retry-After", strconv.Itoa(int(guess.Pause/time.Second)))
		tooOften()
	case errors.Is(err, guess.ErrBusy):
		s.busy(w, r)
	}
	return leave, err == nil
}

// signOut ends the session, or forgets a session that has expired.
func (s *Console) signOut(w http.ResponseWriter, r *http.Request) {
	v, known, err := s.enter(w, r)
	if err == nil && !known.Refused() {
		err = s.c.Access.SignOut(r.Context(), v.by, v.session)
	}
	if err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.setCookie(w, r, "", time.Unix(0, 0))
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// local accepts only an address of this server, so that a link cannot lead away after signing in. Browsers drop tabs and line
// ends from addresses and read a backslash as a slash, so it refuses these.
func local(to string) string {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsFunc(to, odd) {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return ""
	}
	return to
}

func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
