package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// called gives the customer of a meter a name.
func (o *office) called(t *testing.T, meter, name string) {
	t.Helper()
	customer := o.api.must(t, 200, "GET", "/v1/meters/"+meter, nil).text(t, "customer", "id")
	o.api.must(t, 200, "POST", "/v1/customers/"+customer, map[string]any{"name": name})
}

// namePages are the pages that show a customer with a long name without blanks, and the page with the widest line of the
// console.
func (o *office) namePages(t *testing.T) []pageState {
	t.Helper()
	d, n := o.owner, number(1003)
	o.called(t, n, strings.Repeat("Wolfeschlegelsteinha", 4))
	sale := ""
	return []pageState{
		{"long name, meters", func() { d.visit("/meters") }},
		{"long name, meter", func() { d.visit("/meters/" + n) }},
		{"long name, customers", func() { d.visit("/customers?find=Wolfe") }},
		{"long name, customer", func() { d.click(`tbody a[href^="/customers/cus_"]`, 1); d.at("/customers/cus_") }},
		{"long name, box", func() { d.visit("/meters/" + n + "/recharge") }},
		{"long name, check", func() { d.visit("/sell?meter=" + n); d.keys("20" + enterKey); d.at("/sell/check") }},
		{"long name, sale", func() {
			if sale == "" {
				d.keys(enterKey)
				d.at("/sales/")
				sale = d.path()
			}
			d.visit(sale)
		}},
		{"long name, receipt", func() { d.visit(sale + "/receipt") }},
		{"proof", func() { d.visit(sale + "/proof") }},
	}
}

// arabic checks that a right-to-left name does not reverse the text beside it.
func (o *office) arabic(t *testing.T) {
	d := o.owner
	o.called(t, number(1003), "أمينة عبد الرحمن")
	d.visit("/meters/" + number(1003))
	const phone = `[...document.querySelectorAll("dl.facts dd bdi")].find(e => e.textContent.startsWith("+254"))`
	if !ask[bool](d, `(function (text) { const at = i => { const r = document.createRange(); r.setStart(text, i); r.setEnd(text, i + 1); return r.getBoundingClientRect().left; };
		return at(0) < at(1) && at(1) < at(text.length - 1); })(`+phone+`.firstChild)`) {
		t.Error("beside a name in Arabic the telephone number does not begin with its +")
	}
}

// menu checks that the header is one line and one banner at every width, in the order of the tab key, and that the sheet of a narrow screen
// opens and closes by keyboard alone, with targets of 44 px.
func (o *office) menu(t *testing.T) {
	d := o.owner
	for _, c := range []struct {
		page  string
		width int64
	}{{"/meters", 320}, {"/meters", 360}, {"/office", 360}, {"/ledger", 768}, {"/ledger", 1200}, {"/ledger", 1280}} {
		d.size(c.width)
		d.visit(c.page)
		const seen = `[...document.querySelectorAll("header a, header input, header button")].filter(e => e.checkVisibility() && !e.matches(".skip"))`
		if lines := ask[int](d, `new Set(`+seen+`.map(e => Math.round(e.getBoundingClientRect().top + e.offsetHeight / 2))).size`); lines != 1 {
			t.Errorf("%s at %d px: the header takes %d lines, want 1", c.page, c.width, lines)
		}
		if !ask[bool](d, seen+`.map(e => e.getBoundingClientRect()).every((r, i, all) => i === 0 || r.left >= all[i - 1].right)`) {
			t.Errorf("%s at %d px: the keys go through the header in another order than the eye", c.page, c.width)
		}
		if n := ask[int](d, `document.querySelectorAll(".banner").length`); n > 1 {
			t.Errorf("%s at %d px has %d banners", c.page, c.width, n)
		}
		if small := ask[string](d, `[...document.querySelectorAll("button, summary, select, .button, header a, input:not([type=hidden], [type=checkbox], [type=radio])")]
			.filter(e => e.checkVisibility() && e.offsetHeight < 44 && !e.matches(".skip")).map(e => e.outerHTML.slice(0, 80)).join("; ")`); small != "" {
			t.Errorf("%s at %d px: lower than 44 px: %s", c.page, c.width, small)
		}
	}
	const open = `document.getElementById("menu").matches(":popover-open")`
	d.size(360)
	d.visit("/ledger")
	d.tabTo(".menu-button")
	d.keys(enterKey)
	d.until(open)
	if small := ask[int](d, `Math.min(...[...document.querySelectorAll("#menu a, #menu button")].map(e => e.offsetHeight))`); small < 44 {
		t.Errorf("an entry of the open menu is %d px high, at least 44", small)
	}
	for _, f := range d.axe(o.axe) {
		t.Errorf("the open menu: %s (%s): %s\n%s", f.ID, f.Impact, f.Help, nodes(f))
	}
	d.forget()
	d.keys(escapeKey)
	d.until(`!` + open)
	d.keys(enterKey)
	d.until(open)
	d.tabTo(`#menu a[href="/office"]`)
	d.keys(enterKey)
	d.at("/office")
	d.size(1280)
}

// paper checks a receipt as printed on a roll of 80 mm, with dark colours chosen.
func (o *office) paper(t *testing.T) {
	const roll = 302 // 80 mm in px
	d := o.owner
	d.visit("/sell?meter=" + number(1003))
	d.keys("20" + enterKey)
	d.at("/sell/check")
	d.keys(enterKey)
	d.at("/sales/")
	d.visit(d.path() + "/receipt")
	d.focuses("a Print")
	d.click(`.theme button[value="dark"]`, 1)
	d.until(`document.documentElement.dataset.theme === "dark" && document.readyState === "complete"`)
	call(d, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	d.size(roll)
	if wide := ask[int](d, `document.documentElement.scrollWidth`); wide > roll {
		t.Errorf("the receipt is %d px wide on %d px of paper", wide, roll)
	}
	if odd := ask[string](d, `[...document.querySelectorAll("main *")].filter(e => e.checkVisibility() && !e.matches(".badge") && getComputedStyle(e).color !== "rgb(0, 0, 0)")
		.map(e => e.tagName + " " + getComputedStyle(e).color).join(", ")`); odd != "" {
		t.Errorf("on paper not black: %s", odd)
	}
	if odd := ask[string](d, `getComputedStyle(document.querySelector("main .card")).backgroundColor`); odd != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s", odd)
	}
	if lines := ask[int](d, `new Set([...document.querySelector(".token").getClientRects()].map(r => r.top)).size`); lines > 2 {
		t.Errorf("the token stands on %d lines", lines)
	}
	if high := ask[float64](d, `parseFloat(getComputedStyle(document.querySelector(".token")).fontSize) / parseFloat(getComputedStyle(document.body).fontSize)`); high < 1.5 {
		t.Errorf("the token is %.2f times as high as the text", high)
	}
	call(d, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{})
	d.size(1280)
	ask[chromedp.Void](d, `document.querySelector('.theme button[value=""]').click()`)
	d.until(`document.documentElement.dataset.theme === "" && document.readyState === "complete"`)
}
