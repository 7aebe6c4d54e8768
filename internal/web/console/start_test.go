package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
)

// TestAnEmptyServerIsSetUpOnItsPages follows the checklist from the first sign-in to a sale: settings, tariff, meter, sale.
func TestAnEmptyServerIsSetUpOnItsPages(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.person(ownerEmail, access.Owner)
	g := w.enter(ownerEmail)
	g.get("/").leads("/start")
	g.get("/start").is(200).says("6 of 6 steps are left.", "○ To do Name, time zone and currency", "paywatt backup create")
	g.get("/meters/new").is(200).says("There is no tariff yet. Publish one first.")

	page := g.get("/settings").is(200)
	settings := func(more ...string) answer {
		return g.post("/settings", append([]string{"form", page.value("form"), "name", "Riverside Flats", "quiet_from", "21:00", "quiet_to", "07:00"}, more...)...)
	}
	wrong := settings("tz", "Nairobi", "currency", "kes").is(422).says(`"Nairobi" is not the name of a time zone`)
	if wrong.value("tz") != "Nairobi" {
		t.Error("after a refusal the zone has to be typed again")
	}
	g.post("/settings", "form", "x", "tz", "UTC").is(422).says("The form is from another session.")
	settings("tz", "Africa/Nairobi", "currency", "kes", "address", "Ngong Road 1").leads("/settings?done=1")
	g.get("/settings?done=1").is(200).says("The settings are as shown.", "It cannot be changed, because all amounts are in it.",
		"paywatt utility set --name 'Riverside Flats' --tz Africa/Nairobi --currency KES --address 'Ngong Road 1' --quiet-from 21:00 --quiet-to 07:00")

	form := g.get("/tariffs/new").is(200).value("form")
	check := func(more ...string) answer { return g.post("/tariffs", append([]string{"form", form}, more...)...) }
	check("name", "flats", "rate", "2,5x").is(422).says(`"2,5x" is not a figure that fits here.`, "The tariff was not published.")
	check("rate", "2.50").is(422).says("The tariff has no name.")
	check("name", "flats").is(422)
	g.post("/tariffs", "form", "x", "name", "flats", "rate", "2.50").is(422).says("The form is from another session.")
	checked := check("name", "flats", "rate", "20", "vat", "16", "monthly", "100", "monthly_name", "service").is(200).
		says("200 kWh KES 4,756.00", "10 kWh KES 348.00", "paywatt tariff add flats --file tariff.json", `"flat_micro": 20000000`)
	g.get("/tariffs").is(200).omits("flats")
	check("act", "change", "name", "flats", "rate", "20").is(200).says("Price of a kilowatt-hour")
	g.post("/tariffs", "form", checked.value("form"), "act", "publish", "name", "flats", "rate", "20", "vat", "16").leads("/tariffs/flats")

	meter := g.get("/meters/new").is(200)
	add := func(more ...string) answer {
		return g.post("/meters", append([]string{"form", meter.value("form"), "tariff", "flats"}, more...)...)
	}
	wrong = add("number", "04140001002", "mode", "prepay_wallet", "name", "Amina").is(422).says("The check digit of meter number 04140001002 is wrong")
	if wrong.value("name") != "Amina" {
		t.Error("after a refusal the name has to be typed again")
	}
	add("number", meterNumber, "mode", "prepay_token", "sgc", "123456", "krn", "one").is(422).says(`"one" is not a whole number.`, "The meter was not registered.")
	g.post("/meters", "form", "x", "number", meterNumber).is(422).says("The form is from another session.")
	secrets := add("number", meterNumber, "mode", "prepay_wallet", "name", "Amina A.", "phone", "+254700000001", "address", "A1").is(201).
		says("Secrets of the meter, shown only now", "paywatt meter add 04140001001 --mode prepay_wallet --tariff flats --name 'Amina A.' --phone +254700000001 --address A1")
	if secrets.header.Get("Cache-Control") != "no-store" {
		t.Error("a browser may keep the page with the secrets")
	}
	add("number", meterNumber, "mode", "prepay_wallet").is(422).says("Meter 04140001001 is already registered.")
	token := add("number", "04140001019", "mode", "prepay_token", "sgc", "123456", "krn", "1", "kt", "2", "ti", "01", "simulated", "1").is(201).
		says("The server has the vending key of this meter.", "Decoder key")
	token.says("TEST: a virtual meter")
	add("number", "04140001027", "mode", "prepay_token", "sgc", "654321", "krn", "1", "kt", "2", "ti", "01").is(201).says("There is no vending key for supply group 654321")
	add("number", "04140001035", "mode", "prepay_wallet", "stock", "1").is(201).says("--stock").omits(`href="/sell?meter=04140001035"`)
	g.get("/meters/04140001035").is(200).omits("/commands") // it hangs nowhere, so nobody can be cut off there
	g.get("/meters/04140001035").is(200).says("in stock")
	g.get("/meters/04140001027").is(200).says("SGC 654321, KRN 1, TI 01, EA 07 There is no vending key for supply group 654321")
	g.get("/meters/04140001019").is(200).says("The server has the vending key of this meter.")

	g.sell(meterNumber, "50")
	g.get("/start").is(200).says("2 of 6 steps are left.", "✓ Done The first sale")
	g.get("/").leads("/overview")
}

// TestANewVersionShowsWhatCustomersWouldHavePaid: the form has the prices in force, and the check replays the last months.
func TestANewVersionShowsWhatCustomersWouldHavePaid(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.sell(meterNumber, "115")
	g.get("/tariffs/domestic").is(200).says("New version of domestic")
	page := g.get("/tariffs/new?of=domestic").is(200)
	if page.value("rate") != "2.5" || page.value("vat") != "15" {
		t.Fatalf("the form has the price %q and the tax %q", page.value("rate"), page.value("vat"))
	}
	draft := []string{"form", page.value("form"), "of", "domestic", "vat", "15", "upto0", "50", "rate0", "2", "rate1", "5"}
	g.post("/tariffs", append(draft, "from", "soon")...).is(422).says(`"soon" is not a time.`)
	g.post("/tariffs", append(draft, "from", "2020-01-01")...).is(200)
	g.post("/tariffs", append(draft, "from", "2020-01-01", "act", "publish")...).is(422).says("The tariff was not published.")
	g.post("/tariffs", draft...).is(200).says("50 kWh KES 143.75 KES 115.00", "200 kWh KES 575.00 KES 977.50", "Meters 1", "Now KES 115.00", "New KES 92.00", "Meters that pay less 1")
	g.post("/tariffs", append(draft, "act", "publish")...).leads("/tariffs/domestic")
	again := g.get("/tariffs/new?of=domestic").is(200)
	if again.value("rate") != "" || again.value("upto0") != "50" || again.value("rate1") != "5" || again.value("upto1") != "" {
		t.Errorf("the form does not have the blocks in force:\n%s", again.body)
	}
	w.api("/v1/tariffs", `{"name":"night","currency":"KES","tou":{"otherwise":"day","rates":[{"name":"day","rate_micro":3000000},{"name":"night","rate_micro":1000000}],
		"windows":[{"days":["mon"],"from":"22:00","to":"24:00","rate":"night"}]}}`)
	if document := g.get("/tariffs/new?of=night").is(200).body; !strings.Contains(document, "&#34;windows&#34;") {
		t.Error("prices by time of use are not in the JSON field")
	}
	g.post("/tariffs", "form", page.value("form"), "of", "night", "document", "{").is(422).says("The price is not JSON that can be read")
}

// TestWhoMaySetUp: other roles neither see the forms nor can send them.
func TestWhoMaySetUp(t *testing.T) {
	w := begin(t)
	w.person("support@example.org", access.Support)
	w.person("installer@example.org", access.Installer)
	g := w.enter("support@example.org")
	g.get("/start").is(403)
	g.get("/meters/new").is(403)
	g.get("/tariffs/new").is(403)
	g.get("/tariffs").is(200).omits("New tariff")
	g.get("/meters").is(200).omits("Add a meter")
	g.post("/meters", "form", "x", "number", "04140001019").is(403)
	i := w.enter("installer@example.org")
	i.get("/meters").is(200).says("Add a meter")
	owner := w.enter(ownerEmail)
	customer := owner.get("/customers").is(200).link(t, `/customers/cus_[a-z0-9]+`)
	form := owner.get("/meters/new?customer=" + strings.TrimPrefix(customer, "/customers/")).is(200).says("Amina A.")
	owner.post("/meters", "form", form.value("form"), "customer", form.value("customer"), "number", "04140001019", "tariff", "domestic",
		"mode", string(registry.PrepayWallet)).is(201)
	owner.get(customer).is(200).says("0414 0001 001", "0414 0001 019")
}

// TestAnUnknownTimeZoneIsMendedOnItsPage: a database may come from a machine that knew more zones. The pages then show UTC, so that somebody can set
// another zone.
func TestAnUnknownTimeZoneIsMendedOnItsPage(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.person(ownerEmail, access.Owner)
	err := w.beside().Engine.Run(t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		set, err := tx.TenantSettings()
		if err != nil {
			return false, err
		}
		set.TZ = "Africa/Nowhere"
		return false, tx.PutTenantSettings(set)
	})
	if err != nil {
		t.Fatal(err)
	}
	g := w.enter(ownerEmail)
	page := g.get("/settings").is(200)
	if got := page.value("tz"); got != "Africa/Nowhere" {
		t.Errorf("the page shows the zone %q", got)
	}
	g.post("/settings", "form", page.value("form"), "name", "Riverside Flats", "quiet_from", "21:00", "quiet_to", "07:00", "tz", "Africa/Nairobi").
		leads("/settings?done=1")
	if got := g.get("/settings").is(200).value("tz"); got != "Africa/Nairobi" {
		t.Errorf("afterwards the page shows the zone %q", got)
	}
}
