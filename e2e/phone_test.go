package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestTheTelephoneBesideThePanelInChromium goes from a meter's panel to its customer's telephone, recharges the meter from
// there, and sees the answer without a reload.
func TestTheTelephoneBesideThePanelInChromium(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	chrome, axe := openBrowser(t), axeSource(t)
	const sim = "+254700000101"
	link := filepath.Join(t.TempDir(), "modem")
	radio := startRadio(t, "--number", sim, "--pty", link)
	panel := openPanel(t, chrome, standingMeter(t), "--modem", link, "--bus", radio.URL)
	address := ask[string](panel.tab, `[...document.links].find(a => a.textContent.includes("telephone")).href`)
	if want := radio.URL + "/phone/" + facePhone + "/?to=%2B254700000101"; address != want {
		t.Fatalf("the panel leads to %s, want %s", address, want)
	}
	phone := &panelPage{tab: chrome.open(t, radio.URL), origin: radio.URL}
	phone.visit(strings.TrimPrefix(address, radio.URL))
	phone.until(`document.getElementById("live").textContent.startsWith("Live")`)
	if got := ask[string](phone.tab, `document.getElementById("to").value`); got != sim {
		t.Fatalf("the page writes to %q, want the meter", got)
	}
	// The second text ends with a blank, because the meter would treat the same text within a second as a repetition by the network.
	for _, c := range [][2]string{{"*02#", "Recharge OK. 25.6 kWh added. Balance 25.6 kWh"}, {"*02# ", "this recharge card has been used! Balance 25.6 kWh"}} {
		word, want := c[0], c[1]
		phone.fill("#text", word+faceToken)
		phone.keys(enterKey)
		phone.until(`document.querySelector("#list li.in .text")?.textContent === ` + quoted(want))
		phone.until(`document.activeElement.id === "text" && document.activeElement.value === ""`)
	}
	phone.until(`document.querySelector("#list li.out .state")?.textContent === "delivered"`)
	phone.fill("#to", "+")
	phone.fill("#text", "to nobody")
	phone.keys(enterKey)
	phone.until(`document.getElementById("problem").textContent.startsWith("Not sent")`)
	phone.forget() // the browser logs the refusal
	phone.looksRight(t, axe)
	phone.visit("/phone/")
	phone.looksRight(t, axe)
	phone.clean()
	panel.clean()
}
