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

// TestASaleFindsItsMeterByName: the field of a sale takes whatever can mean one meter only, and offers the meters that a text may mean.
func TestASaleFindsItsMeterByName(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/sell").is(200).says("Meter number, name, telephone or address")
	g.get("/sell/preview?meter=amina&amount=20").is(200).says("0414 0001 001", "Amina", "KES 20.00").omits("can mean several")
	g.get("/sell/check?meter=amina&amount=20").is(200).says("0414 0001 001", "Sell for KES 20.00")
	g.get("/sell/preview?meter=04140001").is(200).says("8 so far", "0414 0001 001").link(t, `/sell\?meter=`+meterNumber)
	g.get("/sell/preview?meter=nobody").is(200).says("was not found").omits("Hits")
	w.meter("04140001019", "Amina B.")
	list := g.get("/sell/preview?meter=amina").is(200).says("amina can mean several meters", "0414 0001 001", "0414 0001 019")
	list.link(t, `/sell\?meter=04140001019`)
	g.get("/sell/check?meter=amina&amount=20").is(404).says("can mean several meters")
}
