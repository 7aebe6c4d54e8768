package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/app"
)

func TestASaleShowsPayeeAndLinesBeforeAndTheTokenAfter(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	c := g.check(" 0414-0001 001 ", "100").is(200).says("Amina A.", "0414 0001 001", "domestic", "34.7 kWh", "Energy without tax 86.75", "VAT 13.01",
		"Change carried forward 0.24", "Paid KES 100.00", "Sell for KES 100.00", "TEST")
	if c.value("meter") != meterNumber || c.value("amount") != "100.00" {
		t.Errorf("the form carries %q and %q", c.value("meter"), c.value("amount"))
	}
	g.get("/meters/" + meterNumber).is(200).says("No token was sold for this meter yet")
	sale := g.get(g.post("/sell", "form", c.value("form"), "meter", c.value("meter"), "amount", c.value("amount"), "push", "1").leads("/sales/vnd_")).is(200)
	digits := sale.token()
	if len(digits) != 20 || strings.Trim(digits, "0123456789") != "" {
		t.Fatalf("the token's name is %q, want its 20 digits", digits)
	}
	grouped := digits[:4] + " " + digits[4:8] + " " + digits[8:12] + " " + digits[12:16] + " " + digits[16:]
	sale.says("Sale main-000001", grouped+" Share Copy 34.7 kWh ○ Not loaded yet", "Amina A.",
		"by owner@example.org", "Completed", "KES 100.00", "TEST").
		omits("This form had been sent before")
}

func TestAFormSellsOnceHoweverItComesBack(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	first := g.get("/sell").is(200).value("form")
	check := checkPath(first, meterNumber, "100")
	c := g.get(check).is(200)
	if c.value("form") != first {
		t.Fatalf("the check has form id %q, want that of the form it came from, %q", c.value("form"), first)
	}
	order := url.Values{"form": {first}, "meter": {meterNumber}, "amount": {"100.00"}}

	// The button is clicked eight times at once.
	var wg sync.WaitGroup
	led := make([]string, 8)
	for i := range led {
		wg.Go(func() { led[i] = g.do(http.MethodPost, "/sell", order).header.Get("Location") })
	}
	wg.Wait()
	page := led[0]
	page, _, _ = strings.Cut(page, "?")
	for _, at := range led {
		if at != page && at != page+"?again=1" || page == "" {
			t.Errorf("the clicks lead to %v, want one sale", led)
			break
		}
	}
	// The clerk goes back and sends the form again, and then goes back one page further.
	again := g.do(http.MethodPost, "/sell", order).leads(page + "?again=1")
	g.get(again).is(200).says("This form was sent before. Here is the one sale that it made")
	g.get(check).leads(page + "?again=1")
	// The clerk goes back and types another amount. The form is used up, and the page names its sale.
	order.Set("amount", "200.00")
	g.do(http.MethodPost, "/sell", order).is(409).says("This form has already made a sale", "No second sale was made")
	if tokens := g.get("/meters/" + meterNumber).is(200); strings.Count(tokens.body, `id="t-tok_`) != 1 {
		t.Errorf("not one token: %s", tokens.text())
	}
	// A new form is a new sale, and the check mentions the sale just made.
	g.check(meterNumber, "100").is(200).says("34.7 kWh were already sold to this meter at", "Go on only if this is another payment")
	w.clock.move(16 * time.Minute)
	g.check(meterNumber, "100").is(200).omits("were sold to this meter at")
}

// TestASaleFromAnotherTabStopsThisOne: two tabs, or two tills, are at the check for the same meter when one of them sells.
func TestASaleFromAnotherTabStopsThisOne(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	for _, c := range []struct{ meter, what string }{{meterNumber, "34.7 kWh were already sold to this meter at"}, {walletNumber, "This wallet was already recharged with KES 100.00 at"}} {
		one, two := g.check(c.meter, "100").is(200).omits("Go on only if"), g.check(c.meter, "100").is(200).omits("Go on only if")
		sale := g.decide(one).leads("/sales/")
		stopped := g.decide(two).is(409).says("This form made no sale.", c.what, "Go on only if this is another payment", "Sell for KES 100.00")
		if stopped.value("form") != two.value("form") || !strings.Contains(stopped.body, `href="`+sale+`"`) {
			t.Errorf("the page is of another form, or does not lead to %s:\n%s", sale, stopped.body)
		}
		if at := g.decide(two).is(409); at.value("seen") != strings.TrimPrefix(sale, "/sales/") {
			t.Errorf("the same form again was not stopped by %s", sale)
		}
		second := g.decide(stopped).leads("/sales/")
		if second == sale {
			t.Errorf("the second sale is the first, %s", sale)
		}
		g.decide(one).leads(sale + "?again=1")
		g.decide(two).leads(second + "?again=1")
		g.check(c.meter, "100").is(200).says("Go on only if this is another payment").omits("This form made no sale.")
	}
	w.clock.move(16 * time.Minute)
	g.check(walletNumber, "100").is(200).omits("Go on only if")
}

const unsold = "No money was taken and no token was made."

func TestWhatCannotBeSoldIsRefusedInWords(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	for _, c := range []struct {
		meter, amount string
		status        int
		says          string
	}{
		{"04140001002", "100", 422, "The check digit of meter number 04140001002 is wrong"},
		{"0414000100", "100", 422, "A meter number has 11 or 13 digits"},
		{"04140001019", "100", 404, "Meter 04140001019 was not found"},
		{"nonsense", "100", 404, "Meter nonsense was not found"},
		{"", "100", 404, "No meter was named"},
		{meterNumber, "", 422, `"" cannot be read as an amount in KES`},
		{meterNumber, "1,00", 422, `"1,00" cannot be read as an amount in KES`},
		{meterNumber, "-5", 422, `"-5" cannot be read as an amount in KES`},
		{meterNumber, "12.345", 422, "KES has 2 decimals, and the amount has more. " + unsold + " Write it as 100.00"},
		{meterNumber, "0", 422, "Amount must be greater than 0."},
		{meterNumber, "0.01", 422, ""},
		{meterNumber, "999999999999", 422, ""},
		{meterNumber, "1" + strings.Repeat("0", 40), 422, ""},
	} {
		a := g.check(c.meter, c.amount)
		if a.status != c.status {
			t.Errorf("%q for %q: status %d, want %d: %s", c.meter, c.amount, a.status, c.status, a.text())
			continue
		}
		a.says(c.says, unsold)
		if a.value("meter") != c.meter || a.value("amount") != c.amount {
			t.Errorf("%q for %q has to be typed again: the form has %q and %q", c.meter, c.amount, a.value("meter"), a.value("amount"))
		}
	}
	// The last step refuses the same mistakes. No page of the console sends such values to the last step, but any client can send them.
	form := g.get("/sell").value("form")
	g.post("/sell", "form", form, "meter", "04140001002", "amount", "100").is(422).says(unsold).omits("/sales/")
	g.post("/sell", "form", form, "meter", meterNumber, "amount", "12.345").is(422).says(unsold)
	g.get("/sell/check").is(404).says("No meter was named", unsold)
}

func TestALockedKeyStoreSellsNothingAndSaysSo(t *testing.T) {
	w := begin(t)
	w.stop()
	w.serve(app.Config{})
	g := w.enter(ownerEmail)
	g.check(meterNumber, "100").is(503).says("key store is locked", unsold)
	form := g.get("/sell").value("form")
	g.post("/sell", "form", form, "meter", meterNumber, "amount", "100.00").is(503).says("key store is locked", unsold)
	g.get("/meters").is(200).says("Amina A.")
	g.get("/meters/" + meterNumber).is(200).says("No token was sold for this meter yet")
}

func TestThePayeeIsNamedWhileTheNumberIsTyped(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	part := func(meter, amount string) answer {
		t.Helper()
		return g.get("/sell/preview?meter="+url.QueryEscape(meter)+"&amount="+url.QueryEscape(amount)).is(200).omits("<html", "<form")
	}
	part("", "").says("11 or 13 digits")
	part("0414 0001", "").says("8 so far")
	part("0414 0001 0010", "").says("12 so far")
	part("0414 0001 002", "").says("The check digit of meter number 04140001002 is wrong").omits("Amina")
	part("0414-0001-019", "").says("Meter 0414-0001-019 was not found")
	part("0414 0001 001", "").says("Amina A.", "domestic", "TEST", "no reading yet").omits("Paid")
	part("0414 0001 001", "abc").says("Amina A.", "cannot be read as an amount in KES")
	part("0414 0001 001", "100").says("Amina A.", "VAT 13.01", "Paid KES 100.00", "34.7 kWh")
	part(`<script>alert(1)</script>`, "").says("Meter <script>alert(1)</script> was not found").omits("<script>")
	g.get("/sell?meter="+meterNumber).is(200).says("Amina A.", "domestic")
	if n := w.audited("token.show"); n != 0 {
		t.Errorf("looking for a payee noted %d times that digits were shown", n)
	}
}

func TestDigitsAreShownOnlyWhereAskedForAndThatIsNoted(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	digits := g.sell(meterNumber, "100").token()
	before := w.audited("token.show")
	page := g.get("/meters/"+meterNumber).is(200).says("Show the digits").omits(digits, digits[:4]+" "+digits[4:8])
	g.get("/meters/" + meterNumber + "/history").is(200).omits(digits)
	g.check(meterNumber, "100").is(200)
	if n := w.audited("token.show"); n != before {
		t.Errorf("pages without digits noted %d times that digits were shown", n-before)
	}
	page = g.get("/meters/" + meterNumber + "?digits=1").is(200)
	if !strings.Contains(page.body, `aria-label="`+digits+`"`) {
		t.Errorf("the digits are not shown: %s", page.text())
	}
	if n := w.audited("token.show"); n != before+1 {
		t.Errorf("a page with digits noted %d times that digits were shown, want once", n-before)
	}
}

func TestThereIsNothingToSellWithoutATariff(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.person(ownerEmail, "owner")
	g := w.enter(ownerEmail)
	g.get("/meters").is(200).says("No meters yet", "paywatt meter add")
	g.get("/sell").is(200)
	g.check(meterNumber, "100").is(404).says("Meter "+meterNumber+" was not found", unsold)
}
