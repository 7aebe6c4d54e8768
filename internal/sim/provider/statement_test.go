package provider_test

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// statementDay fills a day before and the day of the test at the bank, and returns the balances around the day, in cents.
func statementDay(t *testing.T, p provider.Provider) (m *merchant, opening, closing int64) {
	t.Helper()
	m = newMerchant(t, provider.Config{FeeBps: 55})
	pay := func(amount int64, reference string) string {
		t.Helper()
		paid, err := m.sim.Pay(provider.Order{Provider: p, Amount: amount, Reference: reference, Payer: "254712345126", Name: "Amina, \"Odhiambo\""})
		if err != nil {
			t.Fatal(err)
		}
		m.advance(time.Minute)
		return paid.ID
	}
	pay(123_400, "before")
	opening = total(t, m.sim.Books(), p).Balance
	m.advance(24 * time.Hour)
	ids := []string{pay(102_000, "0414 0001 001"), pay(50_000, "KES & <x>"), pay(50_000, "KES & <x>")}
	if _, err := m.sim.Reverse(p, ids[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := m.sim.Withdraw(p, "", 70_000); err != nil {
		t.Fatal(err)
	}
	closing = total(t, m.sim.Books(), p).Balance
	m.advance(24 * time.Hour)
	pay(77_700, "after")
	return m, opening, closing
}

func (m *merchant) file(name string) string {
	m.t.Helper()
	resp, err := http.Get(m.url + "/statements/" + name)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		m.t.Fatalf("%s: %s %s %v", name, resp.Status, text, err)
	}
	return string(text)
}

// cents reads an amount with an optional sign, commas between thousands and a point or a comma before two decimals.
func cents(t *testing.T, text string, thousands string) int64 {
	t.Helper()
	var sign, whole, part int64 = 1, 0, 0
	s := strings.ReplaceAll(text, thousands, "")
	if thousands == "" {
		s = text
	}
	if strings.HasPrefix(s, "-") {
		sign, s = -1, s[1:]
	}
	if n, err := fmt.Sscanf(strings.Replace(s, ",", ".", 1), "%d.%02d", &whole, &part); n != 2 || err != nil {
		t.Fatalf("amount %q: %v", text, err)
	}
	return sign * (whole*100 + part)
}

func TestTheStatementOfMPesaAddsUp(t *testing.T) {
	m, opening, closing := statementDay(t, provider.Daraja)
	r := csv.NewReader(strings.NewReader(m.file("daraja/2026-11-21.csv")))
	r.FieldsPerRecord = -1
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := slices.IndexFunc(all, func(row []string) bool { return row[0] == "Receipt No." })
	if head < 3 || len(all[head]) != 13 {
		t.Fatalf("the table begins in row %d: %v", head, all)
	}
	column := func(row []string, name string) string { return row[slices.Index(all[head], name)] }
	rows := all[head+1:]
	slices.Reverse(rows) // the newest is first
	balance, receipts := opening, map[string]int{}
	for _, row := range rows {
		amount := column(row, "Paid In") + column(row, "Withdrawn")
		balance += cents(t, amount, ",")
		if got := cents(t, column(row, "Balance"), ","); got != balance {
			t.Errorf("balance %d after %v, want %d", got, row, balance)
		}
		receipts[column(row, "Receipt No.")]++
	}
	if balance != closing || len(rows) != 8 {
		t.Errorf("%d rows end in %d, want 8 rows and %d", len(rows), balance, closing)
	}
	first := rows[0]
	if column(first, "Paid In") != "1,020.00" || column(first, "A/C No.") != "0414 0001 001" || column(first, "Completion Time") != "21-11-2026 11:01:00" || receipts[column(first, "Receipt No.")] != 2 {
		t.Errorf("first row %v, its fee must have the same receipt", first)
	}
	if linked := column(rows[6], "Linked Transaction ID"); linked != column(rows[2], "Receipt No.") || column(rows[6], "Withdrawn") != "-500.00" {
		t.Errorf("reversal %v", rows[6])
	}
}

func TestTheStatementOfABankAddsUpAsCAMT053(t *testing.T) {
	type amount struct {
		Ccy string `xml:",attr"`
		V   string `xml:",chardata"`
	}
	var doc struct {
		Stmt struct {
			Bal []struct {
				Cd  string `xml:"Tp>CdOrPrtry>Cd"`
				Amt amount
			}
			Ntry []struct {
				Amt         amount
				CdtDbtInd   string
				RvslInd     bool
				Sts         struct{ Text, Cd string }
				AcctSvcrRef string
				TxDtls      []struct {
					Amt   amount `xml:"AmtDtls>TxAmt>Amt"`
					Ustrd string `xml:"RmtInf>Ustrd"`
				} `xml:"NtryDtls>TxDtls"`
			}
		} `xml:"BkToCstmrStmt>Stmt"`
	}
	m, opening, closing := statementDay(t, provider.Bank)
	for query, entries := range map[string]int{"": 8, "?batch": 6, "?newer": 8, "?no_ids": 8} {
		empty := doc
		text := m.file("bank/2026-11-21.xml" + query)
		if err := xml.Unmarshal([]byte(text), &empty); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		s := empty.Stmt
		if len(s.Bal) != 2 || s.Bal[0].Cd != "OPBD" || s.Bal[1].Cd != "CLBD" || cents(t, s.Bal[0].Amt.V, "") != opening || cents(t, s.Bal[1].Amt.V, "") != closing || s.Bal[0].Amt.Ccy != "KES" {
			t.Errorf("%s: balances %+v, want %d and %d", query, s.Bal, opening, closing)
		}
		sum, reversals, references := opening, 0, 0
		for _, e := range s.Ntry {
			v := cents(t, e.Amt.V, "")
			var parts int64
			for _, d := range e.TxDtls {
				parts += cents(t, d.Amt.V, "")
				if d.Ustrd == "KES & <x>" {
					references++
				}
			}
			if parts != v {
				t.Errorf("%s: details of %d in an entry of %d", query, parts, v)
			}
			if e.CdtDbtInd == "DBIT" {
				v = -v
			}
			if e.RvslInd {
				reversals++
			}
			if (e.AcctSvcrRef == "") != (query == "?no_ids") || (e.Sts.Cd == "BOOK") != (query == "?newer") {
				t.Errorf("%s: entry %+v", query, e)
			}
			sum += v
		}
		if sum != closing || len(s.Ntry) != entries || reversals != 1 || references != 5 {
			t.Errorf("%s: %d entries end in %d with %d reversals and %d references, want %d, %d, 1 and 5", query, len(s.Ntry), sum, reversals, references, entries, closing)
		}
		if newer := strings.Contains(text, "camt.053.001.08"); newer != (query == "?newer") {
			t.Errorf("%s: wrong version", query)
		}
	}
}

func TestTheStatementOfABankAddsUpAsMT940(t *testing.T) {
	m, opening, closing := statementDay(t, provider.Bank)
	text := m.file("bank/2026-11-21.sta")
	balance := func(tag string) int64 {
		f := regexp.MustCompile(`(?m)^:` + tag + `:([CD])\d{6}KES(\d+,\d\d)\r$`).FindStringSubmatch(text)
		if f == nil {
			t.Fatalf("no %s in\n%s", tag, text)
		}
		return map[string]int64{"C": 1, "D": -1}[f[1]] * cents(t, f[2], "")
	}
	sum, marks := balance("60F"), map[string]int{}
	rows := regexp.MustCompile(`(?m)^:61:2611211121(C|D|RC|RD)(\d+,\d\d)N[A-Z]{3}(?:NONREF)//(\S{1,16})\r\n:86:(.{1,65})\r$`).FindAllStringSubmatch(text, -1)
	for _, r := range rows {
		marks[r[1]]++
		v := cents(t, r[2], "")
		if r[1] == "D" || r[1] == "RC" {
			v = -v
		}
		sum += v
	}
	if balance("60F") != opening || balance("62F") != closing || sum != closing || len(rows) != 8 || marks["RC"] != 1 || marks["C"] != 3 {
		t.Errorf("%d rows %v from %d end in %d, want 8 rows from %d to %d\n%s", len(rows), marks, balance("60F"), sum, opening, closing, text)
	}
	if reference := "/REMI/KES    x "; !strings.Contains(text, reference) || !strings.Contains(text, "/NAME/Amina,  Odhiambo /") {
		t.Errorf("characters that SWIFT does not have in\n%s", text)
	}
	if strings.Contains(m.file("bank/2026-11-21.sta?no_ids"), "//BK") {
		t.Error("the rows have identities")
	}
}

func TestADayWithoutPaymentsHasAStatement(t *testing.T) {
	m, _, closing := statementDay(t, provider.Bank)
	text := m.file("bank/2026-12-24.sta")
	if n := strings.Count(text, fmt.Sprintf("KES%d,%02d\r\n", (closing+77_700-427)/100, (closing+77_700-427)%100)); n != 2 || strings.Contains(text, ":61:") {
		t.Errorf("%d balances in\n%s", n, text)
	}
	for _, name := range []string{"bank/2026-11-21.pdf", "bank/yesterday.csv"} {
		if status, out := m.ask("GET", "/statements/"+name, nil, nil); status != 400 {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, _ := m.ask("GET", "/statements/western/2026-11-21.csv", nil, nil); status != 404 {
		t.Errorf("an unknown provider: %d", status)
	}
}

// TestAnAccountMayBeOverdrawn: a bank takes back a payment whose money the merchant has spent.
func TestAnAccountMayBeOverdrawn(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	p, err := m.sim.Pay(provider.Order{Provider: provider.Bank, Amount: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.sim.Withdraw(provider.Bank, "KES", 40_000); err != nil {
		t.Fatal(err)
	}
	if _, err := m.sim.ChargeBack(provider.Bank, p.ID); err != nil {
		t.Fatal(err)
	}
	if text := m.file("bank/2026-11-20.sta"); !strings.Contains(text, ":60F:C261119KES0,00\r\n") || !strings.Contains(text, ":62F:D261120KES400,00\r\n") || !strings.Contains(text, "RC500,00N") {
		t.Errorf("MT940\n%s", text)
	}
	if text := m.file("bank/2026-11-20.xml"); !regexp.MustCompile(`(?s)CLBD.*<Amt Ccy="KES">400.00</Amt>\s*<CdtDbtInd>DBIT</CdtDbtInd>\s*<Dt>`).MatchString(text) {
		t.Errorf("CAMT.053\n%s", text)
	}
	if text := m.file("bank/2026-11-20.csv"); !strings.Contains(text, "Closing Balance:,-400.00") {
		t.Errorf("CSV\n%s", text)
	}
}

// TestLinesThatAreNotBooked: a failed payment is in M-Pesa's table, and a pending one in CAMT.053. Neither changes a balance.
func TestLinesThatAreNotBooked(t *testing.T) {
	m := newMerchant(t, provider.Config{})
	head := m.register("Completed")
	if err := m.sim.SetBehaviour(provider.Daraja, "*", provider.Behaviour{Do: provider.ActFunds}); err != nil {
		t.Fatal(err)
	}
	m.ask("POST", "/daraja/mpesa/stkpush/v1/processrequest", head, stkRequest(m, "254712345126", 250))
	m.advance(time.Minute)
	if _, err := m.sim.Pay(provider.Order{Provider: provider.Daraja, Amount: 10_000, Payer: "254712345126"}); err != nil {
		t.Fatal(err)
	}
	for query, failed := range map[string]int{"": 0, "?extras": 1} {
		text := m.file("daraja/2026-11-20.csv" + query)
		if n := strings.Count(text, ",Failed,250.00,"); n != failed || !strings.Contains(text, "Closing Balance:,100.00") || !strings.Contains(text, "20-11-2026 11:01:00") {
			t.Errorf("%s: %d failed rows in\n%s", query, n, text)
		}
	}
	if text := m.file("daraja/2026-11-20.csv?iso"); !strings.Contains(text, ",2026-11-20 11:01:00,") {
		t.Errorf("ISO times\n%s", text)
	}
	for query, tag := range map[string]string{"?extras": "<Sts>PDNG</Sts>", "?extras&newer": "<Cd>PDNG</Cd>"} {
		if text := m.file("daraja/2026-11-20.xml" + query); strings.Count(text, "PDNG") != 1 || !strings.Contains(text, tag) || strings.Count(text, ">100.00<") != 3 {
			t.Errorf("%s\n%s", query, text)
		}
	}
}
