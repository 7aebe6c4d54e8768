package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/tier"
)

const (
	consoleOwner    = "owner@example.org"
	consolePassword = "several plain words"
	manyMeters      = 50 // a full page of meters
)

// office is a server with its owner at the console in Chromium, one running meter, and a page full of other meters.
type office struct {
	place  *place
	srv    *server
	api    *api
	first  secrets
	crowd  []secrets // the other meters of the page
	home   secrets   // a meter whose balance is on the server
	meter  *vmeter
	chrome *browser
	owner  *tab
	axe    string
	factor factor    // of the owner
	proved time.Time // when the owner last signed in

	sketchAt  string // where the first meter, an Arduino, connects
	devicesAt string // where unmodified devices connect
}

// TestTheConsoleInChromium does the work of people at the console, with the real binary, a real browser and a real meter. ./check does what
// sells; every page in every state and every width, and the rarer days of work, are left to ./check long.
func TestTheConsoleInChromium(t *testing.T) {
	t.Parallel()
	needed(t, "mosquitto_pub")
	o := openOffice(t)
	for _, step := range []struct {
		name string
		run  func(*office, *testing.T)
		long bool
	}{
		{"the one-time link makes the owner, who signs in", (*office).signIn, false},
		{"the first visit is light", (*office).weigh, false},
		{"a reading moves the figures and nothing else", (*office).live, false},
		{"payee and price are there before anything is decided, a wrong number is refused while typing", (*office).payee, false},
		{"what is typed in the search box is suggested, and opened by keyboard", (*office).suggested, false},
		{"a sale by keyboard alone", (*office).keyboard, false},
		{"the token copies as its digits and is loaded in the meter", (*office).token, false},
		{"clicked twice, held down, sent again: one sale", (*office).once, false},
		{"cut off and restored, each until the meter says so", (*office).supply, false},
		{"a clerk's day at the counter by keyboard alone", (*office).clerksDay, false},
		{"an agent's day on a telephone", (*office).agentsDay, false},
		{"a sale without scripts", (*office).noScript, false},
		{"a person is invited, sells, gets another role, is blocked and reset", (*office).life, true},
		{"a customer's own page, with scripts and without", (*office).customersPage, true},
		{"a wallet: two figures, a doubt decided, a recharge", (*office).wallet, true},
		{"a token is generated, put into the box, sent, and watched until the meter has it", (*office).platform, true},
		{"every page fits, in both colours, and has no violation", (*office).everyPage, true},
		{"a name from right to left turns nothing round", (*office).arabic, true},
		{"the console in Arabic, on a telephone", (*office).tongues, true},
		{"the menu leaves room for the page", (*office).menu, true},
		{"a receipt on 80 mm of paper", (*office).paper, true},
		{"the first meter is recharged, and its relay closes", (*office).rechargeSketch, true},
		{"an engineer's day on a telephone", (*office).engineersDay, true}, // from here on, a second person must agree
		{"a server that is gone or silent is noticed, and noticed back", (*office).gone, true},
	} {
		if step.long && !tier.IsLong() {
			continue
		}
		if !t.Run(step.name, func(t *testing.T) { o.owner.t = t; step.run(o, t); o.owner.clean() }) {
			return
		}
	}
}

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{place: newPlace(t, paywatt(t)), chrome: openBrowser(t), axe: axeSource(t)}
	// This route writes messages to people into the log, so the server can send messages. The route cannot reach meters.
	write(t, filepath.Join(o.place.dir, "paywatt.toml"), "[[sms_route]]\nname = \"log1\"\nkind = \"log\"\ncost_micro = 800000\n", 0o600)
	o.sketchAt, o.devicesAt = freeAddress(t), freeAddress(t)
	o.srv = o.place.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-legacy", o.sketchAt+"="+number(firstSketch), "--legacy-poll-interval", "2s", "--mqtt-devices", o.devicesAt)
	key := o.place.run(t, "", "apikey", "create", "--role", "owner", "--data", o.place.dir)
	o.api = newAPI(o.srv.http, key)
	o.api.tariff(t)
	for i := range manyMeters {
		if s := o.api.meter(t, number(1001+i)); i == 0 {
			o.first = s
		} else {
			o.crowd = append(o.crowd, s)
		}
	}
	o.meter = o.place.meterProcess(t, filepath.Join(t.TempDir(), "meter"), o.srv.mqtt, o.first)
	o.meter.must(t, "sync")
	o.owner = o.chrome.open(t, "http://"+o.srv.http)
	return o
}

// axeSource is the vendored axe-core, checked against its notice.
func axeSource(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	notice, err := os.ReadFile("testdata/NOTICE.md")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); !strings.Contains(string(notice), hex.EncodeToString(sum[:])) {
		t.Fatalf("axe.min.js has SHA-256 %x, NOTICE.md knows another", sum)
	}
	return string(b)
}

// signedIn opens another tab in which the owner is signed in.
func (o *office) signedIn(t *testing.T) *tab {
	t.Helper()
	p := o.chrome.open(t, o.owner.origin)
	p.visit("/signin")
	p.fill("#email", consoleOwner)
	p.fill("#password", consolePassword)
	p.keys(enterKey)
	o.factor.pass(t, p)
	p.at("/overview")
	return p
}

// stillProved lets the owner sign in again if some minutes have passed since the last time. The server asks for a proof of identity that is
// at most ten minutes old before it invites a person or makes a key.
func (o *office) stillProved(t *testing.T) {
	t.Helper()
	if time.Since(o.proved) < 4*time.Minute {
		return
	}
	d := o.owner
	d.visit("/signin")
	d.fill("#email", consoleOwner)
	d.fill("#password", consolePassword)
	d.keys(enterKey)
	d.typeCode(appCode(t, o.factor.secret, time.Now())) // the app shows another code than at the last sign-in
	d.at("/overview")
	o.proved = time.Now()
}

func (o *office) page(s secrets) string { return "/meters/" + s.number }

// sales counts the tokens of the first meter as the API lists them.
func (o *office) sales(t *testing.T) int {
	t.Helper()
	list, ok := o.api.must(t, 200, "GET", "/v1/meters/"+o.first.number+"/tokens?limit=100", nil).field(t, "data").([]any)
	if !ok {
		t.Fatal("data is no list")
	}
	return len(list)
}

func (o *office) signIn(t *testing.T) {
	d := o.owner
	link := regexp.MustCompile(`http://\S+/setup\?code=\S+`).FindString(o.srv.log.String())
	if !strings.HasPrefix(link, d.origin) {
		t.Fatalf("the server printed the link %q:\n%s", link, o.srv.log)
	}
	d.visit(strings.TrimPrefix(link, d.origin))
	d.focuses("input#name")
	d.keys("Olu" + tabKey + consoleOwner + tabKey + "short" + enterKey)
	d.until(`document.querySelector("#password:invalid")`)
	d.fill("#password", consolePassword)
	d.keys(enterKey)
	d.at("/signin")
	d.visit(strings.TrimPrefix(link, d.origin))
	if got := d.text("main"); !strings.Contains(got, "This link is not valid") {
		t.Errorf("the link works again:\n%s", got)
	}
	d.visit("/meters")
	d.at("/signin")
	d.fill("#email", consoleOwner)
	d.keys(tabKey + "a wrong password" + enterKey)
	d.until(`document.querySelector("[role=alert]")`)
	d.focuses("input#password")
	d.keys(consolePassword + enterKey)
	o.factor.pass(t, d)
	o.proved = time.Now()
	d.at("/meters")
	d.until(`document.querySelectorAll("tbody tr").length === 50`)
}

// weigh measures everything that a first visit loads: sign-in, the overview, the list with 50 rows, a meter's page and the sale.
func (o *office) weigh(t *testing.T) {
	p := o.signedIn(t)
	p.visit("/meters")
	p.until(`document.getElementById("live-state").textContent === "● Live"`)
	p.visit(o.page(o.first))
	p.visit("/sell")
	p.clean()
	total, parts := p.weighed()
	t.Logf("figures: first visit of five pages %.1f kB in %d requests", total/1000, parts)
	if total > 80_000 {
		t.Errorf("the first visit takes %.0f bytes, at most 80000", total)
	}
}

func (o *office) live(t *testing.T) {
	d := o.owner
	d.visit("/meters")
	row := fmt.Sprintf(`document.getElementById("m-%s").innerText`, o.first.number)
	d.until(`document.getElementById("live-state").textContent === "● Live"`)
	d.until(row + `.includes("Cut off")`)
	d.keys("0414") // types into the search field
	digits := o.api.mustVend(t, o.first.number, 10_000, "console-test-1").text(t, "tokens", 0, "digits")
	o.meter.must(t, "key "+digits+"#")
	o.meter.must(t, "sync")
	d.until(row + `.includes("On") && ` + row + `.includes("34.7 kWh") && /as of \d{4}-\d\d-\d\d \d\d:\d\d UTC/.test(` + row + `)`)
	if got, typed := d.focus(), ask[string](d, `document.activeElement.value`); got != "input#search" || typed != "0414" {
		t.Errorf("the patch moved the focus to %s with %q", got, typed)
	}
	d.visit(o.page(o.first))
	d.until(`document.getElementById("live-state").textContent === "● Live"`)
	before := ask[int](d, `document.querySelectorAll("ol.timeline li").length`)
	o.meter.must(t, "load 500")
	o.meter.must(t, "run 40m")
	o.meter.must(t, "sync")
	d.until(`/34\.\d+ kWh/.test(document.querySelector("[data-cell=balance]").textContent) && document.querySelector("[data-cell=load]").textContent === "500 W"`)
	// The lists update without a reload, and the focused element keeps the focus.
	d.until(`document.getElementById("lists").innerText.includes("500")`)
	if got := d.focus(); got != "input#amount" {
		t.Errorf("after the lists were fetched the focus is on %s", got)
	}
	if after := ask[int](d, `document.querySelectorAll("ol.timeline li").length`); after < before {
		t.Errorf("the timeline lost lines: %d, then %d", before, after)
	}
}

func (o *office) payee(t *testing.T) {
	d := o.owner
	sold := o.sales(t)
	d.visit("/sell")
	d.focuses("input#meter")
	d.keys("0414 0010 02")
	d.until(`document.getElementById("preview").innerText.includes("10 so far")`)
	d.keys("9")
	d.until(`document.querySelector("#preview .error")`)
	if got := d.text("#preview"); !strings.Contains(got, "check digit") || strings.Contains(got, "Amina") {
		t.Errorf("a wrong number while typing: %q", got)
	}
	d.fill("#meter", "0414 0010 010")
	d.until(`document.getElementById("preview").innerText.includes("Amina A.")`)
	d.keys(tabKey + "100")
	d.until(`document.getElementById("preview").innerText.includes("VAT")`)
	preview := d.text("#preview")
	for _, want := range []string{"domestic", "as of", "Energy without tax", "VAT", "Paid", "KES 100.00", "kWh", "TEST"} {
		if !strings.Contains(preview, want) {
			t.Errorf("before the check the page lacks %q:\n%s", want, preview)
		}
	}
	d.keys(escapeKey)
	d.at("/overview")
	if n := o.sales(t); n != sold {
		t.Errorf("%d sales came of looking", n-sold)
	}
}

// keyboard sells with the keys "/", number, Enter, amount, Enter, Enter. At every step a visible element has the focus.
func (o *office) keyboard(t *testing.T) {
	d := o.owner
	sold := o.sales(t)
	d.visit("/nowhere")
	stop := func(want string) {
		t.Helper()
		d.focuses(want)
		if ring := ask[string](d, `getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`); ring != "solid 3px" {
			t.Errorf("on %s the focus on %s is not to be seen: outline %s", d.path(), d.focus(), ring)
		}
	}
	stop("a Go to the first page")
	d.keys("/")
	stop("input#search")
	d.keys("0414-0010-010" + enterKey)
	d.at(o.page(o.first))
	stop("input#amount")
	d.keys("50" + enterKey)
	d.at("/sell/check")
	stop("button Sell for KES 50.00")
	if got := d.text("main"); !strings.Contains(got, "Amina A.") || !strings.Contains(got, "domestic") {
		t.Errorf("the last step does not name the payee:\n%s", got)
	}
	d.keys(escapeKey)
	d.at("/sell")
	stop("input#amount")
	d.keys("50" + enterKey)
	d.at("/sell/check")
	d.focuses("button Sell for KES 50.00")
	d.keys(enterKey)
	d.at("/sales/")
	stop("a New sale")
	if n := o.sales(t); n != sold+1 {
		t.Errorf("%d sales, want one", n-sold)
	}
}

func (o *office) token(t *testing.T) {
	d := o.owner
	tokens := o.api.must(t, 200, "GET", "/v1/meters/"+o.first.number+"/tokens?limit=1", nil)
	digits := tokens.text(t, "data", 0, "digits")
	if name := d.accessibleName(".token"); name != digits {
		t.Errorf("the accessible name of the token is %q, want %s", name, digits)
	}
	copied := ask[string](d, `getSelection().selectAllChildren(document.querySelector(".token")), getSelection().toString()`)
	if groups := strings.Split(copied, " "); len(groups) != 5 || strings.Join(groups, "") != digits {
		t.Errorf("selecting the token copies %q, want %s in five groups", copied, digits)
	}
	d.click("[data-copy]", 1)
	d.until(`["Copied", "Selected"].includes(document.querySelector("[data-copy]").innerText.trim())`)
	// The form's ticked box has sent the token to the meter; the page shows the token's progress by itself.
	d.until(`document.querySelector("[data-cell=state]").textContent === "✓ Loaded in the meter"`)
	if s := o.meter.must(t, "show"); s.LastToken != "accept" {
		t.Errorf("the meter says %q", s.LastToken)
	}
	if bar := d.text(".banner.test"); !strings.HasPrefix(bar, "TEST") {
		t.Errorf("no TEST bar on the sale of a virtual meter: %q", bar)
	}
}

func (o *office) once(t *testing.T) {
	d := o.owner
	check := func() {
		t.Helper()
		d.visit("/sell?meter=" + o.first.number)
		d.keys("20" + enterKey)
		d.at("/sell/check")
	}
	sold := o.sales(t)
	one := func(how string) {
		t.Helper()
		d.at("/sales/")
		if n := o.sales(t); n != sold+1 {
			t.Fatalf("%s: %d sales, want one", how, n-sold)
		}
		sold++
	}
	check()
	d.click("button.primary", 2)
	one("a double click")

	check()
	d.hold(true, 30)
	one("Enter held down")
	// A key that was held down since the previous page confirms nothing.
	d.visit("/sell?meter=" + o.first.number)
	d.keys("20")
	d.hold(true, 30)
	d.at("/sell/check")
	d.hold(false, 30)
	if n := o.sales(t); n != sold {
		t.Errorf("a key held down over two pages made %d sales", n-sold)
	}

	check()
	d.keys(enterKey)
	one("the sale to be repeated")
	// After the sale, the browser's Back button returns to the page /sell/check, and that page leads to the sale already made. The browser
	// may instead show the old page; then the form is sent again and leads to the same sale.
	sale := d.path()
	ask[chromedp.Void](d, `setTimeout(() => history.back()), undefined`) // the page answers before it leaves
	again := `document.querySelector("main").innerText.includes("This form was sent before")`
	d.until(again + ` || document.querySelector("form[data-once] button.primary")`)
	if !ask[bool](d, again) {
		d.click("button.primary", 1)
	}
	d.until(again)
	if got := d.path(); got != sale {
		t.Errorf("Back and send again leads to %s, want %s", got, sale)
	}
	if n := o.sales(t); n != sold {
		t.Errorf("Back and send again: %d more sales", n-sold)
	}
}

func (o *office) supply(t *testing.T) {
	d := o.owner
	o.meter.must(t, "sync")
	d.visit(o.page(o.first))
	d.until(`document.getElementById("live-state").textContent === "● Live"`)
	if got := d.text("#supply"); !strings.Contains(got, "Its relay opens within seconds") {
		t.Errorf("the page does not say the effect before:\n%s", got)
	}
	d.click("button.danger", 1)
	if d.path() != o.page(o.first) || ask[bool](d, `document.getElementById("reason").validity.valid`) {
		t.Error("a cut without a reason was sent")
	}
	d.fill("#reason", "rent unpaid")
	d.keys(enterKey)
	d.until(`document.querySelector("[data-cell=command]") && document.querySelector("[data-cell=command]").textContent.startsWith("✓ Carried out")`)
	d.until(`document.querySelector("[data-cell=state]").textContent === "■ Cut off" && document.querySelector("[data-cell=reasons]").textContent.includes("cut off by command")`)
	if s := o.meter.must(t, "show"); s.Relay != "open" || !has(s.Reasons, "REMOTE") {
		t.Errorf("the meter says relay %s, reasons %v", s.Relay, s.Reasons)
	}
	d.fill("#reason", "rent paid")
	d.keys(enterKey)
	d.until(`document.getElementById("supply").innerText.includes("Restore supply:") && document.querySelector("[data-cell=command]").textContent.startsWith("✓ Carried out")`)
	d.until(`document.querySelector("[data-cell=relay]").textContent.startsWith("armed")`)
	o.meter.must(t, "key #")
	o.meter.must(t, "sync")
	d.until(`document.querySelector("[data-cell=relay]").textContent === "closed"`)
}

// noScript signs in and sells in a browser that runs no script.
func (o *office) noScript(t *testing.T) {
	p := o.chrome.open(t, o.owner.origin)
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.visit("/signin")
	p.until(`document.activeElement.id === "email"`)
	p.keys(consoleOwner + tabKey + consolePassword + enterKey)
	o.factor.pass(t, p)
	p.at("/overview")
	p.visit("/meters")
	if got := p.text("main"); !strings.Contains(got, "0414 0010 010") || !strings.Contains(got, "○ Not live") {
		t.Errorf("the list without scripts:\n%s", got)
	}
	p.visit("/sell?meter=" + o.first.number)
	p.until(`document.activeElement.id === "amount"`)
	p.keys("30" + enterKey)
	p.at("/sell/check")
	if got := p.text("main"); !strings.Contains(got, "Amina A.") || !strings.Contains(got, "VAT") {
		t.Errorf("the check without scripts:\n%s", got)
	}
	p.click("button.primary", 1)
	p.at("/sales/")
	if got := p.text(".token"); !regexp.MustCompile(`^(\d{4} ){4}\d{4}$`).MatchString(got) {
		t.Errorf("without scripts the token is %q", got)
	}
	if buttons := ask[int](p, `[...document.querySelectorAll("main button[type=button]")].filter(b => b.offsetParent).length`); buttons != 0 {
		t.Errorf("%d buttons are shown that do nothing without scripts", buttons)
	}
	p.clean()
}

// gone makes the server unreachable twice and brings it back each time. The first time the server ends, the second time it only falls
// silent.
func (o *office) gone(t *testing.T) {
	d := o.owner
	d.visit("/meters")
	badge := `document.getElementById("live-state").textContent`
	live := badge + ` === "● Live"`
	dead := `/^○ Not live since \d\d:\d\d UTC$/.test(` + badge + `)`
	d.until(live)
	mark := ask[float64](d, `window.mark = Math.random()`)
	rows := ask[int](d, `document.querySelectorAll("tbody tr").length`)
	same := func() {
		t.Helper()
		if ask[float64](d, `window.mark || 0`) != mark {
			t.Error("the page was loaded anew")
		}
		if n := ask[int](d, `document.querySelectorAll("tbody tr").length`); n != rows {
			t.Errorf("%d rows, were %d", n, rows)
		}
	}
	o.srv.stop()
	began := time.Now()
	d.until(dead)
	ended := time.Since(began)
	o.srv = o.place.serve(t, o.srv.http, o.srv.mqtt)
	d.until(live)
	same()

	if err := o.srv.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	d.until(dead)
	t.Logf("figures: not live %.1f s after the end, %.1f s after silence", ended.Seconds(), time.Since(began).Seconds())
	if err := o.srv.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	d.until(live)
	same()
}
