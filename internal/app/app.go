// Package app connects the packages of the server. Start at [New]; [App.Run] serves.
//
// New opens everything that can fail (the folder's lock, the database, the keys, the listeners) and touches no money; nothing
// is served before Run. Run ends when its context ends or a part of the server does: it stops accepting requests, finishes
// those under way within a bounded time, and closes the database last.
//
// [OpenFolder] opens a data folder for commands that need no server.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/listen"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/presence"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/spool"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/upload"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/web/console"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/internal/words"
)

// Config says how to serve. Data, HTTP and MQTT are needed.
type Config struct {
	Data string // data folder; made at first use
	// Store is the URL of a PostgreSQL database (postgres://…) that replaces the one in the data folder. Other servers may
	// share it. The keys stay in the folder, and all servers must have the same keys.
	Store string
	HTTP  string // address of the HTTP listener; port 0 takes a free one
	MQTT  string // address of the meters' listener
	// Legacy are the listeners for unmodified devices (docs/guide/devices.md). Profiles are the profiles that they may name.
	Legacy   []config.Legacy
	Profiles profile.Library
	// Devices is the address of the shared listener for unmodified devices; empty for none.
	Devices string
	// Integration is the address of the integration broker for other programs; empty for none.
	Integration string
	// Routes bring messages to telephones and to meters' SIMs, in the order in which they are tried.
	Routes []config.Route
	// Printers are the receipt printers at the tills.
	Printers []config.Printer
	// AnswerWait is how long the server waits for a meter's first answer by SMS; 0 means a minute.
	AnswerWait time.Duration
	// OutboxEvery is how often the server looks for orders to meters that nobody told it of; 0 means a second.
	OutboxEvery time.Duration
	// LegacyPoll is how often an unmodified device is asked for its values; 0 means 10 s.
	LegacyPoll time.Duration
	// TLSCert and TLSKey are the files of a certificate; with them all listeners but those of Legacy speak TLS only. They are read again
	// when they change, which is looked for each CertificateEvery; 0 means 10 s.
	TLSCert, TLSKey string
	// MeterCA is the file of an authority's certificate; meters may then sign in with its certificates. MeterRevoked is its list of
	// revoked ones. Both are read again like the server's own certificate.
	MeterCA, MeterRevoked string
	CertificateEvery      time.Duration
	// CertificatesOnly refuses meters' passwords. It needs MeterCA.
	CertificatesOnly bool
	// Proxies are the networks of the reverse proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Hosts are the names under which the server answers HTTP; empty for any name.
	Hosts []string
	// PublicURL is the address under which people reach the console; empty if receipts do not lead there.
	PublicURL string
	// PayByPhone uses a payment without a reference for the customer whose registered telephone paid.
	PayByPhone bool
	// HeadsTo is a folder, best on another machine, into which the signed heads are copied each HeadsEvery (0: 15 minutes); empty for none.
	HeadsTo    string
	HeadsEvery time.Duration
	// Standbys is how many standbys the PostgreSQL database should have; 0 for as many as have followed at once.
	Standbys int
	// Server is the name of this server among those of the PostgreSQL database; empty for the host name.
	Server string
	// Metrics is an address of its own for /metrics, which then needs no key; empty for none.
	Metrics string
	// Passphrase opens the key store. If it is nil, the server starts locked: it cannot sell, but does everything else.
	Passphrase []byte
	Version    apiv1.Version
	Log        *slog.Logger // nil: nothing is logged
	Now        func() time.Time
	// Synced reports whether a time service synchronises the clock that Now reads; nil: the system is asked.
	Synced  func() bool
	Rand    io.Reader // nil: crypto/rand
	API     api.Limits
	Gateway gateway.Limits
	// KeyCost is the cost of a key store that is made by this process; tests lower it.
	KeyCost keystore.Params
	// PasswordCost is the cost of people's passwords; tests lower it.
	PasswordCost access.Argon
	// Reserve is the size of the disk reserve: 0 for the default, negative for none.
	Reserve int64
	// Test means a test installation: the console says so on every page.
	Test bool
	// Unverified means that the server does not check its books in the background; only a bench that measures memory sets it.
	Unverified bool
	// Tour is the guided tour of a demonstration; nil for an ordinary server.
	Tour *Tour
	// PanelURL is where virtual meters have their panels, with {number} in it; empty for no links.
	PanelURL string
	// Languages are the languages of the pages; nil for all of the catalogue.
	Languages *words.Languages
}

// Tour is the guided tour of a demonstration.
type Tour = console.Tour

// TourCookie is the cookie with the step of the tour that a browser is at.
const TourCookie = console.TourCookie

// App is one server.
type App struct {
	c      Config
	log    *slog.Logger
	lock   *sqlite.Lock
	engine *database
	holder string // names this process among all that may serve the same database
	name   string // of this server in its alarms, also after a restart; empty if its database is in the data folder
	// started is when the server began. Claims made since then are this server's own.
	started time.Time
	keys    *keystore.Store
	data    *keystore.DataKey

	access     *access.Access
	registry   *registry.Registry
	vending    *vending.Vending
	debts      *debt.Debts
	vendors    *vendor.Vendors
	tills      *till.Tills
	days       *dayclose.Days
	payments   *payment.Payments
	vouchers   *voucher.Vouchers
	statements *reconcile.Statements
	uploads    *upload.Gate // of files for imports and statements
	webhooks   *webhook.Webhooks
	imports    *imports.Imports
	history    *metering.History
	commands   *command.Commands
	reports    *report.Reports
	wallets    *wallet.Wallets
	configs    *meterconfig.Configs
	quarantine *quarantine.Quarantine
	refills    *recharge.Deliverer
	silence    *silence.Watch
	doctor     *diagnosis.Doctor
	spool      *spool.Spool
	messages   *notify.Dispatcher
	links      *pagelink.Links
	routes     []messageRoute
	outbox     *job.Outbox
	notices    *job.Outbox
	paying     *job.Outbox
	spreading  *job.Outbox
	deliverer  *webhook.Deliverer
	runner     *job.Runner[tasksTx]
	gateway    *gateway.Gateway
	legacy     []*legacy
	devices    *profile.Listener
	adoption   *profile.Adoption
	shared     *sharedListener    // nil if there is no shared listener for devices
	mirror     *mirrorFeed        // nil if there is no integration broker
	presence   *presence.Presence // nil if this is the only server of its database
	handler    http.Handler
	setup      access.Secret // code of the first owner's set-up page; empty once there is an owner

	http, mqtt  net.Listener
	metrics     net.Listener // nil if /metrics has no address of its own
	metered     http.Handler
	tls         *tls.Config
	certificate *certificate  // nil without TLS
	loginsMoved chan struct{} // a commit has changed logins of meters
	reload      chan struct{} // somebody wants the certificate files to be read at once
	answered    chan struct{} // a meter has answered a command that a reversal may be waiting for
	gauges      *prometheus.Registry
	own         func() time.Time                // this machine's clock, which has a monotonic reading
	follow      bool                            // use the database's clock if there is one
	stopping    context.Context                 // ends when the server begins to stop
	running     atomic.Pointer[context.Context] // of [App.Run]; nil before it
	stop        context.CancelFunc

	mu      sync.Mutex
	unsound string // what the last verification found; empty if the books are sound
}

// New opens everything. Its errors are those of sqlite.Open, the key store, the certificate and the listeners.
func New(c Config) (*App, error) {
	c.Log, c.CertificateEvery = cmp.Or(c.Log, slog.New(slog.DiscardHandler)), cmp.Or(c.CertificateEvery, certificateEvery)
	c.HeadsEvery = cmp.Or(c.HeadsEvery, copyEvery)
	follow := c.Now == nil && !clockPlanted()
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Now = plantClock(c.Now)
	if c.Synced == nil {
		c.Synced = Synced
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	a := &App{c: c, own: c.Now, follow: follow, gauges: prometheus.NewRegistry(), holder: holder(), name: ServerName(c.Server, c.Store)}
	a.answered, a.reload, a.loginsMoved = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	a.c.Log = slog.New(quietEnd{Handler: c.Log.Handler(), running: &a.running})
	a.log = a.c.Log
	a.stopping, a.stop = context.WithCancel(context.Background())
	for _, step := range []func() error{a.openFolder, a.openKeys, a.listen, a.openMessages, a.openCases, a.startClock, a.openLegacy, a.openDevices, a.openIntegration, a.openHTTP} {
		if err := step(); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	return a, nil
}

// openFolder locks the folder and opens the database. If the server stores its data elsewhere, the folder may belong to
// another server too: then only heads and keys are written there, and both servers may write them.
func (a *App) openFolder() (err error) {
	if a.c.Store == "" {
		if a.lock, err = sqlite.TakeLock(a.c.Data); err != nil {
			return err
		}
	}
	a.engine, err = openDatabase(a.stopping, databaseConfig{data: a.c.Data, url: a.c.Store, holder: a.holder, now: a.c.Now, rand: a.c.Rand,
		log: a.log, lock: a.lock, reserve: a.c.Reserve, follow: a.follow, due: a.due, standbys: a.c.Standbys})
	if err == nil {
		a.c.Now = a.engine.clock(a.own) // a shared database has its own clock, because its servers compare times
		a.started = a.c.Now()
	}
	return err
}

// openKeys opens data key and key store. With a wrong passphrase the key store stays locked: everything but selling works,
// and /readyz says why.
func (a *App) openKeys() (err error) {
	a.data = a.engine.data
	if a.engine.shared == nil {
		if err := a.knowData(); err != nil {
			return err
		}
	}
	if err := keyCredentials(a.stopping, a.engine, a.c.Data, a.log); err != nil {
		return err
	}
	if err := markNumbers(a.stopping, a.engine, a.log); err != nil {
		return err
	}
	if a.keys, err = keystore.Open(a.c.Data, keystore.Config{Params: a.c.KeyCost}); err != nil {
		return err
	}
	if len(a.c.Passphrase) == 0 {
		return nil
	}
	err = a.keys.Unlock(a.c.Passphrase)
	clear(a.c.Passphrase)
	debug.FreeOSMemory() // deriving the key briefly took 64 MiB, which is half the memory of a small board
	if errors.Is(err, keystore.ErrPassphrase) {
		a.log.Error("key store stays locked", logkey.Err, err)
		return nil
	}
	return err
}

// knowData logs an error if the data key is not the key with which the database was first used. The server starts nevertheless, because a
// utility that has lost its key must go on selling. Several servers of one database must have the same key and are refused otherwise.
func (a *App) knowData() error {
	known := false
	err := a.engine.Run(a.stopping, store.FirstTenant, store.Job, func(tx *store.Tx) (_ bool, err error) {
		known, err = tx.Known("data", a.engine.marker().KeyMark())
		return false, err
	})
	if err == nil && !known {
		a.log.Error("data.key does not belong to this database, so its sealed tokens, answers and link keys cannot be opened, and nobody can sign in. Stop the server now and restore data.key from a backup")
	}
	return err
}

// listen opens both addresses before serving, so that an address in use is found at once.
func (a *App) listen() (err error) {
	if a.c.MeterCA != "" && a.c.TLSCert == "" {
		return fmt.Errorf("%w: meters' certificates need TLS", ErrCertificate)
	}
	if a.c.CertificatesOnly && a.c.MeterCA == "" {
		return fmt.Errorf("%w: to refuse meters' passwords, name the authority of their certificates", ErrCertificate)
	}
	if a.c.TLSCert != "" {
		if a.certificate, err = openCertificate(a.c); err != nil {
			return err
		}
		a.tls = a.certificate.config()
	}
	web := a.crowd("HTTP", listen.Few())
	if a.http, err = listenFor(web, config.HTTP, a.c.HTTP, "HTTP"); err != nil {
		return err
	}
	if a.c.Metrics != "" {
		if a.metrics, err = listenFor(web, config.Metrics, a.c.Metrics, "metrics"); err != nil {
			return err
		}
	}
	if a.mqtt, err = listenFor(a.crowd("meters", listen.Many()), config.MQTT, a.c.MQTT, "meters"); err != nil {
		return err
	}
	c := gateway.Config{Listener: a.mqtt, TLS: a.tls, Limits: a.c.Gateway, Now: a.c.Now, Log: a.log,
		Inbox: a.ingest, Auth: a.meterLogin, StillSignedIn: a.stillSignedIn, OnConnected: a.connected, OnDisconnected: a.disconnected}
	if a.c.MeterCA != "" {
		c.Trust, c.Certified, c.CertificatesOnly = a.trusts, a.certified, a.c.CertificatesOnly
	}
	a.gateway, err = gateway.New(c)
	return err
}

// connected is called when a meter begins to listen. If several servers share the database, it claims the session first.
func (a *App) connected(who registry.Identity) {
	if a.presence != nil {
		a.presence.Connected(who)
		return
	}
	a.outbox.Wake(who.Tenant, who.Number)
}

// disconnected is called when a meter's connection has ended.
func (a *App) disconnected(who registry.Identity) {
	if a.presence != nil {
		a.presence.Disconnected(who)
	}
}

// meterConnected reports whether the meter is connected, here or to another server.
func (a *App) meterConnected(number string) bool {
	return a.gateway.Connected(number) || a.legacyConnected(number) || a.presence != nil && a.presence.Elsewhere(number)
}

// meterLogin tells the gateway who a meter is. It logs errors here: the meter only learns that it may not connect.
func (a *App) meterLogin(ctx context.Context, number, password string) (registry.Identity, bool) {
	who, ok, err := a.registry.MQTTIdentity(ctx, number, password)
	if err != nil {
		a.log.Error("meter login failed", logkey.Err, err)
		return registry.Identity{}, false
	}
	return who, ok
}

// certified tells the gateway who a meter is whose certificate has been checked.
func (a *App) certified(ctx context.Context, number string) (registry.Identity, bool) {
	who, ok, err := a.registry.CertifiedIdentity(ctx, number)
	if err != nil {
		a.log.Error("meter login failed", logkey.Err, err)
		return registry.Identity{}, false
	}
	return who, ok
}

// Ready returns the addresses on which the server accepts connections.
func (a *App) Ready() (http, mqtt string) { return a.http.Addr().String(), a.mqtt.Addr().String() }

// Metrics returns the address of /metrics; empty if it has none of its own.
func (a *App) Metrics() string {
	if a.metrics == nil {
		return ""
	}
	return a.metrics.Addr().String()
}

// Locked reports whether the key store is locked.
func (a *App) Locked() bool { return a.keys.Locked() }

// SetupPath is the path of the page that creates the first owner, with its one-time code; empty once there is an owner.
func (a *App) SetupPath() string {
	if a.setup.Reveal() == "" {
		return ""
	}
	return "/setup?code=" + a.setup.Reveal()
}

// close closes everything that New has opened, in the end the database and then its lock.
func (a *App) close() error {
	a.stop()
	var errs []error
	listeners := []net.Listener{a.http, a.metrics, a.mqtt}
	for _, l := range a.legacy {
		listeners = append(listeners, l.socket)
	}
	if a.shared != nil {
		listeners = append(listeners, a.shared.socket)
	}
	if a.mirror != nil {
		listeners = append(listeners, a.mirror.socket)
	}
	for _, l := range listeners {
		if l != nil {
			errs = append(errs, ignoreClosed(l.Close()))
		}
	}
	if a.keys != nil {
		a.keys.Lock()
	}
	if a.engine != nil {
		errs = append(errs, a.engine.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Release())
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// tenant is the only tenant that this version serves.
const tenant = store.FirstTenant
