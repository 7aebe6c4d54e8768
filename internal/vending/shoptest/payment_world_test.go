package shoptest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tier"
)

// playedProvider is a provider of the simulator and what an adapter needs to speak to it. A new adapter adds one of these to playedProviders.
type playedProvider struct {
	kind            string
	as              sim.Provider
	config, secrets any
	few             bool        // plays a quarter of many payments
	single, daily   money.Minor // for an adapter that cannot ask
	faults          sim.Faults  // in addition to the common ones
	// begin registers the addresses that the provider calls, once the adapter has its own.
	begin func(w *payWorld)
	// pay lets somebody pay for a reference: a meter number, or a text that means none. It may ask for the payment first.
	pay func(w *payWorld, n int, reference string, amount int64)
	// stated is the form of the provider's statement, which brings what calls lost; empty if the adapter can list or ask by itself.
	stated sim.StatementFormat
	// named is the adapter's name for a payment of the simulator's books; nil is its receipt.
	named func(sim.Payment) string
}

// playedProviders are the providers that the tests of this file play.
func playedProviders() map[string]playedProvider {
	return map[string]playedProvider{"mpesa": playedMpesa(), "momo": playedMoMo(), "paystack": playedPaystack(), "stripe": playedStripe(),
		"webhook": playedWebhook(), "sms": playedTill(), "statement": playedBank(), "airtel": playedAirtel(), "flutterwave": playedFlutterwave()}
}

func playedMpesa() playedProvider {
	return playedProvider{kind: mpesa.Kind, as: sim.Daraja, faults: sim.Faults{Incomplete: 0.05, Busy: 0.01},
		config:  mpesa.Config{BaseURL: "http://sim/daraja", ShortCode: "600000", Initiator: "api", Pull: "254722000000", Unknown: "accept"},
		secrets: mpesa.Secrets{ConsumerKey: "consumer-key", ConsumerSecret: "consumer-secret", Passkey: "passkey", Credential: "sealed"},
		begin: func(w *payWorld) {
			if err := w.adapter.(payment.Registering).Register(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		},
		pay: func(w *payWorld, n int, reference string, amount int64) {
			phone := fmt.Sprintf("2547%08d", n)
			if n%3 == 0 && !strings.Contains(reference, " ") {
				w.ask(n, reference, amount, "+"+phone)
				return
			}
			if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: amount, Reference: reference, Payer: phone, Name: "AMINA ODHIAMBO"}); err != nil {
				w.t.Fatal(err)
			}
		}}
}

// payWorld is a shop, its payments and a simulated provider with one clock.
type payWorld struct {
	*payShop
	sim     *sim.Simulator
	played  playedProvider
	adapter payment.Adapter
	swept   time.Time
	asked   int
	shown   map[string]bool // payments that the statements do not have: open differences
	// reversals counts the orders to reverse a payment. None arrives while mute is set, and all are refused while refuse is.
	reversals    int
	mute, refuse bool
	says         func(body string) string // alters M-Pesa's answers to questions; nil leaves them
	overtakes    string                   // M-Pesa's calls about a request whose path ends so are read before its answer is stored; empty for none
	lost         string                   // M-Pesa's calls to this address do not arrive; empty for none
	deaf         string                   // good answers to requests whose path ends so do not arrive; empty for none
	plant        func(txn string) string  // what the adapter calls a payment; nil is the truth
}

// reaching sends requests to a handler without a network.
type reaching struct{ h http.Handler }

func (r reaching) RoundTrip(q *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if q.Body == nil {
		q.Body = http.NoBody
	}
	r.h.ServeHTTP(w, q)
	return w.Result(), nil
}

// doubling is an adapter that names a repeated payment differently, so that it is credited twice.
type doubling struct {
	payment.Adapter
	w *payWorld
}

func (d doubling) Read(in payment.Incoming) ([]payment.Notice, error) {
	all, err := d.Adapter.Read(in)
	for i := range all {
		all[i].Txn, all[i].Signed = d.w.plant(all[i].Txn), true
	}
	return all, err
}

func (d doubling) Asks() bool { return false }

// openWorld opens a shop to which a provider of the simulator brings payments.
func openWorld(t *testing.T, p playedProvider, seed uint64, plant func(string) string) *payWorld {
	t.Helper()
	w := &payWorld{payShop: &payShop{shop: openWith(t, true, false), routes: []string{"mqtt"}}, played: p, plant: plant, shown: map[string]bool{}}
	start := w.clock.Now()
	w.sim = sim.New(sim.Config{Seed: seed, Now: func() time.Time { return start }, Manual: true, ShortCode: "600000", Client: &http.Client{Transport: reaching{http.HandlerFunc(w.hear)}}})
	client := outbound.New(&http.Client{Transport: reaching{http.HandlerFunc(w.reach)}}, w.clock.Now)
	w.Payments = payment.New(payment.Config{Door: store.DoorTo(w.engine, store.Sale, func(tx *store.Tx) payment.Tx { return tx }),
		Adapter: func(kind string, s payment.Setup) (payment.Adapter, error) {
			a, err := provider.Open(kind, s, client)
			if w.adapter = a; plant != nil && err == nil {
				return doubling{a, w}, nil
			}
			return a, err
		},
		Hooks: "http://shop/hooks/pay/", Seller: w.Vending, Sealer: w.sealer, Rand: rand.Reader, Now: w.clock.Now, MayDate: w.MayDate,
		Deliver: func(payment.Tx, string) ([]string, error) { return w.routes, nil }})
	config, err := json.Marshal(p.config)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := json.Marshal(p.secrets)
	if err != nil {
		t.Fatal(err)
	}
	n := payment.NewProvider{Name: "played", Kind: p.kind, Config: config, Secrets: secrets, Single: p.single, Daily: p.daily}
	if plant != nil {
		n.Single, n.Daily = 1_000_000_000, 1_000_000_000_000
	}
	v, err := w.AddProvider(t.Context(), signedIn(), n)
	if err != nil || v.Refused() || v.Waits != nil {
		t.Fatal(err, v.Detail(), v.Waits)
	}
	w.path = v.Path.Reveal()
	if _, err := w.Receive(t.Context(), tenant, w.path, payment.Incoming{What: "none"}); err != nil { // makes the adapter with its address
		t.Fatal(err)
	}
	p.begin(w)
	f := p.faults
	f.Repeat, f.Reorder, f.Lose, f.Forge = 0.2, 0.1, 0.05, 0.02
	if err := w.sim.SetFaults(p.as, f); err != nil {
		t.Fatal(err)
	}
	return w
}

// reach passes a request of the server to the provider.
func (w *payWorld) reach(out http.ResponseWriter, q *http.Request) {
	if strings.HasSuffix(q.URL.Path, "/reversal/v1/request") {
		w.reversals++
		switch {
		case w.mute:
			out.WriteHeader(http.StatusBadGateway)
			return
		case w.refuse:
			out.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(out, `{"errorCode":"400.002.02","errorMessage":"Bad Request - Invalid Initiator"}`)
			return
		}
	}
	if w.deaf != "" && strings.HasSuffix(q.URL.Path, w.deaf) {
		said := httptest.NewRecorder()
		if w.sim.Handler().ServeHTTP(said, q); said.Code/100 == 2 {
			said = httptest.NewRecorder()
			said.WriteHeader(http.StatusBadGateway)
		}
		maps.Copy(out.Header(), said.Header())
		out.WriteHeader(said.Code)
		_, _ = out.Write(said.Body.Bytes())
		return
	}
	w.sim.Handler().ServeHTTP(out, q)
	if w.overtakes != "" && strings.HasSuffix(q.URL.Path, w.overtakes) {
		if err := w.sim.Advance(context.Background(), 6*time.Second); err != nil {
			w.t.Error(err)
		}
		w.due()
	}
}

// hear is the server's address for the provider's calls.
func (w *payWorld) hear(out http.ResponseWriter, q *http.Request) {
	w.clock.set(w.sim.Now())
	path, what, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/hooks/pay/"), "/")
	body, err := io.ReadAll(q.Body)
	if err != nil {
		w.t.Error(err)
	}
	if what == w.lost && what != "" {
		out.WriteHeader(http.StatusBadGateway)
		return
	}
	if w.says != nil && what == "r" {
		body = []byte(w.says(string(body)))
	}
	heard, err := w.Receive(w.t.Context(), tenant, path, payment.Incoming{What: what, Header: q.Header, Body: body, From: "196.201.214.200"})
	switch {
	case err != nil:
		w.t.Errorf("call %s: %v", what, err)
		out.WriteHeader(http.StatusServiceUnavailable)
	case !heard.Found:
		out.WriteHeader(http.StatusNotFound)
	case heard.Refuse != nil:
		out.WriteHeader(http.StatusUnauthorized)
	default:
		out.WriteHeader(heard.Reply.Status)
		_, _ = out.Write(heard.Reply.Body)
	}
}

// ask asks a customer to pay.
func (w *payWorld) ask(n int, meter string, amount int64, phone string) {
	w.t.Helper()
	v, err := w.Ask(w.t.Context(), access.SystemActor(tenant, fmt.Sprint("test ", n)), payment.Asking{Meter: meter, Amount: money.Minor(amount), Phone: phone, Provider: "played"})
	if err != nil || v.Refused() {
		w.t.Fatalf("ask for payment %d: %v %s", n, err, v.Detail())
	}
	w.asked++
}

// pass lets time pass in small steps. Each carries out what has become due.
func (w *payWorld) pass(d, step time.Duration) {
	w.t.Helper()
	for end := w.sim.Now().Add(d); w.sim.Now().Before(end); {
		if err := w.sim.Advance(context.Background(), step); err != nil {
			w.t.Fatal(err)
		}
		w.clock.set(w.sim.Now())
		w.due()
		if w.clock.Now().Sub(w.swept) >= payment.SweepEvery {
			w.swept = w.clock.Now()
			if err := payment.NewWorker(w.Payments).Sweep(w.t.Context(), tenant); err != nil {
				w.t.Fatal(err)
			}
			w.due()
		}
	}
}

// due carries out what is due in the lane of payments, with the pauses that the steps ask for.
func (w *payWorld) due() {
	w.t.Helper()
	worker := payment.NewWorker(w.Payments)
	for {
		var claims []job.Claim
		w.do(func(tx *store.Tx) (err error) {
			claims, err = tx.OutboxClaim(job.LanePayment, "", "test", w.clock.Now().Add(time.Minute), 100)
			return err
		})
		if len(claims) == 0 {
			return
		}
		said := map[int]job.Verdict{}
		for i, c := range claims {
			v, err := worker.Send(w.t.Context(), tenant, c)
			if err != nil {
				w.t.Fatalf("step %s: %v", c.Kind, err)
			}
			said[i] = v
		}
		w.do(func(tx *store.Tx) error {
			for i, c := range claims {
				v := said[i]
				if v.String() == "done" {
					if _, err := tx.OutboxDone(c.ID, "test"); err != nil {
						return err
					}
					continue
				}
				text, _, _ := strings.Cut(strings.TrimPrefix(v.String(), "again at "), ": ")
				next, err := time.Parse(time.RFC3339, text)
				if err != nil {
					return fmt.Errorf("verdict %s of %s: %w", v, c.Kind, err)
				}
				if _, err := tx.OutboxRetry(c.ID, "test", next.Add(time.Second), v.String()); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// outcome is what became of the provider's money.
type outcome struct {
	taken, credited, refunded, parked, waiting money.Minor
	shown                                      money.Minor // was never taken, and is a difference that the statement shows
	owed                                       money.Minor // of what was credited: what the provider took back and the customer owes
	twice, lost, forged                        int
	problems                                   []string
}

// compare compares the provider's books with the shop's.
func (w *payWorld) compare() outcome {
	w.t.Helper()
	books := w.sim.Books()
	if err := books.Check(); err != nil {
		w.t.Fatal(err)
	}
	rows, sold := w.stored()
	var o outcome
	var kept int64 // what the provider took and did not take back
	problem := func(format string, args ...any) {
		if len(o.problems) < 20 {
			o.problems = append(o.problems, fmt.Sprintf(format, args...))
		}
	}
	for _, taken := range books.Payments {
		if taken.ID == "" {
			continue
		}
		o.taken += money.Minor(taken.Amount)
		if w.played.named != nil {
			taken.ID = w.played.named(taken)
		}
		p, known := rows[taken.ID]
		delete(rows, taken.ID)
		if !known || int64(p.Amount.Minor) != taken.Amount || p.ConfirmedAt.IsZero() {
			o.lost++
			problem("payment %s of %d is lost: %+v", taken.ID, taken.Amount, p)
			continue
		}
		if sold[taken.ID] > 1 {
			o.twice++
			problem("payment %s has %d sales", taken.ID, sold[taken.ID])
		}
		switch kept += taken.Amount - taken.Returned; p.State {
		case payment.Applied:
			o.credited, o.owed = o.credited+p.Amount.Minor, o.owed+p.Owed
			if p.Owed != money.Minor(taken.Returned) {
				problem("the provider took back %d of payment %s, and the customer owes %d", taken.Returned, taken.ID, p.Owed)
			}
		case payment.Refunded:
			o.refunded += p.Amount.Minor
		case payment.Parked:
			o.parked += p.Amount.Minor
		default:
			o.waiting += p.Amount.Minor
			problem("payment %s is %s (%s)", taken.ID, p.State, p.Reason)
		}
	}
	for txn, p := range rows { // the provider took none of these
		switch {
		case w.shown[txn] && !w.adapter.Asks(): // nobody can tell a text from a forged sender, but the statement shows it
			o.shown += p.Amount.Minor
		case !p.ConfirmedAt.IsZero() && !strings.Contains(txn, "+"):
			o.forged++
			problem("payment %s was never taken, but is %s", txn, p.State)
		case !p.ConfirmedAt.IsZero():
			o.twice++
			problem("payment %s was credited twice", txn)
		case p.State != payment.Rejected:
			problem("payment %s was never taken, but is %s", txn, p.State)
		}
	}
	clearing := w.number(`SELECT COALESCE(SUM(p.amount), 0) FROM posting p JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account WHERE a.code = 1020 AND a.subject = 'played'`)
	if clearing != kept+int64(o.shown) {
		problem("the provider owes %d, but the books say %d, of it %d shown as differences", kept, clearing, o.shown)
	}
	return o
}

// stored returns the payments that the shop knows by their providers' names, and how many sales each paid for.
func (w *payWorld) stored() (rows map[string]payment.Payment, sold map[string]int) {
	w.t.Helper()
	rows, sold = map[string]payment.Payment{}, map[string]int{}
	err := w.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		clear(rows)
		clear(sold)
		if err := tx.C.Query(`SELECT provider_txn, status, amount, confirmed_at, reason, reference, back_owed FROM payment`, func(r core.Row) error {
			p := payment.Payment{Txn: r.Text(0), State: payment.State(r.Text(1)), ConfirmedAt: r.Time(3), Reason: payment.Reason(r.Text(4)), Reference: r.Text(5), Owed: money.Minor(r.Int(6))}
			p.Amount.Minor = money.Minor(r.Int(2))
			rows[p.Txn] = p
			return nil
		}); err != nil {
			return err
		}
		return tx.C.Query(`SELECT p.provider_txn FROM vend v JOIN payment p ON p.tenant_id = v.tenant_id AND p.id = v.payment_id WHERE v.state = 'completed'`,
			func(r core.Row) error { sold[r.Text(0)]++; return nil })
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows, sold
}

// takeBackSome lets a provider that tells it take back every eighth payment: all of it, or two parts. None of these notices is lost or altered:
// only the provider's statement shows money that it took back without ever saying so.
func (w *payWorld) takeBackSome() {
	w.t.Helper()
	if w.played.as != sim.Stripe && w.played.as != sim.Paystack {
		return
	}
	f := w.played.faults
	f.Repeat, f.Reorder, f.Alter = 0.2, 0.1, 0
	if err := w.sim.SetFaults(w.played.as, f); err != nil {
		w.t.Fatal(err)
	}
	for i, p := range w.sim.Books().Payments {
		if p.ID == "" || i%8 != 5 {
			continue
		}
		var err error
		switch {
		case i%3 == 0:
			_, err = w.sim.ChargeBack(w.played.as, p.ID)
		case i%3 == 1 && w.played.as == sim.Stripe: // Paystack does not answer how much it gave back
			if _, err = w.sim.Refund(w.played.as, p.ID, p.Amount/4); err == nil {
				_, err = w.sim.Refund(w.played.as, p.ID, p.Amount/4)
			}
		default:
			_, err = w.sim.Refund(w.played.as, p.ID, 0)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.pass(30*time.Hour, 30*time.Minute)
}

// forgeNoMore ends the forgeries. A forgery follows any call, also an answer about an earlier forgery, and it takes hours until the server believes that
// the provider never took its payment. So the last forgery must be hours before the end.
func (w *payWorld) forgeNoMore() {
	w.t.Helper()
	f := w.played.faults
	f.Repeat, f.Reorder, f.Lose, f.Forge = 0.2, 0.1, 0.05, 0
	if err := w.sim.SetFaults(w.played.as, f); err != nil {
		w.t.Fatal(err)
	}
}

// TestEveryPaymentOfAProviderHasOneOutcome plays providers that repeat, reorder, lose and forge calls, and are away for an hour. In the end
// what the provider took is what was credited, given back and parked.
func TestEveryPaymentOfAProviderHasOneOutcome(t *testing.T) {
	tier.Slow(t)
	for name, p := range playedProviders() {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, p, 7, nil)
			tariff := w.publish("domestic", flat(), long())
			meters := make([]string, 40)
			for i := range meters {
				meters[i] = w.meter(i+1, place{tariff: tariff})
			}
			n, start := drawn(tier.PaymentsOfAProvider), w.sim.Now()
			if p.few {
				n = max(n/4, min(n, 400))
			}
			for i := range n {
				reference := meters[i%len(meters)]
				if i%20 == 7 {
					reference = fmt.Sprint("rent of house ", i%90)
				}
				p.pay(w, i, reference, int64(100*(50+i%4000)))
				if i == n/2 {
					if err := w.sim.Down(p.as, sim.Unavailable, time.Hour); err != nil {
						t.Fatal(err)
					}
				}
				if i%10 == 9 {
					w.pass(30*time.Second, 10*time.Second)
				}
			}
			w.pass(2*time.Hour, 5*time.Minute)
			w.forgeNoMore()
			w.pass(5*time.Hour, 5*time.Minute)
			w.state(start)
			w.takeBackSome()
			w.verified()
			o := w.compare()
			for _, problem := range o.problems {
				t.Error(problem)
			}
			if o.taken != o.credited+o.refunded+o.parked || o.twice+o.lost+o.forged > 0 || o.taken == 0 || o.parked == 0 {
				t.Errorf("taken %d, credited %d, given back %d, parked %d, waiting %d; %d twice, %d lost, %d forged", o.taken, o.credited, o.refunded, o.parked, o.waiting,
					o.twice, o.lost, o.forged)
			}
			open := w.number(`SELECT COUNT(*) FROM payment_request WHERE state = 'requested'`)
			if open != 0 {
				t.Errorf("%d requests are open", open)
			}
			t.Logf("taken %d = credited %d + given back %d + parked %d, %d of it owed again; 0 twice, 0 lost, 0 forged, %d of a forged sender shown as differences; %+v; %d asked for, %d paid", o.taken, o.credited, o.refunded, o.parked,
				o.owed, o.shown, w.sim.Stats()[p.as], w.asked, w.number(`SELECT COUNT(*) FROM payment_request WHERE state = 'paid' AND payment_id IS NOT NULL`))
		})
	}
}

// TestTheComparisonFindsADoubleCredit plants an adapter that gives the second call about a payment another name.
func TestTheComparisonFindsADoubleCredit(t *testing.T) {
	seen := map[string]int{}
	w := openWorld(t, playedMpesa(), 7, func(txn string) string {
		if seen[txn]++; seen[txn] == 2 {
			return txn + "+"
		}
		return txn
	})
	meter := w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
	for range 40 {
		if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254711000001"}); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(15*time.Minute, time.Minute)
	if o := w.compare(); o.twice == 0 {
		t.Errorf("a double credit was not found: taken %d, credited %d, %d lost", o.taken, o.credited, o.lost)
	}
}
