package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/words"
)

// Defect is why a server cannot start.
type Defect struct {
	refusal.Refusal        // for everybody
	Path            string // the file, database or setting; only for those who may see details, like Mistakes
	Mistakes        []Mistake
}

// Mistake is a line of a settings file that is wrong, or an error of the system. Text and What must not hold a secret.
type Mistake struct {
	Line int // 0: no certain line
	Text string
	What string
}

// SafeConfig has what the page of the safe mode needs. All fields are required.
type SafeConfig struct {
	Languages *words.Languages
	Version   string
	Now       func() time.Time
	Log       *slog.Logger
	Secure    bool
	Defect    func() Defect
	// Code is a secret of this safe mode. A browser that has opened the page with it sees details.
	Code string
	// Owner reports whether a session is an owner's.
	Owner func(ctx context.Context, session string) bool
	// Look makes the server look at once whether the defect is gone.
	Look func()
}

type safe struct {
	*Console
	c SafeConfig
}

// NewSafe returns the handler of a server in safe mode. Every page says that the server cannot start. Details are shown to an
// owner who is signed in, and to a browser that opened the link with the code. The address of a browser proves nothing: behind a proxy that
// adds no headers, a stranger's request looks as if it came from this machine.
func NewSafe(c SafeConfig) (http.Handler, error) {
	assets, err := newLibrary()
	if err != nil {
		return nil, err
	}
	s := &safe{&Console{c: Config{Languages: c.Languages, Version: c.Version, Now: c.Now, Log: c.Log, Secure: c.Secure}, assets: assets}, c}
	m := http.NewServeMux()
	m.HandleFunc("GET /assets/{version}/{name}", assets.serve)
	s.lookRoutes(m)
	m.HandleFunc("POST /look", s.lookNow)
	m.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, "application/json", apiv1.Live{Live: true})
	})
	m.HandleFunc("/readyz", s.notReady)
	m.HandleFunc("/v1/", s.notReady)
	m.HandleFunc("GET /{$}", s.enter)
	m.HandleFunc("/", s.defect)
	guard := http.NewCrossOriginProtection()
	return s.headers(s.spoken(s.recovered(guard.Handler(s.formed(m))))), nil
}

// safeRetry is after how many seconds a program should ask again.
const safeRetry = "5"

// enter remembers the code of the link in a cookie, and takes it out of the address.
func (s *safe) enter(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if code == "" {
		s.defect(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: safeCookie, Value: code, Path: "/", HttpOnly: true, Secure: s.c.Secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// safeCookie is the cookie with the code of the link.
const safeCookie = "paywatt_safe"

// invited reports whether the browser opened the link with the code.
func (s *safe) invited(r *http.Request) bool {
	c, err := r.Cookie(safeCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.c.Code)) == 1
}

// defect is the only page.
func (s *safe) defect(w http.ResponseWriter, r *http.Request) {
	t := s.c.Defect()
	if !s.invited(r) && !s.owner(r) {
		t.Path, t.Mistakes = "", nil
	}
	texts := say(r.Context())
	t.Refusal = texts.Refusal(t.Refusal)
	w.Header().Set("Retry-After", safeRetry)
	p := s.page(r, visit{}, texts.SafeTitle())
	p.Here = "/"
	s.show(w, r, http.StatusServiceUnavailable, safeView(p, t))
}

func (s *safe) lookNow(w http.ResponseWriter, r *http.Request) {
	s.c.Look()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// notReady answers programs with the same refusal.
func (s *safe) notReady(w http.ResponseWriter, _ *http.Request) {
	no := s.c.Defect().Refusal
	w.Header().Set("Retry-After", safeRetry)
	writeJSON(w, http.StatusServiceUnavailable, "application/problem+json", apiv1.Problem{Type: "/docs#" + string(no.Code), Title: no.What,
		Status: http.StatusServiceUnavailable, Detail: no.Detail(), Code: string(no.Code), Retryable: true, MoneyMoved: "no"})
}

func writeJSON(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone; there is nobody to report it to
}

// owner reports whether the browser has the session of an owner.
func (s *safe) owner(r *http.Request) bool {
	for _, name := range []string{"paywatt_session", "__Host-paywatt_session"} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" && s.c.Owner(r.Context(), c.Value) {
			return true
		}
	}
	return false
}
