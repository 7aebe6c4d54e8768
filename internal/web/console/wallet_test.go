package console_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/wire"
)

const walletNumber = "04140001019"

// walletMeter adds a simulated meter whose balance is on the server.
func (w *world) walletMeter() {
	w.t.Helper()
	w.api("/v1/meters", `{"number":"`+walletNumber+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Baraka B."},"simulated":true}`)
}

// read reports a register five minutes after the last reading.
func (w *world) read(seq uint64, register int64) {
	w.t.Helper()
	w.clock.move(5 * time.Minute)
	w.reading(walletNumber, seq, wire.Reading{RegisterWh: register, Relay: "closed"})
}

// TestAWalletShowsTwoFigures: the settled balance and the live estimate are never one figure; a recharge is a sale.
func TestAWalletShowsTwoFigures(t *testing.T) {
	w := begin(t)
	w.noonOfTheFifth()
	w.walletMeter()
	g := w.enter(ownerEmail)
	page := "/meters/" + walletNumber
	g.get(page).is(200).says("Settled balance", "Live estimate", "KES 0.00", "no reading counted yet", "Supply should be off: no credit",
		"A recharge above the cut-off amount restores the supply", "Recharge the wallet with KES")
	check := g.get("/sell/check?meter="+walletNumber+"&amount=100").is(200).says("Baraka B.", "Into the wallet", "100.00", "The wallet is recharged at once")
	sale := g.post("/sell", "form", check.value("form"), "meter", walletNumber, "amount", "100.00").is(303)
	g.get(sale.header.Get("Location")).is(200).says("Into the wallet", "100.00", "Completed").omits("kWh", "digits")
	again := g.post("/sell", "form", check.value("form"), "meter", walletNumber, "amount", "100.00").is(303)
	if to := again.header.Get("Location"); to != sale.header.Get("Location")+"?again=1" {
		t.Errorf("the same form again leads to %s", to)
	}
	w.read(1, 5000)
	w.read(2, 7000)
	g.get(page).is(200).says("KES 100.00", "KES 94.25", "use counted as of", "Supply should be on")
	own := g.get(page+"/wallet").is(200).says("Wallet of meter", "Settled balance KES 100.00", "Live estimate KES 94.25", "2.000", "5.75", "Opening balance", "Recharge", "Closing balance")
	if !strings.Contains(own.body, "data-chart=") || strings.Contains(own.body, "style=") {
		t.Errorf("there is no chart, or it has a style of its own:\n%s", own.body)
	}
	g.get(page+"/wallet").is(200).says("Usage summary", "Used in total 7.000 kWh", "Used this month 2.000 kWh", "Left KES 94.25").omits("Send to the device")
	g.post(page+"/summary").is(409).says("that takes summaries is connected to this server", "No summary was sent")
	for _, by := range []string{"week", "month"} {
		g.get(page+"/wallet?by="+by).is(200).says("Use by "+by, "2.000 kWh, KES 5.75 charged")
	}
	if a := g.get("/meters/" + meterNumber + "/wallet").is(303); a.header.Get("Location") != "/meters/"+meterNumber {
		t.Errorf("a meter without a wallet leads to %s", a.header.Get("Location"))
	}
	w.person("support@example.org", access.Support)
	support := w.enter("support@example.org")
	support.get(page + "/wallet").is(200).says("Live estimate").omits("Recharge the wallet")
	support.post(page + "/summary").is(403)
}

// TestADayWithoutUseIsAGap: a day without use is shown as a gap and never filled.
func TestADayWithoutUseIsAGap(t *testing.T) {
	w := begin(t)
	w.noonOfTheFifth()
	w.walletMeter()
	g := w.enter(ownerEmail)
	g.sell(walletNumber, "100")
	w.read(1, 5000)
	w.read(2, 6000)
	w.clock.move(3 * 24 * time.Hour)
	w.read(3, 6000)
	w.read(4, 8000)
	g = w.enter(ownerEmail) // the session has ended in the meantime
	page := g.get("/meters/"+walletNumber+"/wallet").is(200).says("3.000 kWh, KES 8.62 charged", "Shaded: no readings")
	bars := page.plot("chart-use").Y
	first := slices.IndexFunc(bars, func(y *int64) bool { return y != nil })
	if got := bars[first : first+4]; *got[0] != 1000 || got[1] != nil || got[2] != nil || *got[3] != 2000 {
		t.Errorf("the bars are %v, want 1000, two gaps and 2000", got)
	}
}

// TestAResetIsAMark: the place at which a register starts again is marked, before and after the decision. It never shows as negative use. A
// reading that is merely wrong leaves no mark.
func TestAResetIsAMark(t *testing.T) {
	w := begin(t)
	w.noonOfTheFifth()
	w.walletMeter()
	g := w.enter(ownerEmail)
	g.sell(walletNumber, "100")
	w.read(1, 5000)
	w.read(2, 6000)
	w.read(3, 90_000_000)
	page := "/meters/" + walletNumber + "/wallet"
	decide := func(choice string) {
		t.Helper()
		path := g.get("/quarantine").is(200).link(t, `/quarantine/qtn_[a-z0-9]+`)
		g.post(path, "form", g.get(path).value("form"), "choice", choice, "reason", "looked at it").is(200)
	}
	g.get(page).is(200).says("register from 6.000 kWh to 90,000.000 kWh: counting has stopped")
	decide("discard")
	if clean := g.get(page).is(200).omits("register from"); len(clean.plot("chart-use").Marks) > 0 {
		t.Error("a reading that was only wrong leaves a mark in the chart")
	}
	w.read(4, 100)
	decide("rebase")
	w.read(5, 600)
	for _, by := range []string{"day", "week", "month"} {
		marked := g.get(page+"?by="+by).is(200).says("register from 6.000 kWh to 0.100 kWh: counting restarted", "1.500 kWh, KES 4.31 charged")
		if n := len(marked.plot("chart-use").Marks); n != 1 {
			t.Errorf("by %s: %d marks in the chart, want one", by, n)
		}
		marked.link(t, `/quarantine/qtn_[a-z0-9]+`)
	}
}

// TestASupplyIsCutAndRestoredWithItsEffect: a person's cut needs a reason, shows the state of the supply and what comes next,
// and a payment does not undo it.
func TestASupplyIsCutAndRestoredWithItsEffect(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	page := "/meters/" + walletNumber
	g.get(page+"/wallet").is(200).says("Supply", "Should be on no: no credit", "Relay unknown", "Lease none", "sends no order until it has heard from the meter")
	g.sell(walletNumber, "100")
	w.read(1, 5000)
	w.read(2, 7000)
	g.get(page+"/wallet").is(200).says("● On", "Should be on yes", "Relay closed", "Without a network it stays on, because this meter has no lease", "Days left unknown")
	form := g.get(page).is(200).says("Its relay opens when it connects again").value("form")
	g.post(page+"/commands", "form", form, "type", "disconnect", "reason", " ").is(422).says("A command needs a reason", "No command was sent")
	g.post(page+"/commands", "form", form, "type", "disconnect", "reason", "unsafe wiring").leads(page + "#supply")
	g.get(page).is(200).says("Being cut off", "The relay opens when the meter gets it", "Should be on no: cut off by a person (unsafe wiring)", "Reason to restore supply").
		omits("no credit")
	g.sell(walletNumber, "20")
	g.get(page+"/wallet").is(200).says("cut off by a person (unsafe wiring)", "A recharge does not restore the supply")
	form = g.get(page).value("form")
	g.post(page+"/commands", "form", form, "type", "connect", "reason", "wiring mended").leads(page + "#supply")
	g.get(page).is(200).says("● On", "Should be on yes", "Reason to cut off supply")
	if cut, back := w.audited("supply.cut"), w.audited("supply.restore"); cut != 1 || back != 1 {
		t.Errorf("%d audit rows of the cut and %d of the restoring, want one each", cut, back)
	}
}

// TestTheQuarantine: a doubtful reading is listed with its reason. An actor with the right decides about it once. The effect of the
// decision is shown before and after.
func TestTheQuarantine(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	g.sell(meterNumber, "10")
	g.get("/quarantine").is(200).says("No doubtful readings")
	w.read(1, 5000)
	w.read(2, 7000)
	w.read(3, 90_007_000)
	g.get("/meters/"+walletNumber).says("Charging stopped at a doubtful reading", "Decide about the doubtful reading")
	list := g.get("/quarantine").is(200).says("The register rose by more than the meter can measure in the time", "7.000 kWh", "90,007.000 kWh", "Waiting for a decision")
	path := list.link(t, `/quarantine/qtn_[a-z0-9]+`)
	page := g.get(path).is(200).says("Register before", "7.000 kWh", "90,000.000 kWh are charged to the wallet at once", "The next reading is counted from the register before this one")
	form := page.value("form")
	g.post(path, "form", "console-x", "choice", "discard", "reason", "x").is(422).says("from another session", "No decision was recorded")
	g.post(path, "form", form, "choice", "discard", "reason", " ").is(422).says("A decision needs a reason")
	g.post(path, "form", form, "choice", "rebase", "reason", "x", "register", "12 kWh").is(422).says(`"12 kWh" cannot be read as whole Wh`)
	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get(path).is(200).omits("Discard: it is wrong")
	w.read(4, 8000)
	g.post(path, "form", form, "choice", "discard", "reason", "one bad reading").is(200).
		says("1.000 kWh were charged for KES 2.87", "1 later reading is counted now", "Discarded", "one bad reading").omits("Discard: it is wrong")
	g.post(path, "form", form, "choice", "accept", "reason", "again").is(422).says("has already been decided")
	g.get("/quarantine").is(200).says("No doubtful readings")
	g.get("/quarantine?all=1&meter=" + url.QueryEscape(walletNumber)).is(200).says("Discarded")
	g.get("/quarantine?meter=04140001027").is(404)
	g.get("/quarantine/qtn_none").is(404)
	if n := w.audited("quarantine.discard"); n != 1 {
		t.Errorf("%d audit rows of the decision, want 1", n)
	}
}

// TestNoPageOfAWalletMentionsTokens: a meter whose balance is money on the server has no tokens, no digits and no key, so no page about it
// says so, nor leads to where tokens are made. A recharge says what the balance is after it, with the time.
func TestNoPageOfAWalletMentionsTokens(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	page := "/meters/" + walletNumber
	check := g.get("/sell/check?meter=" + walletNumber + "&amount=100").is(200)
	sale := g.sell(walletNumber, "100")
	w.read(1, 5000)
	w.read(2, 7000)
	all := []answer{g.get(page).is(200), g.get(page + "?digits=1").is(200), g.get(page + "/wallet").is(200), g.get(page + "/history").is(200), g.get("/sell?meter=" + walletNumber).is(200),
		g.get("/sell/preview?meter=" + walletNumber + "&amount=20").is(200), check, sale}
	receipt := g.get(sale.link(t, `/sales/[a-z0-9_]+/receipt`)).is(200)
	all = append(all, receipt)
	furniture := regexp.MustCompile(`(?i)\b(tokens?|digits|sts key|sgc|krn)\b`)
	for _, a := range all {
		text := a.text()
		text = strings.ReplaceAll(text, "Find a meter, customer, sale or token", "")
		if found := furniture.FindStringIndex(text); found != nil {
			t.Errorf("%s mentions %q: …%s…", a.what, text[found[0]:found[1]], text[max(0, found[0]-80):min(len(text), found[1]+80)])
		}
		if strings.Contains(a.body, page+"/recharge") {
			t.Errorf("%s leads to the page for tokens", a.what)
		}
	}
	g.get(page + "/recharge").leads(page + "/wallet")
	for _, a := range []answer{sale, receipt} {
		a.says("Balance after it KES 100.00 in the books at 20")
	}
	for _, a := range []answer{g.get(page), g.get(page + "/wallet")} {
		a.says("Settled balance KES 100.00 in the books as of 20", "Used, not yet booked KES 5.75 use counted as of 20", "Live estimate KES 94.25 use counted as of 20")
	}
	g.get(page).omits("Balance kWh")
	g.get("/meters/"+meterNumber).is(200).says("Tokens", "SGC 123456")
}
