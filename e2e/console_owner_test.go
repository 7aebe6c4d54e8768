package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/paywatt/paywatt/internal/tier"
)

// choose puts a file into a file field, as somebody does who picks it.
func (p *tab) choose(selector, name, content string) {
	p.t.Helper()
	ask[chromedp.Void](p, fmt.Sprintf(`(function (field) { var all = new DataTransfer(); all.items.add(new File([%q], %q)); field.files = all.files; })(document.querySelector(%q))`,
		content, name, selector))
}

// pick chooses an entry of a list.
func (p *tab) pick(selector, value string) {
	p.t.Helper()
	ask[chromedp.Void](p, fmt.Sprintf(`document.querySelector(%q).value = %q, undefined`, selector, value))
}

// TestAnOwnersFirstHour: from "serve" on an empty folder to a tariff, an import of twenty flats and the first sale, in the browser alone. Two
// days later the owner closes that day.
func TestAnOwnersFirstHour(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	began := time.Now()
	dir := t.TempDir()
	clock := filepath.Join(dir, "clock")
	p := barePlace(t, buildOnce(t, "faultinject"), filepath.Join(dir, "data")) // no passphrase and no vending key
	p.env = append(p.env, "FAULT_INJECT=clock-file="+clock)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	d := openBrowser(t).open(t, "http://"+srv.http)
	var second factor
	second.becomes(t, d, srv)
	d.at("/start")
	d.shows("6 of 6 steps are left.")
	d.click(`main a[href="/settings"]`, 1)
	d.at("/settings")
	d.fill("#name", "Riverside Flats")
	d.fill("#tz", "Africa/Nairobi")
	d.fill("#currency", "kes")
	d.keys(enterKey)
	d.shows("The settings are as shown.")
	d.visit("/")
	d.at("/start")
	d.click(`main a[href="/tariffs/new"]`, 1)
	d.at("/tariffs/new")
	d.fill("#name", "flats")
	d.fill("#rate", "20")
	d.fill("#vat", "16")
	d.keys(enterKey)
	d.shows("What a month costs", "KES 232.00") // 10 kWh
	d.until(`document.activeElement.value === "publish"`)
	d.keys(enterKey)
	d.at("/tariffs/flats")
	var file strings.Builder
	file.WriteString("\ufeffMeter;Tenant;Phone;Flat\r\n")
	for i := range 20 {
		fmt.Fprintf(&file, "%s;Tenant %d;+2547000001%02d;A%d\r\n", strings.TrimPrefix(number(5001+i), "0"), i, i, i)
	}
	d.visit("/")
	d.at("/start")
	d.click(`main a[href="/import"]`, 1)
	d.at("/import")
	d.choose("#file", "flats.csv", file.String())
	d.pick("#tariff", "flats")
	d.click("main form button.primary", 1)
	d.shows("Would be imported\n20")
	d.until(`document.activeElement.value === "import"`)
	d.keys(enterKey)
	d.shows("The import is done.", "Imported\n20")
	d.visit("/")
	d.at("/overview")
	d.keys("/tenant 7" + enterKey)
	d.at("/meters/" + number(5008))
	d.shows("A7", "Tenant 7")
	d.visit("/sell?meter=" + number(5008))
	d.fill("#amount", "500")
	d.keys(enterKey)
	d.at("/sell/check")
	d.shows("Tenant 7")
	d.keys(enterKey)
	d.at("/sales/")
	d.shows("KES 500.00")
	d.visit("/start")
	d.shows("2 of 6 steps are left.")
	d.clean()
	t.Logf("figures: an owner's first hour took a browser %.1f s", time.Since(began).Seconds())

	day := ask[string](d, `new Intl.DateTimeFormat("en-CA", {timeZone: "Africa/Nairobi"}).format(new Date())`)
	write(t, clock, "48h", 0o600)
	second.returns(t, d)
	d.closeDay(day)
	d.clean()
}

// becomes makes the owner by the link that the server printed, and signs in for the first time.
func (f *factor) becomes(t *testing.T, d *tab, srv *server) {
	d.visit(strings.TrimPrefix(regexp.MustCompile(`http://\S+/setup\?code=\S+`).FindString(srv.log.String()), d.origin))
	d.until(`document.activeElement.id === "name"`)
	d.keys("Olu" + tabKey + consoleOwner + tabKey + consolePassword + enterKey)
	d.at("/signin")
	d.fill("#email", consoleOwner)
	d.fill("#password", consolePassword)
	d.keys(enterKey)
	f.pass(t, d)
}

// returns signs the owner in again, whose session has ended.
func (f *factor) returns(t *testing.T, d *tab) {
	d.visit("/days")
	d.at("/signin")
	d.fill("#email", consoleOwner)
	d.fill("#password", consolePassword)
	d.keys(enterKey)
	f.pass(t, d)
	d.at("/days")
}

// closeDay closes the day of the first sale by keyboard. Its figures are then fixed, and the cash that nobody counts is named.
func (p *tab) closeDay(day string) {
	p.shows("Everything is settled.", "Sold without a shift", "KES 500.00")
	p.fits()
	p.tabTo("#note")
	p.keys("the first day" + enterKey)
	p.at("/days/" + day)
	p.shows("by owner@example.org", "the first day", "Sold without a shift", "KES 500.00")
	p.fits()
	p.visit("/days")
	p.tabTo(`main a[href="/days/` + day + `"]`)
	p.keys(enterKey)
	p.at("/days/" + day)
}
