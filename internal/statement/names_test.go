package statement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/statement"
)

func TestWhatANameIs(t *testing.T) {
	for text, want := range map[string]string{
		"NONREF": "", "nonref": "", " NONREF ": "", "NON-REF": "", "NOTPROVIDED": "", "Not Provided": "", "NOT AVAILABLE": "", "n/a": "", "NA": "", "NONE": "", "Unknown": "", "NULL": "",
		"": "", "  ": "", "0000000": "", "0": "", "---": "", "XXXX": "", "///": "", "...": "", "REF": "", "Sans référence": "SANS RÉFÉRENCE", "KEINE": "", "NIL": "", "EMPTY": "", "NOREF": "",
		"NO REFERENCE": "", "UNDEFINED": "", "NOT SPECIFIED": "", "INCONNU": "", "UNBEKANNT": "", "SANS REFERENCE": "", "NOTPROV": "", "BLANK": "", "REFERENCE": "", "NON REFERENCE": "",
		"NOT PROVIDED BY BANK": "",
		"B1":                   "B1", "b1": "B1", " B1  2 ": "B1 2", "A-1/2": "A-1/2", "00001": "00001", "NONREF1": "NONREF1", "X1": "X1", "é1": "É1",
	} {
		if got := statement.NameOf(text); got != want {
			t.Errorf("the name of %q is %q, want %q", text, got, want)
		}
	}
}

func TestOneNameInTwoForms(t *testing.T) {
	const sixteen = "0123456789ABCDEF"
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"B1", "B1", true}, {"B1", "B2", false}, {"B1", "B12", false}, {sixteen, sixteen + "X", true}, {sixteen, "X" + sixteen, true}, {sixteen, "X" + sixteen + "X", false},
		{sixteen[1:], sixteen, false}, {sixteen + "X", sixteen + "XY", false}, {"X" + sixteen, sixteen + "X", false},
	} {
		if statement.SameName(c.a, c.b) != c.want || statement.SameName(c.b, c.a) != c.want {
			t.Errorf("SameName(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}

// named is a file in which every kind of name stands.
const namedCamt = `<?xml version="1.0"?><Document><BkToCstmrStmt><Stmt><Acct><Id><IBAN>KE12</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">27.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="KES">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>e1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><AcctSvcrRef>d1</AcctSvcrRef><EndToEndId>s1</EndToEndId><TxId>t1</TxId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="KES">12.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>e2</AcctSvcrRef><NtryDtls>
<TxDtls><Refs><AcctSvcrRef>NONREF</AcctSvcrRef><TxId>t2</TxId></Refs><Amt Ccy="KES">4.00</Amt></TxDtls>
<TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs><Amt Ccy="KES">8.00</Amt></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>`

// TestTheNamesOfRows reads each kind of name from the place where its format has it, and the balance after each row.
func TestTheNamesOfRows(t *testing.T) {
	const field61 = ":20:S\r\n:25:12345\r\n:60F:C261119KES1,00\r\n:61:261120C5,NTRFcust1//bank1\r\n:61:261120D2,NTRFNONREF//\r\n:61:261120C4,NTRFNONREF\r\n:62F:C261120KES8,00\r\n-\r\n"
	for _, c := range []struct {
		format statement.Format
		file   string
		want   []string
	}{
		{statement.Camt, fmt.Sprintf(namedCamt, strings.Repeat("E", statement.MaxTxn+1)), []string{
			"[ D1 E1 T1 S1 ] txn e1 legacy e1 after 1500 KE12", "[   T2  ] txn t2 legacy t2 after 1900 KE12", "[     ] txn content legacy content after 2700 KE12"}},
		{statement.Swift, field61, []string{
			"[ BANK1    CUST1] txn bank1 legacy bank1 after 600 12345", "[     ] txn content legacy content after 400 12345", "[     ] txn content legacy content after 800 12345"}},
		{statement.Swift, strings.ReplaceAll(field61, "//bank1", "//NONREF"), []string{
			"[     CUST1] txn content legacy NONREF after 600 12345", "[     ] txn content legacy content after 400 12345", "[     ] txn content legacy content after 800 12345"}},
	} {
		rows, s := read(t, c.format, []byte(c.file))
		for i, r := range rows {
			short := func(name string) string {
				if strings.HasPrefix(name, r.Content) {
					return "content"
				}
				return name
			}
			got := fmt.Sprint(r.Names, " txn ", short(r.Txn), " legacy ", short(r.Legacy), " after ", int64(r.After), " ", r.Account)
			if got != c.want[i] || !r.HasAfter || r.Page != 0 {
				t.Errorf("row %d of %s: %s\nwant %s", i, c.format, got, c.want[i])
			}
		}
		if p := s.Pages; len(p) != 1 || !p[0].Balanced || p[0].Currency != "KES" || p[0].Account != rows[0].Account || p[0].Opening != s.Opening || p[0].Closing != s.Closing ||
			!p[0].From.Equal(s.From) || !p[0].To.Equal(s.To) {
			t.Errorf("pages %+v of %+v", p, s)
		}
	}
}

// TestEqualRowsWithoutANameAreNumbered numbers equal rows, by the names that count now and by those of the first versions.
func TestEqualRowsWithoutANameAreNumbered(t *testing.T) {
	const file = ":20:S\r\n:25:1\r\n:60F:C261119KES0,\r\n:61:261120C5,NTRFNONREF//NONREF\r\n:61:261120C5,NTRFNONREF\r\n:61:261120C5,NTRFNONREF\r\n:62F:C261120KES15,\r\n-\r\n" +
		":20:S\r\n:25:1\r\n:60F:C261120KES15,\r\n:61:261121C5,NTRFNONREF\r\n:62F:C261121KES20,\r\n-\r\n"
	rows, s := read(t, statement.Swift, []byte(file))
	for i, want := range []string{"1 NONREF", "2 1", "3 2", "1 1"} {
		got := strings.TrimPrefix(rows[i].Txn, rows[i].Content+"-") + " " + strings.TrimPrefix(rows[i].Legacy, rows[i].Content+"-")
		if got != want {
			t.Errorf("row %d has the numbers %s, want %s", i, got, want)
		}
	}
	if rows[3].Page != 1 || len(s.Pages) != 2 || s.Pages[0].To.After(s.Pages[1].From) {
		t.Errorf("pages %+v", s.Pages)
	}
}
