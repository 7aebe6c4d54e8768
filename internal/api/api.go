// Package api is the HTTP interface of Paywatt, /v1: it authenticates, reads requests strictly, calls the use cases, and
// writes answers. Business rules are elsewhere.
//
// Start at [New]; [Config] lists what it needs. Requests go through one chain (chain.go): an id and a log line, recovery from
// panics, limits, the key, the whole body. Every answer of status 400 and above is a [Problem] (RFC 9457), also where the
// router and the framework would write text. A sale's answer is made inside the sale's transaction and sent byte for byte, so
// that a repetition under the same Idempotency-Key gets the same bytes.
//
// The OpenAPI 3.1 document is generated from Go types; openapi.json beside the handlers is its committed copy, and a test
// fails if they differ. /docs is rendered from it on the server, without scripts.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/overview"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/report"
	"github.com/paywatt/paywatt/internal/search"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/upload"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/webhook"
	"github.com/paywatt/paywatt/internal/words"
)

// Limits bounds what the server accepts at once. The zero value of a field means its default.
type Limits struct {
	InFlight      int     // requests answered at the same time; default 1,024
	PerSecond     float64 // requests per second and network address, before any key is looked up; default 300
	Burst         int     // how many of them may come at once; default 600
	Addresses     int     // how many addresses are remembered; default 10,000
	LimitLoopback bool    // also limit this machine's own requests
}

func (l Limits) orDefaults() Limits {
	l.InFlight, l.PerSecond = cmp.Or(l.InFlight, 1024), cmp.Or(l.PerSecond, 300)
	l.Burst, l.Addresses = cmp.Or(l.Burst, 600), cmp.Or(l.Addresses, 10_000)
	return l
}

// Cases are the use cases behind the routes.
type Cases struct {
	Access          *access.Access
	Registry        *registry.Registry
	Vending         *vending.Vending
	Debts           *debt.Debts
	Vendors         *vendor.Vendors
	Tills           *till.Tills
	Days            *dayclose.Days
	Payments        *payment.Payments
	Vouchers        *voucher.Vouchers
	Reconciliations *reconcile.Statements
	Webhooks        *webhook.Webhooks
	Imports         *imports.Imports
	History         *metering.History
	Commands        *command.Commands
	Reports         *report.Reports
	Diagnoses       *diagnosis.Doctor
	Wallets         *wallet.Wallets
	Timelines       *timeline.Timeline
	Quarantine      *quarantine.Quarantine
	Recharges       *recharge.Deliverer
	Devices         *profile.Devices
	Adoption        *profile.Adoption
	Configs         *meterconfig.Configs
	Messages        *notify.Dispatcher
	PageLinks       *pagelink.Links
	Search          *search.Search
	Overview        *overview.Overview
	Flats           *flats.Flats
	Office          *office.Office
}

// Paper is a form of receipts.
type Paper struct {
	ContentType string
	Policy      string // content security policy; empty for an answer that is not a page
	Lay         func(*words.Texts, receipt.Receipt) (string, error)
}

// Config is what an API needs; every field but Limits and Network is required.
type Config struct {
	Cases
	// Cursors signs the cursors of those lists whose use case does not sign them.
	Cursors registry.Hasher
	// Keeper stores answers of requests that move no money but carry an Idempotency-Key.
	Keeper AnswerStore
	// Uploads makes room for uploaded files.
	Uploads *upload.Gate
	// Languages are the texts of answers in each language.
	Languages *words.Languages
	// Papers lays out receipts, by the name of the format; the format json needs no entry.
	Papers map[string]Paper
	// Ready lists what keeps the server from being ready; empty means that it is.
	Ready func() []refusal.Refusal
	// Standbys returns which standbys follow the database; nil if there are none and none are expected.
	Standbys func() *overview.Standbys
	// Fault classifies an error of a use case: storage-full, outcome-unknown ... or internal for any other.
	Fault   func(error) refusal.Code
	Version apiv1.Version
	Metrics *prometheus.Registry // shared with other packages that count
	Log     *slog.Logger
	Now     func() time.Time
	Rand    io.Reader // for request ids; safe for concurrent use
	Limits  Limits
	Network Network
}

// API is the HTTP interface. It has no state that must be closed.
type API struct {
	c       Config
	say     *words.Texts // texts in English
	limit   *limiter
	metrics *metrics
	flights flights
	slots   chan struct{} // has one slot for each request that is being answered
	streams *access.Readers
	gzip    func(http.Handler) http.HandlerFunc
	handler http.Handler
	inner   *http.ServeMux  // handler without the checks of who asks and how often
	lists   map[string]bool // patterns of the routes that answer with a list
}

// open lists the routes of the mux that need no key.
var open = map[string]struct{}{
	"GET /v1/openapi.json": {}, "GET /v1/openapi-3.0.json": {}, "GET /v1/version": {}, "GET /docs": {}, "GET /docs/topic/{topic}": {}, "GET /docs/docs.css": {},
	"GET /livez": {}, "GET /readyz": {},
}

// probes are routes that machines call often: no rate limit, any host name, and a log line only if they fail. A guarded handler can be one
// of them by its name.
var probes = map[string]struct{}{"GET /livez": {}, "GET /readyz": {}, metricsName: {}}

func needsKey(route string) bool {
	_, ok := open[route]
	return !ok
}

// New makes the API with all its routes.
func New(c Config) (*API, error) {
	c.Limits = c.Limits.orDefaults()
	a := &API{c: c, say: c.Languages.English(), slots: make(chan struct{}, c.Limits.InFlight), streams: access.NewReaders(maxStreams)}
	a.limit = newLimiter(c.Limits.PerSecond, c.Limits.Burst, c.Limits.Addresses, c.Now)
	var err error
	if a.gzip, err = newGzip(); err != nil {
		return nil, err
	}
	if a.metrics, err = newMetrics(c.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	mux := http.NewServeMux()
	spec := a.routes(mux)
	// Each document is generated at its first request: generating all of them takes longer than opening the database.
	mux.HandleFunc("GET /v1/openapi.json", a.page("application/openapi+json", func() ([]byte, error) { return json.Marshal(spec) }))
	mux.HandleFunc("GET /v1/openapi-3.0.json", a.page("application/openapi+json", spec.Downgrade)) // for generators that cannot read 3.1
	a.docsRoutes(mux, spec)
	if !c.Network.OwnMetrics {
		mux.Handle("GET /metrics", a.metricsForKeys())
	}
	a.inner = mux
	a.handler = a.guard(readable(a.routed(mux)), func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }, nil)
	return a, nil
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// routes registers every operation and returns the document that they make.
func (a *API) routes(mux *http.ServeMux) *huma.OpenAPI {
	a.lists = map[string]bool{}
	reg := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	spec := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Paywatt", Version: "1",
			Description: "Sell STS tokens, read meters and send them commands. Errors are RFC 9457 problems with a stable code. " +
				"A client that asks too often gets 429 with Retry-After.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
		Components: &huma.Components{Schemas: reg, SecuritySchemes: map[string]*huma.SecurityScheme{
			"key": {Type: "http", Scheme: "bearer", Description: "An API key: pk_ and 43 characters"}}},
		Security: []map[string][]string{{"key": {}}},
	}
	h := humago.New(mux, huma.Config{OpenAPI: spec, Formats: formats(), DefaultFormat: jsonType,
		RejectUnknownQueryParameters: true, Transformers: []huma.Transformer{translate}})
	h.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(&statusFix{humaContext: ctx}) })
	r := router{a: a, huma: h, problem: reg.Schema(reflect.TypeFor[Problem](), true, "")}
	for _, add := range []func(router){a.tariffRoutes, a.meterRoutes, a.historyRoutes, a.alarmRoutes, a.commandRoutes, a.supplyRoutes, a.meterConfigRoutes, a.deviceRoutes, a.adoptionRoutes,
		a.vendRoutes, a.searchRoutes, a.overviewRoutes, a.flatRoutes, a.vendorRoutes, a.paymentRoutes, a.voucherRoutes, a.reconciliationRoutes, a.webhookRoutes, a.shiftRoutes, a.closedDayRoutes, a.importRoutes, a.reversalRoutes, a.debtRoutes, a.chargeRoutes, a.accountRoutes, a.statementRoutes, a.moveRoutes, a.walletRoutes, a.quarantineRoutes,
		a.messageRoutes, a.pageLinkRoutes, a.phoneRoutes, a.tokenRoutes, a.swapRoutes, a.rechargeRoutes, a.approvalRoutes, a.peopleRoutes, a.keyRoutes, a.dayRoutes, a.auditRoutes, a.headRoutes, a.diagnosisRoutes, a.ledgerRoutes,
		a.tariffChangeRoutes, a.timelineRoutes, a.feedRoutes, a.settingsRoutes, a.systemRoutes} {
		add(r)
	}
	for _, schema := range reg.Map() {
		for _, p := range schema.Properties {
			if p.Type == huma.TypeArray {
				p.Nullable = false // our lists are never null
			}
		}
	}
	spec.Tags = tags(spec)
	// huma registers its own error model, which no answer uses.
	delete(reg.Map(), "ErrorModel")
	delete(reg.Map(), "ErrorDetail")
	return spec
}

// tags lists the groups that the operations name, in alphabetical order.
func tags(spec *huma.OpenAPI) (out []*huma.Tag) {
	seen := map[string]bool{}
	for _, path := range spec.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete} {
			for i := 0; op != nil && i < len(op.Tags); i++ {
				seen[op.Tags[i]] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, &huma.Tag{Name: name, Description: "Operations on " + name + "."})
	}
	return out
}

// router registers operations with huma.
type router struct {
	a       *API
	huma    huma.API
	problem *huma.Schema
}

// of returns a reference to T's schema.
func of[T any](r router) *huma.Schema {
	return r.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// described adds to an operation the part that all operations have: a problem as the answer to every failure.
func (r router) described(op huma.Operation) huma.Operation {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	problem := &huma.Response{Description: "A problem; see its code.",
		Content: map[string]*huma.MediaType{problemType: {Schema: r.problem}}}
	op.Responses["4XX"], op.Responses["default"] = problem, problem
	return op
}

// query registers an operation without a body. I holds its parameters.
func query[I, O any](r router, op huma.Operation, fn func(ctx context.Context, by access.Actor, in *I) (*O, error)) {
	op.Method = http.MethodGet
	_, list := any(new(O)).(listing)
	if list {
		op.Metadata = map[string]any{listMark: true}
	}
	huma.Register(r.huma, r.described(op), func(ctx context.Context, in *I) (*O, error) {
		x := exchangeOf(ctx)
		out, err := fn(ctx, x.actor, in)
		if err != nil {
			return nil, r.a.problemFor(ctx, err)
		}
		if l, ok := any(out).(listing); ok {
			l.linked(x.target)
		}
		return out, nil
	})
	if list {
		r.a.lists["GET "+op.Path] = true
		r.huma.OpenAPI().Paths[op.Path].Get.Responses["200"].Content[csvType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
}

// remove registers an operation that ends something and has no body. I holds its parameters.
func remove[I, O any](r router, op huma.Operation, fn func(ctx context.Context, by access.Actor, in *I) (*O, error)) {
	op.Method = http.MethodDelete
	huma.Register(r.huma, r.described(op), func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, exchangeOf(ctx).actor, in)
		if err != nil {
			return nil, r.a.problemFor(ctx, err)
		}
		return out, nil
	})
}

// listMark says in an operation's metadata that its answer is a list, which may be requested as CSV.
const listMark = "list"

// formats are the content types of answers; lists can also be CSV.
func formats() map[string]huma.Format {
	out := maps.Clone(huma.DefaultFormats)
	out[csvType] = csvFormat()
	return out
}

// order registers an operation with a JSON body B, which decode reads strictly before fn is called.
func order[I, B, O any](r router, op huma.Operation, fn func(ctx context.Context, by access.Actor, in *I, body B) (*O, error)) {
	op.Method = http.MethodPost
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{jsonType: {Schema: of[B](r)}}}
	op.SkipValidateBody = true // the chain has read the body; decode is stricter and explains errors better
	huma.Register(r.huma, r.described(op), func(ctx context.Context, in *I) (*O, error) {
		x := exchangeOf(ctx)
		var body B
		if no := decode(x.body, &body); no.Refused() {
			return nil, x.unread(no)
		}
		out, err := fn(ctx, x.actor, in, body)
		if err != nil {
			return nil, r.a.problemFor(ctx, err)
		}
		return out, nil
	})
}

// unread is the problem of an unreadable request; it says what did not happen.
func (x *exchange) unread(no unreadable) *Problem {
	said := refuse.RequestChangedNothing(no.Refusal)
	switch {
	case x.route == sellRoute:
		said = refuse.RequestSoldNothing(no.Refusal)
	case x.sale:
		said = refuse.RequestMovedNothing(no.Refusal)
	}
	p := problemOf(said)
	if no.field != "" {
		p.Errors = []apiv1.FieldError{{Location: "body." + no.field, Message: no.What}}
	}
	return p
}

// Paths are the patterns of this package when it shares a mux with others.
func Paths() []string { return []string{"/v1/", "/docs", "/docs/", "/livez", "/readyz", "/metrics"} }
