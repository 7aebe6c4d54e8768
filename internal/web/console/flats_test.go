package console_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// flatNumber returns the number of a meter with its check digit.
func flatNumber(t *testing.T, i int) string {
	t.Helper()
	body := fmt.Sprintf("0515%06d", i)
	digit, err := sts.Luhn(body)
	if err != nil {
		t.Fatal(err)
	}
	return body + string(digit)
}

// flat registers a wallet meter at an address of a building.
func (w *world) flat(number, address, building, tenant string) {
	w.t.Helper()
	w.api("/v1/meters", `{"number":"`+number+`","mode":"prepay_wallet","tariff":"domestic","address":"`+address+`","feeder":"`+building+`","customer":{"name":"`+tenant+`"},"simulated":true}`)
}

// TestTheBoardShowsEachFlat: supply in one word, what is left with its time, days left, and the last payment; those that need somebody come
// first; a building has a board of its own.
func TestTheBoardShowsEachFlat(t *testing.T) {
	w := begin(t)
	a1, a2, b1 := flatNumber(t, 1), flatNumber(t, 2), flatNumber(t, 3)
	w.flat(a1, "A1", "Riverside", "Baraka B.")
	w.flat(a2, "A2", "Riverside", "Chege C.")
	w.flat(b1, "B1", "Hill", "Dalila D.")
	w.clock.freeze()
	for day := range 5 { // the register rises by 1 kWh and then 2 kWh a day
		for n, number := range []string{a1, a2} {
			w.reading(number, uint64(day+1), wire.Reading{RegisterWh: int64(day * 1000 * (n + 1)), Relay: "closed"})
		}
		w.clock.move(24 * time.Hour)
	}
	w.clock.move(-24 * time.Hour)
	g := w.enter(ownerEmail)
	check := g.get("/sell/check?meter=" + a1 + "&amount=100")
	g.post("/sell", "form", check.value("form"), "meter", a1, "amount", "100.00").is(303)
	board := g.get("/flats").is(200).says("Flats", "Riverside", "Hill", "A1", "A2", "B1", "Baraka B.", "● On", "▲ Low credit", "○ Not heard yet", "KES 88.50", "KES -23.00", "Paid KES 100.00", "No payment yet",
		"days left unknown", "about 0 days left", "days left Baraka B.")
	if a, b, c := strings.Index(board.body, ">A2<"), strings.Index(board.body, ">B1<"), strings.Index(board.body, ">A1<"); a < 0 || b < 0 || b > a || a > c {
		t.Errorf("the flat with credit is at %d, that without (%d) and the one never heard (%d)", c, a, b)
	}
	g.get("/flats?feeder=Hill").is(200).says("B1").omits("Baraka B.", ">A1<")
	w.doorsOfRiverside(g)
	w.lossOfRiverside(g, 5)
	w.statementsOfTwoTenants(g, a1)
	w.person("shop@example.com", access.TariffManager)
	w.enter("shop@example.com").get("/flats").is(403)
}

// doorsOfRiverside: a scanner reads from each card the page that pays for the flat's meter. It shows no balance, and does not open the tenant's own
// page. No card names a tenant.
func (w *world) doorsOfRiverside(g *guest) {
	w.t.Helper()
	g.post("/flats/doors", "form", "x", "feeder", "Riverside").is(400)
	file := g.post("/flats/doors", "form", g.get("/flats").value("form"), "feeder", "Riverside").is(200).body
	if text := pdfText(w.t, file); !strings.Contains(text, "A1") || !strings.Contains(text, "0515 0000") || strings.Contains(text, "Baraka") {
		w.t.Errorf("the cards say %s", text)
	}
	dir := w.t.TempDir()
	pdf := filepath.Join(dir, "doors.pdf")
	if err := os.WriteFile(pdf, []byte(file), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if out, err := exec.CommandContext(w.t.Context(), tier.Program(w.t, "pdftoppm"), "-r", "110", "-png", pdf, filepath.Join(dir, "page")).CombinedOutput(); err != nil {
		w.t.Fatalf("pdftoppm (Debian package poppler-utils): %v %s", err, out)
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "page*.png"))
	out, err := exec.CommandContext(w.t.Context(), tier.Program(w.t, "zbarimg"), append([]string{"-q", "--raw"}, pages...)...).Output()
	codes := strings.Fields(string(out))
	if err != nil || len(codes) != 2 || codes[0] == codes[1] {
		w.t.Fatalf("zbarimg (Debian package zbar-tools) read %q, %v; want two addresses", codes, err)
	}
	for _, code := range codes {
		_, path, _ := strings.Cut(code, "/c/")
		w.guest().get("/c/"+path).is(200).says("Pay for somebody").omits("88.50", "-23.00", "A1", "A2")
		w.guest().get("/c/"+strings.TrimSuffix(path, "/pay")).is(404).omits("88.50", "-23.00")
	}
}

// lossOfRiverside: the main meter of the building, whose flats use 1 kWh and 2 kWh a day, counts 4 kWh a day. Its place names the building, and
// no other place may.
func (w *world) lossOfRiverside(g *guest, days uint64) {
	w.t.Helper()
	main, other := flatNumber(w.t, 4), flatNumber(w.t, 5)
	g.get("/flats").is(200).omits("Main meter and loss") // two buildings
	g.get("/flats?feeder=Riverside").is(200).says("Main meter and loss")
	g.get("/flats/loss?feeder=Riverside").is(404).says("No meter measures Riverside as a whole.")
	w.flat(main, "Meter room", "", "House")
	w.flat(other, "Pump", "", "House")
	place := "/meters/" + main + "/place"
	name := func(number string, fields ...string) answer {
		at := "/meters/" + number + "/place"
		return g.post(at, append([]string{"form", g.get(at).value("form"), "reason", "main meter"}, fields...)...)
	}
	name(main, "feeder", "Riverside", "measures", "Riverside").is(400).says("cannot measure Riverside as a whole")
	name(main, "measures", "Riverside").leads(place)
	name(other, "measures", "Riverside").is(400).says("Meter " + main + " measures Riverside already.")
	w.clock.move(-time.Duration(days-1) * 24 * time.Hour)
	for day := range days {
		w.reading(main, day+1, wire.Reading{RegisterWh: int64(day * 4000), Relay: "closed"})
		w.clock.move(24 * time.Hour)
	}
	w.clock.move(-24 * time.Hour)
	yesterday := w.clock.now().Add(-24 * time.Hour).Format(time.DateOnly)
	g.get("/flats?feeder=Riverside").is(200).says(yesterday + ": main meter 4.0 kWh, flats 3.0 kWh, loss 1.0 kWh (25.00 %)")
	g.get("/flats/loss?feeder=Riverside").is(200).says("Loss of Riverside", "4.000", "3.000", "1.000", "25.00 %", "A1", "A2", "partly estimated by time").omits("B1", "Meter room")
	g.get("/flats/loss?feeder=Riverside&on=2020-01").is(200).says("The loss is unknown", "no readings: the use is unknown", "counts as loss: 2")
	g.get("/flats/loss?feeder=Riverside&on=" + w.clock.now().Format(time.DateOnly)).is(400).says("is not over")
}

// statementsOfTwoTenants: the tenant of the second flat moves out, and one who reads Swahili moves in. Each has a statement, and the new one's
// is in Swahili. The other building has a file of its own.
func (w *world) statementsOfTwoTenants(g *guest, a1 string) {
	w.t.Helper()
	a2 := flatNumber(w.t, 2)
	w.api("/v1/accounts/"+a2+"/move-out", `{"reason":"moved"}`)
	w.api("/v1/meters/"+a2+"/move-in", `{"reason":"new lease","tariff":"domestic","customer":{"name":"Neema N.","lang":"sw"}}`)
	month := w.clock.now().Format("2006-01")
	pages := strings.Split(pdfText(w.t, g.get("/flats/statements.pdf?feeder=Riverside&month="+month).is(200).body), "\f")
	wants := [][]string{{"Statement", "Baraka B.", "A1", a1, "Recharge main-000001"}, {"Statement", "Chege C.", "A2"}, {"Taarifa", "Neema N.", "A2", a2}}
	if len(pages) != len(wants)+1 {
		w.t.Fatalf("%d pages: %q", len(pages), pages)
	}
	for i, all := range wants {
		for _, want := range all {
			if !strings.Contains(pages[i], want) {
				w.t.Errorf("page %d lacks %q:\n%s", i+1, want, pages[i])
			}
		}
	}
	g.get("/flats/statements.pdf?month=2020-01").is(404).says("No flat had an account in the month 2020-01.")
	g.get("/flats/statements.pdf?month=May").is(400)
}

// pdfText reads a PDF file with poppler; a form feed ends each page.
func pdfText(t *testing.T, file string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tier.Program(t, "pdftotext"), "-layout", "-enc", "UTF-8", path, "-").Output()
	if err != nil {
		t.Fatalf("pdftotext (Debian package poppler-utils): %v", err)
	}
	return string(out)
}

// TestTwoHundredFlatsAreALightPage: the page of the first 100 flats takes at most 80 kB on its way, and says so if there are more.
func TestTwoHundredFlatsAreALightPage(t *testing.T) {
	tier.Slow(t)
	w := begin(t)
	for i := range 200 {
		w.flat(flatNumber(t, i), fmt.Sprintf("House %d, flat %d", i%7, i), "Riverside", fmt.Sprintf("Tenant Number %d", i))
	}
	g := w.enter(ownerEmail)
	page := g.get("/flats").is(200).says("The page shows 100 of 201 flats")
	if n := strings.Count(page.body, `<li id="m-`); n != 100 {
		t.Errorf("%d flats", n)
	}
	g.get("/flats/statements.pdf").is(400).says("more than 200 statements")
	began := time.Now()
	file := g.get("/flats/statements.pdf?feeder=Riverside").is(200).body
	t.Logf("200 statements: %d bytes in %v", len(file), time.Since(began))
	if n := strings.Count(pdfText(t, file), "\f"); n != 200 || len(file) > 2_000_000 {
		t.Errorf("200 statements are %d pages and %d bytes", n, len(file))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(page.body))
	_ = z.Close()
	t.Logf("%d bytes, %d on their way", len(page.body), packed.Len())
	if packed.Len() > 80_000 {
		t.Errorf("%d bytes, %d on their way", len(page.body), packed.Len())
	}
}

// TestAPastedListBecomesFlats: the check says which lines are wrong and changes nothing; adding registers the rest with opening balances and
// links to the tenants' pages, through the import, whose undoing stays.
func TestAPastedListBecomesFlats(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	var list strings.Builder
	for i := range 20 {
		fmt.Fprintf(&list, "R%d\tTenant %d\t+2547000001%02d\t%s\t%d\n", i+1, i+1, i, flatNumber(t, i), 100*(i%2))
	}
	list.WriteString("R21\tNobody\t\t05150000009\t5\nR22\tOne more\t\t" + flatNumber(t, 21) + "\tmuch\n")
	fields := func(act string, page answer) []string {
		return []string{"form", page.value("form"), "list", list.String(), "mode", "prepay_wallet", "tariff", "domestic", "feeder", "Riverside", "links", "show", "act", act}
	}
	checked := g.post("/flats/new", fields("", g.get("/flats/new").is(200))...).is(200).says("Would be imported 21", "Refused 1", "21", "The check digit of meter number", "22", "Add these flats")
	g.get("/flats").omits("R1")
	done := g.post("/flats/new", fields("add", checked)...).is(201).says("Flats added", "Imported 21", "Opening balances 10", "R20", "Tenant 20", "/c/", "These links are shown only now")
	if n := strings.Count(done.body, "/c/"); n != 21 {
		t.Errorf("%d links for 21 flats", n)
	}
	g.get("/flats?feeder=Riverside").is(200).says("R1", "R20", "KES 100.00", "KES 0.00").omits("R21")
	again := g.post("/flats/new", fields("add", checked)...).is(201).says("Imported 21", "Opening balances 10")
	if n := strings.Count(again.body, "/c/"); n != 0 {
		t.Errorf("the same form again shows %d links", n)
	}
	g.get("/flats?feeder=Riverside").says("KES 100.00").omits("KES 200.00")

	links := regexp.MustCompile(`/imports/imp_\w+`).FindAllString(done.body, -1)
	if len(links) != 2 {
		t.Fatalf("the page leads to %q", links)
	}
	for _, path := range []string{links[1], links[0]} { // the balances first: money has moved on the accounts
		g.post(path, "form", g.get(path).value("form")).is(303)
	}
	g.get("/flats?feeder=Riverside").says("R2", "KES 0.00").omits(">R1<", ">R3<", "KES 100.00") // an account with journals stays

	w.person("help@example.com", access.Support)
	h := w.enter("help@example.com")
	h.get("/flats/new").is(403)
	h.post("/flats/new", fields("add", h.get("/doctor"))...).is(403)
	h.get("/flats").is(200).omits("Add flats from a list")
}

// TestCardsForDoorsByRole: only a role that may send messages gets cards. The others try it with a form of their own session.
func TestCardsForDoorsByRole(t *testing.T) {
	w := begin(t)
	w.flat(flatNumber(t, 1), "A1", "Riverside", "Baraka B.")
	for _, role := range access.Roles() {
		if role == access.CustomerRole || role == access.DeviceRole || role == access.VendorAPI {
			continue // nobody signs in with these
		}
		email := "doors-" + string(role) + "@example.com"
		w.person(email, role)
		w.enter(email)
		g := w.enter(email) // with two sessions, the account's page has a form
		got := g.post("/flats/doors", "form", g.get("/account").is(200).value("form"), "feeder", "Riverside")
		if allowed := role.May(access.SendMessages); (got.status == 200) != allowed || strings.HasPrefix(got.body, "%PDF") != allowed || !allowed && got.status != 403 {
			t.Errorf("%s asks for cards: status %d, want cards: %t", role, got.status, allowed)
		}
	}
}
