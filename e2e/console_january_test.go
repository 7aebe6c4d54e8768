package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app/apptest"
	"github.com/paywatt/paywatt/internal/tier"
)

// january is a landlord's turn of the year. The tab and the second factor are the landlord's.
type january struct {
	t      *testing.T
	p      *place
	srv    *server
	chrome *browser
	d      *tab
	tenant *tab // a tenant's telephone
	factor factor
	axe    string
	clock  string // file with the shift of the server's clock
	year   int    // whose January it is

	link    string // page of the tenant of the third flat
	invoice string // page of the sale of December
	no      string // of its receipt
	paper   string // what the receipt said when it was printed
}

// The landlord's building. Five flats have meters that take tokens, and the house of the caretaker has a wallet.
const (
	januaryFlats  = "Mwangaza"
	januaryFirst  = 5201 // meter of the first flat, before its check digit
	januaryThird  = 5203 // of the flat whose tenant moves out
	januaryFifth  = 5205 // of the flat that becomes a shop
	januaryWallet = 5206
	oldTenant     = "Asha Mrema"
	newTenant     = "Neema Kessy"
	cheaper       = "Something becomes cheaper for this customer."
	linkIsOver    = "It is mistyped, or it has ended."
)

// eastAfrica is the landlord's time zone.
var eastAfrica = time.FixedZone("Africa/Dar_es_Salaam", 3*60*60)

// TestALandlordsJanuary is for a landlord alone, who has no clerk and no engineer, does everything on the pages, and has the hardest days of the
// year around New Year: a price that was typed wrongly must not reach a tenant, one tenant goes and another comes, a flat becomes a shop, and
// somebody needs a copy of last year's invoice. The pages must say each time what will happen to whose money, before it happens. Where two people
// must agree, the landlord's sister helps. Nothing needs a mouse: the landlord goes to each button with the Tab key. The pages are looked at on a
// telephone and with axe-core too. Each rule stands in a test of its own package, so the whole story is told in ./check long.
func TestALandlordsJanuary(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	needed(t, "pdftotext")
	began := time.Now()
	w := openJanuary(t)
	for _, step := range []struct {
		name string
		run  func(*january)
	}{
		{"December: the caretaker recharges, and a tenant gets an invoice", (*january).december},
		{"a price is typed wrongly, and corrected before it begins", (*january).correctsPrice},
		{"a flat will be a shop: the page compares the next sale before and after", (*january).plansShop},
		{"the first sale of January has the right price", (*january).sellsInJanuary},
		{"a tenant moves out: the page says before what becomes of the money", (*january).movesOut},
		{"another tenant moves in, without the debt, the blocks and the link of the last one", (*january).movesIn},
		{"the shop pays the price of a shop", (*january).sellsToShop},
		{"the landlord and the old tenant get other names", (*january).changesNames},
		{"a copy of last year's invoice says what it said", (*january).copiesInvoice},
		{"what makes something cheaper waits for a second person", (*january).becomesHomeAgain},
	} {
		ok := t.Run(step.name, func(t *testing.T) {
			w.t, w.d.t, w.tenant.t = t, t, t
			step.run(w)
			w.d.clean()
			w.tenant.clean()
		})
		if !ok {
			return
		}
	}
	w.srv.stop()
	w.p.run(t, "", "verify", "--data", w.p.dir)
	t.Logf("figures: a landlord's January took a browser %.1f s", time.Since(began).Seconds())
}

// openJanuary starts a server on a morning in December, with the building as TestALandlordsFirstDay sets one up, and the landlord signed in. Its
// clock is ahead of this machine's, because a browser drops a cookie that has ended.
func openJanuary(t *testing.T) *january {
	t.Helper()
	w := &january{t: t, p: newPlace(t, buildOnce(t, "faultinject")), clock: filepath.Join(t.TempDir(), "clock"), axe: axeSource(t)}
	w.year = time.Now().Year() + 1
	if !w.at(0, 15, 10).After(time.Now()) {
		w.year++
	}
	w.p.env = append(w.p.env, "FAULT_INJECT=clock-file="+w.clock+",time-service")
	w.moveTo(w.at(0, 15, 10))
	owner := w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir)
	w.srv = w.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	w.build(newAPI(w.srv.http, owner))
	w.chrome = openBrowser(t)
	w.d, w.tenant = w.chrome.open(t, "http://"+w.srv.http), w.chrome.open(t, "http://"+w.srv.http)
	w.factor.clock = w.p.clock()
	w.factor.becomes(t, w.d, w.srv)
	w.d.until(`!location.pathname.startsWith("/signin")`)
	return w
}

// build sets the building up. The prices are without 18 % tax.
func (w *january) build(a *api) {
	w.t.Helper()
	a.must(w.t, 200, "POST", "/v1/settings", `{"name":"Mwangaza Flats","tz":"Africa/Dar_es_Salaam","currency":"TZS","vat_no":"40-012345-A"}`)
	a.must(w.t, 201, "POST", "/v1/tariffs", `{"name":"homes","currency":"TZS","vat_bps":1800,"blocks":[{"up_to_wh":50000,"rate_micro":200000000},
		{"up_to_wh":null,"rate_micro":300000000}],"fixed":[{"name":"service","amount_minor":100000,"per":"month"}]}`)
	a.must(w.t, 201, "POST", "/v1/tariffs", `{"name":"shops","currency":"TZS","vat_bps":1800,"flat_micro":450000000,
		"fixed":[{"name":"service","amount_minor":200000,"per":"month"}]}`)
	for i, tenant := range []string{"Juma Ally", "Rehema Said", oldTenant, "Peter Mushi", "Fatuma Bakari", "Baraka Baraka"} {
		m := map[string]any{"number": number(januaryFirst + i), "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01", "tariff": "homes",
			"address": fmt.Sprintf("F%d", i+1), "feeder": januaryFlats, "customer": map[string]any{"name": tenant, "phone": fmt.Sprintf("+25570000010%d", i)}}
		if januaryFirst+i == januaryWallet {
			for _, ofTokens := range []string{"sgc", "krn", "kt", "ti"} {
				delete(m, ofTokens)
			}
			m["mode"] = "prepay_wallet"
		}
		a.must(w.t, 201, "POST", "/v1/meters", m)
	}
	w.link = a.must(w.t, 201, "POST", "/v1/meters/"+number(januaryThird)+"/page-link", map[string]bool{"show": true}).text(w.t, "address")
}

// at is an hour of a day. Month 0 is the December before the story's January.
func (w *january) at(month time.Month, day, hour int) time.Time {
	return time.Date(w.year, month, day, hour, 0, 0, 0, eastAfrica)
}

// day writes a day as people type it.
func (w *january) day(month time.Month, day int) string {
	return w.at(month, day, 0).Format(time.DateOnly)
}

// moveTo moves the server's clock.
func (w *january) moveTo(at time.Time) {
	w.t.Helper()
	next := w.clock + ".next"
	write(w.t, next, time.Until(at).String(), 0o600)
	if err := os.Rename(next, w.clock); err != nil { // the server reads a whole file
		w.t.Fatal(err)
	}
}

// arrives moves the clock. The session has ended by then, so the landlord signs in again.
func (w *january) arrives(at time.Time) {
	w.t.Helper()
	w.moveTo(at)
	w.d.visit("/flats")
	w.d.at("/signin")
	w.d.fill("#email", consoleOwner)
	w.d.fill("#password", consolePassword)
	w.d.keys(enterKey)
	w.factor.pass(w.t, w.d)
	w.d.at("/flats")
}

// sells sells to a meter for an amount, and ends on the page of the sale.
func (w *january) sells(meter, amount string) {
	w.t.Helper()
	w.d.visit("/sell?meter=" + meter)
	w.d.fill("#amount", amount)
	w.d.keys(enterKey)
	w.d.at("/sell/check")
	w.d.keys(enterKey)
	w.d.at("/sales/")
}

// look checks how the page looks on a telephone and on a desk.
func (w *january) look(what string) {
	w.t.Helper()
	w.d.checkLook(w.axe, what)
}

// activate goes to a button or a link with the Tab key, and presses Enter on it.
func (p *tab) activate(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)?.getClientRects().length", selector))
	p.tabTo(selector)
	p.keys(enterKey)
}

// unfold opens the form with a button that is folded away.
func (p *tab) unfold(button string) {
	p.t.Helper()
	p.activate(fmt.Sprintf("details:has(%s) > summary", button))
	p.until(fmt.Sprintf("document.querySelector(%q).getClientRects().length", button))
}

// omits checks that the page does not say a text.
func (p *tab) omits(texts ...string) {
	p.t.Helper()
	got := p.text("main")
	for _, text := range texts {
		if strings.Contains(got, text) {
			p.t.Errorf("on %s the page says %q:\n%s", p.path(), text, got)
		}
	}
}

// printed returns the text of the PDF file to which a link or a form of the page leads.
func (p *tab) printed(selector string) string {
	p.t.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)", selector))
	encoded := ask[string](p, fmt.Sprintf(`(function (e) {
		const at = e.tagName === "FORM" ? e.action + "?" + new URLSearchParams(new FormData(e)) : e.href;
		return fetch(at).then(a => a.ok ? a.arrayBuffer() : Promise.reject(new Error(at + " answers " + a.status)))
			.then(b => btoa(Array.from(new Uint8Array(b), c => String.fromCharCode(c)).join("")));
	})(document.querySelector(%q))`, selector), chromedp.EvalAwaitPromise)
	file, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.t.TempDir(), "paper.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		p.t.Fatal(err)
	}
	out, err := exec.Command("pdftotext", "-layout", "-enc", "UTF-8", path, "-").Output()
	if err != nil {
		p.t.Fatalf("pdftotext (Debian package poppler-utils): %v", err)
	}
	return string(out)
}

// wants checks that a paper says some texts, and does not say others.
func (w *january) wants(paper string, says, omits []string) {
	w.t.Helper()
	for _, text := range says {
		if !strings.Contains(paper, text) {
			w.t.Errorf("the paper lacks %q:\n%s", text, paper)
		}
	}
	for _, text := range omits {
		if strings.Contains(paper, text) {
			w.t.Errorf("the paper says %q:\n%s", text, paper)
		}
	}
}

// december sells for the first time. 647.10 are the charge of 17 days of December. The rest buys 39.6 kWh at 236.00, and 7.30 are left.
func (w *january) december() {
	d := w.d
	w.sells(number(januaryWallet), "5,000")
	d.shows("TZS 5,000.00", "Baraka Baraka")
	w.sells(number(januaryThird), "10,000")
	d.shows("39.6 kWh", oldTenant)
	w.invoice = d.path()
	d.activate(`main a[href$="/receipt"]`)
	d.shows("TAX INVOICE", "Mwangaza Flats", "40-012345-A", oldTenant, "TZS 10,000.00")
	w.paper = d.printed(`main a[href$="/receipt.pdf"]`)
	w.no = regexp.MustCompile(`main-\d{6}`).FindString(w.paper)
	w.wants(w.paper, []string{"TAX INVOICE", "Mwangaza Flats", "40-012345-A", oldTenant, "39.6 kWh", w.day(0, 15)}, []string{"COPY", "TEST"})
}

// publishes checks the typed tariff, and publishes what the check shows.
func (w *january) publishes(at string, says ...string) {
	w.t.Helper()
	w.d.keys(enterKey)
	w.d.until(`document.activeElement.value === "publish"`)
	w.d.shows(append([]string{"What a month costs"}, says...)...)
	w.d.keys(enterKey)
	w.d.at(at)
}

// correctsPrice publishes a price for the 1st of January with two zeros too many, sees it, and replaces it.
func (w *january) correctsPrice() {
	d := w.d
	d.visit("/tariffs/homes")
	d.activate(`main a[href^="/tariffs/new?of="]:not([href*="replaces"])`)
	d.at("/tariffs/new")
	d.fill("#rate0", "210")
	d.fill("#rate1", "31,000.00") // for 310.00
	d.fill("#from", w.day(1, 1))
	w.publishes("/tariffs/homes", "From "+w.day(1, 1)+" 00:00")
	d.shows("Version 2", "Upcoming", "above that 31,000.00 TZS per kWh", "You can withdraw this version")
	w.look("a version that has not begun")
	d.activate(`main a[href*="replaces=2"]`)
	d.at("/tariffs/new")
	d.until(`document.querySelector("#rate1").value === "31000" && !document.querySelector("#from")`)
	d.fill("#rate1", "310.00")
	w.publishes("/tariffs/homes", "In place of version 2, which has not begun")
	d.shows("Version 3", "above that 310.00 TZS per kWh", "Replaced")
	if got := d.text("main"); strings.Count(got, "Upcoming") != 1 || strings.Count(got, "You can withdraw this version") != 1 {
		w.t.Errorf("the versions after the correction:\n%s", got)
	}
}

// sellsInJanuary: 1,180.00 are the charge of January. The rest and the change of December buy 50 kWh at 247.80 and 44.9 kWh at 365.80.
func (w *january) sellsInJanuary() {
	w.arrives(w.at(1, 10, 9))
	d := w.d
	d.visit("/tariffs/homes")
	d.shows("In force", "above that 310.00 TZS per kWh")
	d.omits("Upcoming")
	w.sells(number(januaryThird), "30,000")
	d.shows("94.9 kWh")
	d.activate(`main a[href$="/receipt"]`)
	d.shows("tariff homes, version 3", "50.0 kWh at 210.00", "44.9 kWh at 310.00", "Every figure was calculated again and matches")
	w.tenant.visit(w.link)
	w.tenant.shows("TZS 30,000.00", "94.9 kWh")
}

// movesOut moves the tenant of the third flat out, who owes for a broken door and has 12.88 of change.
func (w *january) movesOut() {
	d := w.d
	d.visit("/meters/" + number(januaryThird))
	d.activate(`main a[href^="/accounts/"]`)
	d.at("/accounts/")
	d.shows("Account of "+oldTenant, "Change carried forward\nTZS 12.88")
	d.unfold(`button[value="debt"]`)
	d.fill("#kind", "damage")
	d.fill("#memo", "broken door")
	d.fill("#debt-amount", "5,000")
	d.keys(enterKey)
	d.shows("broken door", "Debts\nTZS 5,000.00")

	d.unfold(`button[value="plan-move-out"]`)
	d.shows("what was paid for later days is not given back", "Its credit stays in the meter", "The rest of the money is due back to the customer",
		"This customer owes TZS 5,000.00", "stays on the closed account", "This cannot be undone")
	w.look("the account of a tenant who leaves")
	d.fill("#move-out-reason", "the lease has ended")
	d.keys(enterKey)
	d.shows("Read the display") // nobody moves out before somebody has read it
	d.fill("#credit", "12.4")
	d.keys(enterKey)
	d.shows("What the move-out does", "Debts paid\nTZS 12.88", "TZS 4,987.12 stays owed on the closed account")
	d.activate(`button[value="move-out"]`)
	d.shows("The customer has moved out", "Credit left in the meter\n12.400 kWh", "Debts paid\nTZS 12.88", "Due back to the customer\nTZS 0.00",
		"Still owed\nTZS 4,987.12")
	d.activate(`main a[href^="/accounts/acc_"]`)
	d.at("/accounts/acc_")
	d.shows("Account of "+oldTenant, "Closed: the customer has moved out", "TZS 4,987.12")
	w.look("the closed account")
	w.wants(d.printed(`main form[action$="/statement.pdf"]`), []string{oldTenant, "30,000.00", "Credit in the meter at move-out", "12.4"}, nil)
	w.tenant.visit(w.link)
	w.tenant.shows(linkIsOver)
	d.visit("/sell?meter=" + number(januaryThird))
	d.fill("#amount", "100")
	d.keys(enterKey)
	d.shows("The status of meter " + number(januaryThird)) // nobody buys for a flat in which nobody lives
}

// movesIn moves the next tenant in. 837.42 are the charge of 22 days of January. The rest buys 50 kWh at the price of the first block, although the
// last tenant had them in the same month, and 18.5 kWh more.
func (w *january) movesIn() {
	d := w.d
	d.visit("/meters/" + number(januaryThird) + "/service")
	d.activate(`main a[href$="/move-in"]`)
	d.at("/meters/" + number(januaryThird) + "/move-in")
	d.shows("The debts of the last customer stay with that customer.", "The credit that is in the meter stays there.")
	w.look("a tenant moves in")
	d.fill("#name", newTenant)
	d.fill("#phone", "+255700000108")
	d.fill("#reason", "a new lease")
	d.keys(enterKey)
	d.shows("What the move-in at meter", "Taken over from closed accounts of the customer", "TZS 0.00", "709.68", "29.5 kWh") // 837.42 with its tax
	w.look("what a move-in does")
	d.keys(enterKey)
	d.at("/accounts/")
	d.shows("Account of "+newTenant, "Debts\nTZS 0.00", "Change carried forward\nTZS 0.00")
	w.sells(number(januaryThird), "20,000")
	d.shows("68.5 kWh", newTenant)
	d.activate(`main a[href$="/receipt"]`)
	d.shows(newTenant, "50.0 kWh at 210.00", "18.5 kWh at 310.00")
	d.omits(oldTenant)

	d.visit("/customers?find=Neema")
	d.activate(`main a[href^="/customers/cus_"]`)
	d.at("/customers/cus_")
	d.activate(`main button[value="show"]`)
	d.until(`/\/c\/[a-z0-9]{16}/.test(document.querySelector("main").innerText)`)
	w.tenant.visit(w.link)
	w.tenant.shows(linkIsOver)
	w.tenant.visit(regexp.MustCompile(`/c/[a-z0-9]{16}`).FindString(d.text("main")))
	w.tenant.shows("TZS 20,000.00", "68.5 kWh")
	w.tenant.omits("TZS 30,000.00", "TZS 10,000.00")

	d.visit("/flats?feeder=" + januaryFlats)
	d.shows(newTenant)
	d.omits(oldTenant)
	papers := map[string]string{}
	for _, paper := range strings.Split(d.printed(`main form[action$="/statements.pdf"]`), "\f") {
		for _, name := range []string{oldTenant, newTenant} {
			if strings.Contains(paper, name) {
				papers[name] += paper
			}
		}
	}
	w.wants(papers[oldTenant], []string{"30,000.00", "Credit in the meter at move-out"}, []string{"20,000.00", newTenant})
	w.wants(papers[newTenant], []string{"20,000.00", "Credit in the meter at move-in"}, []string{"30,000.00", oldTenant})
}

// plansShop lets the fifth flat become a shop on the 10th of January. It is dearer, so the landlord decides alone.
func (w *january) plansShop() {
	d, at := w.d, "/meters/"+number(januaryFifth)+"/tariff"
	d.visit("/meters/" + number(januaryFifth) + "/service")
	d.activate(`main a[href="` + at + `"]`)
	d.at(at)
	d.pick("#tariff", "shops")
	d.fill("#from", w.day(1, 10)+" 06:00")
	d.fill("#reason", "a hairdresser moves in")
	d.keys(enterKey)
	d.until(`document.activeElement.value === "change"`)
	d.shows("What will change", "homes", "shops", w.day(1, 10)+" 06:00", "The next purchase of TZS 10,620.00 buys", "42.8 kWh", "20.0 kWh",
		"A usual month of 100.0 kWh costs", "TZS 31,860.00", "TZS 55,460.00") // by the prices of January
	d.omits(cheaper)
	w.look("what a change of the tariff does")
	d.keys(enterKey)
	d.shows("A change is planned", "a hairdresser moves in", w.day(1, 10)+" 06:00")
}

// changesNames: the landlord has a company now, and the old tenant has married.
func (w *january) changesNames() {
	d := w.d
	d.visit("/settings")
	d.fill("#name", "Mwangaza Homes Ltd")
	d.fill("#vat_no", "40-999999-Z")
	d.keys(enterKey)
	d.shows("The settings are as shown.")
	d.visit("/customers?find=Asha")
	d.activate(`main a[href^="/customers/cus_"]`)
	d.at("/customers/cus_")
	d.fill("#name", "Asha Komba")
	d.keys(enterKey)
	d.until(`location.search === "?kept=1"`)
}

// sellsToShop: the flat has bought nothing before, so 1,827.10 are the charges of home for December and January. The rest buys 15.3 kWh at
// 531.00.
func (w *january) sellsToShop() {
	d := w.d
	d.visit("/meters/" + number(januaryFifth) + "/tariff")
	d.shows("In force", "shops")
	d.omits("A change is planned")
	w.sells(number(januaryFifth), "10,000")
	d.shows("15.3 kWh")
	d.activate(`main a[href$="/receipt"]`)
	d.shows("tariff shops, version 1", "15.3 kWh at 450.00", "Before that, it was on homes.")
}

// copiesInvoice finds the sale of December by the number of its receipt. The copy differs from the paper of December by its mark only.
func (w *january) copiesInvoice() {
	d := w.d
	d.keys("/" + w.no + enterKey)
	d.at("/sales/")
	if got := d.path(); got != w.invoice {
		w.t.Fatalf("the receipt %s leads to %s, want %s", w.no, got, w.invoice)
	}
	d.shows("Asha Komba") // the customer who bought, by the present name
	d.omits(newTenant)
	d.activate("main details summary")
	d.activate(`button[value="copy"]`)
	d.until(`location.pathname.endsWith("/receipt")`)
	d.shows("COPY 1", "TAX INVOICE", "Mwangaza Flats", "40-012345-A", oldTenant, "TZS 10,000.00")
	d.omits("Mwangaza Homes Ltd", "40-999999-Z", "Asha Komba", newTenant, "today's details")
	w.look("a copy of an invoice")
	again := d.printed(`main a[href*="/receipt.pdf"]`)
	w.wants(again, []string{"COPY 1"}, nil)
	var rest []string
	for line := range strings.Lines(again) {
		if !strings.Contains(line, "COPY 1") {
			rest = append(rest, strings.Fields(line)...)
		}
	}
	if got, want := strings.Join(rest, " "), strings.Join(strings.Fields(w.paper), " "); got != want {
		w.t.Errorf("without its mark the copy says\n%s\nand the paper of December said\n%s", got, want)
	}
}

// becomesHomeAgain lets the shop become a home again on the 1st of February, which is cheaper. From now on the landlord's sister must agree.
func (w *january) becomesHomeAgain() {
	s := w.letSisterIn()
	d, at := w.d, "/meters/"+number(januaryFifth)+"/tariff"
	d.visit(at)
	d.pick("#tariff", "homes")
	d.fill("#from", w.day(2, 1))
	d.fill("#reason", "the hairdresser leaves")
	d.keys(enterKey)
	d.until(`document.activeElement.value === "change"`)
	d.shows(cheaper + " A second person must allow it")
	w.look("a change that makes something cheaper")
	d.keys(enterKey)
	d.until(`document.querySelector('main a[href^="/approvals/apr_"]')`) // nothing has changed yet
	d.visit(at)
	d.omits("A change is planned", "the hairdresser leaves")

	s.visit("/approvals")
	s.activate(`main a[href^="/approvals/apr_"]`)
	s.at("/approvals/apr_")
	s.shows("shops", "homes", "the hairdresser leaves", consoleOwner)
	s.fill("#reason", "saw the empty shop")
	s.activate(`button[value="approve"]`)
	s.shows("Approved and done")
	s.clean()
	d.visit(at)
	d.shows("A change is planned", "the hairdresser leaves", w.day(2, 1)+" 00:00")
}

// letSisterIn opens a browser in which the sister signs in as a second person. She was invited and confirmed beside the browser, as
// docs/operate/people.md says.
func (w *january) letSisterIn() *tab {
	w.t.Helper()
	const name = "sister"
	w.p.personKey(w.t, name, string(access.Engineer))
	s := w.chrome.open(w.t, w.d.origin)
	s.visit("/signin")
	s.fill("#email", name+"@example.org")
	s.fill("#password", apptest.Password)
	s.keys(enterKey)
	second := factor{clock: w.p.clock()}
	second.pass(w.t, s)
	s.until(`!location.pathname.startsWith("/signin")`)
	return s
}
