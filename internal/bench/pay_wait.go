package bench

// How long a confirmed payment waits for its sale, at every kind of provider that calls. The simulator plays the providers over HTTP, as they are:
// with questions, answers that come later, and pages.

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// Sizes of the measurement. A person may ask for 60 payments in an hour, so the providers that take only what is requested get few.
const (
	paysUnasked = 40
	paysAsked   = 11
	payEvery    = 100 * time.Millisecond // between two payments of a provider
	soonSold    = 3 * time.Second        // in which a confirmed payment must be sold, p99
	waitsLimit  = 3 * time.Minute
)

// door is an address that is known before the server's. Providers call it, and it passes their calls on.
type door struct {
	url  string
	to   atomic.Pointer[string]
	http *http.Server
}

func openDoor() (*door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the calls of providers: %w", err)
	}
	d := &door{url: "http://" + l.Addr().String()}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if to, err := url.Parse(*d.to.Load()); err == nil {
			r.SetURL(to)
		}
	}}
	d.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.to.Load() == nil {
			http.Error(w, "the server has not started", http.StatusServiceUnavailable)
			return
		}
		pass.ServeHTTP(w, r)
	})}
	go func() { _ = d.http.Serve(l) }() // ends when the door is closed
	return d, nil
}

func (d *door) close() { _ = d.http.Close() }

// played is a kind of provider and what the server needs to speak to its simulator.
type played struct {
	kind            string
	as              sim.Provider
	config, secrets map[string]any
	secret          string // of what it sends; empty if it learns its addresses by a request
	asked           bool   // it takes only what the server requests
	phones          bool   // it asks telephones
	ceilings        bool   // it cannot be asked
}

// playedAt lists every kind of provider that calls. The server reaches the simulator under an address.
func playedAt(at string) []played {
	const till = `(?P<txn>[A-Z0-9]{10}) Confirmed\. on (?P<date>\S+) at (?P<time>\S+ [AP]M) Ksh(?P<amount>[0-9,.]+) received from .*? (?P<payer>[0-9]+)\. Account Number (?P<reference>.*) New Utility balance`
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	type m = map[string]any
	return []played{
		{kind: "mpesa", as: sim.Daraja, config: m{"allow_private": true, "base_url": at + "/daraja", "short_code": "600000", "initiator": "api"},
			secrets: m{"consumer_key": "consumer-key", "consumer_secret": "consumer-secret", "passkey": "passkey", "security_credential": "sealed"}},
		{kind: "webhook", as: sim.Webhook, secret: secret, config: m{"allow_private": true, "ask_url": at + "/webhook/payments/{id}"}, secrets: m{"signing": secret, "bearer": "webhook-key"}},
		{kind: "sms", as: sim.SMS, secret: "0123456789abcdef0123456789abcdef", ceilings: true, secrets: m{"secret": "0123456789abcdef0123456789abcdef"},
			config: m{"allow_private": true, "senders": []string{"MPESA"}, "currency": "KES", "time_zone": "Africa/Nairobi", "patterns": []m{{"text": till, "layout": "2/1/06 3:04 PM"}}}},
		{kind: "momo", as: sim.MoMo, asked: true, phones: true, config: m{"allow_private": true, "url": at + "/momo", "environment": "mtnkenya", "callbacks": true},
			secrets: m{"api_user": "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10", "api_key": "api-key", "subscription_key": "subscription-key"}},
		{kind: "airtel", as: sim.Airtel, asked: true, phones: true, secret: "airtel-hash", config: m{"allow_private": true, "url": at + "/airtel", "country": "KE", "currency": "KES", "dial": "254"},
			secrets: m{"client_id": "airtel-id", "client_secret": "airtel-secret", "hash": "airtel-hash"}},
		{kind: "stripe", as: sim.Stripe, asked: true, secret: "whsec_simulator", config: m{"allow_private": true, "url": at + "/stripe", "success_url": "https://power.example/"},
			secrets: m{"key": "sk_test_simulator", "signing": "whsec_simulator"}},
		{kind: "paystack", as: sim.Paystack, asked: true, secret: "none", config: m{"allow_private": true, "url": at + "/paystack", "email": "power@example.org"}, secrets: m{"key": "sk_test_simulator"}},
		{kind: "flutterwave", as: sim.Flutterwave, asked: true, secret: "the hash", config: m{"allow_private": true, "url": at + "/flutterwave", "email": "power@example.org", "return_url": "https://power.example/"},
			secrets: m{"key": "flutterwave-key", "hash": "the hash"}},
	}
}

// waited is how long the payments of a provider waited, in milliseconds.
type waited struct {
	Payments      int     `json:"payments"`
	P50           float64 `json:"p50_ms"`
	P99           float64 `json:"p99_ms"`
	FromTheNotice float64 `json:"heard_to_sold_p99_ms"` // what the provider needs for its own answer is in it
}

// measureWaits lets people pay at every provider at the same time, and measures how long each payment waited between its confirmation and its sale.
func (b *Pay) measureWaits(ctx context.Context, say Say, s *shop, address, key string) (map[string]waited, error) {
	plays := sim.New(sim.Config{})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen as payment providers: %w", err)
	}
	served := &http.Server{Handler: plays.Handler(), ReadHeaderTimeout: time.Minute}
	defer served.Close()
	go func() { _ = served.Serve(l) }() // ends when it is closed
	ran := make(chan error, 1)
	go func() { ran <- plays.Run(ctx) }()
	defer func() { stop(); <-ran }()
	api, err := client.New(address, key, client.Config{})
	if err != nil {
		return nil, err
	}
	all := playedAt("http://" + l.Addr().String())
	say("payments at %d providers, at the same time", len(all))
	began := time.Now()
	want := 0
	for _, p := range all {
		if err := p.begin(ctx, api, plays, address); err != nil {
			return nil, fmt.Errorf("bench pay: begin with %s: %w", p.kind, err)
		}
		want += p.count()
	}
	if err := inParallel(len(all), len(all), func(i int) error { return all[i].pay(ctx, api, plays, s.numbers) }); err != nil {
		return nil, err
	}
	return s.waits(ctx, began, want)
}

func (p played) count() int {
	if p.asked {
		return paysAsked
	}
	return paysUnasked
}

// begin adds the provider to the server, and tells each the address of the other.
func (p played) begin(ctx context.Context, api *client.Client, plays *sim.Simulator, address string) error {
	n := apiv1.NewPaymentProvider{Name: p.kind, Kind: p.kind, Config: p.config, Secrets: p.secrets}
	if p.ceilings {
		n.MaxSingleMinor, n.MaxDailyMinor = 1_000_000, 1_000_000_000
	}
	added, err := api.AddPaymentProvider(ctx, n)
	if err != nil {
		return err
	}
	if p.secret != "" {
		if err := plays.SetEndpoint(p.as, sim.Endpoint{URL: address + added.Path + "in", Secret: p.secret}); err != nil {
			return err
		}
	}
	if p.asked {
		return plays.SetBehaviour(p.as, "*", sim.Behaviour{Do: sim.ActPay, After: sim.Duration(time.Second)})
	}
	_, err = api.RegisterPaymentProvider(ctx, p.kind)
	return err
}

// pay lets somebody pay again and again.
func (p played) pay(ctx context.Context, api *client.Client, plays *sim.Simulator, meters []string) error {
	for i := range p.count() {
		meter, amount := meters[i%len(meters)], int64(50_000+100*i)
		var err error
		if p.asked {
			body := apiv1.PaymentRequestBody{Meter: meter, AmountMinor: amount, Provider: p.kind}
			if p.phones {
				body.Phone = fmt.Sprintf("+2547%08d", i)
			}
			_, err = api.RequestPayment(ctx, body, "")
		} else {
			_, err = plays.Pay(sim.Order{Provider: p.as, Amount: amount, Reference: meter, Payer: fmt.Sprintf("2547%08d", i), Name: "AMINA ODHIAMBO"})
		}
		if err != nil {
			return fmt.Errorf("bench pay: pay at %s: %w", p.kind, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(payEvery):
		}
	}
	return nil
}

// waits reads how long the payments since a time waited, once so many have their sales.
func (s *shop) waits(ctx context.Context, since time.Time, want int) (out map[string]waited, err error) {
	c, err := sqlite.OpenConn(filepath.Join(s.dir, "paywatt.db"), sqlite.OpenReadOnly)
	if err != nil {
		return nil, fmt.Errorf("open the database to read: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for limit := time.Now().Add(waitsLimit); ; {
		confirmed, heard := map[string][]time.Duration{}, map[string][]time.Duration{}
		sold := 0
		err := sqlitex.Execute(c, `SELECT p.provider, p.created_at, p.confirmed_at, v.completed_at FROM payment p JOIN vend v ON v.tenant_id = p.tenant_id AND v.id = p.vend_id
			WHERE p.created_at >= ?`, &sqlitex.ExecOptions{Args: []any{since.UnixMicro()}, ResultFunc: func(r *sqlite.Stmt) error {
			sold++
			name := r.ColumnText(0)
			between := func(from int) time.Duration {
				return time.Duration(r.ColumnInt64(3)-r.ColumnInt64(from)) * time.Microsecond
			}
			heard[name] = append(heard[name], between(1))
			confirmed[name] = append(confirmed[name], between(2))
			return nil
		}})
		if err != nil {
			return nil, fmt.Errorf("read how long payments waited: %w", err)
		}
		if sold >= want {
			return waitsOf(confirmed, heard), nil
		}
		if time.Now().After(limit) {
			return nil, fmt.Errorf("bench pay: %d of %d payments have no sale after %s", want-sold, want, waitsLimit)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func waitsOf(confirmed, heard map[string][]time.Duration) map[string]waited {
	ms := func(all []time.Duration, share int) float64 {
		all = slices.Sorted(slices.Values(all))
		return float64(all[(len(all)-1)*share/100].Microseconds()) / 1000
	}
	out := map[string]waited{}
	for name, all := range confirmed {
		last := slices.Max(all) // of few payments the slowest is their p99
		w := waited{Payments: len(all), P50: ms(all, 50), P99: ms(all, 99), FromTheNotice: ms(heard[name], 100)}
		if len(all) < 100 {
			w.P99 = float64(last.Microseconds()) / 1000
		}
		out[name] = w
	}
	return out
}

// soonEnough reports whether the confirmed payments of every provider were sold in time.
func soonEnough(all map[string]waited) bool {
	for _, w := range all {
		if w.P99 > float64(soonSold.Milliseconds()) {
			return false
		}
	}
	return len(all) > 0
}
