package console_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheSearchBoxLeadsToWhatWasMeant: one thing opens at once, several are listed, and suggestions lead to the same pages.
func TestTheSearchBoxLeadsToWhatWasMeant(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/tariffs").is(200).says("Find a meter, customer, sale or token")
	g.get("/search?q=amina").leads("/meters/" + meterNumber)
	g.sell(meterNumber, "100")
	g.get("/search?q=main-000001").leads(g.get("/sales").link(t, `/sales/vnd_[^"]*`))
	g.get("/search?q=0414").leads("/meters/" + meterNumber)
	g.get("/search/hits?q=amina").is(200).says("Amina").omits("<html").link(t, "/meters/"+meterNumber)
	g.get("/search/hits?q=nobody").is(200).omits("<li>")
	g.get("/search?q=owner").leads("/people/usr_")
	g.get("/search?q=xyz").is(404).says("Nothing was found for", "xyz", "all 20 digits of a token")
	g.get("/search").is(200).says("Type a name")
	w.person("prices@example.org", access.TariffManager)
	w.enter("prices@example.org").get("/tariffs").is(200).omits("Find a meter")
}
