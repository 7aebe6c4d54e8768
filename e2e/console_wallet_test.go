package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// walletHome gives the office a wallet meter with money, some use and a register that cannot be true.
func (o *office) walletHome(t *testing.T) {
	t.Helper()
	n := number(1090)
	a := o.api.must(t, 201, "POST", "/v1/meters", map[string]any{"number": n, "mode": "prepay_wallet", "tariff": "domestic", "simulated": true,
		"customer": map[string]any{"name": "Baraka B."}})
	o.home = secrets{number: n, password: a.text(t, "mqtt_password")}
	o.api.recharge(t, n, 50_000, "wallet-home-1")
	o.says(t, "boot", `{"store":"0123456789abcdef","lowest":1,"next":1,"boot":1,"proto":1,"fw":"mosquitto","reset":"power","caps":[]}`)
	for i, wh := range []int{1000, 4000, 0, 900} { // two good readings three days apart, then a zero that stops the charging
		o.reads(t, i+1, i*3*86_400, wh)
	}
	o.doubted(t, 1)
}

// says makes the wallet meter send a message.
func (o *office) says(t *testing.T, kind, body string) {
	t.Helper()
	if out, err := mosquitto(t, "mosquitto_pub", o.srv.mqtt, o.home, "-t", "m/"+o.home.number+"/up/"+kind, "-m", body); err != nil {
		t.Fatalf("mosquitto_pub up/%s: %v %s", kind, err, out)
	}
}

// reads makes the wallet meter report a register, with a time in seconds after a fixed moment.
func (o *office) reads(t *testing.T, seq, after, wh int) {
	t.Helper()
	o.says(t, "reading", fmt.Sprintf(`{"seq":%d,"at":%d,"up":%d,"clock":"valid","register_wh":%d,"balance_wh":0,"w":100,"mv":230000,"relay":"closed","reasons":[]}`,
		seq, 1_790_000_000+after, seq*1000, wh))
}

// doubted waits until the meter has this many open entries in the quarantine.
func (o *office) doubted(t *testing.T, want int) {
	t.Helper()
	await.True(t, "the reading is in quarantine", func() bool {
		list, _ := o.api.must(t, 200, "GET", "/v1/quarantine?meter="+o.home.number, nil).field(t, "data").([]any)
		return len(list) == want
	})
}

// wallet checks the pages of a wallet meter. The meter's page shows the settled balance and the live estimate. Then a person decides about
// a doubtful reading, recharges the wallet, and cuts and restores the supply.
func (o *office) wallet(t *testing.T) {
	o.walletHome(t)
	n, d := o.home.number, o.owner
	d.visit("/meters/" + n)
	if got := d.text("main"); !strings.Contains(got, "Settled balance") || !strings.Contains(got, "Live estimate") || !strings.Contains(got, "as of") ||
		!strings.Contains(got, "Charging stopped at a doubtful reading") {
		t.Errorf("the page of a wallet meter says\n%s", got)
	}
	d.click(`main a[href^="/quarantine?meter="]`, 1)
	d.at("/quarantine")
	d.click(`tbody a[href^="/quarantine/qtn_"]`, 1)
	d.at("/quarantine/qtn_")
	if got := d.text("main"); !strings.Contains(got, "The register fell to zero") || !strings.Contains(got, "4.000 kWh") {
		t.Errorf("the entry says\n%s", got)
	}
	d.fill("#reason", "the meter was changed")
	d.click(`button[value=rebase]`, 1)
	d.until(`document.querySelector("[role=status]") && document.body.innerText.includes("Counted from a new start")`)
	if got := d.text("main"); !strings.Contains(got, "0.900 kWh were charged") {
		t.Errorf("after the rebase the page says\n%s", got)
	}
	d.visit("/sell?meter=" + n)
	d.keys("50" + enterKey)
	d.at("/sell/check")
	d.keys(enterKey)
	d.at("/sales/")
	d.visit("/meters/" + n + "/wallet")
	if got := d.text("main"); !strings.Contains(got, "Recharge") || !strings.Contains(got, "3.900 kWh") || !strings.Contains(got, "Statement of this month") {
		t.Errorf("the wallet says\n%s", got)
	}
	if got := d.text("main"); !strings.Contains(got, "Should be on") || !strings.Contains(got, "Relay") || !strings.Contains(got, "Lease") || !strings.Contains(got, "Days left") {
		t.Errorf("the wallet does not describe the supply\n%s", got)
	}
	for _, step := range []struct{ button, reason, says string }{{"disconnect", "unsafe wiring", "cut off by a person (unsafe wiring)"}, {"connect", "wiring mended", "Without a network it stays on, because this meter has no lease"}} {
		d.visit("/meters/" + n)
		d.fill("#reason", step.reason)
		d.click(`button[value=`+step.button+`]`, 1)
		d.until(`document.querySelector("#supply").innerText.includes("` + step.says + `")`)
	}
}

// firstSketch is the number of the first meter, before its check digit.
const firstSketch = 1091

// rechargeSketch recharges the first meter, a sketch without any notion of wallets, through the console: 500 Wh for 50.00.
func (o *office) rechargeSketch(t *testing.T) {
	n, d := number(firstSketch), o.owner
	o.api.plan(t)
	o.api.walletMeter(t, n)
	m := o.place.sketch(t, n, o.sketchAt, "--legacy")
	if v := m.sketch(t, "wait relay=open 120s"); v.Relay != "open" {
		t.Errorf("unpaid its relay is %s", v.Relay)
	}
	d.visit("/sell?meter=" + n)
	d.keys("50" + enterKey)
	d.at("/sell/check")
	d.keys(enterKey)
	d.at("/sales/")
	if v := m.sketch(t, "wait relay=closed 120s"); v.Relay != "closed" || v.Heard[len(v.Heard)-1] == "OFF" {
		t.Errorf("after the recharge its relay is %s; it heard %q", v.Relay, v.Heard)
	}
	if got := o.api.balance(t, n); got <= 0 || got > 50_00 {
		t.Errorf("the balance is %d after 50.00", got)
	}
	m.sketch(t, "subscribe GsmClientTest/#")
	d.visit("/meters/" + n + "/wallet")
	d.click(`form[action$="/summary"] button`, 1)
	d.until(`document.querySelector("#summary") && document.querySelector("#summary").innerText.includes("was sent to the device")`)
	if v := m.sketch(t, "run 4s"); !slices.ContainsFunc(v.Heard, func(h string) bool { return strings.HasPrefix(h, "GsmClientTest/summary total ") }) {
		t.Errorf("the summary that the console sent was not heard: %q", v.Heard)
	}
}

// walletPages are the pages of the wallet and of the quarantine in all their states. Between two pages a register jumps.
func (o *office) walletPages(t *testing.T) []pageState {
	d, n := o.owner, o.home.number
	entry := ""
	return []pageState{
		{"meter with a wallet", func() { d.visit("/meters/" + n) }},
		{"wallet by day", func() { d.visit("/meters/" + n + "/wallet") }},
		{"wallet by month", func() { d.visit("/meters/" + n + "/wallet?by=month") }},
		{"recharge, check", func() {
			d.visit("/sell?meter=" + n)
			d.keys("20" + enterKey)
			d.at("/sell/check")
		}},
		{"quarantine, empty", func() { d.visit("/quarantine") }},
		{"quarantine", func() {
			o.reads(t, 5, 9*86_400+1800, 53_700_900)
			o.doubted(t, 1)
			d.visit("/quarantine?all=1")
		}},
		{"quarantine, an entry", func() {
			d.visit("/quarantine")
			d.click(`tbody a[href^="/quarantine/qtn_"]`, 1)
			d.at("/quarantine/qtn_")
			entry = d.path()
		}},
		{"quarantine, refused", func() {
			d.visit(entry)
			d.fill("#reason", "read off the meter")
			d.fill("#register", "12 kWh")
			d.click(`button[value=rebase]`, 1)
			d.until(`document.querySelector("[role=alert]")`)
		}},
	}
}
