package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// payCallers is how many callers of the provider bring payments at once.
const payCallers = 8

// bank is a provider with books of its own. It repeats each signed call until the server answers with success, and one in five once more.
type bank struct {
	url, secret string // address of the server's hooks, and the key of the signatures
	mu          sync.Mutex
	taken       map[string]bankPayment
}

type bankPayment struct {
	ID        string `json:"id"`
	Amount    int64  `json:"amount_minor"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
}

// ServeHTTP answers the server's questions about payments.
func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	p, known := b.taken[strings.TrimPrefix(r.URL.Path, "/payments/")]
	b.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(p)
}

// pay takes a payment, or takes it back, and tells the server until it listens.
func (b *bank) pay(p bankPayment, again bool) error {
	b.mu.Lock()
	b.taken[p.ID] = p
	b.mu.Unlock()
	body, err := json.Marshal(map[string]any{"type": "payment." + p.Status, "data": p})
	if err != nil {
		return err
	}
	for end := time.Now().Add(await.Limit); !b.call("msg_"+p.Status+p.ID, body); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s: the server did not take the call for %s (%s)", await.NotInTime, p.ID, p.Status)
		}
	}
	if again {
		b.call("msg_"+p.Status+p.ID, body)
	}
	return nil
}

func (b *bank) call(name string, body []byte) bool {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(b.secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(name + "." + stamp + "."))
	mac.Write(body)
	r, err := http.NewRequest(http.MethodPost, b.url, strings.NewReader(string(body)))
	if err != nil {
		return false
	}
	r.Header.Set("webhook-id", name)
	r.Header.Set("webhook-timestamp", stamp)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	c := http.Client{Timeout: 5 * time.Second}
	got, err := c.Do(r)
	if err != nil {
		return false
	}
	_ = got.Body.Close()
	return got.StatusCode/100 == 2
}

// TestEveryPaymentSurvivesKills pulls the plug of the server while a provider brings payments, takes some back, and a counter redeems vouchers. In
// the end what the provider took is what was credited, parked and taken back, each payment once, and each voucher is one sale.
func TestEveryPaymentSurvivesKills(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	paymentsSurviveKills(t, p, func() books { return file{openDatabase(t, p.dir)} })
}

// TestEveryPaymentSurvivesKillsOnPostgreSQL is the same with books in PostgreSQL. There, what a killed server had begun waits for two minutes,
// because another server could be at it.
func TestEveryPaymentSurvivesKillsOnPostgreSQL(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	p, url := newPlace(t, paywatt(t)), pgtest.New(t)
	p.env = append(p.env, "PAYWATT_STORE="+url)
	paymentsSurviveKills(t, p, func() books { return openBooks(t, url) })
}

func paymentsSurviveKills(t *testing.T, p *place, open func() books) {
	t.Helper()
	payments, kills := tier.E2EPayments.N(), tier.E2EPaymentKills.N()
	s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(s.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	var meters []string
	for i := range max(8, payments/500) { // a meter gets one token for each minute, and at most 1,000 in advance
		a.meter(t, number(2000+i))
		meters = append(meters, number(2000+i))
	}
	b := &bank{secret: "whsec_" + strings.Repeat("QUJD", 8), taken: map[string]bankPayment{}}
	own := httptest.NewServer(b)
	defer own.Close()
	b.url = "http://" + s.http + a.must(t, 201, "POST", "/v1/payment-providers", map[string]any{"name": "bank", "kind": "webhook", "config": map[string]any{"allow_private": true, "ask_url": own.URL + "/payments/{id}"},
		"secrets": map[string]any{"signing": b.secret}}).text(t, "path") + "in"
	pins := a.vouchers(t, max(20, payments/40))

	seed, began := tier.Seed(t), time.Now()
	var all sync.WaitGroup
	for c := range payCallers {
		all.Go(func() {
			if err := b.payAll(c, payments/payCallers, seed, meters); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() { a.redeem(t, pins, meters, payments/payCallers*50) })
	r := rand.New(rand.NewPCG(seed, 0x6b696c6c))
	each := payments / payCallers * 50 / max(1, kills) // ms: the kills are spread over the payments
	for range kills {
		<-time.After(time.Duration(20+r.IntN(2*each+1)) * time.Millisecond)
		s.kill()
		var err error
		if s, err = p.start(s.http, s.mqtt); err != nil {
			t.Fatalf("%v: the server does not come back after a kill (seed %d)", err, seed)
		}
	}
	all.Wait()
	db := open()
	defer db.Close()
	told := time.Now()
	waiting := payingEnds(t, db)
	s.stop()
	credited, parked, back, redeemed := b.compare(t, db)
	if credited.count == 0 || parked.count == 0 || back.count == 0 || redeemed.count != len(pins) {
		t.Errorf("credited %d, parked %d, taken back %d, %d of %d vouchers redeemed", credited.count, parked.count, back.count, redeemed.count, len(pins))
	}
	if sum := credited.minor + parked.minor + back.minor; sum != b.sum() {
		t.Errorf("the bank took %d, and %d + %d + %d are credited, parked and taken back", b.sum(), credited.minor, parked.minor, back.minor)
	}
	verifying := time.Now()
	p.limit = time.Minute + time.Duration(payments)*20*time.Millisecond
	if out, errOut, code := p.try("", "verify", "--data", p.dir); code != 0 {
		t.Errorf("paywatt verify: exit %d: %s %s", code, out, errOut)
	}
	t.Logf("figures: payments seed %d: %d payments of %d in all, %d kills, %v credited + %v parked + %v taken back, 0 twice, 0 lost, %d waiting, %v of vouchers redeemed once, told in %s, done in %s, verified in %s",
		seed, len(b.taken), b.sum(), kills, credited, parked, back, waiting, redeemed, told.Sub(began).Round(time.Second), verifying.Sub(began).Round(time.Second),
		time.Since(verifying).Round(time.Second))
}

// payingEnds waits until no work on payments is left, and returns how much is. It gives up if there is not less for twice the limit of a wait: what a
// killed server had begun waits for two.
func payingEnds(t *testing.T, db books) (left int64) {
	t.Helper()
	least := int64(math.MaxInt64)
	for end := time.Now().Add(2 * await.Limit); least > 0 && time.Now().Before(end); <-time.After(200 * time.Millisecond) {
		db.each(t, `SELECT (SELECT COUNT(*) FROM payment WHERE status = 'received')
			+ (SELECT COUNT(*) FROM outbox WHERE lane = 'payment' AND kind <> 'apply' AND dead_at IS NULL)`, func(r tuple) { left = r.num(0) })
		if left < least {
			least, end = left, time.Now().Add(5*time.Minute)
		}
	}
	if left > 0 {
		t.Errorf(await.NotInTime+": %d steps of payments are left, and none was done for %v", left, 2*await.Limit)
	}
	return left
}

// vouchers makes and sells vouchers of 10.00, and returns their PINs.
func (a *api) vouchers(t *testing.T, count int) (pins []string) {
	t.Helper()
	batch := "/v1/voucher-batches/" + a.must(t, 201, "POST", "/v1/voucher-batches", map[string]any{"count": count, "face_minor": 1000, "expires": time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}, "Idempotency-Key", "voucher-batch").text(t, "id")
	var sheet struct{ Vouchers []struct{ PIN string } }
	if err := json.Unmarshal(a.must(t, 200, "POST", batch+"/pins", map[string]any{}).body, &sheet); err != nil {
		t.Fatal(err)
	}
	a.must(t, 200, "POST", batch+"/sell", map[string]any{}, "Idempotency-Key", "vouchers-sold")
	for _, v := range sheet.Vouchers {
		pins = append(pins, v.PIN)
	}
	return pins
}

// redeem redeems each voucher until the server answers, within the given milliseconds or so, and then once more: that is the same sale. The first
// voucher that is refused, or has no answer, ends it.
func (a *api) redeem(t *testing.T, pins, meters []string, millis int) {
	for n, pin := range pins {
		first, err := a.redeemed(pin, meters[n%len(meters)])
		again := first
		if err == nil {
			again, err = a.redeemed(pin, meters[n%len(meters)])
		}
		if err != nil {
			t.Errorf("%v: voucher %d of %d was not redeemed", err, n+1, len(pins))
			return
		}
		if again != first {
			t.Errorf("voucher %d of %d became the sales %s and %s", n+1, len(pins), first, again)
			return
		}
		<-time.After(time.Duration(millis/len(pins)) * time.Millisecond)
	}
}

// redeemed returns the sale of a voucher. It asks again while there is no answer, but only once if the server refuses: the same voucher would be refused again.
func (a *api) redeemed(pin, meter string) (sale string, err error) {
	for end := time.Now().Add(await.Limit); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		var got answer
		switch got, err = a.do("POST", "/v1/voucher-redemptions", map[string]any{"pin": pin, "meter": meter}); {
		case err != nil:
		case got.status/100 == 2:
			var body struct{ Vend string }
			err = json.Unmarshal(got.body, &body)
			return body.Vend, err
		default:
			if err = fmt.Errorf("meter %s: %d %s", meter, got.status, got.body); got.status/100 == 4 && got.status != http.StatusTooManyRequests {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("%s: %w", await.NotInTime, err)
}

// payAll takes the payments of one caller. It ends at the first call that the server does not take.
func (b *bank) payAll(caller, count int, seed uint64, meters []string) error {
	r := rand.New(rand.NewPCG(seed, uint64(caller)))
	for n := range count {
		reference := meters[r.IntN(len(meters))]
		if r.IntN(10) == 0 {
			reference = "rent of May"
		}
		p, again := bankPayment{fmt.Sprintf("TX-%d-%d", caller, n), int64(1000 + r.IntN(50_000)), "KES", reference, "taken"}, r.IntN(5) == 0
		if err := b.pay(p, again); err != nil {
			return err
		}
		<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
		if p.Status = "charged_back"; n%16 == 9 {
			if err := b.pay(p, again); err != nil {
				return err
			}
		}
	}
	return nil
}

// tally counts payments, and adds their amounts.
type tally struct {
	count int
	minor int64
}

func (a *tally) add(minor int64) { a.count, a.minor = a.count+1, a.minor+minor }

func (a tally) String() string { return fmt.Sprintf("%d (%d)", a.count, a.minor) }

// sum is the amount of all payments that the bank took, also those that it took back.
func (b *bank) sum() (minor int64) {
	for _, p := range b.taken {
		minor += p.Amount
	}
	return minor
}

// compare compares the provider's books with the database, and counts the vouchers that became one sale. What the bank took back after a sale is owed
// once by the customer; before a sale, it is given back or was never booked.
func (b *bank) compare(t *testing.T, db books) (credited, parked, back, redeemed tally) {
	t.Helper()
	seen := map[string]bool{}
	db.each(t, `SELECT p.provider_txn, p.status, p.amount, CASE WHEN p.confirmed_at IS NULL THEN 0 ELSE 1 END,
		(SELECT COUNT(*) FROM vend v WHERE v.payment_id = p.id AND v.state = 'completed'), CASE p.provider WHEN 'voucher' THEN 1 ELSE 0 END, COALESCE(p.back_owed, 0) FROM payment p`, func(r tuple) {
		txn, state, sales := r.text(0), r.text(1), r.num(4)
		taken, known := b.taken[txn]
		switch {
		case r.num(5) == 1 && state == "applied" && sales == 1 && !seen[txn]:
			redeemed.add(r.num(2))
		case !known || seen[txn]:
			t.Errorf("payment %s was not taken, or is there twice", txn)
		case r.num(2) == taken.Amount && taken.Status == "charged_back" && (state == "rejected" || state == "refunded") && sales+r.num(6) == 0,
			r.num(2) == taken.Amount && taken.Status == "charged_back" && state == "applied" && sales == 1 && r.num(6) == taken.Amount:
			back.add(r.num(2))
		case r.num(2) != taken.Amount || r.num(3) != 1 || taken.Status == "charged_back":
			t.Errorf("payment %s of %d is booked as %d (confirmed: %d)", txn, taken.Amount, r.num(2), r.num(3))
		case state == "applied" && sales == 1:
			credited.add(r.num(2))
		case state == "parked" && sales == 0:
			parked.add(r.num(2))
		default:
			t.Errorf("payment %s is %s with %d sales", txn, state, sales)
		}
		seen[txn] = true
	})
	for txn := range b.taken {
		if !seen[txn] {
			t.Errorf("payment %s is lost", txn)
		}
	}
	return credited, parked, back, redeemed
}
