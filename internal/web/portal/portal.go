// Package portal serves customers' own pages, at /c/{link}.
//
// Whoever has the link is the customer: the page shows the balance with its time, the state of the supply, the last token with its digits,
// the use and the receipts of one account, and of no other. The digits went to the customer's telephone before, and load in the customer's
// meter only; the audit log records that they were shown. A second link, which follows from the first, opens only the page on which somebody
// else pays. That page shows no figure of the account.
//
// The pages have no script. They load one style sheet and nothing from other hosts, send no referrer and are not indexed. All figures come
// from the use cases that the console, the API and messages ask. Start at [New].
package portal

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/web/guess"
	"github.com/paywatt/paywatt/internal/web/input"
	"github.com/paywatt/paywatt/internal/words"
)

// Config has the parts that the pages need. All are required.
type Config struct {
	Tenant    access.Tenant
	Links     *pagelink.Links
	Registry  *registry.Registry
	Vending   *vending.Vending
	Wallets   *wallet.Wallets
	Timelines *timeline.Timeline
	Recharges *recharge.Deliverer
	Messages  *notify.Dispatcher
	Payments  *payment.Payments
	Vouchers  *voucher.Vouchers
	Languages *words.Languages
	PublicURL string // address under which customers reach the server; empty if it is not known
	Secure    bool   // the listener speaks TLS
	Test      bool   // a test installation: the pages say so
	Now       func() time.Time
	Rand      io.Reader // for one-time ids of forms; safe for concurrent use
	Log       *slog.Logger
}

// Limits of the pages.
const (
	// missesAtOnce is how many wrong links an address may try at once, and missPause the time after which it may try one more. A link that was
	// opened before still works from such an address.
	missesAtOnce = 20
	missPause    = 6 * time.Second
	// remembered is how many opened links are remembered for that.
	remembered = 20_000
	// resendsAtOnce is how many times the customer may have the last token sent at once, and resendPause the time for one more.
	resendsAtOnce = 3
	resendPause   = time.Hour
	// notedFor is the time for which the audit log's row about shown digits counts for repeated looks at the same sale.
	notedFor = 24 * time.Hour
	// maxForm is the largest form body, and shownSales and shownMessages are how many rows the lists have.
	maxForm       = 4 << 10
	shownSales    = 5
	shownMessages = 10
)

// policy is the content security policy of every page: no script, one style sheet, nothing from elsewhere, in no frame.
const policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

//go:embed portal.css
var css []byte

// Portal serves the pages.
type Portal struct {
	c       Config
	handler http.Handler // the routes with the steps in front of them
	style   string       // version of the style sheet, a part of its address
	misses  *guess.Rate[string]
	sends   *guess.Rate[id.ID]
	noted   *guess.Rate[lookedAt]

	mu    sync.Mutex
	works map[[sha256.Size]byte]bool // links that were opened
}

// lookedAt is a look at the digits of a sale through a link.
type lookedAt struct{ link, sale id.ID }

// New makes the pages as a handler for [pagelink.Prefix].
func New(c Config) *Portal {
	sum := sha256.Sum256(css)
	p := &Portal{c: c, style: hex.EncodeToString(sum[:6]), works: map[[sha256.Size]byte]bool{},
		misses: guess.NewRate[string](missesAtOnce, missPause, c.Now), sends: guess.NewRate[id.ID](resendsAtOnce, resendPause, c.Now),
		noted: guess.NewRate[lookedAt](1, notedFor, c.Now)}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(p.otherSite))
	p.handler = p.headers(guard.Handler(p.formed(p.routes())))
	return p
}

// ServeHTTP answers a request.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Refuse answers a request that the server's chain refuses before it reaches a page, such as one for another host name.
func (p *Portal) Refuse(w http.ResponseWriter, r *http.Request, status int, no refusal.Refusal) {
	p.headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := p.tongue(r, "")
		p.note(w, r, status, t, t.PortalFailedTitle(), t.Refusal(no).Detail())
	})).ServeHTTP(w, r)
}

// formed reads the address of a request and the form of a POST before any handler looks at them.
func (p *Portal) formed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, fits := input.Address(r)
		if !fits {
			t := p.tongue(r, "")
			p.note(w, r, http.StatusBadRequest, t, t.NoteAddressTitle(), t.NoteUnreadableText())
			return
		}
		if r.Method == http.MethodPost {
			if fits, err := input.Form(r); err != nil || !fits {
				t := p.tongue(r, "")
				p.note(w, r, http.StatusBadRequest, t, t.PortalFailedTitle(), t.NoteUnreadableText())
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Portal) routes() http.Handler {
	m := http.NewServeMux()
	const link = pagelink.Prefix + "{link}"
	m.HandleFunc("GET "+link+"/portal.css", p.sheet)
	m.HandleFunc("GET "+link, p.opened(p.home))
	m.HandleFunc("POST "+link+"/resend", p.opened(p.resend))
	m.HandleFunc("POST "+link+"/language", p.openedToPay(p.language))
	m.HandleFunc("GET "+link+"/receipts/{receipt}", p.opened(p.receipt))
	m.HandleFunc("GET "+link+"/messages", p.opened(p.messages))
	m.HandleFunc("GET "+link+"/buy", p.opened(p.buy))
	m.HandleFunc("POST "+link+"/buy", p.opened(p.ask("/buy")))
	m.HandleFunc("POST "+link+pagelink.PayPath, p.openedToPay(p.ask(pagelink.PayPath)))
	m.HandleFunc("POST "+link+"/buy/voucher", p.opened(p.redeem))
	m.HandleFunc("POST "+link+pagelink.PayPath+"/voucher", p.openedToPay(p.redeemForOther))
	m.HandleFunc("GET "+link+pagelink.PayPath, p.openedToPay(p.pay))
	m.HandleFunc("/", p.wrong)
	return m
}

// headers adds to every answer what keeps the address of a page secret.
func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// sheet answers with the style sheet. It is the same for everybody, so the address may say anything; browsers keep it for a year.
func (p *Portal) sheet(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	if r.PathValue("link") == p.style {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(css)
}

// opened lets in whoever has a link to a page.
func (p *Portal) opened(next func(http.ResponseWriter, *http.Request, visit)) http.HandlerFunc {
	return p.openedToPay(func(w http.ResponseWriter, r *http.Request, v visit) {
		if v.opened.PaysOnly {
			p.wrong(w, r)
			return
		}
		next(w, r, v)
	})
}

// openedToPay lets in whoever has a link to a page, or the link to pay for somebody. Every link that opens nothing gets the same answer. An
// address that has tried too many of them is refused for a while, but never a link that was opened before.
func (p *Portal) openedToPay(next func(http.ResponseWriter, *http.Request, visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		from, text := guess.Household(host).String(), r.PathValue("link")
		if p.misses.Spent(from) && !p.remembers(text) {
			t := p.tongue(r, "")
			w.Header().Set("Retry-After", "60")
			p.note(w, r, http.StatusTooManyRequests, t, t.PortalTooOftenTitle(), t.PortalTooOften())
			return
		}
		opened, found, err := p.c.Links.Open(r.Context(), p.c.Tenant, text)
		if err != nil {
			p.failed(w, r, err)
			return
		}
		if !found {
			p.misses.Take(from)
			p.wrong(w, r)
			return
		}
		listen.SignedIn(r.Context())
		p.remember(text)
		v, err := p.visit(r, opened)
		if err != nil {
			p.failed(w, r, err)
			return
		}
		next(w, r, v)
	}
}

func (p *Portal) remembers(link string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.works[sha256.Sum256([]byte(link))]
}

func (p *Portal) remember(link string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.works) >= remembered {
		clear(p.works)
	}
	p.works[sha256.Sum256([]byte(link))] = true
}

// show writes a page in the language of its texts.
func (p *Portal) show(w http.ResponseWriter, r *http.Request, status int, t *words.Texts, c templ.Component) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := c.Render(words.With(r.Context(), t), w); err != nil {
		p.c.Log.Debug("page not written", logkey.Err, err)
	}
}

func (p *Portal) note(w http.ResponseWriter, r *http.Request, status int, t *words.Texts, title, text string) {
	p.show(w, r, status, t, noteView(frame{Title: title, Style: p.style}, text))
}

// wrong answers a link that opens nothing: one that never was, has ended or was revoked.
func (p *Portal) wrong(w http.ResponseWriter, r *http.Request) {
	t := p.tongue(r, "")
	p.note(w, r, http.StatusNotFound, t, t.PortalWrongTitle(), t.PortalWrong())
}

// otherSite answers a form that another site's page sent.
func (p *Portal) otherSite(w http.ResponseWriter, r *http.Request) {
	t := p.tongue(r, "")
	p.note(w, r, http.StatusForbidden, t, t.PortalFailedTitle(), t.PortalOtherSite())
}

// failed answers a request that broke. The log gets the cause, and never the link.
func (p *Portal) failed(w http.ResponseWriter, r *http.Request, err error) {
	if !access.ClientGone(r.Context(), err) {
		p.c.Log.Error("customer's page failed", logkey.Err, err, logkey.Route, r.Pattern)
	}
	t := p.tongue(r, "")
	p.note(w, r, http.StatusServiceUnavailable, t, t.PortalFailedTitle(), t.PortalFailed())
}
