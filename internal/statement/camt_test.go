package statement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/statement"
)

// The elements of CAMT.053 one by one: what each of them says about a row or a statement.

// camtOf reads a file and writes its rows, its pages and its days, or why it is refused.
func camtOf(file string) string {
	var out []string
	s, err := statement.Read(statement.Camt, strings.NewReader(file), statement.Options{Zone: nairobi()}, func(r statement.Row) error {
		precision := "15:04:05"
		if r.DateOnly {
			precision = "day"
		}
		name := r.Legacy
		if name == r.Txn && strings.HasPrefix(name, r.Content) {
			name = "content"
		}
		out = append(out, fmt.Sprintf("%s %s %s %d %s|%s %s", r.At.Format("060102"), r.At.Format(precision), r.Kind, r.Amount, r.Payer, r.Reference, name))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	for _, p := range s.Pages {
		out = append(out, fmt.Sprintf("%s %s %d to %d", p.Account, p.Currency, p.Opening, p.Closing))
	}
	return strings.Join(append(out, fmt.Sprintf("%s to %s, %d skipped", s.From.Format("060102"), s.To.Format("060102"), s.Skipped)), "\n")
}

func camtBalance(code, amount, sign string) string {
	return fmt.Sprintf(`<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="KES">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`, code, amount, sign)
}

// camtStatement is a document with one statement of some elements.
func camtStatement(elements string) string {
	return `<?xml version="1.0"?><Document><BkToCstmrStmt><Stmt><Acct><Id><IBAN>KE12</IBAN></Id></Acct>` + elements + `</Stmt></BkToCstmrStmt></Document>`
}

// camtWith is a statement with one entry of 5.00 to the account, in which a text is replaced.
func camtWith(old, new string) string {
	const entry = `<Ntry><Amt Ccy="KES">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-21</Dt></ValDt>` +
		`<NtryDtls><TxDtls><Refs></Refs><RltdPties><Dbtr><Nm>AMINA</Nm></Dbtr></RltdPties><RmtInf><Ustrd>0414</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`
	file := camtStatement(camtBalance("OPBD", "10.00", "CRDT") + camtBalance("CLBD", "15.00", "CRDT") + entry)
	if old != "" && !strings.Contains(file, old) {
		return "nothing to replace: " + old
	}
	return strings.Replace(file, old, new, 1)
}

func TestAnEntryOfCamt(t *testing.T) {
	const closed = "\nKE12 KES 1000 to 1500\n261120 to 261121, 0 skipped"
	const plain = "261120 day payment 500 AMINA|0414 content"
	out := func(row string) string { return row + "\nKE12 KES 1000 to 500\n261120 to 261121, 0 skipped" }
	leaves := func(more string) string { // the same entry, as money that leaves the account
		file := strings.Replace(camtWith("<NtryDtls>", more+"<NtryDtls>"), `>15.00<`, `>5.00<`, 1)
		return strings.Replace(file, `5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>`, `5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>`, 1)
	}
	for _, c := range []struct{ name, file, want string }{
		{"plain", camtWith("", ""), plain + closed},

		// When the money moved.
		{"a time", camtWith("<Dt>2026-11-20</Dt></BookgDt>", "<DtTm>2026-11-20T11:12:13+03:00</DtTm></BookgDt>"), "261120 11:12:13 payment 500 AMINA|0414 content" + closed},
		{"a time of another zone", camtWith("<Dt>2026-11-20</Dt></BookgDt>", "<DtTm>2026-11-20T23:12:13Z</DtTm></BookgDt>"), "261121 02:12:13 payment 500 AMINA|0414 content\nKE12 KES 1000 to 1500\n261120 to 261122, 0 skipped"},
		{"a time without a zone", camtWith("<Dt>2026-11-20</Dt></BookgDt>", "<DtTm> 2026-11-20T11:12:13 </DtTm></BookgDt>"), "261120 11:12:13 payment 500 AMINA|0414 content" + closed},
		{"a day with a zone", camtWith("<Dt>2026-11-20</Dt></BookgDt>", "<Dt>2026-11-20+05:00</Dt></BookgDt>"), plain + closed},
		{"no booking date", camtWith("<BookgDt><Dt>2026-11-20</Dt></BookgDt>", ""), "261121 day payment 500 AMINA|0414 content\nKE12 KES 1000 to 1500\n261120 to 261122, 0 skipped"},
		{"no date", camtWith("<BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-21</Dt></ValDt>", ""), "line 1: the entry has no booking date that can be read"},
		{"no day", camtWith("<Dt>2026-11-20</Dt></BookgDt>", "<Dt>20/11/2026</Dt></BookgDt>"), "line 1: the entry has no booking date that can be read"},

		// Whether it moved.
		{"booked, as newer files say it", camtWith("<Sts>BOOK</Sts>", "<Sts><Cd> BOOK </Cd></Sts>"), plain + closed},
		{"pending", strings.Replace(camtWith("<Sts>BOOK</Sts>", "<Sts>PDNG</Sts>"), ">15.00<", ">10.00<", 1), "KE12 KES 1000 to 1000\n261120 to 261121, 1 skipped"},
		{"for information", strings.Replace(camtWith("<Sts>BOOK</Sts>", "<Sts>INFO</Sts>"), ">15.00<", ">10.00<", 1), "KE12 KES 1000 to 1000\n261120 to 261121, 1 skipped"},
		{"in the future", strings.Replace(camtWith("<Sts>BOOK</Sts>", "<Sts><Cd>FUTR</Cd></Sts>"), ">15.00<", ">10.00<", 1), "KE12 KES 1000 to 1000\n261120 to 261121, 1 skipped"},

		// Amounts.
		{"zeros behind the decimals", camtWith(`>5.00<`, `>5.00000<`), plain + closed},
		{"no decimals", camtWith(`>5.00<`, `>5<`), plain + closed},
		{"one decimal", camtWith(`>5.00<`, `> 5.0 <`), `line 1: " 5.0 " is no amount of KES`},
		{"three decimals", camtWith(`>5.00<`, `>5.001<`), `line 1: "5.001" is no amount of KES`},
		{"a comma", camtWith(`>5.00<`, `>5,00<`), `line 1: "5,00" is no amount of KES`},
		{"another currency", camtWith(`Ccy="KES">5`, `Ccy="UGX">5`), "line 1: an amount is in UGX, but the account is in KES"},

		// Why it moved.
		{"a charge", camtWith("<NtryDtls>", "<BkTxCd><Domn><Fmly><SubFmlyCd>CHRG</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>"), strings.Replace(plain, "payment", "fee", 1) + closed},
		{"a charge of the detail", camtWith("<Refs>", "<BkTxCd><Domn><Fmly><SubFmlyCd> comm </SubFmlyCd></Fmly></Domn></BkTxCd><Refs>"), strings.Replace(plain, "payment", "fee", 1) + closed},
		{"a fee by the bank's own code", camtWith("<NtryDtls>", "<BkTxCd><Prtry><Cd>Account Fee</Cd></Prtry></BkTxCd><NtryDtls>"), strings.Replace(plain, "payment", "fee", 1) + closed},
		{"a charge by the bank's own code", camtWith("<NtryDtls>", "<BkTxCd><Prtry><Cd>CHARGE</Cd></Prtry></BkTxCd><NtryDtls>"), strings.Replace(plain, "payment", "fee", 1) + closed},
		{"a chargeback is no charge", camtWith("<NtryDtls>", "<BkTxCd><Prtry><Cd>Chargeback</Cd></Prtry></BkTxCd><NtryDtls>"), plain + closed},
		{"another code", camtWith("<NtryDtls>", "<BkTxCd><Domn><Fmly><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>"), plain + closed},
		{"money that came back", camtWith("<NtryDtls>", "<BkTxCd><Domn><Fmly><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>"), strings.Replace(plain, "payment", "other", 1) + closed},
		{"a withdrawal", leaves(""), out("261120 day withdrawal -500 AMINA|0414 content")},
		{"a reversal", leaves("<RvslInd>true</RvslInd>"), out("261120 day reversal -500 AMINA|0414 content")},
		{"a reversal, as a number", leaves("<RvslInd> 1 </RvslInd>"), out("261120 day reversal -500 AMINA|0414 content")},
		{"no reversal", leaves("<RvslInd>false</RvslInd>"), out("261120 day withdrawal -500 AMINA|0414 content")},
		{"a return by its code", leaves("<BkTxCd><Domn><Fmly><SubFmlyCd>RPCR</SubFmlyCd></Fmly></Domn></BkTxCd>"), out("261120 day reversal -500 AMINA|0414 content")},
		{"a return by the detail", strings.Replace(leaves(""), "<Refs>", "<RtrInf><OrgnlBkTxCd><Prtry><Cd>X</Cd></Prtry></OrgnlBkTxCd></RtrInf><Refs>", 1), out("261120 day reversal -500 AMINA|0414 content")},

		// Who paid, and for what.
		{"a payer of newer files", camtWith("<Dbtr><Nm>AMINA</Nm></Dbtr>", "<Dbtr><Pty><Nm>AMINA</Nm></Pty></Dbtr>"), plain + closed},
		{"two texts", camtWith("<Ustrd>0414</Ustrd>", "<Ustrd>04</Ustrd><Ustrd>14</Ustrd>"), "261120 day payment 500 AMINA|04 14 content" + closed},
		{"a structured reference", camtWith("<Ustrd>0414</Ustrd>", "<Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd>"), "261120 day payment 500 AMINA|RF18 content" + closed},
		{"both", camtWith("<Ustrd>0414</Ustrd>", "<Ustrd>0414</Ustrd><Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd>"), plain + closed},
		{"no details", camtWith("<NtryDtls><TxDtls><Refs></Refs><RltdPties><Dbtr><Nm>AMINA</Nm></Dbtr></RltdPties><RmtInf><Ustrd>0414</Ustrd></RmtInf></TxDtls></NtryDtls>", ""), "261120 day payment 500 | content" + closed},

		// The name of the first versions: of the entry, of the detail, of the transfer.
		{"the entry's name", camtWith("<NtryDtls>", "<AcctSvcrRef>E1</AcctSvcrRef><NtryDtls>"), "261120 day payment 500 AMINA|0414 E1" + closed},
		{"the detail's name", camtWith("<Refs>", "<Refs><AcctSvcrRef>D1</AcctSvcrRef><TxId>T1</TxId>"), "261120 day payment 500 AMINA|0414 D1" + closed},
		{"the transfer's name", camtWith("<Refs>", "<Refs><AcctSvcrRef>notprovided</AcctSvcrRef><TxId> T1 </TxId>"), "261120 day payment 500 AMINA|0414 T1" + closed},
		{"the sender's name is none", camtWith("<Refs>", "<Refs><EndToEndId>S1</EndToEndId>"), plain + closed},

		{"another account", camtWith("<IBAN>KE12</IBAN>", "<Othr><Id>0712</Id></Othr>"), strings.Replace(plain+closed, "KE12", "0712", 1)},
		{"Latin-1", strings.Replace(camtWith("AMINA", "AM\xcdNA"), `version="1.0"`, `version="1.0" encoding="ISO-8859-1"`, 1), strings.Replace(plain, "AMINA", "AMÍNA", 1) + closed},
		{"a long text in Latin-1", strings.Replace(camtWith("AMINA", "AM\xcdNA<!--"+strings.Repeat("\xe9", 5000)+"-->"), `version="1.0"`, `version="1.0" encoding="windows-1252"`, 1), strings.Replace(plain, "AMINA", "AMÍNA", 1) + closed},
	} {
		if got := camtOf(c.file); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestDetailsOfCamt(t *testing.T) {
	details := func(texts ...string) string {
		var all strings.Builder
		for i, text := range texts {
			fmt.Fprintf(&all, "<TxDtls><Refs><TxId>T%d</TxId></Refs>%s</TxDtls>", i+1, text)
		}
		return camtWith("<TxDtls><Refs></Refs><RltdPties><Dbtr><Nm>AMINA</Nm></Dbtr></RltdPties><RmtInf><Ustrd>0414</Ustrd></RmtInf></TxDtls>", all.String())
	}
	amount := func(text string) string { return `<Amt Ccy="KES">` + text + `</Amt>` }
	const end = "\nKE12 KES 1000 to 1500\n261120 to 261121, 0 skipped"
	for name, c := range map[string]struct{ file, want string }{
		"three":                           {details(amount("1.00"), amount("2.50"), amount("1.50")), "261120 day payment 100 | T1\n261120 day payment 250 | T2\n261120 day payment 150 | T3" + end},
		"in the older place":              {details("<AmtDtls><TxAmt>"+amount("2.00")+"</TxAmt></AmtDtls>", amount("3.00")), "261120 day payment 200 | T1\n261120 day payment 300 | T2" + end},
		"a detail goes out":               {details(amount("8.00"), amount("3.00")+"<CdtDbtInd>DBIT</CdtDbtInd>"), "261120 day payment 800 | T1\n261120 day withdrawal -300 | T2" + end},
		"no amount":                       {details(amount("5.00"), ""), "line 1: one of several details of an entry has no amount"},
		"no amount at first":              {details("", amount("5.00")), "line 1: one of several details of an entry has no amount"},
		"another sum":                     {details(amount("1.00"), amount("3.00")), "line 1: the details of an entry add up to 4.00, but the entry is 5.00"},
		"the only one has another amount": {details(amount("4.00")), "261120 day payment 500 | T1" + end},
	} {
		if got := camtOf(c.file); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestBalancesAndDaysOfCamt(t *testing.T) {
	const in = "CRDT"
	opening, closing := camtBalance("OPBD", "10.00", in), camtBalance("CLBD", "10.00", in)
	span := func(elements string) string {
		return camtStatement("<FrToDt>" + elements + "</FrToDt>" + opening + closing)
	}
	page := func(days string) string { return "KE12 KES 1000 to 1000\n" + days + ", 0 skipped" }
	for name, c := range map[string]struct{ file, want string }{
		"the day of the closing balance":  {camtStatement(opening + closing), page("261120 to 261121")},
		"its moment":                      {camtStatement(opening + strings.Replace(closing, "<Dt>2026-11-20</Dt>", "<DtTm>2026-11-20T23:59:59+03:00</DtTm>", 1)), page("261120 to 261121")},
		"no day of the closing balance":   {camtStatement(opening + strings.Replace(closing, "<Dt>2026-11-20</Dt>", "", 1)), "the file has neither a row nor a day"},
		"the balance of the day before":   {camtStatement(camtBalance("PRCD", "10.00", in) + closing), page("261120 to 261121")},
		"days":                            {span("<FrDt>2026-11-18</FrDt><ToDt>2026-11-21</ToDt>"), page("261118 to 261122")},
		"moments":                         {span("<FrDtTm>2026-11-18T00:00:00</FrDtTm><ToDtTm>2026-11-21T23:59:59</ToDtTm>"), page("261118 to 261122")},
		"moments up to midnight":          {span("<FrDtTm>2026-11-18T00:00:00</FrDtTm><ToDtTm>2026-11-22T00:00:00</ToDtTm>"), page("261118 to 261122")},
		"from the day that ends":          {span("<FrDt>2026-11-20</FrDt><ToDt>2026-11-20</ToDt>"), page("261120 to 261121")},
		"days that run backwards":         {span("<FrDt>2026-11-21</FrDt><ToDt>2026-11-18</ToDt>"), page("261120 to 261121")},
		"days that cannot be read":        {span("<FrDt>2026-11-18</FrDt><ToDt>tomorrow</ToDt>"), page("261120 to 261121")},
		"negative balances":               {camtStatement(camtBalance("OPBD", "10.00", "DBIT") + camtBalance("CLBD", "10.00", "DBIT")), "KE12 KES -1000 to -1000\n261120 to 261121, 0 skipped"},
		"other balances":                  {camtStatement(camtBalance("CLAV", "99.00", in) + opening + closing + camtBalance("FWAV", "99.00", in)), page("261120 to 261121")},
		"a page of a long statement":      {camtStatement("<FrToDt><FrDt>2026-11-20</FrDt><ToDt>2026-11-20</ToDt></FrToDt>" + camtBalance("ITBD", "10.00", in) + camtBalance("ITBD", "10.00", in)), page("261120 to 261120")},
		"the first page":                  {camtStatement("<FrToDt><FrDt>2026-11-20</FrDt><ToDt>2026-11-20</ToDt></FrToDt>" + opening + camtBalance("ITBD", "10.00", in)), page("261120 to 261120")},
		"the last page":                   {camtStatement(camtBalance("ITBD", "10.00", in) + closing), page("261120 to 261121")},
		"no balance":                      {camtStatement(""), "line 1: the statement has no opening balance (OPBD) or no closing balance (CLBD)"},
		"no closing balance":              {camtStatement(opening), "line 1: the statement has no opening balance (OPBD) or no closing balance (CLBD)"},
		"no opening balance":              {camtStatement(closing), "line 1: the statement has no opening balance (OPBD) or no closing balance (CLBD)"},
		"balances that differ":            {camtStatement(opening + camtBalance("CLBD", "10.01", in)), "line 1: the opening balance 10.00 and the rows make 10.00, but the closing balance is 10.01: rows are missing or changed"},
		"two statements":                  {strings.Replace(camtStatement(opening+closing), "</Stmt>", "</Stmt><Stmt>"+opening+strings.ReplaceAll(closing, "-20", "-21")+"</Stmt>", 1), "KE12 KES 1000 to 1000\n KES 1000 to 1000\n261120 to 261122, 0 skipped"},
		"a statement within other things": {camtStatement("<Rltd>x</Rltd>" + opening + "<TxsSummry><TtlNtries><NbOfNtries>9</NbOfNtries></TtlNtries></TxsSummry>" + closing), page("261120 to 261121")},
	} {
		if got := camtOf(c.file); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestTheBalanceAfterARowOfCamt counts on from the opening balance, or from that between two pages.
func TestTheBalanceAfterARowOfCamt(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want int64
	}{
		"opening":       {camtWith("", ""), 1500},
		"between pages": {camtWith("<Cd>OPBD</Cd>", "<Cd>ITBD</Cd>"), 1500},
	} {
		rows, _ := read(t, statement.Camt, []byte(c.file))
		if len(rows) != 1 || int64(rows[0].After) != c.want || !rows[0].HasAfter {
			t.Errorf("%s: rows %+v", name, rows)
		}
	}
}
