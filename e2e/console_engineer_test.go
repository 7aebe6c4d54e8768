package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// engineersDay is the day of somebody who works at meters, on a telephone of 360 px: a meter is registered and its key checked, the meter reports,
// a customer's mistyped token is explained, a service token waits for a second person, the meter gets its next key, and another meter
// takes its place.
func (o *office) engineersDay(t *testing.T) {
	const email, password = "engineer@example.org", "nine hundred tiny lamps"
	d := o.signedIn(t)                                                                                // the owner's first session may be older than the ten minutes that an invitation allows
	o.api.must(t, 200, "POST", "/v1/settings", map[string]any{"usual_tariffs": []string{"domestic"}}) // on another, a second person must agree
	d.visit("/people")
	d.fill("#email", email)
	d.pick("#role", "engineer")
	d.click("main form button.primary", 1)
	d.until(`document.getElementById("link")`)
	link := strings.TrimPrefix(d.text("#link"), d.origin)

	e := o.chrome.open(t, d.origin)
	e.size(360)
	e.visit(link)
	e.fill("#password", password)
	e.keys(enterKey)
	e.at("/signin")
	o.place.run(t, "", "person", "confirm", email, "--data", o.place.dir)
	e.fill("#email", email)
	e.fill("#password", password)
	e.keys(enterKey)
	var second factor
	second.pass(t, e)
	e.at("/overview")

	s := o.install(t, e, number(1961), "#name", "Wanjiru K.", "#phone", "+254733000333")
	m := o.place.meterProcess(t, filepath.Join(t.TempDir(), "meter"), o.srv.mqtt, s)
	m.must(t, "sync")
	e.visit("/meters/" + s.number)
	e.until(`/\d\d:\d\d/.test(document.querySelector("[data-cell=seen]").textContent)`)

	o.complaint(t, e, m, s)
	o.serviceToken(t, e, m, s)
	o.nextKey(t, e, m, s)
	o.replace(t, e, m, s)
	e.clean()
}

// install registers a meter in the browser, and returns the secrets that the page shows. A meter of no customer goes into stock.
func (o *office) install(t *testing.T, e *tab, serial string, customer ...string) secrets {
	e.visit("/meters/new")
	e.fill("#number", serial)
	for i := 0; i < len(customer); i += 2 {
		e.fill(customer[i], customer[i+1])
	}
	if customer == nil {
		e.click("input[name=stock]", 1)
	}
	e.fill("#sgc", "123456")
	e.click("input[name=simulated]", 1)
	e.click("main form button.primary", 1)
	e.shows("The meter is registered.", "The server has the vending key of this meter.")
	e.fits()
	shown := func(name string) string {
		return ask[string](e, `[...document.querySelectorAll("#secret-title ~ dl dt")].find(d => d.textContent === "`+name+`").nextElementSibling.textContent.trim()`)
	}
	return secrets{number: serial, password: shown("MQTT password"), linkKey: shown("Link key"), decoderKey: shown("Decoder key")}
}

// complaint explains the token of a customer who types one digit wrongly.
func (o *office) complaint(t *testing.T, e *tab, m *vmeter, s secrets) {
	digits := o.api.mustVend(t, s.number, 10_000, "engineers-day-sale").text(t, "tokens", 0, "digits")
	digits = strings.ReplaceAll(digits, " ", "")
	wrong := digits[:7] + string('0'+(digits[7]-'0'+1)%10) + digits[8:]
	e.visit("/meters/" + s.number)
	e.click(`main a[href$="/service"]`, 1)
	e.at("/meters/" + s.number + "/service")
	e.fits()
	e.click(`main a[href^="/doctor"]`, 1)
	e.at("/doctor")
	e.fill("#digits", wrong)
	e.keys(enterKey)
	e.shows("What was found", "digit")
	e.fits()
	if strings.Contains(e.text("main"), digits[10:]) {
		t.Error("an engineer, who may not see digits, is shown those that were meant")
	}
	e.fill("#digits", "The token is "+digits)
	e.keys(enterKey)
	e.shows("34.7 kWh", "See the sale")
	m.must(t, "key "+digits+"#")
	m.must(t, "sync")
}

// serviceToken makes a token that clears tampering. A second person allows it in another browser.
func (o *office) serviceToken(t *testing.T, e *tab, m *vmeter, s secrets) {
	e.visit("/meters/" + s.number + "/service/clear_tamper")
	e.fits()
	e.focuses("input#reason")
	e.keys("seal replaced" + enterKey)
	e.shows("A second person must allow it")
	e.click(`main a[href^="/approvals/"]`, 1)
	e.at("/approvals/")
	request := e.path()
	e.shows("You cannot approve this request")
	boss := o.signedIn(t)
	boss.visit(request)
	boss.click(`button[value=approve]`, 1)
	boss.shows("Approved. The request was carried out.")
	e.visit(request)
	e.click(`main a[href*="/made/"]`, 1)
	e.at("/meters/")
	e.shows("Done: Clear tamper", "allowed it")
	e.fits()
	m.must(t, "key "+strings.ReplaceAll(e.text("main .token"), " ", "")+"#")
	m.must(t, "sync")
	e.click(`main a[href*="/recharges/"]`, 1)
	e.until(`document.querySelector("#track [data-cell=state]").textContent.includes("accepted by the meter")`)
}

// nextKey gives the meter its next key: planned, made with a second person, entered in order, confirmed by the meter.
func (o *office) nextKey(t *testing.T, e *tab, m *vmeter, s secrets) {
	key := "/meters/" + s.number + "/key"
	e.visit(key)
	e.fits()
	e.fill("#ti", "02")
	e.fill("#reason", "new tariff index")
	e.keys(enterKey)
	e.shows("The key change is planned.", "Nothing is sold to this meter before the tokens are made.")
	e.until(`document.activeElement.value === "make"`) // the button that makes them
	e.keys(enterKey)
	e.shows("A second person must allow it")
	e.click(`main a[href^="/approvals/"]`, 1)
	e.at("/approvals/")
	request := e.path()
	boss := o.signedIn(t)
	boss.visit(request)
	boss.click(`button[value=approve]`, 1)
	boss.shows("Approved. The request was carried out.")
	e.visit(key)
	e.click(`main a[href*="/made/"]`, 1)
	e.shows("Token 1 of 2", "Token 2 of 2")
	e.fits()
	var last state
	for _, digits := range ask[[]string](e, `[...document.querySelectorAll("main .token")].map(t => t.getAttribute("aria-label"))`) {
		last = m.must(t, "key "+digits+"#")
	}
	if last.LastToken != "accept" {
		t.Errorf("the meter answers the set with %s", last.LastToken)
	}
	e.visit(key)
	e.fill("#reason", "display said "+strings.Join(last.LCD, " "))
	e.keys(enterKey)
	e.shows("Done at", "the meter holds this key", "TI 02", "Plan the key change")
	sold := o.api.mustVend(t, s.number, 10_000, "engineers-day-sale-2").text(t, "tokens", 0, "digits")
	if got := m.must(t, "key "+sold+"#"); got.LastToken != "accept" {
		t.Errorf("the meter answers a token under the next key with %s", got.LastToken)
	}
}

// replace puts a meter from the stock into the place of one whose display still shows what is left. A second person allows it, and the new
// meter takes its replacement token.
func (o *office) replace(t *testing.T, e *tab, old *vmeter, s secrets) {
	left := old.must(t, "show").BalanceWh
	old.must(t, "sync")
	fresh := o.install(t, e, number(1962))
	e.visit("/meters/" + s.number)
	e.click(`main a[href$="/service"]`, 1)
	e.at("/meters/" + s.number + "/service")
	e.click(`main a[href$="/swap"]`, 1)
	e.at("/meters/" + s.number + "/swap")
	e.fits()
	e.focuses("input#new")
	kWh := fmt.Sprintf("%d.%03d", left/1000, left%1000)
	e.keys(fresh.number + tabKey + kWh)
	e.fill("#reason", "display dark")
	e.keys(enterKey)
	e.shows("What will happen", kWh+" kWh")
	e.fits()
	e.until(`document.activeElement.value === "swap"`)
	e.keys(enterKey)
	e.until(`document.querySelector("main a[href^='/approvals/']")`)
	e.click(`main a[href^="/approvals/"]`, 1)
	e.at("/approvals/")
	request := e.path()
	boss := o.signedIn(t)
	boss.visit(request)
	boss.click(`button[value=approve]`, 1)
	boss.shows("Approved. The request was carried out.")
	e.visit("/meters/" + s.number + "/swap")
	e.shows("This meter was replaced by meter")
	e.fits()
	e.click(`main a[href*="/made/"]`, 1)
	e.at("/meters/" + fresh.number + "/made/")
	m := o.place.meterProcess(t, filepath.Join(t.TempDir(), "fresh"), o.srv.mqtt, fresh)
	m.must(t, "sync")
	e.click(`main a[href*="/recharges/"]`, 1) // an engineer does not see the digits, and sends them
	e.at("/meters/" + fresh.number + "/recharges/tok_")
	e.fits()
	e.click(`main button[value="mqtt"]`, 1)
	e.until(`document.querySelector("#track [data-cell=state]").textContent.includes("accepted by the meter")`)
	if got := m.must(t, "show"); got.LastToken != "accept" || got.BalanceWh != left/100*100 {
		t.Errorf("the new meter answers its replacement token with %s and shows %d Wh, want %d", got.LastToken, got.BalanceWh, left/100*100)
	}
	e.visit("/meters/" + fresh.number)
	e.shows("Wanjiru K.", "Took the place of meter")
}

// servicePages are the pages of an engineer's work, and those of customers' accounts.
func (o *office) servicePages() []pageState {
	d := o.owner
	m := o.page(o.first)
	alert := func() { d.until(`document.querySelector("[role=alert]")`) }
	return []pageState{
		{"timeline", func() { d.visit(m + "/timeline") }},
		{"service", func() { d.visit(m + "/service") }},
		{"service token", func() { d.visit(m + "/service/power_limit") }},
		{"service token, refused", func() {
			d.visit(m + "/service/power_limit")
			ask[chromedp.Void](d, `document.querySelector("#figure").value = "much", document.querySelector("#reason").value = "breaker", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			alert()
		}},
		{"key of a meter", func() { d.visit(m + "/key") }},
		{"key of a meter, refused", func() {
			d.visit(m + "/key")
			ask[chromedp.Void](d, `document.querySelector("#krn").value = "x", document.querySelector("#reason").value = "campaign", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			alert()
		}},
		{"token doctor", func() {
			d.visit("/doctor?meter=" + o.first.number)
			d.fill("#digits", "12345678901234567890")
			d.keys(enterKey)
			d.until(`document.getElementById("found-title")`)
		}},
		{"place", func() { d.visit(m + "/place") }},
		{"configuration of a meter", func() { d.visit(m + "/config") }},
		{"configuration of a meter, refused", func() {
			d.visit(m + "/config")
			ask[chromedp.Void](d, `document.querySelector("#ec_limit_wh").value = "much", document.querySelector("#reason").value = "clinic", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			alert()
		}},
		{"account of a meter", func() {
			d.visit("/accounts/" + o.first.number)
			ask[chromedp.Void](d, `document.querySelectorAll("details").forEach(e => e.open = true), undefined`)
		}},
		{"account, refused", func() {
			d.visit("/accounts/" + o.first.number)
			ask[chromedp.Void](d, `document.querySelectorAll("details").forEach(e => e.open = true), document.querySelector("#kind").value = "loan", document.querySelector("#debt-amount").value = "1e3", undefined`)
			d.click(`button[value="debt"]`, 1)
			alert()
		}},
		{"debts", func() { d.visit("/debts") }},
		{"charges", func() { d.visit("/charges?open=1") }},
		{"new customer", func() { d.visit("/customers/new") }},
		{"new customer, refused", func() { d.visit("/customers/new"); d.click(`main form button[type="submit"]`, 1); alert() }},
		{"integrations", func() {
			d.visit("/integrations")
			d.fill("#name", "Home Assistant of a name that is rather long")
			d.click("input[name=all]", 1)
			d.click(`main form button[type="submit"]`, 1)
			d.until(`document.getElementById("made-title")`)
		}},
	}
}
