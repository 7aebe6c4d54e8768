package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/await"
)

// pageState is a page to look at in one state, with the steps that lead to the state.
type pageState struct {
	name string
	open func()
}

// shownPage is a page in one state, in the tab that shows it.
type shownPage struct {
	pageState
	tab *tab
}

func shownIn(tab *tab, states []pageState) []shownPage {
	var all []shownPage
	for _, s := range states {
		all = append(all, shownPage{s, tab})
	}
	return all
}

// allPages are the pages of an office, of a server in safe mode and of a demonstration, in all their states. The parameter first has the
// states that come before the others.
func (o *office) allPages(t *testing.T, first ...pageState) (here, elsewhere []shownPage) {
	t.Helper()
	for _, group := range [][]pageState{
		first, o.platformPages(t), o.walletPages(t), o.peoplePages(), o.keyPages(), o.officePages(), o.paymentPages(t), o.setUpPages(), o.servicePages(), o.devicePages(t), o.pageStates(),
	} {
		here = append(here, shownIn(o.owner, o.whileProved(t, group))...)
	}
	return append(here, o.strangersPages(t)...), append(o.safePages(t), o.tourPages(t)...)
}

// whileProved lets the owner sign in again, if it is time, before the first page of a group. Later pages of a group may go on from the one
// before.
func (o *office) whileProved(t *testing.T, group []pageState) []pageState {
	if len(group) == 0 {
		return nil
	}
	open := group[0].open
	group[0].open = func() {
		o.stillProved(t)
		open()
	}
	return group
}

// pageStates are the pages of meters, sales and books.
func (o *office) pageStates() []pageState {
	d, sale := o.owner, ""
	return []pageState{
		{"overview", func() { d.visit("/overview") }},
		{"meters", func() { d.visit("/meters") }},
		{"meter", func() { d.visit(o.page(o.first)) }},
		{"meter with digits", func() { d.visit(o.page(o.first) + "?digits=1") }},
		{"meter never heard", func() { d.visit("/meters/" + number(1002)) }},
		{"meters, narrowed", func() { d.visit("/meters?state=on&find=0414") }},
		{"search", func() { d.visit("/search?q=amina") }},
		{"search, suggestions", func() {
			d.visit("/search")
			d.keys("amina")
			d.until(`document.querySelector(".top .hits a")`)
		}},
		{"search, nothing found", func() { d.visit("/search?q=04140010029") }},
		{"sell", func() { d.visit("/sell") }},
		{"sell, a wrong number", func() {
			d.visit("/sell")
			d.keys("04140010029")
			d.until(`document.querySelector("#preview .error")`)
		}},
		{"sell, price", func() {
			d.visit("/sell?meter=" + o.first.number)
			d.keys("100")
			d.until(`document.querySelector("#preview .bill")`)
		}},
		{"sell, refused", func() {
			d.visit("/sell?meter=" + o.first.number)
			d.keys("12.345" + enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"check", func() {
			d.visit("/sell?meter=" + o.first.number)
			d.keys("20" + enterKey)
			d.at("/sell/check")
		}},
		{"sale", func() {
			if sale == "" {
				d.keys(enterKey)
				d.at("/sales/")
				sale = d.path()
			}
			d.visit(sale + "?again=1")
		}},
		{"receipt and explanation", func() { d.visit(sale + "/receipt") }},
		{"tariffs", func() { d.visit("/tariffs") }},
		{"versions of a tariff", func() { d.click(`main h2 a`, 1); d.at("/tariffs/") }},
		{"trial balance", func() { d.visit("/ledger") }},
		{"accounts", func() { d.click(`tbody a[href*="code=2060"]`, 1); d.at("/ledger/accounts") }},
		{"journals of an account", func() { d.click(`tbody a`, 1); d.at("/ledger/journals") }},
		{"the sale behind a figure", func() { d.click(`main a[href^="/sales/"]`, 1); d.at("/sales/") }},
		{"not found", func() { d.visit("/meters/04140001019") }},
	}
}

// strangersPages are what somebody sees who is not signed in.
func (o *office) strangersPages(t *testing.T) []shownPage {
	s := o.chrome.open(t, o.owner.origin)
	return shownIn(s, []pageState{
		{"sign in", func() { s.visit("/signin?made=1") }},
		{"sign in, refused", func() {
			s.visit("/signin")
			s.keys("nobody@example.org" + tabKey + "a wrong password" + enterKey)
			s.until(`document.querySelector("[role=alert]")`)
		}},
		{"set up, closed", func() { s.visit("/setup?code=x") }},
		{"API documentation", func() { s.visit("/docs?q=reversal") }},
		{"API documentation, topic", func() {
			s.visit("/docs/topic/vends")
			ask[chromedp.Void](s, `document.querySelector("section").querySelectorAll("details").forEach(d => { d.open = true; }), undefined`)
		}},
	})
}

// officePages are the pages behind the office page.
func (o *office) officePages() []pageState {
	d := o.owner
	submit := func(fields string) {
		d.visit("/vendors")
		ask[chromedp.Void](d, fields+`, document.querySelector("#name").value = "Corner shop", undefined`)
		d.click(`main form button[type="submit"]`, 1)
	}
	return []pageState{
		{"office", func() { d.visit("/office") }},
		{"sales", func() { d.visit("/sales") }},
		{"sales, refused", func() {
			d.visit("/sales?meter=1")
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"approvals", func() { d.visit("/approvals?all=1") }},
		{"tills", func() { d.visit("/tills") }},
		{"tills, refused", func() {
			d.visit("/tills")
			ask[chromedp.Void](d, `document.querySelector("#float").value = "five", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"till", func() {
			d.visit("/tills")
			if ask[bool](d, `document.querySelector("#till") === null`) { // an earlier look opened it
				d.click(`main a.primary`, 1)
			} else {
				ask[chromedp.Void](d, `document.querySelector("#till").value = "till-2", document.querySelector("#float").value = "1,000", undefined`)
				d.click(`main form button[type="submit"]`, 1)
			}
			d.until(`location.pathname.startsWith("/tills/shf_")`)
		}},
		{"closed days", func() { d.visit("/days") }},
		{"vendors", func() { d.visit("/vendors") }},
		{"vendors, refused", func() {
			submit(`document.querySelector("#commission").value = "two", document.querySelector("#code").value = "S1"`)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"vendor", func() {
			submit(`document.querySelector("#code").value = "S1"`)
			d.until(`location.pathname.startsWith("/vendors/")`)
		}},
		{"alarms", func() { d.visit("/alarms?all=1") }},
		{"audit log", func() { d.visit("/audit") }},
	}
}

// setUpPages are the pages with which somebody sets up a server.
func (o *office) setUpPages() []pageState {
	d := o.owner
	return []pageState{
		{"help", func() {
			d.visit("/office")
			d.keys("?")
			d.at("/help")
		}},
		{"checklist", func() { d.visit("/start") }},
		{"settings", func() { d.visit("/settings") }},
		{"configuration of all meters", func() { d.visit("/settings/meters") }},
		{"settings, refused", func() {
			d.visit("/settings")
			ask[chromedp.Void](d, `document.querySelector("#tz").value = "Nairobi", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"new version of a tariff", func() { d.visit("/tariffs/new?of=domestic") }},
		{"new version, checked", func() {
			d.visit("/tariffs/new?of=domestic")
			ask[chromedp.Void](d, `document.querySelector("#monthly").value = "50", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			d.until(`document.querySelector("button[value=publish]")`)
		}},
		{"import", func() { d.visit("/import") }},
		{"import, checked", func() {
			d.visit("/import")
			d.choose("#file", "flats.csv", "number,Name of a very long column that nobody needs\n"+number(1950)+",x\n1,y\n4.1E+10,z\n")
			d.pick("#tariff", "domestic")
			d.click("main form button.primary", 1)
			d.until(`document.querySelector("button[value=check]")`)
		}},
		{"import, done", func() {
			if ask[bool](d, `document.querySelector("button[value=import]") !== null`) {
				d.click(`button[value="import"]`, 1)
				d.until(`document.querySelector("h1").innerText.includes("Meters")`)
			} else { // an earlier look imported it
				d.visit("/import")
				d.click(`main tbody a`, 1)
				d.at("/imports/")
			}
		}},
		{"new meter", func() { d.visit("/meters/new") }},
		{"new meter, refused", func() {
			d.visit("/meters/new")
			ask[chromedp.Void](d, `document.querySelector("#number").value = "04140001002", undefined`)
			d.click(`main form button[type="submit"]`, 1)
			d.until(`document.querySelector("[role=alert]")`)
		}},
	}
}

// everyPage checks every page, and those outside of the office from right to left too, as [office.tongues] does with the others.
func (o *office) everyPage(t *testing.T) {
	here, elsewhere := o.allPages(t, o.namePages(t)...)
	o.netsHold(t)
	for _, page := range append(here, elsewhere...) {
		page.open()
		o.looksRight(t, page)
	}
	o.docsFit(t)
	for _, page := range elsewhere {
		page.open()
		o.inArabic(t, page)
	}
	o.owner.size(1280)
}

// docsFit checks the page with the whole documentation. It is long, so axe-core, which needs seconds for it, looks once.
func (o *office) docsFit(t *testing.T) {
	t.Helper()
	p := o.owner
	p.visit("/docs")
	p.narrow("with everything", 320, 360, 768, 1280)
	for _, f := range p.axe(o.axe) {
		t.Errorf("/docs: %s (%s): %s\n%s", f.ID, f.Impact, f.Help, nodes(f))
	}
	ask[any](p, longer)
	p.narrow("with longer texts", 320)
	p.forget()
}

// looksRight checks a page at four widths: nothing is wider than the window, and axe-core has no finding on a desk in light colours and on a
// telephone in dark ones. Colours do not depend on the width, and [office.tongues] looks at telephones in light colours.
func (o *office) looksRight(t *testing.T, page shownPage) {
	t.Helper()
	tab := page.tab
	tab.until(`document.readyState === "complete"`)
	tab.dark(false)
	for _, width := range []int64{320, 360, 768, 1280} {
		tab.size(width)
		tab.drawn()
		// A telephone widens its window to fit the content, so the window's width proves nothing.
		if over := ask[int64](tab, `document.documentElement.scrollWidth`) - width; over > 0 {
			t.Errorf("%s is %d px too wide for %d px", page.name, over, width)
		}
		if cut := ask[string](tab, clipped); cut != "" {
			t.Errorf("%s at %d px clips %s", page.name, width, cut)
		}
	}
	tab.clean() // comes before axe-core, which is not part of the page
	for _, look := range []struct {
		width int64
		dark  bool
	}{{1280, false}, {360, true}} {
		tab.size(look.width)
		tab.dark(look.dark)
		for _, f := range tab.axe(o.axe) {
			t.Errorf("%s, dark %t, %d px: %s (%s): %s\n%s", page.name, look.dark, look.width, f.ID, f.Impact, f.Help, nodes(f))
		}
	}
	tab.dark(false)
	tab.forget()
}

// netsHold checks that a page that breaks the rules is caught: a style inside the page, a field without a label.
func (o *office) netsHold(t *testing.T) {
	t.Helper()
	d := o.owner
	d.visit("/sell")
	ask[chromedp.Void](d, `document.body.insertAdjacentHTML("beforeend", '<p style="color:red">x <input></p>'), undefined`)
	await.True(t, "an inline style is noted", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return strings.Contains(strings.Join(d.problems, "\n"), "Content Security Policy")
	})
	d.forget()
	if found := d.axe(o.axe); len(found) == 0 {
		t.Error("axe-core finds nothing wrong with a field without a label")
	}
	d.forget()
}

// drawn waits until every chart has the width of its box, which it takes in the frame after the page's width has changed.
func (p *tab) drawn() {
	p.t.Helper()
	p.until(`[...document.querySelectorAll("[data-chart]")].every(box => !box.plot || box.plot.width === box.clientWidth)`)
}

// clipped lists elements whose text does not fit.
const clipped = `[...document.querySelectorAll("main *, header *, footer *")].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 &&
	getComputedStyle(e).display !== "inline" && !e.closest(".visually-hidden") && e.tagName !== "INPUT").map(e => e.tagName + "." + e.className).join(" ")`

func nodes(f finding) string {
	s := ""
	for _, n := range f.Nodes {
		s += fmt.Sprintf("  %s\n  %s\n", n.HTML, n.FailureSummary)
	}
	return s
}
