package e2e

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

// parked lets a provider take a payment whose reference means no meter, unless one is parked already.
func (o *office) parked(t *testing.T) {
	t.Helper()
	if o.api.must(t, 200, "GET", "/v1/payments?state=parked", nil).text(t, "data") != "[]" {
		return
	}
	key := []byte("a key of 24 bytes or more")
	made := o.api.must(t, 201, "POST", "/v1/payment-providers", map[string]any{"name": "bank", "kind": "webhook", "max_single_minor": 1_000_000, "max_daily_minor": 10_000_000,
		"secrets": map[string]string{"signing": "whsec_" + base64.StdEncoding.EncodeToString(key)}}, "Idempotency-Key", "a-provider-for-pictures")
	body := `{"type":"payment.taken","data":{"id":"QK12AB34CD","amount_minor":50000,"currency":"KES","reference":"rent of May","payer":"+254711000001","paid_at":"2026-11-20T10:00:00Z"}}`
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	o.api.must(t, 204, "POST", made.text(t, "path")+"w", body, "webhook-id", "msg_1", "webhook-timestamp", stamp,
		"webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(webhook.Sign(key, "msg_1", stamp, []byte(body))))
	await.True(t, "the payment is parked", func() bool {
		return o.api.must(t, 200, "GET", "/v1/payments?state=parked", nil).text(t, "data") != "[]"
	})
}

// batch makes vouchers on the page, takes their PINs and sells some.
func (o *office) batch(t *testing.T) {
	t.Helper()
	if o.api.must(t, 200, "GET", "/v1/voucher-batches", nil).text(t, "data") != "[]" {
		return
	}
	made := o.api.must(t, 201, "POST", "/v1/voucher-batches", map[string]any{"count": 20, "face_minor": 10_000, "expires": time.Now().AddDate(1, 0, 0).Format(time.DateOnly), "note": "Kiosk at the market"},
		"Idempotency-Key", "a-batch-for-pictures")
	at := "/v1/voucher-batches/" + made.text(t, "id")
	o.api.must(t, 200, "POST", at+"/pins", map[string]any{})
	o.api.must(t, 200, "POST", at+"/sell", map[string]any{"from": 1, "to": 8}, "Idempotency-Key", "vouchers-for-pictures")
}

// hooked adds a webhook and sends it an event. It returns the path of its page.
func (o *office) hooked(t *testing.T) string {
	t.Helper()
	all := o.api.must(t, 200, "GET", "/v1/webhooks", nil).text(t, "data")
	if at := regexp.MustCompile(`whk_\w+`).FindString(all); at != "" {
		return "/webhooks/" + at
	}
	end := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(end.Close)
	at := o.api.must(t, 201, "POST", "/v1/webhooks", map[string]any{"url": end.URL + "/paywatt", "events": []string{"vend.completed", "alarm.raised"}, "allow_private": true}).text(t, "id")
	o.api.must(t, 202, "POST", "/v1/webhooks/"+at+"/test", map[string]any{})
	await.True(t, "the event is delivered", func() bool {
		return o.api.must(t, 200, "GET", "/v1/webhooks/"+at+"/deliveries?state=delivered", nil).text(t, "data") != "[]"
	})
	return "/webhooks/" + at
}

// paymentPages are the pages of payments and of the landlord.
func (o *office) paymentPages(t *testing.T) []pageState {
	d := o.owner
	return []pageState{
		{"payments", func() { o.parked(t); d.visit("/payments") }},
		{"vouchers", func() { o.batch(t); d.visit("/vouchers") }},
		{"batch of vouchers", func() {
			o.batch(t)
			d.visit("/vouchers")
			d.click(`main a[href^="/vouchers/vbt_"]`, 1)
			d.at("/vouchers/vbt_")
		}},
		{"vouchers to sell", func() {
			d.visit("/vouchers")
			d.click(`main a[href^="/vouchers/vbt_"]`, 1)
			d.at("/vouchers/vbt_")
			d.fill("#sell-from", "9")
			d.fill("#sell-to", "10")
			d.keys(enterKey)
			d.shows("KES 200.00")
		}},
		{"webhooks", func() { o.hooked(t); d.visit("/webhooks") }},
		{"webhook", func() { d.visit(o.hooked(t)) }},
		{"webhook, refused", func() {
			d.visit(o.hooked(t) + "?state=delivered")
			ask[chromedp.Void](d, `document.querySelector("#since").value = "2020-01-01", undefined`)
			d.click(`button[value="recover"]`, 1)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"reconciliation", func() { d.visit("/differences?all=1") }},
		{"payment", func() {
			o.parked(t)
			d.visit("/payments?state=parked")
			d.click(`main a[href^="/payments/pay_"]`, 1)
			d.at("/payments/pay_")
		}},
		{"payment, refused", func() {
			d.visit("/payments?state=parked")
			d.click(`main a[href^="/payments/pay_"]`, 1)
			d.at("/payments/pay_")
			d.fill("#meter", "1")
			d.keys(enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"flats", func() { d.visit("/flats") }},
		{"the loss of a building", func() { d.visit("/flats/loss?feeder=Riverside") }},
		{"flats from a list", func() { d.visit("/flats/new") }},
		{"flats from a list, checked", func() {
			d.visit("/flats/new")
			d.pick("#list", "A1,Tenant with a very long name of several words,+254700000199,"+strings.TrimPrefix(number(5101), "0")+",100\nA2,x,y,z\n")
			d.click("main form button.primary", 1)
			d.shows("Would be imported")
		}},
	}
}
