// Package console is the web console: sign in, watch the meters, sell, look at one meter.
//
// Start at [New]. Pages are HTML from the server (templ); every form works without a script, and what moves money
// carries a one-time id, so that a double click, a held Enter key or Back and send again is one sale. The pages ask no
// other host for anything and run under a strict content security policy. Rights are checked by the use cases: this
// package only authenticates, by the session cookie.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

//go:embed assets
var assets embed.FS

// Config is what the console needs. All use cases are required.
type Config struct {
	Tenant   access.Tenant
	Access   *access.Access
	Registry *registry.Registry
	Vending  *vending.Vending
	History  *metering.History
	Commands *command.Commands
	Now      func() time.Time
	Rand     io.Reader // for one-time form ids
	Log      *slog.Logger
	Version  string
	// Secure says that the listener speaks TLS: the cookie is then __Host- and no banner warns.
	Secure bool
	// Test says that everything here is for trying out: a striped bar stands on every page.
	Test bool
	// PanelURL is where the virtual meters' own panels are, with {number} in the place of the meter number; empty: no links.
	PanelURL string
	// SetupCode opens the page on which the first owner is made; empty: closed.
	SetupCode string
}

// Console serves the pages.
type Console struct {
	c       Config
	files   fs.FS
	version string // of the assets: part of their address, so that they may be kept for a year
	signins chan struct{}
	streams chan struct{}
	tries   *tries
}

// Limits of the console.
const (
	// maxSignIns is how many passwords are hashed at once: each takes 64 MiB.
	maxSignIns = 2
	// maxStreams is how many pages may be live at once; one more gets 503 and stays readable.
	maxStreams = 200
	// maxForm is the largest form body.
	maxForm = 64 << 10
	// pageSize is how many meters a page shows.
	pageSize = 50
)

// New makes the console as a handler for "/".
func New(c Config) (http.Handler, error) {
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range []string{"console.css", "console.js", "live.js", "htmx-4.0.1.min.js"} {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum.Write(b)
	}
	s := &Console{c: c, files: files, version: hex.EncodeToString(sum.Sum(nil)[:6]),
		signins: make(chan struct{}, maxSignIns), streams: make(chan struct{}, maxStreams), tries: newTries()}
	return s.headers(http.NewCrossOriginProtection().Handler(s.routes())), nil
}

func (s *Console) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /assets/{version}/{name}", s.asset)
	m.HandleFunc("GET /signin", s.signInPage)
	m.HandleFunc("POST /signin", s.signIn)
	m.HandleFunc("GET /setup", s.setupPage)
	m.HandleFunc("POST /setup", s.setup)
	m.HandleFunc("POST /theme", s.theme)
	m.Handle("POST /signout", s.signedIn(s.signOut))
	m.Handle("GET /{$}", s.signedIn(func(w http.ResponseWriter, r *http.Request, _ access.Actor) {
		http.Redirect(w, r, "/meters", http.StatusSeeOther)
	}))
	m.Handle("GET /meters", s.signedIn(s.meters))
	m.Handle("GET /meters/live", s.signedIn(s.metersLive))
	m.Handle("GET /meters/{number}", s.signedIn(s.meter))
	m.Handle("GET /meters/{number}/live", s.signedIn(s.meterLive))
	m.Handle("POST /meters/{number}/commands", s.signedIn(s.command))
	m.Handle("GET /sell", s.signedIn(s.sellPage))
	m.Handle("POST /sell/check", s.signedIn(s.sellCheck))
	m.Handle("POST /sell", s.signedIn(s.sell))
	m.Handle("GET /sales/{sale}", s.signedIn(s.sale))
	m.Handle("/", s.signedIn(s.notFound))
	return m
}

// headers puts the policy of every page around the handler.
func (s *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// asset serves an embedded file; its address changes with its content, so it may be kept.
func (s *Console) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, err := fs.ReadFile(s.files, name)
	if err != nil || strings.Contains(name, "/") {
		http.NotFound(w, r)
		return
	}
	switch {
	case strings.HasSuffix(name, ".css"):
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
	case strings.HasSuffix(name, ".js"):
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	if r.PathValue("version") == s.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(b)
}

// panelLink is the address of a virtual meter's own panel, or empty.
func (s *Console) panelLink(m registry.Meter) string {
	if s.c.PanelURL == "" || !m.Simulated {
		return ""
	}
	return strings.ReplaceAll(s.c.PanelURL, "{number}", url.PathEscape(m.Number))
}
