package console_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/proof"
)

// link returns the address of the first link whose address matches a regular expression.
func (a answer) link(t *testing.T, address string) string {
	t.Helper()
	found := regexp.MustCompile(`href="(` + address + `)"`).FindStringSubmatch(a.body)
	if found == nil {
		t.Fatalf("%s has no link to %s:\n%s", a.what, address, a.text())
	}
	return strings.ReplaceAll(found[1], "&amp;", "&")
}

func TestFromAnyFigureOfTheBooksDownToTheSale(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/ledger").is(200).says("No journal entries yet")
	g.sell(meterNumber, "100")
	trial := g.get("/ledger").is(200).says("As of", "1000 Cash in till", "100.00", "4000 Energy sold", "86.75", "2020 VAT payable", "13.01", "2060 Change carried forward", "0.24",
		"✓ Books balance: KES ")
	accounts := g.get(trial.link(t, `/ledger/accounts\?code=2060`)).is(200).says("2060 Change carried forward", "acc_", "0.24")
	journals := g.get(accounts.link(t, `/ledger/journals\?code=2060[^"]*`)).is(200).says("Of 2060 Change carried forward", "vnd_", "86.75", "13.01", "0.24", "100.00", "TEST")
	sale := g.get(journals.link(t, `/sales/vnd_[^"]*`)).is(200).says("Sale main-000001")
	// The page of the sale leads back to its journal.
	own := g.get(sale.link(t, `/ledger/journals\?ref=vnd_[^"]*`)).is(200).says("Sale vnd_", "4000 Energy sold")
	if n := strings.Count(own.body, "<section"); n != 1 {
		t.Errorf("the sale has %d journals on its page, want 1", n)
	}
	// A receipt number stands for the sale, on each of its pages.
	for _, path := range []string{"/sales/{}", "/sales/{}/receipt", "/sales/{}/receipt.pdf", "/sales/{}/proof", "/ledger/journals?ref={}"} {
		g.get(strings.ReplaceAll(path, "{}", "main-000001")).is(200)
		g.get(strings.ReplaceAll(path, "{}", "MAIN-000001")).is(200)
		if unknown := g.get(strings.ReplaceAll(path, "{}", "main-000009")); strings.HasPrefix(path, "/sales") {
			unknown.is(404).says("Sale main-000009 was not found.")
		}
	}
	g.get("/ledger/journals?ref=main-000001").says("Sale vnd_", "4000 Energy sold")
	g.get("/ledger/accounts?code=7").is(404).says("The chart of accounts has no account 7.")
	g.get("/ledger/journals?code=x").is(404)
	g.get("/ledger/journals?ref=vnd_none").is(200).says("No journal entries")
}

// TestFromAWalletToTheBooksAndBack: use has no sale, so its journals lead to the meter's wallet.
func TestFromAWalletToTheBooksAndBack(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	g.decide(g.check(walletNumber, "100")).leads("/sales/")
	w.read(1, 5000)
	w.read(2, 7000)
	g.decide(g.check(walletNumber, "50")).leads("/sales/") // use is booked at once when money comes in
	own := "/meters/" + walletNumber + "/wallet"
	books := g.get(own).is(200).says("Settled balance KES 144.25").link(t, `/ledger/journals\?code=2000[^"]*subject=acc_[^"]*`)
	journals := g.get(books).is(200).says("Of 2000 Customer wallets acc_", "Sale vnd_", "Use of meter mtr_", "100.00", "5.75")
	g.get(journals.link(t, `/meters/mtr_[^"]*/wallet`)).is(200).says("Wallet of meter", "Settled balance KES 144.25")
	w.person("operator@example.org", access.Operator)
	w.clock.move(time.Minute)
	w.enter("operator@example.org").get(own).is(200).says("Statement of this month").omits("In the books")
}

func TestAReceiptExplainsItself(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	sale := g.sell(meterNumber, "100")
	digits := sale.token()
	if strings.Contains(sale.body, "data-print") {
		t.Error("the page of the sale offers to print, but is no receipt: it has neither tariff nor tax number")
	}
	page := g.get(sale.link(t, `/sales/vnd_[^"]*/receipt`)).is(200).says("Receipt main-000001", "TEST RECEIPT", "TEST", "SGC 123456 KRN 1 TI 01", "domestic, version 1",
		"Energy without tax 86.75 34.7 kWh @ 2.50", "VAT 13.01", "Every figure was calculated again and matches", "You paid 100.00 KES.",
		"34.7 kWh at 2.50 and VAT of 15 % (2.875 per kWh) cost 99.7625.", "Together: 86.75 + 13.01 + 0.24 = 100.00 KES.",
		digits[:4]+" "+digits[4:8]+" "+digits[8:12]+" "+digits[12:16]+" "+digits[16:])
	if page.token() != digits {
		t.Errorf("read aloud the token of the receipt is %q, want %s", page.token(), digits)
	}
	g.get(page.link(t, `/ledger/journals\?ref=vnd_[^"]*`)).is(200)
	// Somebody without the right to digits sees the receipt without them.
	w.person("support@example.org", access.Support)
	other := w.enter("support@example.org")
	other.get(sale.link(t, `/sales/vnd_[^"]*/receipt`)).is(200).says("**** **** **** **** ****", "You paid 100.00 KES.").omits(digits[:4]+" "+digits[4:8], "In the books")
}

func TestAReceiptGoesOutWithItsProof(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	sale := g.sell(meterNumber, "100")
	receipt := g.get(sale.link(t, `/sales/vnd_[^"]*/receipt`)).is(200)
	if pdf := g.get(receipt.link(t, `/sales/vnd_[^"]*/receipt.pdf`)).is(200); pdf.header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(pdf.body, "%PDF-") ||
		pdf.header.Get("Content-Disposition") != `inline; filename="main-000001.pdf"` {
		t.Errorf("the receipt as PDF is %v: %.20q", pdf.header, pdf.body)
	}
	page := g.get(receipt.link(t, `/sales/vnd_[^"]*/proof`)).is(200).says("Proof of receipt main-000001", "paywatt verify receipt-vnd_")
	document, head := page.link(t, `/sales/vnd_[^"]*/proof\.json\?head=\d+`), page.link(t, `/heads/\d+`)
	g.sell(meterNumber, "50") // a sale in between changes neither file
	file, newest := g.get(document).is(200), g.get(head).is(200)
	if name := file.header.Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="receipt-vnd_`) {
		t.Errorf("the receipt comes as %q", name)
	}
	kept, err := proof.ParseHeadFile("head.txt", newest.body)
	if err != nil {
		t.Fatal(err)
	}
	files := []proof.HeadFile{kept}
	if v := proof.Check(proof.Question{Receipt: []byte(file.body), Heads: files}); v.Answer != proof.Proven {
		t.Errorf("got %v %v, want proven", v.Answer, v.What)
	}
	changed := strings.Replace(file.body, "main-000001", "main-000002", 1)
	if v := proof.Check(proof.Question{Receipt: []byte(changed), Heads: files}); v.Answer != proof.Changed || changed == file.body {
		t.Errorf("another number: got %v %v, want changed", v.Answer, v.What)
	}
	// A role that may not see the receipt gets no proof of it either, and a stranger gets nothing at all.
	w.person("tariffs@example.org", access.TariffManager)
	w.enter("tariffs@example.org").get(document).is(403)
	w.guest().get(document).leads("/signin?next=")
}

func TestTariffsInWords(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	from := w.clock.now().UTC().AddDate(0, 0, 40).Format(time.DateOnly)
	w.api("/v1/tariffs/domestic/versions", `{"currency":"KES","vat_bps":1600,"blocks":[{"up_to_wh":50000,"rate_micro":1200000},{"up_to_wh":null,"rate_micro":2000000}],
		"fixed":[{"name":"service","amount_minor":9800,"per":"month"}],"effective_from":"`+from+`T00:00:00Z"}`)
	list := g.get("/tariffs").is(200).says("domestic", "Version 1, from", "In force", "2.50 KES per kWh.", "VAT of 15 % is added")
	g.get(list.link(t, `/tariffs/domestic`)).is(200).says("Tariff domestic", "Version 2", "Upcoming", "From "+from+" 00:00 UTC", "up to 50 kWh 1.20 KES per kWh",
		"The fixed charge service of 98.00 KES plus VAT is due every month", "Version 1", "In force")
	g.get("/tariffs/none").is(404).says("Tariff none was not found")
	w.person("installer@example.org", access.Installer)
	w.enter("installer@example.org").get("/ledger").is(403).says("does not include the right ledger.read")
}

// TestChargesThatWereTooHighAreCorrectedOnThePage: a version that has begun is offered for the correction of its fixed charges, and the check says what
// that does to money. A larger charge is refused before anybody could publish it.
func TestChargesThatWereTooHighAreCorrectedOnThePage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	const at, corrections = "/tariffs/homes", "/tariffs/corrections"
	w.api("/v1/tariffs", `{"name":"homes","currency":"KES","vat_bps":1500,"flat_micro":2500000,"fixed":[{"name":"line","amount_minor":3100000,"per":"month"}]}`)
	page := g.get(at).is(200).says("Version 1", "In force", "Correct fixed charges").omits("Withdraw version")
	form := g.get(page.link(t, `/tariffs/new\?of=homes[^"]*`)).is(200)
	if fee := form.value("monthly"); fee != "31000.00" {
		t.Errorf("the charge of the version is %q on the form", fee)
	}
	draft := func(fee string) []string {
		return []string{"form", form.value("form"), "of", "homes", "replaces", "1", "rate", "2.50", "vat", "15", "monthly", fee, "monthly_name", "line"}
	}
	g.post(corrections, draft("31000.01")...).is(422).says("The charge line is new, is larger, or differs in something else.")
	g.post(corrections, draft("310.00")...).is(200).says("In place of version 1, which has begun: its fixed charges become smaller", "0 accounts change.", "--replaces 1")
	g.post(corrections, append(draft("310.00"), "act", "publish")...).leads(at)
	g.get(at).is(200).says("Version 2", "310.00 KES plus VAT is due every month", "Replaced")
	w.person("books@example.org", access.Auditor)
	w.enter("books@example.org").get(at).is(200).omits("Correct fixed charges")
}

// TestAPriceIsCorrectedBeforeItBegins: the page offers a version to come for correction, with its figures filled in, and for withdrawal. The version
// stays in the list, and nothing is left to withdraw.
func TestAPriceIsCorrectedBeforeItBegins(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	const at = "/tariffs/domestic"
	from := w.clock.now().UTC().AddDate(0, 1, 0).Format("2006-01-02T15:04:05Z")
	w.api("/v1/tariffs/domestic/versions", `{"currency":"KES","vat_bps":1500,"flat_micro":250000000,"effective_from":"`+from+`"}`)
	page := g.get(at).is(200).says("Version 2", "Upcoming", "You can withdraw this version", "paywatt tariff withdraw domestic 2")
	form := g.get(page.link(t, `/tariffs/new\?of=domestic[^"]*`)).is(200)
	if rate := form.value("rate"); rate != "250" {
		t.Errorf("the price of the version is %q on the form, want 250", rate)
	}
	draft := []string{"form", form.value("form"), "of", "domestic", "replaces", form.value("replaces"), "rate", "2.60", "vat", "15"}
	const corrections = "/tariffs/corrections"
	g.post(corrections, draft...).is(200).says("In place of version 2, which has not begun", "--replaces 2")
	g.post(corrections, "form", form.value("form"), "of", "domestic", "replaces", "x", "rate", "2.60", "vat", "15").is(422).says("has no version 0")
	g.post(corrections, append(draft, "act", "publish")...).leads(at)
	g.get(at).is(200).says("Version 3", "2.60 KES per kWh", "Replaced", "paywatt tariff withdraw domestic 3").omits("paywatt tariff withdraw domestic 2")
	g.post(corrections, append(draft, "act", "publish")...).is(422).says("Version 3 has taken the place of version 2.")

	withdraw := func(n string) answer {
		return g.post(at+"/withdrawals", "form", page.value("form"), "version", n, "reason", "too dear")
	}
	g.get(withdraw("3").leads(at)).is(200).says("The version is withdrawn.", "Version 4", "Withdrawal", "It withdraws version 3").
		omits("You can withdraw this version")
	withdraw("3").is(422).says("Version 4 withdrew the version for")
	withdraw("1").is(422).says("Version 1 began at")
	withdraw("one").is(422)
	g.post(at+"/withdrawals", "form", "x", "version", "4").is(422).says("The form is from another session.")
	w.person("books@example.org", access.Auditor)
	auditor := w.enter("books@example.org")
	auditor.get(at).is(200).omits("Withdraw version", "Correct version")
	auditor.post(at+"/withdrawals", "form", auditor.get("/doctor").value("form"), "version", "4").is(422)
}
