package console_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/store"
)

// paying is a provider whose signature confirms payments up to a ceiling.
type paying struct {
	w    *world
	path string
	key  []byte
	n    int
}

func (w *world) paying() *paying {
	w.t.Helper()
	p := &paying{w: w, key: []byte("a key of 24 bytes or more")}
	body := `{"name":"bank","kind":"webhook","config":{},"max_single_minor":100000,"max_daily_minor":1000000,"secrets":{"signing":"whsec_` + base64.StdEncoding.EncodeToString(p.key) + `"}}`
	var made struct{ Path string }
	if text := p.send("/v1/payment-providers", body, map[string]string{"Authorization": "Bearer " + w.key, "Idempotency-Key": "adds-the-bank"}); json.Unmarshal(text, &made) != nil || made.Path == "" {
		w.t.Fatalf("no address: %s", text)
	}
	p.path = made.Path
	return p
}

// send posts JSON and returns the answer's body.
func (p *paying) send(path, body string, headers map[string]string) []byte {
	p.w.t.Helper()
	req, err := http.NewRequestWithContext(p.w.t.Context(), http.MethodPost, p.w.url+path, strings.NewReader(body))
	if err != nil {
		p.w.t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		p.w.t.Fatalf("POST %s: %d %s %v", path, resp.StatusCode, text, err)
	}
	return text
}

// paid says that somebody paid.
func (p *paying) paid(txn string, amount int64, reference string) {
	p.w.t.Helper()
	p.bring(fmt.Sprintf(`{"type":"payment.taken","data":{"id":%q,"amount_minor":%d,"currency":"KES","reference":%q,"payer":"+254700000001"}}`, txn, amount, reference))
}

// bring sends a signed call.
func (p *paying) bring(body string) {
	p.w.t.Helper()
	p.n++
	name, stamp := "msg_"+strconv.Itoa(p.n), strconv.FormatInt(p.w.clock.now().Unix(), 10)
	p.send(p.path+"w", body, map[string]string{"webhook-id": name, "webhook-timestamp": stamp,
		"webhook-signature": "v1," + base64.StdEncoding.EncodeToString(webhook.Sign(p.key, name, stamp, []byte(body)))})
}

// until gets a page until it says a text.
func (g *guest) until(path, text string) (a answer) {
	g.w.t.Helper()
	await.True(g.w.t, path+" says "+text, func() bool {
		a = g.get(path).is(200)
		return strings.Contains(a.text(), text)
	})
	return a
}

// TestParkedPaymentsAreUsedOrGivenBackOnPages: a payment for an unknown reference is parked, the page suggests the meter of the telephone that
// paid, and a person uses it once. One above the ceiling is rejected.
func TestParkedPaymentsAreUsedOrGivenBackOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Payments")
	g.get("/payments").is(200).says("No payments").omits("Calls that could not be read")
	p := w.paying()
	p.paid("TX1", 50_000, "rent of May")
	p.paid("TX2", 50_000, "rent of June")
	p.paid("TX3", 500_000, meterNumber)
	g.until("/payments?state=parked&reference=rent+of+May", "No meter has the reference").says("TX1", "KES 500.00", "bank", "✓ Active", "KES 1,000.00 in one payment").omits("TX2", "TX3")
	open := func(reference, txn string) string {
		return g.until("/payments?reference="+strings.ReplaceAll(reference, " ", "+"), txn).link(t, `/payments/pay_\w+`)
	}
	first, second, third := open("rent of May", "TX1"), open("rent of June", "TX2"), open(meterNumber, "TX3")

	for _, typed := range []string{"TX1", "tx1", strings.TrimPrefix(first, "/payments/")} {
		g.get("/search?q=" + typed).leads(first)
	}
	g.get("/search/hits?q=tx1").is(200).says("Payment", "bank TX1", "KES 500.00")
	w.person("installer@example.org", access.Installer) // may not see payments
	w.enter("installer@example.org").get("/search?q=TX1").is(404)

	page := g.get(first).is(200).says("Use for a meter", "Meters that it may be for", "0414 0001 001", "Confirmed", "by the provider's signature").omits("Reject")
	g.post(first, "form", page.value("form"), "act", "apply", "meter", "99").is(422).says("99")
	g.post(first, "form", "x", "act", "apply", "suggested", meterNumber).is(422).says("The form is from another session.")
	form := []string{"form", g.get(first).value("form"), "act", "apply", "suggested", meterNumber}
	for range 2 { // the browser sends it twice
		g.get(g.post(first, form...).leads(first + "?done=1")).is(200).says("Done.")
	}
	used := g.until(first, "✓ Used").omits("Use for a meter", "Give back")
	g.get(used.link(t, `/sales/vnd_\w+`)).is(200).says("KES 500.00")

	g.post(second, "form", g.get(second).value("form"), "act", "refund").is(422)
	g.get(g.post(second, "form", g.get(second).value("form"), "act", "refund", "reason", "not ours").leads(second+"?done=1")).is(200).says("■ Given back", "not ours").omits("Use for a meter")

	g.get(third).is(200).says("Above the ceilings", "The provider cannot confirm this payment.", "Reject: the provider never took it")
	g.post(third, "form", g.get(third).value("form"), "act", "close", "reason", "x").is(422)
	g.get(g.post(third, "form", g.get(third).value("form"), "act", "reject", "reason", "not in the statement").leads(third + "?done=1")).is(200).says("■ Rejected")
	for action, want := range map[string]int{"payment.apply": 1, "payment.refund": 1, "payment.reject": 1} {
		if n := w.audited(action); n != want {
			t.Errorf("the audit log has %d times %s, want %d", n, action, want)
		}
	}
	g.get("/payments/pay_00000000000000000000000000").is(404)
	w.verifies()
}

// TestAPaymentByANumberThatJustChangedSaysWhyItWaits: its number was given up a moment before. The page says so, and suggests the meter of whoever had it.
func TestAPaymentByANumberThatJustChangedSaysWhyItWaits(t *testing.T) {
	w := begin(t)
	g, p := w.enter(ownerEmail), w.paying()
	customer := g.get("/meters/"+meterNumber).is(200).link(t, `/customers/cus_\w+`)
	p.send("/v1"+customer, `{"phone":"+254733000111"}`, map[string]string{"Authorization": "Bearer " + w.key, "Idempotency-Key": "gives-it-up"})
	p.paid("TX1", 50_000, "0700 000 001")
	page := g.until("/payments?state=parked", "The telephone number was new or had just changed").link(t, `/payments/pay_\w+`)
	g.get(page).is(200).says("Ask the payer which meter is meant.", "The payment buys energy for this meter, once.", "0414 0001 001")
}

// TestAPaymentByANumberThatIsNewerSaysWhyItWaits: its number was registered while it waited. The page says so, and suggests the customer's meter.
func TestAPaymentByANumberThatIsNewerSaysWhyItWaits(t *testing.T) {
	w := begin(t)
	g, p := w.enter(ownerEmail), w.paying()
	p.paid("TX1", 50_000, "0733 444 555")
	page := g.until("/payments?state=parked", "No meter has the reference").link(t, `/payments/pay_\w+`)
	customer := g.get("/meters/"+meterNumber).is(200).link(t, `/customers/cus_\w+`)
	w.clock.move(time.Second)
	p.send("/v1"+customer, `{"phone":"+254733444555"}`, map[string]string{"Authorization": "Bearer " + w.key, "Idempotency-Key": "registers-it"})
	g.until("/payments?state=parked", "The telephone number was registered after the payment")
	g.get(page).is(200).says("Ask the payer which meter is meant.", "The payment buys energy for this meter, once.", "0414 0001 001")
}

// TestACallThatCannotBeReadIsSettledOnPages: the page of payments leads to it. Its page shows what the provider sent, hands it over, reads it again, and
// settles it with a payment.
func TestACallThatCannotBeReadIsSettledOnPages(t *testing.T) {
	w := begin(t)
	g, p := w.enter(ownerEmail), w.paying()
	p.paid("TX1", 50_000, "rent")
	known := g.until("/payments", "TX1").link(t, `/payments/pay_\w+`)
	p.bring(`{"type":"payment.taken","data":{"id":"TX4","amount_minor":-5,"currency":"KES"}}`)
	st := reconcile.New(reconcile.Config{Door: store.DoorTo(w.beside().Engine, store.Job, func(tx *store.Tx) reconcile.Tx { return tx }), Now: w.clock.now})
	await.True(t, "the call is listed", func() bool {
		if err := st.OwnCalls(t.Context(), store.FirstTenant); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(g.get("/payments").is(200).body, "Calls that could not be read")
	})
	page := g.get("/payments").says("bank", "an amount above 0", "accountant", "paywatt reconcile").omits("TX4").link(t, `/differences/dif_\w+`)
	g.get("/differences?kind=unreadable-call").is(200).says("A call of the provider that could not be read", "an amount above 0")
	g.get("/differences?kind=gap").is(200).says("No differences")
	shown := g.get(page).is(200).says("TX4", "an amount above 0", "Look at the call.", "Read it again", "Settle")
	act := func(fields ...string) answer {
		return g.post(page, append([]string{"form", shown.value("form")}, fields...)...)
	}
	g.post(page, "form", "x", "act", "read").is(422).says("The form is from another session.")
	act("act", "close").is(422)
	g.get(act("act", "assign", "to", "Amina").leads(page + "?done=1")).is(200).says("Amina")
	g.get(act("act", "read").leads(page + "?done=read")).is(200).says("It still cannot be read.")
	act("act", "settle", "reason", "seen", "payment", "pay_x").is(422).says("pay_x")
	g.get(act("act", "settle", "reason", "it was TX1", "payment", strings.TrimPrefix(known, "/payments/")).leads(page+"?done=1")).is(200).says("Settled", "it was TX1", "KES 500.00").omits("Hand over")
	g.get("/payments").is(200).omits("Calls that could not be read")
	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get(page).is(200).omits("amount_minor", "Hand over")
	w.verifies()
}

// TestTheSecondPersonReadsTheNewAddressOfAProvider: the page shows it once, with the new secret. Payments come to this address, proved by this secret.
func TestTheSecondPersonReadsTheNewAddressOfAProvider(t *testing.T) {
	w := begin(t)
	p := w.paying()
	key := w.keyOf("deputy@example.org", access.Owner, "desk of the deputy")
	apr := "/approvals/" + w.asks(key, "/v1/payment-providers/bank/secrets", `{"new_address":true}`)
	g := w.enter(ownerEmail)
	page := g.get(apr).is(200).omits("/hooks/pay/")
	done := g.post(apr, "form", page.value("form"), "choice", "approve", "reason", "the bank's clerk has left").is(200).
		says("New address of the payment provider", "Signing secret of the payment provider")
	address := regexp.MustCompile(`/hooks/pay/[^/<]+/`).FindString(done.body)
	secret := regexp.MustCompile(`whsec_([\w+/=]+)`).FindStringSubmatch(done.body)
	if address == "" || address == p.path || secret == nil {
		t.Fatalf("the page shows the address %q, before it was %s, and the secret %q", address, p.path, secret)
	}
	g.get(apr).is(200).omits(address, secret[1])
	var err error
	if p.key, err = base64.StdEncoding.DecodeString(secret[1]); err != nil {
		t.Fatal(err)
	}
	p.path = address
	p.paid("TX1", 50_000, "rent of May")
	g.until("/payments?reference=rent+of+May", "TX1")
}
