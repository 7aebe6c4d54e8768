package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// longEmail is an address without a place to break the line.
const longEmail = "wolfeschlegelsteinhausenbergerdorff.wolfeschlegelsteinhausen@example.org"

// peoplePages are the pages of people in all their states.
func (o *office) peoplePages() []pageState {
	d := o.owner
	return []pageState{
		{"people", func() { d.visit("/people") }},
		{"people, refused", func() {
			d.visit("/people")
			d.fill("#email", "somebody@example.org")
			d.fill("#vendor", "V9")
			d.keys(enterKey)
			d.until(`document.querySelector("[role=alert]")`)
		}},
		{"one-time link", func() {
			d.visit("/people")
			d.fill("#email", longEmail)
			d.keys(enterKey)
			d.until(`document.getElementById("link")`)
		}},
		{"person", func() { d.visit("/people/" + longEmail) }},
		{"person, changed", func() {
			d.click(`button[value="role"]`, 1)
			d.until(`location.search === "?done=role"`)
		}},
		{"account", func() { d.visit("/account") }},
	}
}

const (
	clerkEmail    = "clerk@example.org"
	clerkPassword = "many short words here"
	newPassword   = "other short words here"
)

// clerk is a person whom the owner lets in, in a browser of their own.
type clerk struct {
	o      *office
	t      *testing.T
	tab    *tab
	factor factor
}

// life follows a person in a browser: invited, second factor, another role, sells, blocked with a page open, unblocked, reset.
func (o *office) life(t *testing.T) {
	c := &clerk{o: o, t: t, tab: o.chrome.open(t, o.owner.origin)}
	link := c.invited()
	c.joins(link)
	c.promoted()
	c.blocked()
	c.reset(link)
	c.tab.clean()
}

// act presses a button on the clerk's page, as the owner, and waits for the text that says what was done.
func (c *clerk) act(button, said string) {
	c.t.Helper()
	d := c.o.owner
	d.visit("/people/" + clerkEmail)
	if button == "role" {
		ask[chromedp.Void](d, `document.getElementById("role").value = "operator", undefined`)
	}
	d.click(fmt.Sprintf(`button[value=%q]`, button), 1)
	d.until(fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, said))
}

// printed returns the path of the one-time link that the owner's page shows.
func (c *clerk) printed() string {
	c.t.Helper()
	d := c.o.owner
	d.until(`document.getElementById("link")`)
	path, ours := strings.CutPrefix(d.text("#link"), d.origin)
	if !ours || !strings.HasPrefix(path, "/invite/") {
		c.t.Fatalf("the page shows the link %q", d.text("#link"))
	}
	d.focuses("button Print")
	return path
}

// invited lets the owner invite the clerk, and returns the path of the link.
func (c *clerk) invited() string {
	d := c.o.owner
	d.visit("/office")
	d.click(`main a[href="/people"]`, 1)
	d.at("/people")
	d.fill("#email", clerkEmail)
	d.fill("#name", "Clerk C.")
	ask[chromedp.Void](d, `document.getElementById("role").value = "supervisor", undefined`)
	d.click("main form button.primary", 1)
	link := c.printed()
	d.visit("/people")
	if list := d.text("main table"); !strings.Contains(list, "Clerk C.") || !strings.Contains(list, "No password yet") || strings.Contains(list, link) {
		c.t.Errorf("after the invitation the list says:\n%s", list)
	}
	return link
}

// joins lets the clerk set a password with the link, and a second factor at the first sign-in.
func (c *clerk) joins(link string) {
	c.sets(link, clerkPassword)
	c.signs(c.tab, clerkPassword)
	c.tab.at("/overview")
	if menu := c.tab.text("header nav"); strings.Contains(menu, "Sell") {
		c.t.Errorf("a supervisor sees the menu %q", menu)
	}
	if len(c.factor.recovery) != 8 {
		c.t.Errorf("%d recovery codes, want 8", len(c.factor.recovery))
	}
	c.tab.visit(link)
	if got := c.tab.text("main"); !strings.Contains(got, "This link is not valid") {
		c.t.Errorf("the link works again:\n%s", got)
	}
}

// sets opens a link and types a password.
func (c *clerk) sets(link, password string) {
	c.t.Helper()
	p := c.tab
	p.visit(link)
	if got := p.text("main"); !strings.Contains(got, "You sign in as "+clerkEmail) {
		c.t.Errorf("the link leads to:\n%s", got)
	}
	p.fill("#password", password)
	p.keys(enterKey)
	p.at("/signin")
	if got := p.text("main"); !strings.Contains(got, "Your password is set.") {
		c.t.Errorf("after the password the page says:\n%s", got)
	}
}

// signs types the address and a password, and passes the second step.
func (c *clerk) signs(p *tab, password string) {
	c.t.Helper()
	p.visit("/signin")
	p.fill("#email", clerkEmail)
	p.fill("#password", password)
	p.keys(enterKey)
	c.factor.pass(c.t, p)
	p.at("/overview")
}

// isRefused checks that a password signs nobody in.
func (c *clerk) isRefused(password string) {
	c.t.Helper()
	c.tab.visit("/signin")
	c.tab.fill("#email", clerkEmail)
	c.tab.fill("#password", password)
	c.tab.keys(enterKey)
	c.tab.until(`document.querySelector("[role=alert]")`)
	if got := c.tab.text("[role=alert]"); !strings.Contains(got, "E-mail address or password is wrong.") {
		c.t.Errorf("the sign-in says %q", got)
	}
}

// watches opens the live list of meters.
func (c *clerk) watches(p *tab) {
	c.t.Helper()
	p.visit("/meters")
	p.until(`document.getElementById("live-state").textContent === "● Live"`)
}

// isOut checks that an open live page stops at once, and that the next click leads to the sign-in.
func (c *clerk) isOut(p *tab) {
	c.t.Helper()
	p.until(`document.getElementById("live-state").textContent === "○ Not live: reload the page"`)
	p.click(`header nav a[href="/customers"]`, 1)
	p.at("/signin")
}

// promoted lets the owner give the clerk another role while a page is open. The clerk signs in again, and sells before anybody has confirmed
// the account.
func (c *clerk) promoted() {
	p := c.tab
	c.watches(p)
	c.act("role", "The role was changed.")
	if got := c.o.owner.text("main"); !strings.Contains(got, "No open sessions") || !strings.Contains(got, "Operator") {
		c.t.Errorf("after the change of role the person's page says:\n%s", got)
	}
	c.isOut(p)
	c.signs(p, clerkPassword)
	sold := c.o.sales(c.t)
	p.click(`header nav a[href="/sell"]`, 1)
	p.at("/sell")
	p.fill("#meter", c.o.first.number)
	p.keys(tabKey + "20" + enterKey)
	p.at("/sell/check")
	p.keys(enterKey)
	p.at("/sales/")
	if n := c.o.sales(c.t); n != sold+1 || len(strings.Fields(p.text(".token"))) != 5 {
		c.t.Errorf("the clerk made %d sales and sees the token %q", n-sold, p.text(".token"))
	}
}

// blocked blocks the clerk while a sale is ready on one page and another page is live. Before, whoever runs the server confirms the clerk.
func (c *clerk) blocked() {
	p, other := c.tab, c.o.chrome.open(c.t, c.tab.origin)
	c.signs(other, clerkPassword)
	c.watches(other)
	sold := c.o.sales(c.t)
	c.o.place.run(c.t, "", "person", "confirm", clerkEmail, "--data", c.o.place.dir)
	p.visit("/sell?meter=" + c.o.first.number)
	p.keys("20" + enterKey)
	p.at("/sell/check")
	if got := p.text("main"); !strings.Contains(got, "Sell for KES 20.00") {
		c.t.Fatalf("the last step of the sale says:\n%s", got)
	}
	c.o.owner.visit("/people/" + clerkEmail)
	if got := c.o.owner.text("main"); !strings.Contains(got, "Only this person") {
		c.t.Errorf("after the confirmation at the server the page says:\n%s", got)
	}
	if n := ask[int](c.o.owner, `document.querySelectorAll("main table tbody tr").length`); n != 2 {
		c.t.Errorf("the owner sees %d sessions of the clerk, want 2", n)
	}
	c.act("block", "The person is blocked.")
	c.isOut(other)
	other.clean()
	p.click("button.primary", 1)
	p.at("/signin")
	if got := p.text("main"); !strings.Contains(got, "Your session has ended. If you have just sent a form, it was not carried out.") {
		c.t.Errorf("on %s the blocked clerk sees:\n%s", ask[string](p, "location.href"), got)
	}
	if n := c.o.sales(c.t); n != sold {
		c.t.Errorf("the blocked clerk made %d sales", n-sold)
	}
	c.isRefused(clerkPassword)
	c.act("unblock", "The person can sign in again.")
	c.signs(p, clerkPassword)
}

// reset gives the clerk a new link. The old password and the old link work no more.
func (c *clerk) reset(old string) {
	c.watches(c.tab)
	c.act("reset", "This link is shown only now")
	link := c.printed()
	c.isOut(c.tab)
	c.isRefused(clerkPassword)
	c.tab.visit(old)
	if got := c.tab.text("main"); link == old || !strings.Contains(got, "This link is not valid") {
		c.t.Errorf("the first link works after the reset:\n%s", got)
	}
	c.sets(link, newPassword)
	c.isRefused(clerkPassword)
	c.tab.fill("#password", newPassword)
	c.tab.keys(enterKey)
	c.tab.at("/overview") // an operator needs no second factor, and the reset took the old one away
	c.tab.visit("/account")
	if got := c.tab.text("main"); !strings.Contains(got, clerkEmail) || !strings.Contains(got, consoleOwner) || strings.Contains(got, "Recovery codes left") {
		c.t.Errorf("the clerk's own account says:\n%s", got)
	}
}
