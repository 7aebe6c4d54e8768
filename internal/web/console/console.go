// Package console is the web console. With it people sign in, watch the meters, sell, and look at one meter. Start at [New].
//
// Pages are HTML from the server (templ). Every form works as a plain POST without a script. With scripts the figures update (live.js over
// server-sent events), the payee appears while a number is typed (htmx), and there are keyboard shortcuts. A form that moves money carries
// a one-time id, so that a double click, a held Enter key, or a form sent again after Back makes only one sale. The pages load nothing from
// other hosts and run under a strict content security policy.
//
// Rights are checked by the use cases. This package authenticates, by the session cookie, and hides what a role may not do.
package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/spool"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/upload"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/web/guess"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/internal/words"
)

// Config has the parts that the console needs. All use cases are required.
type Config struct {
	Tenant     access.Tenant
	Access     *access.Access
	Registry   *registry.Registry
	Vending    *vending.Vending
	History    *metering.History
	Reports    *report.Reports
	Wallets    *wallet.Wallets
	Quarantine *quarantine.Quarantine
	Commands   *command.Commands
	Recharges  *recharge.Deliverer
	Messages   *notify.Dispatcher
	Vendors    *vendor.Vendors
	Payments   *payment.Payments
	Vouchers   *voucher.Vouchers
	Webhooks   *webhook.Webhooks
	// Reconciliations compare statements with payments and books.
	Reconciliations *reconcile.Statements
	Tills           *till.Tills
	Days            *dayclose.Days
	Office          *office.Office
	Imports         *imports.Imports
	Devices         *profile.Devices
	Adoption        *profile.Adoption
	Configs         *meterconfig.Configs
	Search          *search.Search
	Diagnoses       *diagnosis.Doctor
	Debts           *debt.Debts
	PageLinks       *pagelink.Links
	Logins          *mirror.Logins
	Timelines       *timeline.Timeline
	Overview        *overview.Overview
	Flats           *flats.Flats
	Spool           *spool.Spool // receipt printers of the server
	Uploads         *upload.Gate // makes room for uploaded files
	// Export writes all pages of a list of the API as CSV, as the actor may see it. A status other than 0 says that it wrote nothing, and why.
	Export  func(ctx context.Context, w io.Writer, by access.Actor, path string, q url.Values) (status int, detail string, err error)
	Forms   FormStore
	Now     func() time.Time
	Rand    io.Reader // for one-time form ids; safe for concurrent use
	Log     *slog.Logger
	Version string
	// Secure says that the listener speaks TLS: the cookie's name then begins with __Host-, and no banner warns.
	Secure bool
	// Test means a test installation: a striped bar appears on every page.
	Test bool
	// PanelURL is the address of a virtual meter's panel, with {number} in place of the meter number. If it is empty, there are no links.
	PanelURL string
	// Tour is the guided tour of a demonstration; nil for an ordinary server.
	Tour *Tour
	// SetupCode opens the page that creates the first owner. If it is empty, the page is closed.
	SetupCode access.Secret
	// Hash is a keyed hash of a text within a context: the mark of a known browser.
	Hash func(context string, data []byte) []byte
	// Languages are the languages of the pages.
	Languages *words.Languages
}

// Console serves the pages.
type Console struct {
	c       Config
	assets  library
	streams *access.Readers // live pages
	gate    *guess.Gate     // passwords being compared, or waiting for it
	setUp   atomic.Bool     // the first owner was made through this console
	checked checkedFiles    // files between their check and their import
	handler http.Handler    // the routes with the steps in front of them
}

// Limits of the console.
const (
	// maxSignIns is how many passwords are hashed at once: each takes 64 MiB.
	maxSignIns = 2
	// maxStreams is how many pages may be live at once. The stream of any further page gets 503, but the page stays readable.
	maxStreams = 200
	// maxForm is the largest form body.
	maxForm = 64 << 10
	// pageSize is how many meters a page shows.
	pageSize = 50
)

// New makes the console as a handler for "/". The server that runs it must limit concurrent requests, name each request in the header
// X-Request-Id, compress everything but streams, and end the context of a stream when the server stops. New returns an error if the
// embedded files cannot be read.
func New(c Config) (*Console, error) {
	assets, err := newLibrary()
	if err != nil {
		return nil, err
	}
	s := &Console{c: c, assets: assets, streams: access.NewReaders(maxStreams), gate: guess.NewGate(maxSignIns, c.Now)}
	s.handler = s.chain()
	return s, nil
}

// ServeHTTP answers a request.
func (s *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Console) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /assets/{version}/{name}", s.assets.serve)
	m.HandleFunc("GET /signin", s.signInPage)
	m.HandleFunc("POST /signin", s.signIn)
	m.HandleFunc("POST /signin/pin", s.pin)
	m.HandleFunc("GET /signin/code", s.codePage)
	m.HandleFunc("GET /signin/app", s.appPage)
	m.HandleFunc("GET /signin/app.png", s.appCode)
	m.HandleFunc("POST /signin/code", s.code)
	m.HandleFunc("GET /setup", s.setupPage)
	m.HandleFunc("POST /setup", s.setup)
	m.HandleFunc("GET /invite/{link}", s.invitePage)
	m.HandleFunc("POST /invite/{link}", s.accept)
	s.lookRoutes(m)
	m.HandleFunc("POST /signout", s.signOut)
	m.Handle("GET /{$}", s.signedIn(s.home))
	m.Handle("GET /overview", s.signedIn(s.overview))
	s.flatRoutes(m)
	m.Handle("GET /meters", s.signedIn(s.meters))
	m.Handle("POST /meters", s.signedIn(s.addMeter))
	m.Handle("GET /meters/new", s.signedIn(s.newMeter))
	m.HandleFunc("GET /meters/live", s.metersLive)
	m.Handle("GET /meters/{number}", s.signedIn(s.meter))
	m.Handle("GET /meters/{number}/device", s.signedIn(s.meterDevice))
	m.Handle("POST /meters/{number}/device", s.signedIn(s.replaceMeterDevice))
	m.HandleFunc("GET /meters/{number}/live", s.meterLive)
	m.Handle("GET /meters/{number}/history", s.signedIn(s.history))
	m.Handle("POST /meters/{number}/commands", s.signedIn(s.command))
	m.Handle("POST /meters/{number}/emergency", s.signedIn(s.emergency))
	m.Handle("GET /meters/{number}/wallet", s.signedIn(s.wallet))
	m.Handle("POST /meters/{number}/summary", s.signedIn(s.sendSummary))
	m.Handle("GET /meters/{number}/recharge", s.signedIn(s.tokenPage))
	m.Handle("POST /meters/{number}/tokens", s.signedIn(s.makeToken))
	m.Handle("POST /meters/{number}/recharges", s.signedIn(s.sendToken))
	m.Handle("GET /meters/{number}/recharges/{token}", s.signedIn(s.track))
	m.Handle("GET /meters/{number}/recharges/{token}/ways", s.signedIn(s.ways))
	m.HandleFunc("GET /meters/{number}/recharges/{token}/live", s.trackLive)
	m.Handle("GET /search", s.signedIn(s.search))
	m.Handle("GET /search/hits", s.signedIn(s.suggest))
	m.Handle("GET /customers", s.signedIn(s.customers))
	m.Handle("POST /customers", s.signedIn(s.addCustomer))
	m.Handle("GET /customers/new", s.signedIn(s.newCustomer))
	m.Handle("GET /customers/{customer}", s.signedIn(s.customer))
	m.Handle("POST /customers/{customer}", s.signedIn(s.changeCustomer))
	m.Handle("POST /customers/{customer}/page-link", s.signedIn(s.pageLink))
	s.messageRoutes(m)
	m.Handle("GET /sell", s.signedIn(s.sellPage))
	m.Handle("GET /sell/preview", s.signedIn(s.sellPreview))
	m.Handle("GET /sell/check", s.signedIn(s.sellCheck))
	m.Handle("POST /sell", s.signedIn(s.sell))
	s.requestRoutes(m)
	m.Handle("GET /sales", s.signedIn(s.sales))
	m.Handle("GET /sales/{sale}", s.signedIn(s.sale))
	m.Handle("POST /sales/{sale}", s.signedIn(s.changeSale))
	m.HandleFunc("GET /sales/{sale}/live", s.saleLive)
	m.Handle("GET /sales/{sale}/receipt", s.signedIn(s.receipt))
	m.Handle("GET /sales/{sale}/proof", s.signedIn(s.proof))
	m.Handle("GET /sales/{sale}/proof.json", s.signedIn(s.proofFile))
	m.Handle("GET /heads/{size}", s.signedIn(s.headFile))
	m.Handle("GET /export/{list...}", s.signedIn(s.export))
	m.Handle("GET /tariffs", s.signedIn(s.tariffs))
	m.Handle("POST /tariffs", s.signedIn(s.checkTariff))
	m.Handle("POST /tariffs/corrections", s.signedIn(s.checkTariff))
	m.Handle("GET /tariffs/new", s.signedIn(s.newTariff))
	m.Handle("GET /tariffs/{name}", s.signedIn(s.tariff))
	m.Handle("POST /tariffs/{name}/withdrawals", s.signedIn(s.withdrawVersion))
	m.Handle("GET /ledger", s.signedIn(s.trialBalance))
	m.Handle("GET /ledger/accounts", s.signedIn(s.accounts))
	m.Handle("GET /ledger/journals", s.signedIn(s.journals))
	s.officeRoutes(m)
	m.Handle("/", s.signedIn(s.notFound))
	return m
}

func (s *Console) messageRoutes(m *http.ServeMux) {
	m.Handle("GET /messages", s.signedIn(s.messages))
	m.Handle("POST /messages", s.signedIn(s.testMessage))
	m.Handle("GET /messages/{message}", s.signedIn(s.message))
	m.Handle("GET /messages/{message}/attempts", s.signedIn(s.attempts))
	m.HandleFunc("GET /messages/{message}/live", s.messageLive)
	m.Handle("POST /messages/{message}/retry", s.signedIn(s.retryMessage))
}

// menuEntry is a page in the main menu, for those who may see it.
type menuEntry struct {
	to, text string
	may      bool
	pages    []string // pages that are reached through this one
}

// menu returns the main menu of the signed-in person.
func (v visit) menu(t *words.Texts) []menuEntry {
	meters, people := v.by.May(access.ReadMeters), v.by.May(access.ReadCustomers)
	var office []string
	for _, l := range v.officeLinks(t) {
		office = append(office, l.to)
	}
	return slices.DeleteFunc([]menuEntry{
		{to: "/overview", text: t.MenuOverview(), may: meters},
		{to: "/meters", text: t.MenuMeters(), may: meters},
		{to: "/sell", text: t.MenuSell(), may: v.sells()},
		{to: "/customers", text: t.MenuCustomers(), may: people},
		{to: "/messages", text: t.MenuMessages(), may: people},
		{to: "/ledger", text: t.MenuLedger(), may: v.by.May(access.ReadLedger)},
		{to: "/office", text: t.OfficeTitle(), may: len(office) > 0, pages: office},
	}, func(e menuEntry) bool { return !e.may })
}

// home redirects to the first page that the role has.
func (s *Console) home(w http.ResponseWriter, r *http.Request, v visit) {
	if v.by.May(access.ReadMeters) {
		to := "/overview"
		if v.by.May(access.WriteSettings) && s.bare(r, v) {
			to = "/start"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	if v.sells() {
		http.Redirect(w, r, "/sell", http.StatusSeeOther)
		return
	}
	if v.by.May(access.ReadTariffs) {
		http.Redirect(w, r, "/tariffs", http.StatusSeeOther)
		return
	}
	t := say(r.Context())
	s.show(w, r, http.StatusOK, noteView(s.page(r, v, t.NoteWelcome()), note{Title: t.NoteNoPageOfRole(), Text: t.NoteNoPageOfRoleText(string(v.by.Role))}))
}

// panelLink returns the address of a virtual meter's own panel, or "".
func (s *Console) panelLink(m registry.Meter) string {
	if s.c.PanelURL == "" || !m.Simulated {
		return ""
	}
	return s.panelOf(m.Number)
}

// panelOf returns the address of the panel of a meter.
func (s *Console) panelOf(number string) string {
	return strings.ReplaceAll(s.c.PanelURL, "{number}", url.PathEscape(number))
}
