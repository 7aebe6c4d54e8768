package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// tabTo moves the focus with the Tab key until it is on what the selector names.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	for range 80 {
		if ask[bool](p, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
		p.keys(tabKey)
	}
	p.t.Fatalf("on %s, Tab never reaches %s; the focus is on %s", p.path(), selector, p.focus())
}

// shows waits until the page is whole, with its scripts, and says all texts.
func (p *tab) shows(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.until(fmt.Sprintf("document.readyState === 'complete' && document.querySelector('main').innerText.includes(%q)", text))
	}
}

// clerksDay is a day at the counter without a mouse: open a till, sell four times, find a customer by name, by telephone and by the last six digits
// of a token, reverse a wrong amount, print a receipt again, and close the till with a coin missing.
func (o *office) clerksDay(t *testing.T) {
	d, zawadi := o.owner, number(1900)
	o.api.must(t, 201, "POST", "/v1/meters", map[string]any{"number": zawadi, "mode": "prepay_token", "tariff": "domestic", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
		"simulated": true, "customer": map[string]any{"name": "Zawadi Mwamba", "phone": "+254733000111"}})
	d.visit("/office")
	d.tabTo(`main a[href="/tills"]`)
	d.keys(enterKey)
	d.at("/tills")
	d.tabTo("#till")
	d.keys("till-9" + tabKey + "1,000" + enterKey)
	d.at("/tills/shf_")
	d.shows("Till till-9 so far (X report)", "KES 1,000.00")
	d.tabTo(`header a[href="/sell"], nav a[href="/sell"]`)
	d.keys(enterKey)
	meters := []string{zawadi}
	for i := range 3 {
		meters = append(meters, number(1010+i))
	}
	for i, meter := range meters {
		d.at("/sell")
		d.until(`document.activeElement.id === "meter"`)
		d.keys(meter + tabKey + fmt.Sprint(20+i) + enterKey)
		d.at("/sell/check")
		d.keys(enterKey)
		d.at("/sales/")
		if i < len(meters)-1 {
			d.keys(enterKey) // the next sale
		}
	}
	digits := strings.ReplaceAll(d.text("main .token"), " ", "")
	for _, typed := range []string{"zawadi mw", "0733000111"} {
		ask[chromedp.Void](d, `window.seen = true, undefined`) // the next page does not have it
		d.keys("/" + typed + enterKey)
		d.until(`!window.seen`)
		d.at("/meters/" + zawadi)
	}
	d.keys("/" + digits[len(digits)-6:] + enterKey)
	d.at("/sales/")
	d.shows("till-9-000004", "KES 23.00")
	d.tabTo("main details summary")
	d.keys(enterKey)
	d.tabTo("#reason")
	d.keys("typed 23 instead of 32" + enterKey)
	d.shows("This sale was reversed at")
	d.keys("/till-9-000003" + enterKey)
	d.shows("till-9-000003")
	d.tabTo("main details summary")
	d.keys(enterKey)
	d.tabTo(`button[value="copy"]`)
	d.keys(enterKey)
	d.until(`location.pathname.endsWith("/receipt")`)
	d.shows("COPY")
	d.tabTo(`main a[href="/sell"]`)
	d.keys(enterKey)
	d.at("/sell")
	d.shows("Till till-9. Sales: 4. In the till: KES 1,063.00.") // 1000 + 20 + 21 + 22 + 23 less 23
	d.visit("/sell")
	d.tabTo(`main a[href^="/tills/"]`)
	d.keys(enterKey)
	d.at("/tills/shf_")
	d.tabTo("#counted")
	d.keys("1,062.50" + tabKey + "a coin is missing" + enterKey)
	d.shows("Z report of till till-9", "Closed", "KES 0.50 missing", "a coin is missing", "Sales: 4")
}
