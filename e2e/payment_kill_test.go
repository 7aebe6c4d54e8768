package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
)

// Sizes of the kill test of payments.
const (
	killedPayments = 2000
	payCallers     = 8
)

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

// pay takes a payment and tells the server, until it listens or the time is over.
func (b *bank) pay(p bankPayment, again bool, until time.Time) {
	b.mu.Lock()
	b.taken[p.ID] = p
	b.mu.Unlock()
	body, err := json.Marshal(map[string]any{"type": "payment.taken", "data": p})
	for told := err != nil; !told && time.Now().Before(until); {
		if told = b.call("msg_"+p.ID, body); !told {
			<-time.After(50 * time.Millisecond)
		}
	}
	if again {
		b.call("msg_"+p.ID, body)
	}
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

// TestEveryPaymentSurvivesKills pulls the plug of the server while a provider brings payments. In the end what the provider took is what was
// credited and parked, each payment once.
func TestEveryPaymentSurvivesKills(t *testing.T) {
	p := newPlace(t, paywatt(t))
	s := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(s.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	var meters []string
	payments := setting("E2E_PAYMENTS", killedPayments)
	for i := range max(8, payments/500) { // a meter gets one token for each minute, and at most 1,000 in advance
		a.meter(t, number(2000+i))
		meters = append(meters, number(2000+i))
	}
	b := &bank{secret: "whsec_" + strings.Repeat("QUJD", 8), taken: map[string]bankPayment{}}
	own := httptest.NewServer(b)
	defer own.Close()
	got, err := a.do("POST", "/v1/payment-providers", map[string]any{"name": "bank", "kind": "webhook", "config": map[string]any{"ask_url": own.URL + "/payments/{id}"},
		"secrets": map[string]any{"signing": b.secret}})
	if err != nil || got.status != http.StatusCreated {
		t.Fatalf("%d %s %v", got.status, got.body, err)
	}
	b.url = "http://" + s.http + got.text(t, "path") + "in"

	seed, kills, began := uint64(setting("E2E_SEED", 1)), setting("E2E_PAYMENT_KILLS", 10), time.Now()
	var all sync.WaitGroup
	for c := range payCallers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(c)))
			for n := range payments / payCallers {
				reference := meters[r.IntN(len(meters))]
				if r.IntN(10) == 0 {
					reference = "rent of May"
				}
				b.pay(bankPayment{fmt.Sprintf("TX-%d-%d", c, n), int64(1000 + r.IntN(50_000)), "KES", reference, "taken"}, r.IntN(5) == 0, time.Now().Add(time.Minute))
				<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
			}
		})
	}
	r := rand.New(rand.NewPCG(seed, 0x6b696c6c))
	each := payments / payCallers * 50 / max(1, kills) // ms: the kills are spread over the payments
	for range kills {
		<-time.After(time.Duration(20+r.IntN(2*each+1)) * time.Millisecond)
		s.kill()
		if s, err = p.start(s.http, s.mqtt); err != nil {
			t.Fatalf("the server does not come back after a kill (seed %d): %v", seed, err)
		}
	}
	all.Wait()
	waiting := int64(-1)
	for end := time.Now().Add(5 * time.Minute); waiting != 0 && time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		if got, err := a.do("GET", "/v1/payments?state=received&limit=200", nil); err == nil && got.status == http.StatusOK {
			waiting = int64(strings.Count(string(got.body), `"provider_txn"`))
		}
	}
	s.stop()
	credited, parked := b.compare(t, p)
	if credited == 0 || parked == 0 {
		t.Errorf("credited %d, parked %d", credited, parked)
	}
	if out, errOut, code := p.try("", "verify", "--data", p.dir); code != 0 {
		t.Errorf("paywatt verify: exit %d: %s %s", code, out, errOut)
	}
	t.Logf("figures: payments seed %d: %d payments, %d kills, %d credited + %d parked, 0 twice, 0 lost, %d waiting, in %s", seed, len(b.taken), kills, credited, parked, waiting,
		time.Since(began).Round(time.Second))
}

// compare compares the provider's books with the database.
func (b *bank) compare(t *testing.T, p *place) (credited, parked int) {
	t.Helper()
	db := openDatabase(t, p.dir)
	defer db.Close()
	seen := map[string]bool{}
	rows(t, db, `SELECT p.provider_txn, p.status, p.amount, p.confirmed_at IS NOT NULL, (SELECT COUNT(*) FROM vend v WHERE v.payment_id = p.id AND v.state = 'completed')
		FROM payment p`, func(r *sqlite.Stmt) {
		txn, state, sales := r.ColumnText(0), r.ColumnText(1), r.ColumnInt(4)
		taken, known := b.taken[txn]
		switch {
		case !known || seen[txn]:
			t.Errorf("payment %s was not taken, or is there twice", txn)
		case r.ColumnInt64(2) != taken.Amount || r.ColumnInt(3) != 1:
			t.Errorf("payment %s of %d is booked as %d (confirmed: %d)", txn, taken.Amount, r.ColumnInt64(2), r.ColumnInt(3))
		case state == "applied" && sales == 1:
			credited++
		case state == "parked" && sales == 0:
			parked++
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
	return credited, parked
}
