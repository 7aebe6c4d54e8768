package e2e

import (
	"strings"
	"testing"
)

// agentsDay is the day of somebody who sells for a shop, on a telephone of 360 px: the browser is registered once, then a PIN signs in, the float
// is on top, the payee is named before the sale, and a lost token is found again.
func (o *office) agentsDay(t *testing.T) {
	const email, pin = "agent@example.org", "271828"
	o.api.must(t, 201, "POST", "/v1/vendors", map[string]any{"name": "Corner shop", "code": "CORNER"})
	o.api.must(t, 201, "POST", "/v1/vendors/CORNER/deposits", map[string]any{"amount": map[string]any{"amount_minor": 100_000, "currency": "KES"}, "reference": "slip-1"},
		"Idempotency-Key", "agents-day-deposit")
	zuri := number(1901)
	o.api.must(t, 201, "POST", "/v1/meters", map[string]any{"number": zuri, "mode": "prepay_token", "tariff": "domestic", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
		"simulated": true, "customer": map[string]any{"name": "Zuri Wambui", "phone": "+254733000222"}})
	d := o.owner
	d.visit("/people")
	d.fill("#email", email)
	d.pick("#role", "vendor_api")
	d.fill("#vendor", "CORNER")
	d.click("main form button.primary", 1)
	d.until(`document.getElementById("link")`)
	link := strings.TrimPrefix(d.text("#link"), d.origin)

	a := o.chrome.open(t, d.origin)
	a.size(360)
	a.visit(link)
	a.fill("#password", "nine hundred tiny lamps")
	a.keys(enterKey)
	a.at("/signin")
	a.fill("#email", email)
	a.fill("#password", "nine hundred tiny lamps")
	a.keys(enterKey)
	a.at("/sell")
	a.visit("/account")
	a.fill("#device", "Counter")
	a.fill("#pin", pin)
	a.keys(enterKey)
	a.shows("This browser is registered.")
	a.click(`.menu-button`, 1)
	a.click(`#menu form[action="/signout"] button`, 1)
	a.at("/signin")
	a.fill("#pin", pin)
	a.keys(enterKey)
	a.at("/sell")
	a.shows("1,000.00")
	sold := ""
	for _, amount := range []string{"50", "1,00", "70"} {
		a.visit("/sell")
		a.fill("#meter", zuri)
		a.keys(tabKey + amount + enterKey)
		if amount == "1,00" {
			a.until(`document.querySelector("[role=alert]")`)
			continue
		}
		a.at("/sell/check")
		a.shows("Zuri")
		a.fits()
		a.keys(enterKey)
		a.at("/sales/")
		a.fits()
		sold = strings.ReplaceAll(a.text("main .token"), " ", "")
	}
	a.handsOut(t, sold)
	a.visit("/sell")
	a.shows("880.00", "120.00") // what is left to sell, and today's sales
	a.visit("/sales")
	a.shows("KES 50.00", "KES 70.00")
	a.fits()
	a.keys("/" + sold[len(sold)-6:] + enterKey)
	a.at("/sales/")
	if got := strings.ReplaceAll(a.text("main .token"), " ", ""); got != sold {
		t.Errorf("the last six digits find the token %s, want %s", got, sold)
	}
	a.clean()
}

// handsOut checks that the page of a sale shares its token, and leads to a receipt to print.
func (p *tab) handsOut(t *testing.T, token string) {
	t.Helper()
	if !ask[bool](p, `document.querySelector("[data-share]").dataset.share.replaceAll(" ", "").includes("`+token+`")`) {
		t.Error("the page of the sale does not share the token")
	}
	p.click(`main a[href$="/receipt"]`, 1)
	p.until(`document.readyState === "complete" && document.querySelector('main a[href="?print=1"]')`)
	p.fits()
}

// fits checks that nothing is wider than the window.
func (p *tab) fits() {
	p.t.Helper()
	if w := ask[float64](p, `document.documentElement.scrollWidth - window.innerWidth`); w > 0 {
		p.t.Errorf("%s is %v px wider than the window", p.path(), w)
	}
}
