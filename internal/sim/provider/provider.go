// Package provider plays the payment providers that Paywatt talks to: M-Pesa Daraja, MTN MoMo, Stripe Checkout, Paystack, a
// provider that signs its webhooks as Standard Webhooks 1.0 says, payments of which a till's telephone gets a text message, and a
// bank that only writes statements. Each keeps books of its own, so a test can compare what the providers took with what Paywatt
// credited, refunded and parked.
//
// It was written from the providers' documentation alone and shares no code with the server. It also plays Airtel Money and
// Flutterwave, from facts that nobody verified. It leaves out everything that Paywatt does not use, checks no card and moves no
// money.
//
// Start at [New]. [Simulator.Handler] serves the providers' interfaces below the providers' names, such as /daraja,
// and below /control the same calls that Go has as methods, such as [Simulator.Pay]. What a provider does wrong is decided by
// [Faults] and a seed: the same payments suffer the same faults, in whatever order the requests arrive.
//
// Time is an argument. [Config.Now] gives it, [Simulator.Advance] moves it and delivers on the way what is due. Without
// [Simulator.Run] nothing happens between two calls, so tests need no sleep.
package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Provider names a provider. The name is also the first part of its paths.
type Provider string

// The providers.
const (
	Daraja   Provider = "daraja"   // M-Pesa Daraja, Kenya
	MoMo     Provider = "momo"     // MTN MoMo, collection
	Stripe   Provider = "stripe"   // Stripe Checkout
	Paystack Provider = "paystack" // Paystack
	Webhook  Provider = "webhook"  // signs as Standard Webhooks 1.0 says
	SMS      Provider = "sms"      // a till whose telephone gets a text for each payment
	Bank     Provider = "bank"     // transfers, which appear in statements only

	Airtel      Provider = "airtel"      // Airtel Money; its facts are unverified
	Flutterwave Provider = "flutterwave" // Flutterwave, version 3; its facts are unverified
)

// All returns every provider.
func All() []Provider {
	return []Provider{Daraja, MoMo, Stripe, Paystack, Webhook, SMS, Bank, Airtel, Flutterwave}
}

// Credentials are what the providers' interfaces ask for. Empty fields have the values in quotes.
type Credentials struct {
	ConsumerKey    string `json:"consumer_key"`     // Daraja: "consumer-key"
	ConsumerSecret string `json:"consumer_secret"`  // Daraja: "consumer-secret"
	Passkey        string `json:"passkey"`          // Daraja: "passkey"
	APIUser        string `json:"api_user"`         // MoMo: "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10"
	APIKey         string `json:"api_key"`          // MoMo: "api-key"
	Subscription   string `json:"subscription_key"` // MoMo: "subscription-key"
	CallbackHost   string `json:"callback_host"`    // MoMo: the registered host of callbacks; empty accepts any
	StripeKey      string `json:"stripe_key"`       // "sk_test_simulator"
	PaystackKey    string `json:"paystack_key"`     // "sk_test_simulator"; it also signs the webhooks
	WebhookKey     string `json:"webhook_key"`      // bearer of GET /webhook/payments/{id}: "webhook-key"
	AirtelID       string `json:"airtel_id"`        // "airtel-id"
	AirtelSecret   string `json:"airtel_secret"`    // "airtel-secret"
	FlutterwaveKey string `json:"flutterwave_key"`  // "flutterwave-key"
}

// Config configures a [Simulator]. Its zero value works.
type Config struct {
	Seed        uint64           // decides which faults happen to what
	Now         func() time.Time // the clock before [Simulator.Advance]; nil is the real one
	Manual      bool             // Now stands still, so [Simulator.Run] waits for Advance and not for time
	ShortCode   string           // the pay bill of M-Pesa payments; default 600000
	Validation  bool             // M-Pesa asks the validation URL before it takes a payment; off unless the owner asked for it
	FeeBps      int64            // fee of each payment, in 1/10,000 of its amount, rounded half up; it leaves the account at once
	Credentials Credentials
	Client      *http.Client // sends callbacks; default: 10 s, and no redirects
}

// Limits of a simulator.
const (
	maxPayments  = 2_000_000
	maxLog       = 20_000  // deliveries that [Simulator.Callbacks] remembers
	maxQueue     = 500_000 // callbacks that wait
	maxBody      = 1 << 20
	senders      = 16               // callbacks that Run sends at the same time
	callbackWait = 10 * time.Second // for the answer to a callback
)

// Errors of the methods. The returned errors wrap them and name the object.
var (
	ErrUnknown = errors.New("not found")
	ErrInvalid = errors.New("not valid")
	ErrState   = errors.New("not possible in this state")
	errFull    = errors.New("the simulator is full")
)

// Simulator is all providers, with one set of books and one clock. Its methods may be called from many goroutines.
type Simulator struct {
	cfg       Config
	dice      dice
	client    *http.Client
	advancing sync.Mutex
	kick      chan struct{}

	mu       sync.Mutex
	offset   time.Duration // the clock is ahead of cfg.Now by this
	queue    queue
	steps    uint64
	inFlight int
	idle     sync.Cond
	books    book
	services map[Provider]*service
	log      []Delivery
	logged   int
	stats    map[Provider]*Stats
	texts    []Text
	events   []stripeEvent
	hooks    map[string]registration // of M-Pesa short codes
	pulled   map[string]*pullState   // short codes that may pull
	results  map[string]string       // conversation → receipt, for status queries
	prompts  map[string]*payment     // the newest prompt of each telephone
	paid     map[string]time.Time    // when a telephone last paid an amount to a short code
	keys     map[string]storedReply  // idempotency keys of Stripe
	refunds  map[string]refund
	serial   uint64
}

// service is one provider's state apart from its books.
type service struct {
	faults   Faults
	down     outage
	endpoint Endpoint
	tokens   map[string]time.Time // and when each ends
	payers   map[string]Behaviour
	window   time.Time // start of the minute that is counted for the rate limit
	calls    int       // in that minute
	call     uint64    // since the start
}

// Endpoint is where a provider sends its events if the merchant registers that in a dashboard and not by a call.
type Endpoint struct {
	URL    string `json:"url"`
	Secret string `json:"secret"` // Stripe and webhook: whsec_…; sms: the secret of the gateway; Airtel: of the hash, empty for none; Flutterwave: what verif-hash says. Paystack signs with its key
}

// outage is a time in which a provider is down.
type outage struct {
	until time.Time
	mode  string
}

// New returns a simulator with empty books.
func New(c Config) *Simulator {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: callbackWait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	preset(&c.ShortCode, "600000")
	k := &c.Credentials
	preset(&k.ConsumerKey, "consumer-key")
	preset(&k.ConsumerSecret, "consumer-secret")
	preset(&k.Passkey, "passkey")
	preset(&k.APIUser, "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10")
	preset(&k.APIKey, "api-key")
	preset(&k.Subscription, "subscription-key")
	preset(&k.StripeKey, "sk_test_simulator")
	preset(&k.PaystackKey, "sk_test_simulator")
	preset(&k.WebhookKey, "webhook-key")
	preset(&k.AirtelID, "airtel-id")
	preset(&k.AirtelSecret, "airtel-secret")
	preset(&k.FlutterwaveKey, "flutterwave-key")
	s := &Simulator{cfg: c, dice: dice{c.Seed}, client: c.Client, kick: make(chan struct{}, 1), books: newBook(), services: map[Provider]*service{},
		stats: map[Provider]*Stats{}, hooks: map[string]registration{}, pulled: map[string]*pullState{}, results: map[string]string{},
		prompts: map[string]*payment{}, paid: map[string]time.Time{}, keys: map[string]storedReply{}, refunds: map[string]refund{}}
	s.idle.L = &s.mu
	for _, p := range All() {
		s.services[p] = &service{tokens: map[string]time.Time{}, payers: map[string]Behaviour{}}
		s.stats[p] = &Stats{}
	}
	return s
}

func preset(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Credentials returns what the interfaces ask for.
func (s *Simulator) Credentials() Credentials { return s.cfg.Credentials }

// service returns a provider's service, or an error for a name that is none.
func (s *Simulator) service(p Provider) (*service, error) {
	if !slices.Contains(All(), p) {
		return nil, fmt.Errorf("provider %q: %w", p, ErrUnknown)
	}
	return s.services[p], nil
}

// now is the simulator's time. The caller holds mu.
func (s *Simulator) now() time.Time { return s.cfg.Now().Add(s.offset) }

// Now returns the simulator's time.
func (s *Simulator) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// SetFaults says what a provider does wrong from now on.
func (s *Simulator) SetFaults(p Provider, f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.service(p)
	if err == nil {
		d.faults = f
	}
	return err
}

// SetEndpoint says where a provider sends its events.
func (s *Simulator) SetEndpoint(p Provider, e Endpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.service(p)
	if err == nil {
		d.endpoint = e
	}
	return err
}

// The two ways to be down.
const (
	Refuse      = "refuse" // connections are reset without an answer
	Unavailable = "503"    // every call is answered with 503
)

// Down takes a provider out of service for a time. Its interface does not answer ([Refuse]) or answers 503 ([Unavailable]).
// People go on paying, and callbacks wait until the provider is back.
func (s *Simulator) Down(p Provider, mode string, d time.Duration) error {
	if mode != Refuse && mode != Unavailable {
		return fmt.Errorf("mode %q, want %s or %s: %w", mode, Refuse, Unavailable, ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, err := s.service(p)
	if err == nil {
		own.down = outage{until: s.now().Add(d), mode: mode}
	}
	return err
}

// ExpireTokens ends all access tokens of a provider.
func (s *Simulator) ExpireTokens(p Provider) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.service(p)
	if err == nil {
		clear(d.tokens)
	}
	return err
}

// Run sends callbacks when they are due, until ctx ends. It returns after the last one was answered.
func (s *Simulator) Run(ctx context.Context) error {
	free := make(chan struct{}, senders)
	for {
		st, wait, ok := s.next()
		if ok {
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
				s.finished()
				return ctx.Err()
			}
			go func() { defer func() { <-free }(); s.perform(ctx, st) }()
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.kick:
		case <-ctx.Done():
			timer.Stop()
			s.quiet()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// Advance moves the clock by a time. On the way it does everything that is due, in order, and waits for each answer. If Config.Now
// is a clock that the caller moves, Advance by 0 does what became due. It must not be called while a callback is answered.
func (s *Simulator) Advance(ctx context.Context, by time.Duration) error {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	target := s.Now().Add(by)
	for {
		st, ok := s.nextUntil(target)
		if !ok {
			s.quiet()
			if st, ok = s.nextUntil(target); !ok { // an answer may have led to another callback
				return ctx.Err()
			}
		}
		s.perform(ctx, st)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// quiet waits until no callback is under way.
func (s *Simulator) quiet() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.inFlight > 0 {
		s.idle.Wait()
	}
}
