package console_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// batch makes a batch of three vouchers of 100 on the page, and returns the path of its page.
func (g *guest) batch() string {
	g.w.t.Helper()
	made := g.post("/vouchers", "form", g.get("/vouchers").value("form"), "value", "100", "count", "3", "expires", g.w.clock.now().AddDate(1, 0, 0).Format("2006-01-02"), "note", "for the kiosk")
	return strings.TrimSuffix(made.is(303).header.Get("Location"), "?done=made")
}

// TestVouchersAreMadeSoldAndEndedOnPages: the PINs appear once, the price appears before the sale, cash without a shift is on the page of days, and
// each role sees only what it may do.
func TestVouchersAreMadeSoldAndEndedOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Batches of vouchers")
	form := g.get("/vouchers").is(200).says("No vouchers yet").value("form")
	expires := w.clock.now().AddDate(1, 0, 0).Format(time.DateOnly)
	g.post("/vouchers", "form", form, "value", "much", "count", "3", "expires", expires).is(422).says("cannot be read")
	if again := g.post("/vouchers", "form", form, "value", "100", "count", "many", "expires", expires, "note", "kiosk").is(422).says("1 to 10000 vouchers"); again.value("note") != "kiosk" {
		t.Error("after a refusal the note has to be typed again")
	}
	g.post("/vouchers", "form", "x", "value", "100", "count", "3", "expires", expires).is(422).says("The form is from another session.")
	at := g.batch()
	page := g.get(at+"?done=made").is(200).says("The batch is made", "New, no PINs", "1-00001 to 1-00003", "for the kiosk", "Not yet").omits("Sell vouchers", "End vouchers")
	w.person("clerk@example.org", access.Operator)
	clerk := w.enter("clerk@example.org")
	try := func(act string, more ...string) answer {
		t.Helper()
		return clerk.post(at, append([]string{"form", clerk.get("/sell").value("form"), "act", act}, more...)...)
	}
	clerk.get(at).is(200).omits("Make and show the PINs", "Sell vouchers")
	try("pins").is(422).says("does not include the right payment.decide")
	pins := g.post(at, "form", page.value("form"), "act", "pins").is(201).says("PINs of 3 vouchers")
	pin := regexp.MustCompile(`\d{4} \d{4} \d{4} \d{4}`)
	if n := len(pin.FindAllString(pins.body, -1)); n != 3 {
		t.Errorf("the page shows %d PINs, want 3", n)
	}
	g.post(at, "form", page.value("form"), "act", "pins").is(422).says("owner@example.org has taken the PINs of batch " + strings.TrimPrefix(at, "/vouchers/"))
	if again := g.get(at).is(200).omits("Make and show the PINs"); pin.MatchString(again.body) {
		t.Error("the page shows PINs again")
	}

	for _, q := range []string{"?from=1", "?from=3&to=2", "?from=2-1&to=2-2", "?from=1&to=4", "?from=0&to=1"} {
		clerk.get(at + q).is(422).says("The batch has the vouchers 1-00001 to 1-00003").omits("Sell for")
	}
	clerk.get(at).is(200).says("Sell vouchers").omits("End vouchers")
	check := clerk.get(at+"?from=1-00001&to=2").is(200).says("1-00001 to 1-00002", "Sell for KES 200.00")
	sell := []string{"form", check.value("form"), "act", "sell", "from", check.value("from"), "to", check.value("to")}
	done := clerk.post(at, sell...).leads(at + "?done=sell")
	clerk.post(at, sell...).leads(at + "?done=sell")
	clerk.get(done).is(200).says("The vouchers are sold", "KES 200.00")
	try("sell", "from", "2", "to", "3").is(422).says("1 of 2 are unsold")
	try("sell").is(422).says("The batch has the vouchers")
	try("end", "reason", "lost").is(422).says("does not include the right payment.decide")
	g.get("/days").is(200).says("Sold without a shift", "clerk@example.org 1 KES 200.00")

	g.change(at, "burn").is(422)
	g.change(at, "end", "from", "3", "to", "3").is(422).says("needs a reason")
	if n := w.audited("voucher.sell"); n != 1 {
		t.Errorf("the audit log has %d sales, want 1", n)
	}
	g.get(g.change(at, "end", "reason", "stolen").leads(at+"?done=end")).is(200).says("The vouchers are ended", "Done").omits("Sell vouchers", "End vouchers")
	g.get("/vouchers").is(200).says("Batch 1", "KES 100.00", "✓ Done")
	g.get("/vouchers/vbt_x").is(404)
	w.agent("V9", agentEmail).get("/vouchers").is(403)
	w.person(engineerEmail, access.Engineer)
	w.enter(engineerEmail).get("/vouchers").is(403)
}

// TestVouchersWaitForASecondPerson: with two people who may approve, making and ending vouchers are requests. The form that is sent again makes no
// second request.
func TestVouchersWaitForASecondPerson(t *testing.T) {
	w := begin(t)
	w.person(financeEmail, access.Finance)
	g, finance := w.enter(ownerEmail), w.enter(financeEmail)
	approve := func(path string) {
		t.Helper()
		finance.post(path, "form", finance.get(path).is(200).value("form"), "choice", "approve").is(200)
	}
	request := g.batch()
	if !strings.HasPrefix(request, "/approvals/apr_") {
		t.Fatalf("the batch led to %s", request)
	}
	g.get("/vouchers").is(200).says("No vouchers yet")
	approve(request)
	at := g.get("/vouchers").is(200).link(t, `/vouchers/vbt_\w+`)
	g.change(at, "pins").is(201)
	end := []string{"form", g.get(at).value("form"), "act", "end", "reason", "stolen"}
	request = g.post(at, end...).leads("/approvals/apr_")
	g.post(at, end...).leads(request)
	g.get(at).is(200).says("For sale")
	approve(request)
	g.get(at).is(200).says("✓ Done")
}

// TestVouchersWithCodesOnPages: whoever took the PINs cannot sell; the seller sees the codes on a page and in a file, also again; a lost code is asked for,
// and only the second person sees the new one. The counter redeems with both.
func TestVouchersWithCodesOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	made := g.post("/vouchers", "form", g.get("/vouchers").is(200).says("Require a code beside the PIN").value("form"), "value", "100", "count", "3",
		"expires", w.clock.now().AddDate(1, 0, 0).Format("2006-01-02"), "requires-code", "1")
	at := strings.TrimSuffix(made.is(303).header.Get("Location"), "?done=made")
	w.person(financeEmail, access.Finance)
	w.person("second@example.org", access.Finance)
	w.person("clerk@example.org", access.Operator)
	g.get(at).is(200).says("PIN and code").omits("Show codes again")
	pins := g.change(at, "pins").is(201)
	pin := regexp.MustCompile(`\d{4} \d{4} \d{4} \d{4}`).FindString(pins.body)
	g.change(at, "sell", "from", "1", "to", "2").is(422).says("took the PINs of batch")

	clerk := w.enter("clerk@example.org")
	sold := clerk.post(at, "form", clerk.get(at+"?from=1&to=2").value("form"), "act", "sell", "from", "1", "to", "2").leads(at + "/codes?")
	code := regexp.MustCompile(`[FHJKLMQRTWX]{4} [FHJKLMQRTWX]{4}`)
	page := clerk.get(sold).is(200).says("The vouchers are sold", "1-00001", "1-00002")
	codes := code.FindAllString(page.body, -1)
	if len(codes) != 2 {
		t.Fatalf("the page after the sale has the codes %q", codes)
	}
	if again := clerk.get(at + "/codes?from=1&to=2").is(200); !strings.Contains(again.body, codes[1]) {
		t.Error("the receipt printed again has another code")
	}
	file := clerk.get(at + "/codes?from=1&to=2&format=csv").is(200)
	if want := "serial,code\r\n1-00001," + codes[0] + "\r\n1-00002," + codes[1] + "\r\n"; strings.ReplaceAll(file.body, "\n", "\r\n") != want && file.body != want {
		t.Errorf("the file is %q, want %q", file.body, want)
	}
	g.get(at + "/codes?from=1&to=2").is(422).says("were shown to clerk@example.org").omits(codes[0])
	if n := w.audited("voucher.codes"); n != 3 {
		t.Errorf("the audit log names who saw codes %d times, want 3", n)
	}

	finance, second := w.enter(financeEmail), w.enter("second@example.org")
	g.change(at, "reissue", "from", "1", "to", "1", "reason", "lost").is(422).says("took the PINs of batch")
	request := finance.change(at, "reissue", "from", "1", "to", "1", "reason", "receipt lost").leads("/approvals/apr_")
	shown := second.get(request).is(200).says("1-00001 to 1-00001", "KES 100.00", "clerk@example.org", ownerEmail)
	g.get(request).is(200).says("took the PINs of batch") // the owner could approve, and sees why not
	approved := second.post(request, "form", shown.value("form"), "choice", "approve").is(200)
	fresh := code.FindString(approved.body)
	if fresh == "" || fresh == codes[0] {
		t.Fatalf("the second person sees the code %q; it was %q", fresh, codes[0])
	}
	finance.get(request).is(200).omits(fresh)
	second.get(request).is(200).omits(fresh)
	clerk.get(at + "/codes?from=1&to=1").is(422).says("were shown to second@example.org").omits(fresh)

	redeem := func(pin, code string) answer {
		return clerk.post("/sell/voucher", "meter", meterNumber, "pin", pin, "code", code)
	}
	redeem(pin, "").is(404).says("No voucher with this PIN can be redeemed").omits(pin)
	redeem(pin, codes[0]).is(404).says("No voucher with this PIN can be redeemed").omits(codes[0])
	redeem(pin, "hello").is(404).says("This is not a code of a voucher")
	redeem(pin, strings.ToLower(fresh)).leads("/sales/vnd_")
}
