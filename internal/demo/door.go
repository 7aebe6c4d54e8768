package demo

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"sync"

	"github.com/paywatt/paywatt/internal/app"
)

// door signs a browser in once. It is no part of the server: it belongs to the demonstration's own listener, which is at a loopback
// address, knows the owner's password because it chose it, and signs in with the ordinary form. Browsers keep cookies by host and not by
// port, so the cookie that the door hands on is valid for the console.
type door struct {
	mu   sync.Mutex
	code string // empty once used
}

func newDoor() *door { return &door{code: rand.Text()} }

// link is the address that signs a browser in.
func (d *panels) link() string { return d.url() + "enter/" + d.door.code }

// enter signs the browser in and begins the tour. It works once, and only at the address of this machine, so that no web site can use it.
func (d *door) enter(w http.ResponseWriter, r *http.Request, p *Server) {
	host, err := netip.ParseAddrPort(r.Host)
	if err != nil || !host.Addr().IsLoopback() {
		http.Error(w, "Open this link at the address that was printed.", http.StatusMisdirectedRequest)
		return
	}
	if !d.take(r.PathValue("code")) {
		http.Error(w, "This link was used already, or is wrong. Sign in with the address and the password that were printed.", http.StatusGone)
		return
	}
	session, err := p.session(r.Context(), r.UserAgent())
	if err != nil {
		http.Error(w, "The server did not sign you in. Sign in with the address and the password that were printed.", http.StatusBadGateway)
		return
	}
	tour := &http.Cookie{Name: app.TourCookie, Value: "1", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	http.SetCookie(w, session)
	http.SetCookie(w, tour)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.URL()+"/meters/"+url.PathEscape(p.tour.Meter), http.StatusSeeOther)
}

// take uses the code up. A wrong code leaves it as it is.
func (d *door) take(code string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.code == "" || subtle.ConstantTimeCompare([]byte(code), []byte(d.code)) != 1 {
		return false
	}
	d.code = ""
	return true
}

// session signs the owner in as a browser does, and returns the cookie of the session.
func (p *Server) session(ctx context.Context, agent string) (*http.Cookie, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, Timeout: patience, Transport: named(agent)}
	if _, err := p.post(ctx, browser, "/signin", url.Values{"email": {owner}, "password": {p.password}, "next": {"/overview"}}, "/overview"); err != nil {
		return nil, err
	}
	at, err := url.Parse(p.URL())
	if err != nil {
		return nil, err
	}
	for _, c := range jar.Cookies(at) {
		return &http.Cookie{Name: c.Name, Value: c.Value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}, nil
	}
	return nil, errNoSignIn
}

// named makes requests in a browser's name, so that the list of sessions shows that browser.
type named string

// RoundTrip sends the request with the browser's name.
func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", string(n))
	return http.DefaultTransport.RoundTrip(r)
}
