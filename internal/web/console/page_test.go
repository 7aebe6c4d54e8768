package console_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/wire"
)

const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// every requests every kind of page, including refusals.
func every(w *world) []answer {
	w.t.Helper()
	w.meter("04140001019", `Mwangi <script>alert("1")</script> & Sons`)
	g := w.enter(ownerEmail)
	stranger := w.guest()
	sale := g.sell(meterNumber, "100")
	c := g.check(meterNumber, "50").is(200)
	form := sale.what[len("GET "):]
	w.reading(meterNumber, 1, wire.Reading{RegisterWh: 1204331, BalanceWh: 18200, W: 381, Relay: "open", Reasons: []string{"REMOTE"}})
	cut := g.get("/meters/" + meterNumber).value("form")
	g.post("/meters/"+meterNumber+"/commands", "form", cut, "type", "disconnect", "reason", `rent <b onclick="x()">`)
	w.person("tariffs@example.org", access.TariffManager)
	manager := w.enter("tariffs@example.org")
	agent := w.agent("V7", "agent@example.org")
	account := agent.get("/account").is(200).value("form")
	badDevice := agent.post("/account/devices", "form", account, "device", `"><script>alert(1)</script>`, "pin", "1")
	agent.post("/account/devices", "form", account, "device", `<b>Counter`, "pin", "271828")
	approval, people := w.waitingApproval(), g.get("/people").is(200)
	key := g.post("/keys", "form", g.get("/keys").value("form"), "name", "till 3", "role", "support", "lasts", "30d")
	shift := g.post("/tills", "form", g.get("/tills").value("form"), "float", "10").leads("/tills/shf_")
	office := g.get("/meters/new").value("form")
	draft := g.post("/tariffs", "form", office, "of", "domestic", "rate", "3", "monthly", "5")
	added := g.post("/meters", "form", office, "number", "04140001035", "mode", "prepay_token", "tariff", "domestic", "sgc", "123456", "krn", "1", "kt", "2", "ti", "01", "name", `<b>`).is(201)
	checked := g.send("/import", "f.csv", "number,name\n04140001043,Amina A.\n1,<b>\n", "form", office, "kind", "meters", "tariff", "domestic").is(200)
	imported := g.send("/import", "", "", "form", checked.value("form"), "act", "import").is(201)
	keyPath := key.link(w.t, `/keys/key_[a-z0-9]+`)
	return []answer{
		stranger.get("/signin"), stranger.get("/signin?made=1"), stranger.post("/signin", "email", `"><script>alert(1)</script>`, "password", "wrong"),
		stranger.get("/setup?code=x"), stranger.do("POST", "/theme", url.Values{}, "Origin", "https://evil.example"),
		manager.get("/tariffs"), manager.get("/tariffs/domestic"), manager.get("/tariffs/none"), manager.get("/ledger"), manager.get("/meters"), manager.get("/sell"),
		g.get("/overview"), g.get("/meters"), g.get("/meters?cursor=none"), g.get("/search?q=04140001028"), g.get(`/search?q=<script>alert(1)</script>`), g.get("/search/hits?q=0414"), g.get("/search"),
		g.get("/meters/" + meterNumber), g.get("/meters/" + meterNumber + "?digits=1"), g.get("/meters/04140001019"), g.get("/meters/04140001028"),
		g.get("/meters/" + meterNumber + "/history"), g.post("/meters/"+meterNumber+"/commands", "form", cut, "type", "disconnect", "reason", ""),
		g.post("/meters/"+meterNumber+"/commands", "form", cut, "type", "clear_credit", "reason", "x"),
		g.get("/sell"), g.get("/sell?meter=" + meterNumber + "&amount=20"), g.get(`/sell?meter="><script>alert(1)</script>`),
		g.get("/sell/preview?meter=04140001019&amount=20"), c, g.check(meterNumber, "x"), g.post("/sell", "form", "x"),
		g.get("/tariffs"), g.get("/ledger"), g.get("/ledger/accounts?code=2060"), g.get("/ledger/accounts?code=7"), g.get("/ledger/journals"),
		g.get("/ledger/journals?code=4000"), g.get(`/ledger/journals?ref=<script>`), g.get(form + "/receipt"), g.get("/sales/vnd_none/receipt"),
		g.get(form + "/proof"), g.get("/sales/vnd_none/proof"), g.get(form + "/proof.json?head=x"), g.get("/heads/99999"),
		g.get("/people"), g.get("/people?after=x"), g.get("/people/usr_none"), g.get("/people/" + ownerEmail), manager.get("/people"), manager.get("/people/" + ownerEmail),
		g.post("/people", "form", people.value("form"), "email", "juma@example.org", "role", "finance"), g.post("/people", "form", "x", "email", `"><script>alert(1)</script>`),
		g.get("/people/juma@example.org"), g.post("/people/juma@example.org", "form", people.value("form"), "act", "<b>"), g.get("/account"), manager.get("/account"),
		badDevice, agent.get("/account"), agent.get("/signin"), agent.post("/signin/pin", "pin", "<b>"), agent.get("/sell"), agent.check(meterNumber, "50"), g.get("/people/agent@example.org"),
		g.post("/account/sessions", "form", "x"), key, g.get("/keys"), g.get("/keys?all=1"), g.get("/keys?after=x"), manager.get("/keys"), g.get(keyPath), g.get("/keys/key_none"),
		g.post("/keys", "form", "x", "name", `"><script>alert(1)</script>`), g.post(keyPath, "form", "x", "act", "<b>"), g.get("/office"), g.get("/sales"), g.get(`/sales?from=<b>&state=sold`), g.get("/sales?state=completed&meter=" + meterNumber), manager.get("/sales"), g.get("/tills"), g.get(shift), g.post("/tills", "form", "x", "till", `"><script>alert(1)</script>`), g.post(shift, "form", "x", "act", "<b>"), manager.get("/tills"), g.get("/vendors"), g.get("/vendors/V9"), g.post("/vendors", "form", "x", "code", "S1"), manager.get("/office"), g.get("/alarms"), g.get("/alarms?all=1"), g.get("/alarms?cursor=x"), g.get("/audit"), g.get("/audit?from=x"), manager.get("/audit"),
		g.get("/start"), manager.get("/start"), g.get("/settings"), g.post("/settings", "form", "x", "name", `"><script>alert(1)</script>`), manager.get("/settings"),
		g.get("/tariffs/new"), g.get("/tariffs/new?of=domestic"), manager.get("/tariffs/new?of=none"), draft, g.post("/tariffs", "form", "x", "name", "<b>"),
		g.get("/meters/new"), g.get("/meters/new?customer=x"), manager.get("/meters/new"), g.post("/meters", "form", "x", "name", `"><script>alert(1)</script>`), added,
		g.get("/import"), checked, imported, g.get(g.get("/import").link(w.t, `/imports/imp_[a-z0-9]+`)), g.get("/imports/imp_none"), manager.get("/import"),
		g.send("/import", "f.csv", "number\n1\n<script>\n", "form", office, "kind", "meters"), g.send("/import", "f.csv", "<b>\n1\n", "form", office, "kind", "meters"),
		g.get("/approvals"), g.get("/approvals?all=1"), g.get("/approvals?before=x"), g.get(approval), manager.get(approval),
		g.post(approval, "form", "x", "choice", "approve"), sale, g.get(form + "?again=1"), g.get("/sales/vnd_none"), g.get("/nowhere"), g.post("/sell", "large", strings.Repeat("x", 70<<10)),
	}
}

func TestEveryPage(t *testing.T) {
	tier.Slow(t)
	pages := every(begin(t))
	t.Run("keeps to the policy", func(t *testing.T) { keepsToThePolicy(t, pages) })
	t.Run("has one heading, a title and labels", func(t *testing.T) { isWellFormed(t, pages) })
	t.Run("says as of with every balance", func(t *testing.T) { saysAsOf(t, pages) })
}

func keepsToThePolicy(t *testing.T, pages []answer) {
	t.Helper()
	for _, a := range pages {
		if a.status >= 300 && a.status < 400 || a.page == nil {
			t.Errorf("%s: status %d, want a page", a.what, a.status)
			continue
		}
		for name, want := range map[string]string{"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Referrer-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", a.what, name, got, want)
			}
		}
		for n := range a.page.Descendants() {
			if n.Type == html.ElementNode {
				checkElement(t, a, n)
			}
		}
	}
}

// checkElement refuses elements that break the policy or need eval in htmx.
func checkElement(t *testing.T, a answer, n *html.Node) {
	t.Helper()
	switch n.Data {
	case "style", "iframe", "object", "embed", "base":
		t.Errorf("%s has a <%s>", a.what, n.Data)
	case "script":
		if attr(n, "src") == "" || n.FirstChild != nil {
			t.Errorf("%s has an inline script", a.what)
		}
	case "b":
		t.Errorf("%s shows what somebody typed as markup", a.what)
	}
	for _, at := range n.Attr {
		switch {
		case at.Key == "style", strings.HasPrefix(at.Key, "on"), strings.HasPrefix(at.Key, "hx-on"), at.Key == "hx-live":
			t.Errorf("%s: <%s %s=%q>", a.what, n.Data, at.Key, at.Val)
		case strings.HasPrefix(at.Key, "hx-") && (strings.Contains(at.Val, "js:") || strings.Contains(at.Val, "javascript:")):
			t.Errorf("%s: <%s %s=%q> needs eval", a.what, n.Data, at.Key, at.Val)
		case at.Key == "hx-trigger" && strings.Contains(at.Val, "["):
			t.Errorf("%s: the trigger filter %q needs eval", a.what, at.Val)
		case at.Key == "src", at.Key == "action", at.Key == "href", at.Key == "hx-get", at.Key == "hx-post", at.Key == "formaction":
			u, err := url.Parse(at.Val)
			if err != nil || u.Host != "" || u.Scheme != "" && at.Val != "data:," {
				t.Errorf("%s: <%s %s=%q> leads to another place", a.what, n.Data, at.Key, at.Val)
			}
		}
	}
}

func isWellFormed(t *testing.T, pages []answer) {
	t.Helper()
	for _, a := range pages {
		if !strings.Contains(a.body, "<html") {
			continue // a part of a page
		}
		headings, title, ids := 0, "", map[string]int{}
		labelled := map[string]bool{}
		for n := range a.page.Descendants() {
			switch n.Data {
			case "h1":
				headings++
			case "title":
				title = n.FirstChild.Data
			case "label":
				labelled[attr(n, "for")] = true
			case "html":
				if n.Type == html.ElementNode && attr(n, "lang") != "en" {
					t.Errorf("%s has no language", a.what)
				}
			}
			if id := attr(n, "id"); id != "" {
				if ids[id]++; ids[id] > 1 {
					t.Errorf("%s has two elements with id %q", a.what, id)
				}
			}
		}
		if headings != 1 || !strings.HasSuffix(title, "· Paywatt") {
			t.Errorf("%s has %d first headings and the title %q", a.what, headings, title)
		}
		for n := range a.page.Descendants() {
			if n.Data == "input" && attr(n, "type") != "hidden" && attr(n, "type") != "checkbox" && !labelled[attr(n, "id")] {
				t.Errorf("%s: the field %q has no label", a.what, attr(n, "name"))
			}
		}
	}
}

func saysAsOf(t *testing.T, pages []answer) {
	t.Helper()
	seen := 0
	for _, a := range pages {
		if a.page == nil {
			continue
		}
		for n := range a.page.Descendants() {
			if attr(n, "data-cell") != "balance" {
				continue
			}
			seen++
			place := n // the row or section with the balance
			for place.Data != "tr" && place.Data != "section" {
				place = place.Parent
			}
			asOf := ""
			for m := range place.Descendants() {
				if attr(m, "data-cell") == "asof" {
					asOf = m.FirstChild.Data
				}
			}
			if figure := n.FirstChild.Data; figure == "–" && asOf != "no reading yet" || figure != "–" && !strings.HasPrefix(asOf, "as of 2") {
				t.Errorf("%s shows the balance %q %q", a.what, figure, asOf)
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d balances seen", seen)
	}
}

func TestAMeterPageShowsWhatTheServerKnows(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/meters").is(200).says("0414 0001 001 TEST Amina A.", "○ Offline", "no reading yet")
	g.get("/search?q=0414-0001-001").leads("/meters/" + meterNumber)
	g.get("/search?q=04140001002").is(404).says("The check digit of meter number 04140001002 is wrong")
	g.get("/search?q=04140001019").is(404).says("Nothing was found for", "04140001019")
	w.reading(meterNumber, 1, wire.Reading{RegisterWh: 1_204_331, BalanceWh: 18_259, W: 381, MV: 230_000, Relay: "closed"})
	w.reading(meterNumber, 2, wire.Reading{RegisterWh: 1_204_431, BalanceWh: 18_159, W: 400, MV: 230_000, Relay: "closed"})
	w.reading(meterNumber, 3, wire.Reading{RegisterWh: 100, BalanceWh: 18_000, W: 0, MV: 230_000, Relay: "open", Reasons: []string{"TAMPER", "REMOTE"}})
	page := g.get("/meters/"+meterNumber).is(200).says("⚠ Tamper", "18.000 kWh as of ", "Relay open", "Reason if off tampered with, cut off by command",
		"Register 0.100 kWh", "+254700000001", "SGC 123456, KRN 1, TI 01, EA 07", "1,204.431 0.100 18.159 400", "0.100 reset 18.000 0", "TEST", "Restore supply").
		omits("-1204", "Cut off supply")
	if page.value("reason") != "" {
		t.Error("a reason is filled in")
	}
	g.get("/meters").is(200).says("18.0 kWh", "⚠ Tamper")
}

func TestATestServerSaysSoOnEveryPageAndLinksThePanels(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase), Test: true, PanelURL: "http://127.0.0.1:1/panel/{number}"})
	const bar = "TEST: no real money or supply"
	g := w.guest()
	g.get("/signin").is(200).says(bar)
	g.get(w.setup).is(200).says(bar)
	w.furnish()
	g = w.enter(ownerEmail)
	for _, path := range []string{"/meters", "/sell"} {
		g.get(path).is(200).says(bar)
	}
	g.get("/nowhere").is(404).says(bar)
	page := g.get("/meters/"+meterNumber).is(200).says(bar, "Display and keypad")
	if want := `href="http://127.0.0.1:1/panel/` + meterNumber + `" target="_blank" rel="noopener"`; !strings.Contains(page.body, want) {
		t.Errorf("no link %s:\n%s", want, page.body)
	}
}

func TestACommandNeedsAReasonAndShowsItsState(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	page := g.get("/meters/"+meterNumber).is(200).says("Reason to cut off supply", "The meter is not connected. Its relay opens when it connects again")
	path := "/meters/" + meterNumber + "/commands"
	form := page.value("form")
	again := g.post(path, "form", form, "type", "disconnect", "reason", "  ").is(422).says("A command needs a reason", "No command was sent")
	again.omits("Waiting for the meter")
	long := strings.Repeat("x", 201)
	if kept := g.post(path, "form", form, "type", "disconnect", "reason", long).is(422).value("reason"); kept != long {
		t.Errorf("the reason has to be typed again: %q", kept)
	}
	g.post(path, "form", form, "type", "clear_credit", "reason", "x").is(422).says("No command was sent")
	at := g.post(path, "form", form, "type", "disconnect", "reason", "unpaid <rent>").leads("/meters/" + meterNumber + "#supply")
	at, _, _ = strings.Cut(at, "#")
	g.get(at).is(200).says("Cut off supply: ○ Waiting for the meter", "by owner@example.org. Reason: unpaid <rent>", "Reason to restore supply", "Restore supply",
		"Cut off supply ○ Waiting for the meter unpaid <rent> · owner@example.org")
	g.post(path, "form", form, "type", "connect", "reason", "paid").leads("/meters/")
	g.get(at).is(200).says("Restore supply: ○ Waiting for the meter", "Reason to cut off supply")
}

func TestPagesOfMetersFollowEachOther(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.furnish()
	for i := range 51 {
		w.meter(number(2000+i), "Somebody")
	}
	g := w.enter(ownerEmail)
	first := g.get("/meters").is(200)
	if n := strings.Count(first.body, `<tr id="m-`); n != 50 {
		t.Errorf("the first page has %d meters, want 50", n)
	}
	first.omits("First page")
	next := ""
	for n := range first.page.Descendants() {
		if n.Data == "a" && n.FirstChild != nil && n.FirstChild.Data == "Next page" {
			next = attr(n, "href")
		}
	}
	second := g.get(next).is(200).says("First page").omits("Next page")
	if n := strings.Count(second.body, `<tr id="m-`); n != 2 {
		t.Errorf("the second page has %d meters, want 2", n)
	}
	second.says("51–52 / 52", "Previous page", "Last reading")
	g.get("/meters?page=99").is(200).says("51–52 / 52")
	g.get("/meters?page=none&sort=none").is(200).says("1–50 / 52", "Last page")
}

// number makes a valid 11-digit meter number from a serial number.
func number(n int) string {
	digits := []byte("0414000000")
	for i := len(digits) - 1; n > 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	sum := 0
	for i, d := range digits {
		v := int(d - '0')
		if (len(digits)-i)%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return string(digits) + string(rune('0'+(10-sum%10)%10))
}

func TestAssetsAreKeptForAYearUnderTheirOwnAddressOnly(t *testing.T) {
	w := begin(t)
	g := w.guest()
	var paths []string
	page := w.enter(ownerEmail).get("/meters/" + meterNumber)
	for n := range page.page.Descendants() {
		if n.Data == "script" {
			paths = append(paths, attr(n, "src"))
		}
		if n.Data == "link" && attr(n, "rel") == "stylesheet" {
			paths = append(paths, attr(n, "href"))
		}
	}
	if len(paths) != 8 {
		t.Fatalf("a meter's page loads %v, want five scripts and three style sheets", paths)
	}
	for _, path := range paths {
		a := g.get(path).is(200)
		kind := "text/javascript; charset=utf-8"
		if strings.HasSuffix(path, ".css") {
			kind = "text/css; charset=utf-8"
		}
		if a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.header.Get("Content-Type") != kind || len(a.body) < 500 {
			t.Errorf("%s: %q %q, %d bytes", path, a.header.Get("Cache-Control"), a.header.Get("Content-Type"), len(a.body))
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if old := g.get("/assets/000000000000/" + name).is(200); old.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s under another version may be kept: %q", name, old.header.Get("Cache-Control"))
		}
		if z := g.do("GET", path, nil, "Accept-Encoding", "gzip"); len(a.body) > 1500 && z.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed", name)
		}
	}
	for _, path := range []string{"/assets/x/CHECKSUMS", "/assets/x/nothing.js", "/assets/x/..%2fconsole.go"} {
		g.get(path).is(404)
	}
}
