package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
)

// platform tests the authority's application platform in a browser. It generates a token, which the page puts into the token box, and sends
// the token. The page shows each step, until the meter has the token and the page shows the meter's balance.
func (o *office) platform(t *testing.T) {
	d := o.owner
	d.visit(o.page(o.first))
	d.click(`main a[href$="/recharge"]`, 1)
	d.at(o.page(o.first) + "/recharge")
	d.fill("#figure", "1.2")
	d.fill("#why", "trial of the platform")
	d.keys(enterKey)
	d.until(`location.search.startsWith("?token=tok_") && document.getElementById("digits")?.value.replaceAll(" ", "").length === 20`)
	d.until(`document.activeElement.tagName === "BUTTON"`) // it sends
	d.keys(enterKey)
	d.at(o.page(o.first) + "/recharges/tok_")
	d.until(`document.querySelector("#track [data-cell=state]").textContent.includes("accepted by the meter")`)
	d.until(`/^20\d\d-/.test(document.querySelector("#track [data-cell=accepted]").textContent) && document.querySelector("#track [data-cell=balance]").textContent.includes("kWh")`)
	d.until(`document.querySelector("#ways").innerText.includes("accepted by the meter")`)
	d.clean()
}

// written sends a text to a telephone. The pages show the message with a long word, a time and an attempt.
func (o *office) written(t *testing.T) {
	t.Helper()
	m := o.api.must(t, 202, "POST", "/v1/messages", map[string]any{"phone": "+254700000001", "text": "Closed today. See example.org/" + strings.Repeat("a-long-address/", 6)})
	await.True(t, "the message was sent", func() bool {
		return o.api.must(t, 200, "GET", "/v1/messages/"+m.text(t, "id"), nil).text(t, "state") == "sent"
	})
}

// platformPages are the pages of the platform in all their states.
func (o *office) platformPages(t *testing.T) []pageState {
	d := o.owner
	return []pageState{
		{"customers", func() { d.visit("/customers") }},
		{"customers, none found", func() { d.visit("/customers?find=nobody") }},
		{"customer", func() {
			d.visit("/customers")
			d.click(`tbody a[href^="/customers/cus_"]`, 1)
			d.at("/customers/cus_")
		}},
		{"messages", func() { o.written(t); d.visit("/messages") }},
		{"message", func() {
			d.visit("/messages")
			d.click(`main a[href^="/messages/msg_"]`, 1)
			d.at("/messages/msg_")
			d.until(`document.querySelector("main table").innerText.includes("log1")`)
		}},
		{"message, refused", func() {
			d.visit("/messages")
			d.click(`main a[href^="/messages/msg_"]`, 1)
			d.at("/messages/msg_")
			page := d.path()
			// This page was open when its route was removed.
			ask[chromedp.Void](d, `document.querySelector("main form [name=route]").value = "gone", undefined`)
			d.click("main form button", 1)
			d.until(`document.querySelector("[role=alert]")`)
			if !strings.HasPrefix(d.path(), page) {
				t.Errorf("a refusal leads from %s to %s", page, d.path())
			}
		}},
		{"box", func() { d.visit(o.page(o.first) + "/recharge") }},
		{"box, refused", func() {
			d.visit(o.page(o.first) + "/recharge")
			d.fill("#digits", "12345678901234567890")
			d.keys(enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"a token on its way", func() {
			d.visit(o.page(o.first) + "/recharge")
			d.fill("#figure", "0.1")
			d.fill("#why", "a look at it")
			d.keys(enterKey)
			// A key pressed while the page is still loading is lost.
			d.until(`location.search.startsWith("?token=tok_") && document.readyState === "complete" && document.activeElement.matches("button")`)
			d.keys(enterKey)
			d.at(o.page(o.first) + "/recharges/tok_")
			d.until(`document.querySelector("#track [data-cell=state]").textContent.includes("accepted by the meter")`)
		}},
	}
}
