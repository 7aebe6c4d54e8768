package app

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words"
)

// portalWeight is how much a customer's page may weigh in all, with its style sheet, as a telephone gets it (gzip), and unpacked.
const (
	portalWeight   = 15 << 10
	portalUnpacked = 30 << 10
)

// portalAt is where customers reach the server.
const portalAt = "https://pay.example.org"

// visitor is a browser without a session.
type visitor struct {
	v      *village
	client *http.Client
}

func (v *village) visitor() visitor {
	return visitor{v, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// ask sends a request with headers, in turn name and value.
func (b visitor) ask(method, path string, form url.Values, headers ...string) (*http.Response, string) {
	b.v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.v.t.Context(), method, b.v.url+path, body)
	b.v.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := b.client.Do(r)
	b.v.must(err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	b.v.must(err)
	return a, string(text)
}

// link makes the link of a house and returns its path.
func (v *village) link(h *house) string {
	v.t.Helper()
	l, err := v.c.MakePageLink(v.t.Context(), h.number, apiv1.NewPageLink{Show: true})
	v.must(err)
	l.Address = strings.TrimPrefix(l.Address, portalAt)
	if l.State != "live" || !regexp.MustCompile(`^/c/[2-9bcdfghjkmnpqrstvwxyz]{16}$`).MatchString(l.Address) {
		v.t.Fatalf("the link is %+v", l)
	}
	return l.Address
}

// portalVillage has a token meter and a wallet, each with a sale and readings.
func portalVillage(t *testing.T) (*village, *house, *house) {
	v := settle(t, 1)
	v.build(0)
	v.build(1)
	for _, h := range v.houses {
		for d := range 6 {
			h.register += 4000 + int64(d)*100
			at := v.now.Add(-time.Duration(6-d) * 24 * time.Hour)
			v.read(h, at)
		}
		v.sell(h)
	}
	return v, v.houses[0], v.houses[1]
}

// TestACustomersPage: the page has what the customer asks for, in four languages, and is small.
func TestACustomersPage(t *testing.T) {
	tier.Slow(t)
	v, token, wallet := portalVillage(t)
	b := v.visitor()
	digits := regexp.MustCompile(`\d{4} \d{4} \d{4} \d{4} \d{4}`)
	for _, h := range []*house{token, wallet} {
		path := v.link(h)
		if again := v.link(h); again != path {
			t.Errorf("the second link is another one")
		}
		a, page := b.ask("GET", path, nil)
		if a.StatusCode != 200 || digits.MatchString(page) != !h.wallet || !strings.Contains(page, "KES") {
			t.Errorf("GET the page of %s: %s\n%s", h.number, a.Status, page)
		}
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive", "Cache-Control": "no-store"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script") {
			t.Errorf("the policy is %q", csp)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "style=\"") || strings.Contains(page, "http-equiv") {
			t.Error("the page has a script or an inline style")
		}
		weigh(t, b, page)
		for _, more := range []string{"/buy", "/buy?amount=100", "/messages", "/pay", "/pay?amount=100", "?by=week", "?by=month", "?on=2020-01-01", "?on=x"} {
			if a, body := b.ask("GET", path+more, nil); a.StatusCode != 200 {
				t.Errorf("GET %s: %s\n%s", more, a.Status, body)
			}
		}
		receipts := regexp.MustCompile(`/receipts/[^"?]+`).FindAllString(page, -1)
		if len(receipts) != 1 {
			t.Fatalf("the page has %d receipts", len(receipts))
		}
		if a, body := b.ask("GET", path+receipts[0], nil); a.StatusCode != 200 || !strings.Contains(body, "<li>") {
			t.Errorf("GET a receipt: %s\n%s", a.Status, body)
		}
	}
	all, err := words.Open()
	v.must(err)
	for _, l := range all.All() {
		path := v.link(token)
		a, _ := b.ask("POST", path+"/language", url.Values{"language": {l.Code()}})
		if a.StatusCode != http.StatusSeeOther || len(a.Cookies()) != 1 {
			t.Fatalf("choosing %s: %s", l.Code(), a.Status)
		}
		_, page := b.ask("GET", path, nil, "Cookie", a.Cookies()[0].Name+"="+a.Cookies()[0].Value)
		if !strings.Contains(page, `lang="`+l.Code()+`" dir="`+l.Direction()+`"`) || !strings.Contains(page, l.PortalLeft()) {
			t.Errorf("the page is not in %s:\n%s", l.Code(), page)
		}
	}
}

// weigh checks the size of a page and of what it loads.
func weigh(t *testing.T, b visitor, page string) {
	t.Helper()
	loads := regexp.MustCompile(`(?:src|href)="(/c/[^"]+\.css)"`).FindAllStringSubmatch(page, -1)
	if len(loads) != 1 {
		t.Fatalf("the page loads %v", loads)
	}
	a, css := b.ask("GET", loads[0][1], nil)
	if a.StatusCode != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("GET the style sheet: %s, %s", a.Status, a.Header.Get("Cache-Control"))
	}
	packed := 0
	for _, text := range []string{page, css} {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		packed += z.Len()
	}
	t.Logf("page %d bytes, style sheet %d, both with gzip %d", len(page), len(css), packed)
	if packed > portalWeight || len(page)+len(css) > portalUnpacked {
		t.Errorf("the page weighs %d bytes with gzip, %d without", packed, len(page)+len(css))
	}
}

// TestALinkUnderAttack: a link opens one account while it lives, and every other answer is the same.
func TestALinkUnderAttack(t *testing.T) {
	tier.Slow(t)
	v, mine, other := portalVillage(t)
	b := v.visitor()
	path, foreign := v.link(mine), v.link(other)
	_, page := b.ask("GET", path, nil)
	_, theirs := b.ask("GET", foreign, nil)
	receipt := regexp.MustCompile(`/receipts/[^"?]+`)
	unknown, none := b.ask("GET", "/c/2222222222222222", nil)
	if unknown.StatusCode != http.StatusNotFound {
		t.Fatalf("a guessed link: %s", unknown.Status)
	}
	same := func(what, path string) {
		t.Helper()
		a, body := b.ask("GET", path, nil)
		if a.StatusCode != http.StatusNotFound || body != none {
			t.Errorf("%s: %s\n%s", what, a.Status, body)
		}
	}
	same("another account's receipt", path+receipt.FindString(theirs))
	same("a receipt that is none", path+"/receipts/main-999999")
	same("a text that is no link", "/c/..%2f..%2fmeters")
	same("no link", "/c/")
	if a, body := b.ask("GET", path+"?m="+other.number, nil); a.StatusCode != 200 || strings.Contains(strings.ReplaceAll(body, " ", ""), other.number) {
		t.Errorf("the meter of another account: %s\n%s", a.Status, body)
	}
	payer := strings.TrimPrefix(regexp.MustCompile(portalAt+`/c/\w{16}/pay`).FindString(page), portalAt)
	a, pays := b.ask("GET", payer, nil)
	if a.StatusCode != 200 || strings.HasPrefix(payer, path) || strings.Contains(pays, "data-cell") || strings.Contains(pays, "kWh") || strings.Contains(pays, path+`"`) {
		t.Errorf("the page of somebody else who pays: %s\n%s", a.Status, pays)
	}
	only := strings.TrimSuffix(payer, "/pay")
	for _, more := range []string{"", "/buy", "/messages", receipt.FindString(page)} {
		same("the payer's link at "+more, only+more)
	}
	if a, _ := b.ask("POST", only+"/resend", url.Values{}); a.StatusCode != http.StatusNotFound {
		t.Errorf("the payer has the token sent: %s", a.Status)
	}
	for _, origin := range [][]string{{"Origin", "https://elsewhere.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		for _, form := range []string{"/resend", "/language"} {
			if a, _ := b.ask("POST", path+form, url.Values{"language": {"fr"}}, origin...); a.StatusCode != http.StatusForbidden || len(a.Cookies()) != 0 {
				t.Errorf("a form from another site: %s", a.Status)
			}
		}
	}
	if _, err := v.c.RevokePageLink(t.Context(), mine.number); err != nil {
		t.Fatal(err)
	}
	same("a revoked link", path)
	same("the payer's link of a revoked link", payer)
	if next := v.link(mine); next == path {
		t.Error("the revoked link was given out again")
	}
	for range 40 {
		a, _ = b.ask("GET", "/c/3333333333333333", nil)
	}
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("the 40th guess: %s", a.Status)
	}
	if a, _ := b.ask("GET", foreign, nil); a.StatusCode != 200 {
		t.Errorf("a link that was opened before does not open from a guesser's address: %s", a.Status)
	}
}

// TestTheLastTokenAgain: the customer has the token sent again, three times at once, and only to the registered telephone.
func TestTheLastTokenAgain(t *testing.T) {
	v, mine, _ := portalVillage(t)
	b := v.visitor()
	path := v.link(mine)
	for i, want := range []string{"?sent=1", "?sent=1", "?sent=1", "?sent=2"} {
		a, _ := b.ask("POST", path+"/resend", url.Values{})
		if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != path+want {
			t.Errorf("the %d. time leads to %q", i+1, got)
		}
	}
	list, err := v.c.Messages(t.Context(), apiv1.MessageFilter{Meter: mine.number})
	v.must(err)
	sent := 0
	for _, m := range list.Data {
		if m.Purpose == "last-token" && m.Phone == mine.phone {
			sent++
		}
	}
	if sent != 3 {
		t.Errorf("%d messages to the customer", sent)
	}
}

// TestALinkBySMS: the customer gets the link with a sale, and on the word LINK. A stranger gets none, and neither does a number that was just
// changed. No row has the link.
func TestALinkBySMS(t *testing.T) {
	v, mine, other := portalVillage(t)
	path := v.link(mine)
	ctx := t.Context()
	last := func(phone, want string) string {
		t.Helper()
		return v.lastText(phone, fmt.Sprintf("has %q", want), func(text string) bool { return strings.Contains(text, want) })
	}
	v.text(mine.phone, "link")
	if text := last(mine.phone, portalAt); !strings.Contains(text, portalAt+path+" shows your balance") || len(text) > 160 {
		t.Errorf("LINK is answered %q", text)
	}
	_, err := v.c.Vend(ctx, apiv1.NewSale{Meter: mine.number, Tender: apiv1.Amount{AmountMinor: 10_000, Currency: "KES"}, Deliver: []string{"sms"}}, "link-sale")
	v.must(err)
	if text := last(mine.phone, "Type the 20 digits"); !strings.HasSuffix(text, " "+portalAt+path) || len(text) > 160 {
		t.Errorf("a sale is announced %q", text)
	}
	v.text("+254799999999", "LINK")
	if text := last("+254799999999", "serves customers"); strings.Contains(text, "/c/") {
		t.Errorf("a stranger gets %q", text)
	}
	row, err := v.c.Meter(ctx, other.number)
	v.must(err)
	const next = "+254788888888"
	_, err = v.c.ChangeCustomer(ctx, row.Customer.ID, apiv1.CustomerChange{Phone: new(next)})
	v.must(err)
	v.text(next, "LINK")
	v.text(next, "HELP")
	if text := last(next, "LINK page"); strings.Contains(text, "/c/") {
		t.Errorf("a number that was just changed gets %q", text)
	}
	list, err := v.c.Messages(ctx, apiv1.MessageFilter{})
	v.must(err)
	held := false
	for _, m := range list.Data {
		held = held || m.Phone == next && m.Purpose == "page" && m.State == "queued"
		if strings.Contains(m.Text, "/c/") {
			t.Errorf("a message's row has a link: %+v", m)
		}
	}
	if !held {
		t.Error("the link to a changed number does not wait")
	}
	v.mu.Lock()
	text := v.texts[next]
	v.mu.Unlock()
	if strings.Contains(text, "/c/") {
		t.Errorf("a number that was just changed gets %q", text)
	}
}

// TestATelephoneIsAskedToPay: the customer, and somebody else who pays, ask a telephone to pay, once for each form. Each sees only the requests of
// their own link.
func TestATelephoneIsAskedToPay(t *testing.T) {
	v, mine, other := portalVillage(t)
	b := v.visitor()
	path, foreign := v.link(mine), v.link(other)
	if _, page := b.ask("GET", path+"/buy", nil); strings.Contains(page, "ask-phone") {
		t.Error("there is a form although no provider can ask")
	}
	daraja := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(daraja.Close)
	_, err := v.c.AddPaymentProvider(t.Context(), apiv1.NewPaymentProvider{Name: "mpesa", Kind: "mpesa", Config: map[string]any{"base_url": daraja.URL, "short_code": "600123", "initiator": "api"},
		Secrets: map[string]any{"consumer_key": "k", "consumer_secret": "s", "passkey": "p", "security_credential": "c"}, MaxSingleMinor: 100_000, MaxDailyMinor: 1_000_000})
	v.must(err)
	id := regexp.MustCompile(`name="form" value="(\w{32})"`)
	form := func(page string) url.Values {
		t.Helper()
		_, body := b.ask("GET", page, nil)
		found := id.FindStringSubmatch(body)
		if found == nil || !strings.Contains(body, "600123") {
			t.Fatalf("%s has no form, or no way to pay:\n%s", page, body)
		}
		return url.Values{"form": {found[1]}, "amount": {"100"}, "phone": {"+254711000000"}, "provider": {"mpesa"}}
	}
	asked := form(path + "/buy")
	var first string
	for range 2 { // sent twice, asked once
		a, body := b.ask("POST", path+"/buy", asked)
		to := a.Header.Get("Location")
		if a.StatusCode != http.StatusSeeOther || !strings.Contains(to, "request=") || first != "" && to != first {
			t.Fatalf("asking leads to %q: %s\n%s", to, a.Status, body)
		}
		first = to
	}
	if _, page := b.ask("GET", first, nil); !strings.Contains(page, `id="request"`) {
		t.Errorf("the page does not say what became of the request:\n%s", page)
	}
	request := first[strings.Index(first, "request="):]
	if _, page := b.ask("GET", foreign+"/buy?"+request, nil); strings.Contains(page, `id="request"`) {
		t.Error("another link sees the request")
	}
	wrong := form(path + "/buy")
	wrong.Set("phone", "12")
	if a, page := b.ask("POST", path+"/buy", wrong); a.StatusCode != 200 || !strings.Contains(page, `role="alert"`) {
		t.Errorf("a wrong telephone: %s\n%s", a.Status, page)
	}
	_, home := b.ask("GET", path, nil)
	payer := strings.TrimPrefix(regexp.MustCompile(portalAt+`/c/\w{16}/pay`).FindString(home), portalAt)
	if a, _ := b.ask("POST", payer, form(payer)); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), payer+"?") {
		t.Errorf("somebody else asks: %s, %s", a.Status, a.Header.Get("Location"))
	}
	if a, _ := b.ask("POST", path+"/buy", form(path+"/buy"), "Origin", "https://elsewhere.example"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a form from another site: %s", a.Status)
	}
	list, err := v.c.PaymentRequests(t.Context(), apiv1.Page{})
	v.must(err)
	if len(list.Data) != 2 {
		t.Errorf("%d requests, want 2", len(list.Data))
	}
}
