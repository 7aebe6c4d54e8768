package console

import (
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/logkey"
)

// cookie is the session cookie's name: browsers keep a __Host- cookie to this host, path / and TLS.
func (s *Console) cookie() string {
	if s.c.Secure {
		return "__Host-paywatt_session"
	}
	return "paywatt_session"
}

func (s *Console) session(r *http.Request) string {
	c, err := r.Cookie(s.cookie())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Console) setCookie(w http.ResponseWriter, value string, expires time.Time) {
	c := &http.Cookie{Name: s.cookie(), Value: value, Path: "/", HttpOnly: true, Secure: s.c.Secure, SameSite: http.SameSiteLaxMode, Expires: expires}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// signedIn asks for the session before the page; without one it leads to the sign-in page and back.
func (s *Console) signedIn(next func(http.ResponseWriter, *http.Request, access.Actor)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known, err := s.c.Access.ByLogin(r.Context(), s.c.Tenant, s.session(r))
		if err != nil {
			s.broken(w, r, access.Actor{}, err)
			return
		}
		if known.Refused() {
			to := "/signin"
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				to += "?next=" + urlQuery(r.URL.RequestURI())
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		by := known.Actor
		by.IP = address(r)
		next(w, r, by)
	})
}

func (s *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, signInView(s.page(r, access.Actor{}, "Sign in"), signInForm{Next: local(r.URL.Query().Get("next"))}))
}

func (s *Console) signIn(w http.ResponseWriter, r *http.Request) {
	form := signInForm{Email: r.PostFormValue("email"), Next: local(r.PostFormValue("next"))}
	refuse := func(status int, text string) {
		form.Error = text
		s.show(w, r, status, signInView(s.page(r, access.Actor{}, "Sign in"), form))
	}
	if !s.tries.allow(address(r), s.c.Now()) {
		w.Header().Set("Retry-After", "60")
		refuse(http.StatusTooManyRequests, "Too many attempts from this address. You are not signed in. Wait a minute and try again.")
		return
	}
	select {
	case s.signins <- struct{}{}:
		defer func() { <-s.signins }()
	case <-r.Context().Done():
		return
	}
	in, err := s.c.Access.SignIn(r.Context(), s.c.Tenant, form.Email, r.PostFormValue("password"), s.session(r), address(r))
	if err != nil {
		s.broken(w, r, access.Actor{}, err)
		return
	}
	if in.Refused() {
		refuse(http.StatusUnprocessableEntity, in.Detail())
		return
	}
	s.setCookie(w, in.Session.Reveal(), in.Expires)
	to := form.Next
	if to == "" {
		to = "/meters"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Console) signOut(w http.ResponseWriter, r *http.Request, by access.Actor) {
	if err := s.c.Access.SignOut(r.Context(), by, s.session(r)); err != nil {
		s.broken(w, r, by, err)
		return
	}
	s.setCookie(w, "", time.Unix(0, 0))
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// rightCode reports whether the code of the one-time set-up link is right.
func (s *Console) rightCode(r *http.Request) bool {
	return s.c.SetupCode != "" && subtle.ConstantTimeCompare([]byte(r.FormValue("code")), []byte(s.c.SetupCode)) == 1
}

func (s *Console) setupPage(w http.ResponseWriter, r *http.Request) {
	if !s.rightCode(r) {
		s.setupClosed(w, r)
		return
	}
	s.show(w, r, http.StatusOK, setupView(s.page(r, access.Actor{}, "Set up"), setupForm{Code: r.FormValue("code")}))
}

func (s *Console) setupClosed(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusForbidden, noteView(s.page(r, access.Actor{}, "Set up"), note{Class: "warn", Title: "This link does not open anything",
		Text: "Nobody was added. The server prints a new link when it starts without an owner. If there is an owner, sign in.",
		Link: "/signin", LinkText: "Sign in"}))
}

func (s *Console) setup(w http.ResponseWriter, r *http.Request) {
	if !s.rightCode(r) || !s.tries.allow(address(r), s.c.Now()) {
		s.setupClosed(w, r)
		return
	}
	form := setupForm{Code: r.PostFormValue("code"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name")}
	select {
	case s.signins <- struct{}{}:
		defer func() { <-s.signins }()
	case <-r.Context().Done():
		return
	}
	made, err := s.c.Access.CreateOwner(r.Context(), access.SystemActor(s.c.Tenant, "set-up link"),
		access.NewPerson{Email: form.Email, Name: form.Name, Role: access.Owner, Password: access.SecretOf(r.PostFormValue("password"))})
	switch {
	case err != nil:
		s.broken(w, r, access.Actor{}, err)
	case made.Refused():
		form.Error = made.Detail()
		s.show(w, r, http.StatusUnprocessableEntity, setupView(s.page(r, access.Actor{}, "Set up"), form))
	default:
		s.c.Log.Info("owner created", logkey.Actor, made.Email)
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	}
}

// theme keeps the choice of colours in a cookie, so that the server renders it and nothing flashes.
func (s *Console) theme(w http.ResponseWriter, r *http.Request) {
	choice := r.PostFormValue("theme")
	c := &http.Cookie{Name: "paywatt_theme", Value: choice, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: s.c.Secure, SameSite: http.SameSiteLaxMode}
	switch choice {
	case "light", "dark":
	default:
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
	to := local(r.PostFormValue("back"))
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// local keeps a path of this server and nothing else, so that a link cannot lead away after signing in.
func local(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
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

// tries bounds how often an address may try a password: ten at once, then one in six seconds.
type tries struct {
	mu sync.Mutex
	by map[string]*rate.Limiter
}

const (
	triesAtOnce = 10
	tryEvery    = 6 * time.Second
	maxTriers   = 10_000 // addresses remembered; when full, all begin anew
)

func newTries() *tries { return &tries{by: map[string]*rate.Limiter{}} }

func (t *tries) allow(who string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.by[who]
	if !ok {
		if len(t.by) >= maxTriers {
			clear(t.by)
		}
		l = rate.NewLimiter(rate.Every(tryEvery), triesAtOnce)
		t.by[who] = l
	}
	return l.AllowN(now, 1)
}

// formID makes the one-time id of a form that moves money.
func (s *Console) formID() (string, error) {
	b := make([]byte, 16)
	if _, err := s.c.Rand.Read(b); err != nil {
		return "", fmt.Errorf("form id: %w", err)
	}
	return fmt.Sprintf("console-%x", b), nil
}
