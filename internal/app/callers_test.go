package app

// Every program that calls the server, as it calls it, through the server's own handler: the listener, the whole chain in front of a handler, the
// handler and the store. A change to the way in is tried here with every caller that we know.

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/gsm/gateway"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

const (
	kannelKey  = "a secret of Kannel's hooks"
	gatewayKey = "ssssssssssssssssssssssssssssssssssssssss" // as settle writes it
	phoneOfAll = "+254711000000"                            // the telephone of the first house
)

// crossroads is a server that every kind of caller knows.
type crossroads struct {
	*village
	base map[string]string // address of each payment provider, by its kind

	mu   sync.Mutex
	dlrs []string // addresses for the reports of what Kannel was given
}

// openCrossroads starts the server with Kannel's route, a gateway of telephones and each kind of payment provider.
func openCrossroads(t *testing.T) *crossroads {
	t.Helper()
	c := &crossroads{base: map[string]string{}}
	dir := t.TempDir()
	for name, text := range map[string]string{"password": "p", "secret": kannelKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sendsms := httptest.NewServer(http.HandlerFunc(c.takeText))
	t.Cleanup(sendsms.Close)
	c.village = settle(t, 1, config.Route{Name: "kannel1", Kind: config.RouteKannel, Keys: map[string]string{"url": sendsms.URL, "user": "u", "from": "15555",
		"password_file": filepath.Join(dir, "password"), "hook_secret_file": filepath.Join(dir, "secret"), "callback": "http://127.0.0.1/hooks/sms/kannel1"}})
	c.build(0)
	for kind, p := range map[string][2]string{
		"mpesa":       {`{"base_url":"http://127.0.0.1:1","short_code":"600000"}`, `{"consumer_key":"k","consumer_secret":"s"}`},
		"momo":        {`{"url":"http://127.0.0.1:1","environment":"mtnkenya","callbacks":true}`, `{"api_user":"6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10","api_key":"k","subscription_key":"s"}`},
		"airtel":      {`{"url":"http://127.0.0.1:1","country":"KE","currency":"KES","dial":"254"}`, `{"client_id":"i","client_secret":"s"}`},
		"stripe":      {`{"url":"http://127.0.0.1:1","success_url":"https://power.example/"}`, `{"key":"sk","signing":"whsec_simulator"}`},
		"paystack":    {`{"url":"http://127.0.0.1:1","email":"power@example.org"}`, `{"key":"sk_test"}`},
		"flutterwave": {`{"url":"http://127.0.0.1:1","email":"power@example.org","return_url":"https://power.example/"}`, `{"key":"k","hash":"the hash"}`},
		"webhook":     {`{}`, `{"signing":"whsec_` + strings.Repeat("QUJD", 8) + `"}`},
		"sms": {`{"senders":["MPESA"],"currency":"KES","patterns":[{"text":"(?P<txn>[A-Z0-9]{10}) Confirmed.*Ksh(?P<amount>[0-9,.]+)"}]}`,
			`{"secret":"` + gatewayKey + `"}`},
	} {
		v, err := c.a.payments.AddProvider(t.Context(), Clerk(), payment.NewProvider{Name: kind[:min(len(kind), 12)], Kind: kind, Config: []byte(p[0]), Secrets: []byte(p[1]),
			Single: 1_000_000, Daily: 10_000_000})
		if err != nil || v.Refused() || v.Waits != nil {
			t.Fatalf("provider %s: %v %s", kind, err, v.Detail())
		}
		c.base[kind] = payment.HookPath + v.Path.Reveal() + "/"
	}
	return c
}

// takeText is Kannel's sendsms.
func (c *crossroads) takeText(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := r.Header.Get("X-Kannel-Dlr-Url"); at != "" {
		c.dlrs = append(c.dlrs, strings.TrimPrefix(at, "http://127.0.0.1"))
	}
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprint(w, "0: Accepted for delivery")
}

// given sends a text by Kannel and returns its message and the address for its reports.
func (c *crossroads) given(text string) (message, report string) {
	c.t.Helper()
	sent, err := c.c.SendMessage(c.t.Context(), apiv1.NewMessage{Phone: c.houses[0].phone, Text: text, Route: "kannel1"}, "")
	c.must(err)
	await.True(c.t, sent.ID+" is given to Kannel", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.IndexFunc(c.dlrs, func(at string) bool { return strings.Contains(at, sent.ID) })
		if i >= 0 {
			report = c.dlrs[i]
		}
		return i >= 0
	})
	return sent.ID, report
}

// called is a call as its caller makes it, and the status that the caller needs.
type called struct {
	who, method, path string
	body              string
	header            []string // name, value, name, value …
	want              int
	kind              string // content type of the answer; empty for any
}

// page is the content type of pages, and problem that of the API's refusals.
const (
	page    = "text/html"
	problem = "application/problem+json"
)

// call makes a call with the exact bytes of its path.
func (c *crossroads) call(x called, as *http.Client) (status int, kind, body string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), x.method, c.url, strings.NewReader(x.body))
	c.must(err)
	path, query, _ := strings.Cut(x.path, "?")
	r.URL.Opaque, r.URL.RawQuery = "//"+r.URL.Host+path, query
	for i := 0; i < len(x.header); i += 2 {
		r.Header.Set(x.header[i], x.header[i+1])
	}
	a, err := as.Do(r)
	c.must(err)
	defer a.Body.Close()
	said, err := io.ReadAll(a.Body)
	c.must(err)
	return a.StatusCode, a.Header.Get("Content-Type"), string(said)
}

// try makes calls and compares the answers.
func (c *crossroads) try(as *http.Client, calls ...called) {
	c.t.Helper()
	for _, x := range calls {
		status, kind, body := c.call(x, as)
		if status != x.want || !strings.HasPrefix(kind, x.kind) {
			c.t.Errorf("%s: %s %s: %d %s %.200s; want %d %s", x.who, x.method, x.path, status, kind, body, x.want, x.kind)
		}
	}
}

// machine is a caller without cookies that follows nothing.
func machine() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// wide writes a text as Kannel does for %b of a Unicode message: UTF-16 with each octet percent-encoded.
func wide(text string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, "%%%02X%%%02X", u>>8, u&0xff)
	}
	return b.String()
}

// stored returns how often each text of an incoming message is stored.
func (c *crossroads) stored() map[string]int {
	c.t.Helper()
	times := map[string]int{}
	list, err := c.c.Messages(c.t.Context(), apiv1.MessageFilter{Page: apiv1.Page{Limit: 100}})
	c.must(err)
	for _, m := range list.Data {
		if m.Direction == "in" {
			times[m.Text]++
		}
	}
	return times
}

// TestEveryTextOfKannelArrives: whatever a customer can type reaches the store once, however Kannel writes it into its address.
func TestEveryTextOfKannelArrives(t *testing.T) {
	c := openCrossroads(t)
	texts := []struct{ query, want string }{
		{"text=BAL&coding=0", "BAL"},
		{"text=" + wide("BAL bitte") + "&coding=2", "BAL bitte"},
		{"text=" + wide("رصيد") + "&coding=2", "رصيد"},
		{"text=" + wide("мало 😀") + "&coding=2", "мало 😀"},
		{"text=" + wide("\u200f\u2067USE\u2069 now") + "&coding=2", "\u200f\u2067USE\u2069 now"},
		{"text=BAL%0A&coding=0", "BAL\n"},
		{"text=BAL%0D%0A--%0D%0ASent+from+my+phone&coding=0", "BAL\r\n--\r\nSent from my phone"},
		{"text=%C3%A9t%C3%A9+%E2%82%AC&coding=0", "été €"},
		{"text=%FF%FEdata&coding=1", "ÿþdata"},
		{"text=%1B%5B2J&coding=0", "\x1b[2J"},
		{"text=a%00b&coding=0", "a\uFFFDb"},
		{"text=" + wide("\ufeffBAL x") + "&coding=2", "\ufeffBAL x"},
	}
	for i, x := range texts {
		path := fmt.Sprintf("/hooks/sms/kannel1/in?key=%s&from=%%2B25571100%04d&to=15555&%s&ts=2026-11-20+16%%3A30%%3A00&id=text%d&udh=", url.QueryEscape(kannelKey), i, x.query, i)
		for range 2 { // Kannel calls again if our answer was lost
			c.try(machine(), called{who: "Kannel", method: "GET", path: path, want: 200, kind: "text/plain"})
		}
	}
	got := c.stored()
	for _, x := range texts {
		if got[x.want] != 1 {
			t.Errorf("%q is stored %d times, want once", x.want, got[x.want])
		}
	}
	if len(got) != len(texts) {
		t.Errorf("stored %v", got)
	}
}

// TestEveryReportOfKannelIsHeard: the network's own words in a report do not keep it away.
func TestEveryReportOfKannelIsHeard(t *testing.T) {
	c := openCrossroads(t)
	for i, x := range []struct{ state, answer, report, why string }{
		{"1", "id%3A7+stat%3ADELIVRD+err%3A000+text%3Aot%E9%0A", "delivered", ""},
		{"2", "NACK%2Fsubscriber+absent%0Aretry+later", "failed", "NACK/subscriber absent retry later"},
		{"2", "NACK%2Fnum%E9ro+inconnu", "failed", "NACK/num\uFFFDro inconnu"},
		{"16", "NACK%2F0x0000000b%2F%00", "failed", "NACK/0x0000000b/"},
		{"4", "ACK%2F%0A", "", ""},
		{"8", "ACK%2F%0D%0A", "", ""},
	} {
		message, at := c.given(fmt.Sprint("text ", i))
		path := strings.NewReplacer("%d", x.state, "%A", x.answer).Replace(at)
		c.try(machine(), called{who: "Kannel", method: "GET", path: path, want: 200, kind: "text/plain"})
		m, err := c.c.Message(t.Context(), message)
		c.must(err)
		if first := m.Attempts[0]; first.Report != x.report || first.Why != x.why { // the message may have been sent again since
			t.Errorf("after %s %s the report is %q, %q; want %q, %q", x.state, x.answer, first.Report, first.Why, x.report, x.why)
		}
	}
}

// signed returns the headers of a gateway's call.
func signed(purpose, body string) []string {
	at := fmt.Sprint(time.Now().Unix())
	return []string{"Content-Type", "application/json", gateway.HeaderTimestamp, at, gateway.HeaderSignature, gateway.Sign(gatewayKey, at, purpose, []byte(body))}
}

// TestEveryMachineIsHeard: payment providers, gateways of telephones, programs with a key, probes and scrapers.
func TestEveryMachineIsHeard(t *testing.T) {
	c := openCrossroads(t)
	at := fmt.Sprint(time.Now().Unix())
	text := `{"id":"a1","from":"+254711000099","to":"15555","text":"BAL\n\u0631\u0635\u064a\u062f \ud83d\ude00"}`
	daraja := `{"TransactionType":"Pay Bill","TransID":"QK1","TransTime":"20261120163000","TransAmount":"100.00","BusinessShortCode":"600000","BillRefNumber":"x\ny","MSISDN":"254711000000"}`
	event := `{"type":"payment_intent.created","data":{"object":{}}}`
	mac := webhook.Sign([]byte(strings.Repeat("ABC", 8)), "msg_1", at, []byte(event))
	calls := []called{
		{who: "a forwarder's app", method: "POST", path: "/hooks/sms/phone1/in", body: text, header: signed(gateway.ForMessage, text), want: 204},
		{who: "a forwarder's app with an address of its own", method: "POST", path: "/hooks/sms/phone1/in?sim=1%0A&x=%E9", body: text, header: signed(gateway.ForMessage, text), want: 204},
		{who: "a stranger", method: "POST", path: "/hooks/sms/phone1/in", body: text, header: signed(gateway.ForReport, text), want: 401},
		{who: "a stranger", method: "GET", path: "/hooks/sms/kannel1/in?key=wrong&from=1&text=%00B", want: 403},
		{who: "a stranger", method: "GET", path: "/hooks/sms/kannel1/report?id=msg_1&mac=00&state=1", want: 403},
		{who: "a stranger", method: "GET", path: "/hooks/sms/%00/in", want: 404},
		{who: "Kannel with a form", method: "POST", path: "/hooks/sms/kannel1/in", want: 405},
		{who: "Daraja, a confirmation", method: "POST", path: c.base["mpesa"] + "c", body: daraja, header: []string{"Content-Type", "application/json"}, want: 200},
		{who: "Daraja, an STK push", method: "POST", path: c.base["mpesa"] + "s", body: `{"Body":{"stkCallback":{"CheckoutRequestID":"ws_1","ResultCode":1032}}}`, want: 200},
		{who: "Daraja, a word that we never gave it", method: "POST", path: c.base["mpesa"] + "x", body: daraja, want: 401},
		{who: "MTN", method: "PUT", path: c.base["momo"] + "0190a1b2", body: `{"externalId":"req_1","status":"SUCCESSFUL","payeeNote":"a\nb"}`, want: 200},
		{who: "MTN of the sandbox", method: "POST", path: c.base["momo"] + "0190a1b2", body: `{"externalId":"req_1","status":"FAILED"}`, want: 200},
		{who: "Airtel", method: "POST", path: c.base["airtel"] + "cb", body: `{"transaction":{"id":"req_1","message":"Paid\n100","status_code":"TS"}}`, want: 200},
		{who: "Stripe", method: "POST", path: c.base["stripe"] + "events", body: event, header: []string{"Stripe-Signature", "t=" + at + ",v1=" + hex.EncodeToString(stripe.Sign("whsec_simulator", at, []byte(event)))}, want: 204},
		{who: "Paystack", method: "POST", path: c.base["paystack"] + "events", body: event, header: []string{"X-Paystack-Signature", hex.EncodeToString(paystack.Sign("sk_test", []byte(event)))}, want: 200},
		{who: "Flutterwave", method: "POST", path: c.base["flutterwave"] + "events", body: event, header: []string{"verif-hash", "the hash"}, want: 200},
		{who: "a program that speaks our webhook", method: "POST", path: c.base["webhook"] + "in", body: event, header: []string{"Webhook-Id", "msg_1", "Webhook-Timestamp", at,
			"Webhook-Signature", "v1," + base64.StdEncoding.EncodeToString(mac)}, want: 204},
		{who: "an app that forwards payments' texts", method: "POST", path: c.base["sms"] + "in", body: text, header: []string{"Paywatt-Timestamp", at, "Paywatt-Signature", "v1=" + hex.EncodeToString(sms.Sign(gatewayKey, at, []byte(text)))}, want: 204},
		{who: "a provider with an address of its own", method: "POST", path: c.base["airtel"] + "cb?ref=%0A%E9&;", body: `{"transaction":{"id":"req_2"}}`, want: 200},
		{who: "a provider whose call is no line", method: "POST", path: c.base["airtel"] + "%00", body: `{"transaction":{"id":"req_2"}}`, want: 404},
		{who: "a provider that asks", method: "GET", path: c.base["airtel"] + "cb", want: 405},
		{who: "a stranger", method: "POST", path: "/hooks/pay/0123456789abcdef0123456789abcdef/c", body: daraja, want: 404},
		{who: "a stranger", method: "POST", path: "/hooks/pay/%00/c", body: daraja, want: 404},
		{who: "a probe", method: "GET", path: "/livez", want: 200}, {who: "a probe", method: "HEAD", path: "/readyz", want: 200},
		{who: "a probe with a parameter that the page of probes does not name", method: "GET", path: "/livez?t=1795192200", want: 400, kind: problem},
		{who: "a scraper", method: "GET", path: "/metrics?name%5B%5D=up", header: c.keyed(), want: 200}, {who: "a scraper without a key", method: "GET", path: "/metrics", want: 401, kind: problem},
		{who: "the command line", method: "GET", path: "/v1/search?q=" + c.houses[0].number, header: c.keyed(), want: 200},
		{who: "the command line with a pasted mark", method: "GET", path: "/v1/search?q=%E2%80%AA" + c.houses[0].number, header: c.keyed(), want: 400, kind: problem},
		{who: "a program with a broken escape", method: "GET", path: "/v1/meters?limit=%zz", header: c.keyed(), want: 400, kind: problem},
		{who: "a program with a zero octet", method: "GET", path: "/v1/meters/%00", header: c.keyed(), want: 400, kind: problem},
		{who: "a program without a key", method: "GET", path: "/v1/meters", want: 401, kind: problem},
		{who: "a reader of the reference", method: "GET", path: "/docs", want: 200, kind: page},
		{who: "a program that speaks XMLVend, which has no door here", method: "POST", path: "/xmlvend", body: "<ns2:creditVendReq/>", header: []string{"Content-Type", "text/xml"}, want: 303},
	}
	c.try(machine(), calls...)
	if n := c.stored()["BAL\nرصيد 😀"]; n != 1 {
		t.Errorf("the forwarder's text is stored %d times, want once", n)
	}
}

// keyed is the header of a program with a key.
func (c *crossroads) keyed() []string { return []string{"Authorization", "Bearer " + c.key} }

// TestAPastedNumberIsFound: browsers send what people pasted, with marks that nobody sees. Forms by GET and by POST drop them alike, and what
// cannot be dropped gets a page.
func TestAPastedNumberIsFound(t *testing.T) {
	c := openCrossroads(t)
	number, follow := c.houses[0].number, *c.browser
	link := c.link(c.houses[0])
	still := &http.Client{Jar: c.browser.Jar, CheckRedirect: machine().CheckRedirect}
	for _, mark := range []string{"\u202a", "\u202c", "\u2066", "\u2069", "\u200e", "\u200f", "\u200b", "\u2060", "\ufeff", "\u00ad", "\t", "\r\n"} {
		pasted := url.QueryEscape(mark + number + mark)
		for _, x := range []called{
			{who: "the search box", method: "GET", path: "/search?q=" + pasted, want: 200, kind: page},
			{who: "a sale", method: "GET", path: "/sell/check?meter=" + pasted + "&amount=" + url.QueryEscape("20"+mark), want: 200, kind: page},
		} {
			status, kind, body := c.call(x, &follow)
			if status != x.want || !strings.HasPrefix(kind, x.kind) || !strings.Contains(body, number) {
				t.Errorf("%s with %q: %d %s, and the meter is on the page: %t", x.who, mark, status, kind, strings.Contains(body, number))
			}
		}
		form := []string{"Content-Type", "application/x-www-form-urlencoded"}
		c.try(still,
			called{who: fmt.Sprintf("a customer with %q", mark), method: "GET", path: link + "/buy?amount=" + url.QueryEscape(mark+"20"), want: 200, kind: page},
			called{who: fmt.Sprintf("a customer who pays with %q", mark), method: "POST", path: link + "/buy", header: form, want: 303,
				body: "amount=" + url.QueryEscape("x"+mark)})
	}
	for _, mark := range []string{"\u202a", "\u200b", "\t"} { // more would be too many for one account
		c.try(still, called{who: fmt.Sprintf("signing in with %q", mark), method: "POST", path: "/signin", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: 303,
			body: "email=" + url.QueryEscape(mark+"owner@example.org"+mark) + "&password=" + url.QueryEscape(figuresPassword)})
	}
	c.try(still, called{who: "an address with a zero octet", method: "GET", path: "/search?q=%00", want: 400, kind: page},
		called{who: "an address that is no UTF-8", method: "GET", path: "/search?q=%ff", want: 400, kind: page},
		called{who: "an address with a broken escape", method: "GET", path: "/search?q=100%", want: 400, kind: page},
		called{who: "a path with a zero octet", method: "GET", path: "/meters/%00", want: 400, kind: page},
		called{who: "a path with a mark of direction", method: "GET", path: "/meters/%E2%80%AE" + number, want: 400, kind: page},
		called{who: "a file with a zero octet", method: "GET", path: "/export/meters?find=%00", want: 400, kind: page},
		called{who: "a form with a zero octet", method: "POST", path: "/signin", body: "email=%00", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: 400, kind: page},
		called{who: "a customer's address with a zero octet", method: "GET", path: link + "?m=%00", want: 400, kind: page},
		called{who: "a customer's path with a zero octet", method: "GET", path: "/c/%00", want: 400, kind: page},
		called{who: "a customer's form with a zero octet", method: "POST", path: link + "/buy", body: "amount=%00", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: 400, kind: page},
	)
}
