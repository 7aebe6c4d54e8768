package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestSalesAreFound: the list has every sale with its receipt and state, says what they come to, is narrowed by the form, and leads to the
// sale. What cannot be read leaves the form as it was.
func TestSalesAreFound(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Every sale with its receipt")
	g.get("/sales").is(200).says("No sales match.")
	g.sell(meterNumber, "100")
	g.sell(meterNumber, "20")
	list := g.get("/sales").is(200).says("Sold: KES 120.00", "main-000002", "main-000001", "✓ Completed", "KES 20.00").omits("No sales match.")
	if strings.Contains(list.body, "<details open") { // on a telephone, the list begins on the first screen
		t.Error("the rarely used fields of the filter are not folded away")
	}
	list.link(t, "/meters/"+meterNumber)
	g.get(list.link(t, `/sales/vnd_[^"]*`)).is(200).says("Sale main-000002")
	if narrowed := g.get("/sales?meter="+meterNumber+"&till=main").is(200).says("main-000002", "main-000001"); !strings.Contains(narrowed.body, "<details open") {
		t.Error("the page hides a field that narrows its list")
	}
	g.get("/sales?state=reversed").is(200).says("No sales match.").omits("Sold:")
	g.get("/sales?from=2999-01-01").is(200).says("No sales match.")
	g.get("/sales?from=2026-13-01").is(422).says("2026-13-01", "is neither a day nor a time")
	g.get("/sales?meter=04140001028").is(422).omits("main-000001")
	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get("/sales").is(200).says("main-000002")
	w.person("installer@example.org", access.Installer)
	w.enter("installer@example.org").get("/sales").is(403)
}
