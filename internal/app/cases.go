package app

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/presence"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/web/console"
	"github.com/paywatt/paywatt/internal/web/portal"
	"github.com/paywatt/paywatt/internal/words"
)

// openCases makes the use cases. Requests of people and tills use the lane of sales; background work waits behind them.
func (a *App) openCases() (err error) {
	a.access, err = access.New(access.Config{Hasher: a.data, Vault: a.data, FactorOptional: a.c.Test, Now: a.c.Now, Rand: a.c.Rand, Argon: a.c.PasswordCost,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) access.Tx { return tx })})
	if err != nil {
		return err
	}
	a.registry = registry.New(registry.Config{Sealer: a.data, TestKeys: a.keys, Connected: a.meterConnected, Now: a.c.Now, Rand: a.c.Rand,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx })})
	a.history = metering.NewHistory(store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) metering.Tx { return tx }))
	a.reports = report.New(store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) report.Tx { return tx }), a.data, a.engine.keys)
	a.wallets = wallet.New(wallet.Config{Sealer: a.data, Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) wallet.Tx { return tx })})
	a.configs = meterconfig.New(meterconfig.Config{Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) meterconfig.Tx { return tx })})
	a.silence = silence.New(silence.Config{Connected: a.meterConnected, Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) silence.Tx { return tx })})
	a.quarantine = quarantine.New(quarantine.Config{Hasher: a.data, Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) quarantine.Tx { return tx })})
	a.doctor = diagnosis.New(diagnosis.Config{Keys: a.keys.Reader(), Hasher: a.data, Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) diagnosis.Tx { return tx })})

	courier := command.NewCourier(store.DoorTo(a.engine, store.Job, func(tx *store.Tx) command.CourierTx { return tx }), a.data, a.gateway, a.c.Now)
	host := ""
	if a.engine.shared != nil {
		host = a.holder
		courier.Roaming()
		a.presence = presence.New(presence.Config{Instance: host, Name: a.name, Drop: a.gateway.Drop, Now: a.c.Now, Log: a.log,
			Took: func(t access.Tenant, number string) { a.outbox.Wake(t, number) },
			Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) presence.Tx { return tx })})
	}
	a.outbox = job.NewOutbox(job.OutboxConfig{Lane: job.LaneMQTT, Owner: a.holder, Host: host, Sender: courier, Every: a.c.OutboxEvery, Now: a.c.Now, Log: a.log,
		Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) job.OutboxTx { return tx })})
	a.notices = job.NewOutbox(job.OutboxConfig{Lane: job.LaneNotice, Owner: a.holder, Now: a.c.Now, Log: a.log,
		Sender: a.noticeSender(),
		Door:   store.DoorTo(a.engine, store.Job, func(tx *store.Tx) job.OutboxTx { return tx })})
	a.refills = recharge.New(recharge.Config{Doctor: a.doctor, Sealer: a.data, Now: a.c.Now, Kick: a.kick,
		Texts: func() bool { return a.sends(sale.RouteMeterSMS) },
		Door:  store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) recharge.Tx { return tx })})
	a.commands = command.New(store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) command.Tx { return tx }), a.c.Now)
	a.vending = vending.New(vending.Config{Issuer: plantIssuer(&issuer{Issuer: a.keys.Issuer(), unsound: a.soundness}), Sealer: a.data,
		Now: a.c.Now, Running: a.own, Machine: machineUp, Synced: a.synced, Rand: a.c.Rand, Kick: a.kick, Log: a.log,
		Online: a.gateway.Connected, Sends: a.sends, Registry: a.registry, PublicURL: a.c.PublicURL, Sound: a.soundness,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) vending.Tx { return tx })})
	a.debts = debt.New(debt.Config{Sealer: a.data, Now: a.c.Now, MayDate: a.vending.MayDate,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) debt.Tx { return tx })})
	a.vendors = vendor.New(vendor.Config{Sealer: a.data, Now: a.c.Now, MayDate: a.vending.MayDate,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) vendor.Tx { return tx })})
	a.tills = till.New(till.Config{Sealer: a.data, Now: a.c.Now, MayDate: a.vending.MayDate,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) till.Tx { return tx })})
	a.days = dayclose.New(dayclose.Config{Hasher: a.data, Now: a.c.Now, MayDate: a.vending.MayDate,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) dayclose.Tx { return tx })})
	a.openPayments()
	a.openWebhooks()
	a.imports = imports.New(imports.Config{Registry: a.registry, Debts: a.debts, Sealer: a.data, Uploads: a.uploads, Now: a.c.Now,
		Door: store.DoorTo(a.engine, store.Job, func(tx *store.Tx) imports.Tx { return tx })})
	a.adoption = a.adopting()
	a.access.Serve(a.doers())
	a.access.Describe(a.aboutAct)
	a.runner = job.NewRunner(store.DoorTo(a.engine, store.Job, func(tx *store.Tx) tasksTx { return tx }), a.holder, a.c.Now, a.log, tasks(a.clockDoubted)...)
	return a.openSetup()
}

// doers returns the executors of all actions that a second person can approve. Some of these actions have two kinds of request:
// clearing a meter's credit, for example, is requested as a command or as a token.
func (a *App) doers() access.Executors {
	all := a.vending.Executors()
	for act, send := range a.commands.Executors() {
		if give, both := all[act]; both {
			send = access.ByField(command.DoorField, send, give)
		}
		all[act] = send
	}
	all[access.ActForce] = access.ByField(command.DoorField, all[access.ActForce], func(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
		return a.answering().Toggle(ctx, maker, body)
	})
	for _, more := range []access.Executors{a.debts.Executors(), a.imports.Executors(), a.vendors.Executors(), a.tills.Executors(), a.registry.Executors(), a.quarantine.Executors(), a.wallets.Executors(), a.configs.Executors(), a.adoption.Executors(), a.payments.Executors(), a.vouchers.Executors(), a.statements.Executors(), a.webhooks.Executors()} {
		maps.Copy(all, more)
	}
	return all
}

// holder names this process among all that may serve the same database; see [ServerName] for a name that lasts. Containers can have the same host
// name and process number, so the name has random characters too.
func holder() string {
	return fmt.Sprintf("%s/%d/%s", readHostName(), os.Getpid(), lot())
}

// openSetup makes the random code of the set-up page. If an owner can already sign in, it makes no code.
func (a *App) openSetup() error {
	var owners int
	err := a.engine.View(context.Background(), tenant, func(tx *store.Tx) (err error) {
		owners, err = tx.ActivePeople(access.Owner)
		return err
	})
	if err != nil || owners > 0 {
		return errors.Join(err, a.giveKeys())
	}
	code := make([]byte, 20)
	if _, err := io.ReadFull(a.c.Rand, code); err != nil {
		return fmt.Errorf("make the set-up code: %w", err)
	}
	a.setup = access.SecretOf(strings.ToLower(base32.StdEncoding.EncodeToString(code)))
	return nil
}

// giveKeys gives the API keys of nobody to the only person of a utility of an older version. On a full disk the keys stay as they are.
func (a *App) giveKeys() error {
	given, err := a.access.TakeOver(context.Background(), access.SystemActor(tenant, "start"))
	if errors.Is(err, store.ErrFull) {
		return nil
	}
	if given.Keys > 0 {
		a.log.Info("API keys given to the only person", logkey.Count, given.Keys)
	}
	return err
}

// openHTTP puts the API and the console behind one address.
func (a *App) openHTTP() error {
	if err := a.count(); err != nil {
		return err
	}
	if a.c.Languages == nil {
		var err error
		if a.c.Languages, err = words.Open(); err != nil {
			return err
		}
	}
	found := search.New(store.DoorTo(a.engine, store.Sale, (*store.Tx).Searching), a.data)
	needs := overview.New(overview.Cases{Registry: a.registry, Vending: a.vending, Messages: a.messages, Quarantine: a.quarantine, Access: a.access, History: a.history, Tills: a.tills, Days: a.days, Payments: a.payments}, a.c.Now, a.lastBackup(), a.shownStandbys)
	papered := office.New(office.Config{Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) office.Tx { return tx }),
		Tills: a.tills, Days: a.days, Debts: a.debts, Wallets: a.wallets, Vending: a.vending, Now: a.c.Now})
	times := timeline.New(timeline.Config{Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) timeline.Tx { return tx }), Wallets: a.wallets, Sealer: a.data, Now: a.c.Now})
	landlord := flats.New(flats.Config{Door: store.DoorTo(a.engine, store.Sale, (*store.Tx).Flats), Office: papered, Languages: a.c.Languages, Now: a.c.Now, Registry: a.registry, Timelines: times, Sealer: a.data})
	v1, err := api.New(api.Config{
		Cases: api.Cases{Access: a.access, Registry: a.registry, Vending: a.vending, Debts: a.debts, Vendors: a.vendors, Tills: a.tills, Days: a.days, Payments: a.payments, Vouchers: a.vouchers, Reconciliations: a.statements, Webhooks: a.webhooks, Imports: a.imports, History: a.history, Commands: a.commands, Reports: a.reports, Diagnoses: a.doctor, Wallets: a.wallets, Quarantine: a.quarantine, Recharges: a.refills,
			Adoption: a.adoption, Configs: a.configs,
			Devices: a.answering(), Messages: a.messages, PageLinks: a.links, Search: found, Overview: needs, Timelines: times, Office: papered, Flats: landlord},
		Cursors: a.data, Uploads: a.uploads, Keeper: &keeper{engine: a.engine, data: a.data}, Languages: a.c.Languages, Papers: papers(), Ready: a.notReady, Standbys: a.shownStandbys, Fault: faultOf, Version: a.c.Version, Metrics: a.gauges, Log: a.log, Now: a.c.Now,
		Rand: a.c.Rand, Limits: a.c.API, Network: a.network(),
	})
	if err != nil {
		return err
	}
	a.spool = newSpool(a.c)
	pages, err := console.New(console.Config{Forms: &keeper{engine: a.engine, data: a.data}, Tenant: tenant, Access: a.access, Registry: a.registry, Vending: a.vending, History: a.history, Reports: a.reports,
		Adoption: a.adoption, Configs: a.configs,
		Wallets: a.wallets, Quarantine: a.quarantine, Commands: a.commands, Recharges: a.refills, Messages: a.messages, Vendors: a.vendors, Payments: a.payments, Vouchers: a.vouchers, Webhooks: a.webhooks, Reconciliations: a.statements, Tills: a.tills, Days: a.days, Imports: a.imports, Devices: a.answering(), Search: found, Diagnoses: a.doctor, Debts: a.debts, PageLinks: a.links, Logins: newLogins(a.engine, a.c, a.data), Overview: needs, Timelines: times,
		Office: papered, Flats: landlord, Spool: a.spool, Uploads: a.uploads,
		Export: exporting(v1), Now: a.c.Now, Rand: a.c.Rand, Log: a.log, Version: a.c.Version.Version, Secure: a.tls != nil, Test: a.c.Test,
		PanelURL: a.c.PanelURL, Tour: a.c.Tour, Languages: a.c.Languages, SetupCode: a.setup, Hash: a.data.Hash})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, path := range api.Paths() {
		mux.Handle(path, a.endStreams(v1))
	}
	mux.Handle("/hooks/sms/", v1.Guard("hooks", a.hooks(), nil))
	mux.Handle(payment.HookPath, v1.Guard("hooks", http.HandlerFunc(a.hearProvider), nil))
	customers := portal.New(portal.Config{Tenant: tenant, Links: a.links, Registry: a.registry, Vending: a.vending, Wallets: a.wallets, Timelines: times,
		Recharges: a.refills, Messages: a.messages, Payments: a.payments, Vouchers: a.vouchers, Languages: a.c.Languages, PublicURL: a.c.PublicURL, Secure: a.tls != nil, Test: a.c.Test,
		Now: a.c.Now, Rand: a.c.Rand, Log: a.log})
	mux.Handle(pagelink.Prefix, v1.Guard("portal", customers, customers.Refuse))
	mux.Handle("/", v1.Guard("console", a.endStreams(pages), pages.Refuse))
	a.handler, a.metered = plantHandler(mux), v1.OwnMetrics()
	return nil
}

// endStreams ends event streams when the server stops; they would not end by themselves.
func (a *App) endStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/event-stream") || r.URL.Path == api.StreamPath {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(a.stopping, cancel)()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// network says how requests reach the server.
func (a *App) network() api.Network {
	return api.Network{Proxies: a.c.Proxies, Hosts: a.c.Hosts, TLS: a.tls != nil, OwnMetrics: a.metrics != nil}
}

// server is an HTTP server for a handler.
func (a *App) server(h http.Handler) *http.Server {
	s := api.NewServer(h, a.network(), a.log)
	s.RegisterOnShutdown(a.stop)
	if a.tls != nil {
		s.TLSConfig = a.tls.Clone()
	}
	return s
}

// tasksTx is what the recurring tasks need of a transaction.
type tasksTx interface {
	job.RunTx
	OnceSweep(max int) (int, error)
	HoldExpire(max int) (int, error)
	ExpireCommands(max int) (int, error)
	notify.ForgetTx
	wallet.VisibilityTx
}

// sweepBatch bounds how many rows one recurring transaction removes; later transactions remove the rest.
const sweepBatch = 400

// tasks returns the recurring tasks. They run at every tick; each of them is harmless to repeat. While the clock is in doubt,
// nobody is cut off, and nothing expires or is deleted.
func tasks(doubted func() bool) []job.Task[tasksTx] {
	task := func(name string, do func(tx tasksTx, now time.Time) error) job.Task[tasksTx] {
		return job.Task[tasksTx]{Name: name, Do: func(tx tasksTx, now time.Time) error {
			if doubted() {
				return nil
			}
			return do(tx, now)
		}}
	}
	return []job.Task[tasksTx]{
		task("forget old answers", func(tx tasksTx, _ time.Time) error { _, err := tx.OnceSweep(sweepBatch); return err }),
		task("expire holds", func(tx tasksTx, _ time.Time) error { _, err := tx.HoldExpire(sweepBatch); return err }),
		{Name: "look out for meters", First: func(tx tasksTx) (bool, error) { return wallet.Wake(tx, sweepBatch) }, Do: func(tx tasksTx, _ time.Time) error {
			if doubted() {
				return wallet.NoteBlind(tx)
			}
			return wallet.NoteSeen(tx)
		}},
		task("expire commands", func(tx tasksTx, _ time.Time) error { _, err := tx.ExpireCommands(sweepBatch); return err }),
		task("forget old messages", func(tx tasksTx, now time.Time) error { return notify.Forget(tx, now, sweepBatch) }),
	}
}

// papers are the formats in which receipts are laid out.
func papers() map[string]api.Paper {
	text := func(lay func(*words.Texts, receipt.Receipt) string) api.Paper {
		return api.Paper{ContentType: "text/plain; charset=utf-8", Lay: func(say *words.Texts, r receipt.Receipt) (string, error) { return lay(say, r), nil }}
	}
	// No message contains an empty line.
	sms := func(say *words.Texts, r receipt.Receipt) string {
		return strings.Join(print.SMS(say, r), "\n\n") + "\n"
	}
	return map[string]api.Paper{"text32": text(print.Text32), "text48": text(print.Text48), "sms": text(sms),
		"escpos58": {ContentType: "application/octet-stream", Lay: print.ReceiptESCPOS(print.Roll{Columns: 32, CodePage: print.CP858})},
		"escpos80": {ContentType: "application/octet-stream", Lay: print.ReceiptESCPOS(print.Roll{Columns: 48, CodePage: print.CP858})},
		"pdf":      {ContentType: "application/pdf", Lay: print.ReceiptPDF},
		"html":     {ContentType: "text/html; charset=utf-8", Policy: print.HTMLPolicy(), Lay: print.HTML}}
}
