package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
)

// TestALandlordsFirstDay: from "serve" on an empty folder to twenty flats pasted from a list with opening balances and pages for the tenants, a
// recharge that the board shows, and a tenant who sees the own flat only. The pages fit a telephone, and axe-core finds nothing.
func TestALandlordsFirstDay(t *testing.T) {
	t.Parallel()
	began := time.Now()
	p := barePlace(t, buildOnce(t, ""), filepath.Join(t.TempDir(), "data")) // no passphrase and no vending key
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	chrome, axe := openBrowser(t), axeSource(t)
	d := chrome.open(t, "http://"+srv.http)
	var second factor
	second.becomes(t, d, srv)
	d.at("/start")
	d.visit("/settings")
	d.fill("#name", "Riverside Flats")
	d.fill("#currency", "kes")
	d.keys(enterKey)
	d.shows("The settings are as shown.")
	d.visit("/tariffs/new")
	d.fill("#name", "flats")
	d.fill("#rate", "20")
	d.keys(enterKey)
	d.until(`document.activeElement.value === "publish"`)
	d.keys(enterKey)
	d.at("/tariffs/flats")

	var list strings.Builder
	for i := range 20 {
		fmt.Fprintf(&list, "A%d,Tenant %d,+2547000001%02d,%s,%d\n", i+1, i+1, i, strings.TrimPrefix(number(5001+i), "0"), 100*(i%2))
	}
	d.visit("/flats/new")
	d.pick("#list", list.String())
	d.fill("#feeder", "Riverside")
	d.pick("#links", "show")
	d.checkLook(axe, "the list of flats")
	d.click("main form button.primary", 1)
	d.shows("Would be imported 20")
	d.checkLook(axe, "the checked list")
	d.click(`main form button[value="add"]`, 1)
	d.shows("Flats added", "Imported 20", "Opening balances 10", "Tenant 20")
	d.checkLook(axe, "the flats that were added")
	links := regexp.MustCompile(`/c/[a-z0-9]{16}`).FindAllString(d.text("main"), -1)
	if len(links) != 20 {
		t.Fatalf("%d links for 20 tenants", len(links))
	}

	d.visit("/sell?meter=" + number(5003))
	d.fill("#amount", "500")
	d.keys(enterKey)
	d.at("/sell/check")
	d.keys(enterKey)
	d.at("/sales/")
	d.visit("/flats?feeder=Riverside")
	d.shows("Riverside", "A3", "KES 500.00", "Paid KES 500.00", "A20", "KES 100.00", "Not heard yet")
	d.checkLook(axe, "the board")
	d.checkAxe(axe, "the board on a desk")
	if *screenshots != "" {
		d.visit("/flats?feeder=Riverside")
		if err := os.WriteFile(filepath.Join("..", *screenshots, "console", "flats.png"), d.standing(began, ""), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d.visit("/office")
	d.clean()

	tenant := chrome.open(t, "http://"+srv.http)
	tenant.visit(links[2])
	tenant.shows("KES 500.00")
	for _, other := range []string{"Tenant 1", number(5001), "A4", "KES 100.00"} {
		if strings.Contains(tenant.text("body"), other) {
			t.Errorf("the tenant of A3 sees %q", other)
		}
	}
	t.Logf("figures: a landlord's first day took a browser %.1f s", time.Since(began).Seconds())
}

// checkLook checks that a page fits a telephone and a desk, and that axe-core finds nothing on the telephone, where less room is between what can
// be touched. In ./check long axe-core reads the page of the desk too.
func (p *tab) checkLook(axe, what string) {
	p.t.Helper()
	for _, width := range []int64{360, 1280} {
		p.size(width)
		p.fits()
		if width == 360 || tier.IsLong() {
			p.checkAxe(axe, fmt.Sprintf("%s at %d px", what, width))
		}
	}
}

// checkAxe checks that axe-core finds nothing on a page as it is.
func (p *tab) checkAxe(axe, what string) {
	p.t.Helper()
	for _, f := range p.axe(axe) {
		p.t.Errorf("%s: %+v", what, f)
	}
}
