package console

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// cookie returns the name of the session cookie. The prefix __Host- makes browsers accept the cookie only over TLS and for the path /, and
// send it to this host only.
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

// enter finds the visitor. Without a session the request is refused.
func (s *Console) enter(w http.ResponseWriter, r *http.Request) (v visit, known access.Authenticated, err error) {
	v.session = s.session(r)
	if known, err = s.c.Access.ByLogin(r.Context(), s.c.Tenant, v.session); err != nil || known.Refused() {
		return visit{}, known, err
	}
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

// signInForm is the sign-in page.
type signInForm struct{ Email, Next, Error, Notice string }

func (s *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, t := signInForm{Next: local(q.Get("next"))}, say(r.Context())
	switch {
	case q.Get("made") != "":
		f.Notice = t.SigninOwnerMade()
	case q.Get("ended") != "":
		f.Notice = t.SigninSessionEnded()
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
	if !s.tries.allow(address(r), s.c.Now()) {
		w.Header().Set("Retry-After", "60")
		again(http.StatusTooManyRequests, refuse.SigninTriedTooOften())
		return
	}
	leave, ok := s.queue(w, r)
	if !ok {
		return
	}
	defer leave()
	in, err := s.c.Access.SignIn(r.Context(), s.c.Tenant, form.Email, r.PostFormValue("password"), s.session(r), address(r))
	if err != nil {
		s.broken(w, r, visit{}, err)
		return
	}
	if in.Refused() {
		again(http.StatusUnprocessableEntity, in.Refusal)
		return
	}
	s.setCookie(w, in.Session.Reveal(), in.Expires)
	http.Redirect(w, r, cmp.Or(form.Next, "/"), http.StatusSeeOther)
}

// queue waits for a place to hash a password, and the function leave gives the place back. On failure queue has already written the answer.
func (s *Console) queue(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		s.busy(w, r)
		return nil, false
	}
	select {
	case s.signins <- struct{}{}:
		return func() { <-s.signins }, true
	case <-r.Context().Done():
		return nil, false
	}
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
	s.setCookie(w, "", time.Unix(0, 0))
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

// tries is the rate limit of an address for passwords: ten at once, then one every six seconds.
type tries struct {
	mu sync.Mutex
	by map[netip.Prefix]*rate.Limiter
}

const (
	triesAtOnce = 10
	tryEvery    = 6 * time.Second
	maxTriers   = 10_000 // addresses remembered; when the list is full, it is emptied
	ipv6Home    = 64     // bits of an IPv6 address that one household has to itself
)

func newTries() *tries { return &tries{by: map[netip.Prefix]*rate.Limiter{}} }

func (t *tries) allow(who string, now time.Time) bool {
	from := household(who)
	t.mu.Lock()
	defer t.mu.Unlock()
	l, ok := t.by[from]
	if !ok {
		if len(t.by) >= maxTriers {
			clear(t.by)
		}
		l = rate.NewLimiter(rate.Every(tryEvery), triesAtOnce)
		t.by[from] = l
	}
	return l.AllowN(now, 1)
}

// household returns the part of an address that its owner cannot change at will.
func household(who string) netip.Prefix {
	ip, err := netip.ParseAddr(who)
	if err != nil {
		return netip.Prefix{} // a listener without addresses: all clients count as one
	}
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = ipv6Home
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
