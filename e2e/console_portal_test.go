package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"

	"github.com/paywatt/paywatt/internal/await"
)

// Limits of what a first visit of a customer's page loads.
const (
	portalBytes, portalRequests = 15 << 10, 4
)

// customersPage opens a customer's page on a telephone, with scripts and without. What it shows and does is the same.
func (o *office) customersPage(t *testing.T) {
	address := o.api.must(t, 201, "POST", "/v1/meters/"+o.first.number+"/page-link", map[string]bool{"show": true}).text(t, "address")
	simulated := o.place.running(t, `http=(\S+)`, "provider", "simulate")[1]
	o.api.must(t, 201, "POST", "/v1/payment-providers", map[string]any{"name": "momo", "kind": "momo", "config": map[string]any{"allow_private": true, "url": "http://" + simulated + "/momo", "environment": "mtnuganda"},
		"secrets": map[string]any{"api_user": "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10", "api_key": "api-key", "subscription_key": "subscription-key"}})
	for _, script := range []bool{true, false} {
		p := o.chrome.open(t, o.owner.origin)
		p.slowTelephone()
		call(p, network.ClearBrowserCache, cdp.Empty{})
		p.visit(address)
		const painted = `performance.getEntriesByName("first-contentful-paint")[0]`
		p.until(painted)
		ms := ask[float64](p, painted+`.startTime`)
		bytes, requests := p.weighed()
		t.Logf("figures: a customer's page takes %.1f kB in %d requests, first paint after %.0f ms", bytes/1000, requests, ms)
		if bytes > portalBytes || requests > portalRequests {
			t.Errorf("a customer's page takes %.0f bytes in %d requests", bytes, requests)
		}
		if !script {
			call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		}
		if script {
			p.calm()
		} else {
			o.customerBuys(t, p, address)
		}
		o.customerLooks(t, p, address)
		p.clean()
	}
	a := o.chrome.open(t, o.owner.origin)
	home := func() { a.visit(address) }
	var pages []pageState
	for name, path := range map[string]string{"": "", " buying": "/buy?amount=100", " messages": "/messages", " paying for somebody": "/pay?amount=100", " wrong": "x"} {
		pages = append(pages, pageState{"customer's page" + name, func() { a.visit(address + path) }})
	}
	pages = append(pages, pageState{"customer's page in Arabic", func() {
		home()
		a.click(`button[value="ar"]`, 1)
		a.until(`document.documentElement.dir === "rtl"`)
	}})
	for _, page := range shownIn(a, pages) {
		page.open()
		o.looksRight(t, page)
	}
}

// customerBuys has a telephone asked to pay, on a slow telephone without scripts, and waits for the token.
func (o *office) customerBuys(t *testing.T, p *tab, path string) {
	t.Helper()
	began := time.Now()
	p.visit(path)
	before := p.text(".token")
	p.click("a.primary", 1)
	p.until(`document.querySelector("#ask-phone")`)
	p.fill("#ask-amount", "50")
	p.fill("#ask-phone", "+256772123456")
	p.keys(enterKey)
	p.until(`document.querySelector("#request")`)
	asked := ask[string](p, `location.pathname + location.search`)
	for !ask[bool](p, `document.querySelector("#request.ok") !== null`) {
		if time.Since(began) > await.Limit {
			t.Fatalf("%s: after %v the request is %q", await.NotInTime, await.Limit, p.text("#request"))
		}
		time.Sleep(time.Second) // the page has no script, so the customer loads it again
		p.visit(asked)
	}
	for p.visit(path); p.text(".token") == before; p.visit(path) {
		if time.Since(began) > await.Limit {
			t.Fatalf("%s: after %v there is no new token:\n%s", await.NotInTime, await.Limit, p.text("main"))
		}
		time.Sleep(time.Second)
	}
	t.Logf("figures: bought on a slow telephone in %v", time.Since(began).Round(time.Millisecond))
	p.calm()
	o.meter.must(t, "sync")
}

// customerLooks reads the page, has a price calculated, and reads a receipt.
func (o *office) customerLooks(t *testing.T, p *tab, path string) {
	t.Helper()
	p.visit(path)
	if got := p.text(".token"); !regexp.MustCompile(`^(\d{4} ){4}\d{4}$`).MatchString(got) {
		t.Errorf("the token is %q", got)
	}
	if got := p.text("main"); !strings.Contains(got, "Credit left") || !strings.Contains(got, "kWh") || !strings.Contains(got, "Loaded in the meter") {
		t.Errorf("the page says:\n%s", got)
	}
	for _, width := range []int64{320, 360} {
		p.size(width)
		p.fits()
	}
	p.click("a.primary", 1)
	p.until(`location.pathname.endsWith("/buy")`)
	p.fill("#amount", "100")
	p.keys(enterKey)
	p.until(`document.querySelector("[role=status]")`)
	if got := p.text("[role=status]"); !strings.Contains(got, "kWh") {
		t.Errorf("100 buys %q", got)
	}
	p.visit(path)
	p.click(`a[href*="/receipts/"]`, 1)
	p.until(`location.pathname.includes("/receipts/") && document.readyState === "complete"`)
	if got := p.text("main"); !strings.Contains(got, "Every figure was calculated again") {
		t.Errorf("the receipt says:\n%s", got)
	}
}

// calm gives a tab its own line and processor back.
func (p *tab) calm() {
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 1})
	call(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{DownloadThroughput: -1, UploadThroughput: -1}}})
}
