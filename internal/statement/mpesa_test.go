package statement_test

// M-Pesa's tables as the portal exports them and as spreadsheets save them again. The data is invented.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/statement"
)

// heads of the table: as the portal writes it, and as a newer export writes it.
const (
	oldHead = "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.,Currency\n"
	newHead = "Receipt No,Completion Time,Details,Transaction Status,Paid In (KSHs),Withdrawn (KSHs),Balance (KSHs)\n"
)

// table is an export with two payments and a fee.
const table = "Account Holder:,Kisumu Power\nShort Code:,600000\nTime Period:,From 20-11-2026 00:00:00 To 21-11-2026 23:59:59\n" + oldHead +
	"QK1,20-11-2026 11:00:01,,Pay Bill from 2547****126 - AMINA,Completed,\"1,020.00\",,\"1,020.00\",TRUE,Pay Bill,2547****126 - AMINA,,04140001001,KES\n" +
	"QK1,20-11-2026 11:00:02,,Pay Bill Charge,Completed,,-5.50,\"1,014.50\",TRUE,Pay Bill,,,,KES\n" +
	"QK2,20-11-2026 12:00:00,,Pay Bill from 2547****777 - BARAKA,Completed,80.00,,\"1,094.50\",TRUE,Pay Bill,2547****777 - BARAKA,,04140002001,KES\n"

const wantOfTable = "QK1 payment 102000 04140001001|2547****126 - AMINA\nQK1 fee -550 |\nQK2 payment 8000 04140002001|2547****777 - BARAKA\n"

// separated writes the table with another character between its columns. Amounts then have no commas that need quotation marks.
func separated(text, by string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, "\",\"", "\"|\""), "\"", ""), ",", by)
}

// plainTable is the table without commas in its cells.
var plainTable = strings.NewReplacer("\"1,020.00\"", "1020.00", "\"1,014.50\"", "1014.50", "\"1,094.50\"", "1094.50").Replace(table)

func mpesaFiles() map[string]string {
	return map[string]string{
		"commas":                                  table,
		"semicolons":                              separated(plainTable, ";"),
		"semicolons and comma decimals":           strings.ReplaceAll(separated(plainTable, ";"), ".00;", ",00;"),
		"semicolons, points between thousands":    strings.NewReplacer(";1020.00;", ";1.020,00;", ";80.00;", ";80,00;", "-5.50", "-5,50", "1014.50", "1.014,5").Replace(separated(plainTable, ";")),
		"semicolons and commas between thousands": strings.ReplaceAll(separated(plainTable, ";"), ";1020.00;", ";1,020.00;"),
		"tabs":                        separated(plainTable, "\t"),
		"vertical bars":               separated(plainTable, "|"),
		"a spreadsheet's first line":  "sep=;\n" + separated(plainTable, ";"),
		"semicolons in the preamble":  "Remarks;a;b;c;d;e\n" + table,
		"UTF-16, low byte first":      wide(crlf(table), binary.LittleEndian, true),
		"UTF-16, high byte first":     wide(table, binary.BigEndian, true),
		"UTF-16 with tabs":            wide(crlf(separated(plainTable, "\t")), binary.LittleEndian, true),
		"UTF-8 mark":                  "\ufeff" + table,
		"carriage returns only":       strings.ReplaceAll(table, "\n", "\r"),
		"totals below":                table + "Total,,,,,\"1,100.00\",-5.50,,,,,,,\n",
		"totals in another column":    table + ",,,Totals:,,\"1,100.00\",\"-5.50\",,,,,,,\n",
		"totals without a sign":       table + "GRAND TOTAL,,,,,1100.00,5.50,,,,,,,\n",
		"totals of one column":        table + "Total,,,,,1100.00,,,,,,,,\n",
		"subtotals between":           strings.Replace(table, "QK2,", "Subtotal,,,,,\"1,020.00\",-5.50,,,,,,,\nQK2,", 1) + "Total,,,,,\"1,100.00\",-5.50,,,,,,,\n",
		"currency written as Ksh":     strings.ReplaceAll(strings.ReplaceAll(table, ",KES\n", ",Ksh\n"), "BARAKA,,04140002001,Ksh", "BARAKA,,04140002001,KSHS."),
		"no currency in a row":        strings.Replace(table, ",KES\n", ",\n", 1),
		"a dash for no value":         strings.NewReplacer(",Completed,80.00,,", ",Completed,80.00,-,", ",,-5.50,", ",–,-5.50,").Replace(table),
		"period with a dash":          strings.Replace(table, "From 20-11-2026 00:00:00 To 21-11-2026 23:59:59", "20-11-2026 00:00:00 - 21-11-2026 23:59:59", 1),
		"period with a long dash":     strings.Replace(table, "From 20-11-2026 00:00:00 To 21-11-2026 23:59:59", "20/11/2026 – 21/11/2026", 1),
		"period in lower case":        strings.Replace(table, "From 20-11-2026 00:00:00 To 21-11-2026 23:59:59", "2026-11-20 00:00:00 to 2026-11-21 23:59:59", 1),
		"period in four cells":        strings.Replace(table, "From 20-11-2026 00:00:00 To 21-11-2026 23:59:59", "From,20-11-2026 00:00:00,To,21-11-2026 23:59:59", 1),
		"account number as a heading": strings.Replace(table, "A/C No.", "Account No.", 1),
		"references in Details": strings.NewReplacer("- AMINA,Completed", "- AMINA Acc. 04140001001,Completed", "- BARAKA,Completed", "- BARAKA Acc. 04140002001,Completed",
			",,04140001001,", ",,,", ",,04140002001,", ",,,").Replace(table),
		"references and payers in Details": strings.NewReplacer("- AMINA,Completed", "- AMINA Acc. 04140001001,Completed", "- BARAKA,Completed", "- BARAKA Acc. 04140002001,Completed",
			",2547****126 - AMINA,,04140001001,", ",,,,", ",2547****777 - BARAKA,,04140002001,", ",,,,").Replace(table),
	}
}

func TestRemarksAndRulesBelowATableAreSkipped(t *testing.T) {
	rows, s := read(t, statement.MPesa, []byte(table+"\n-\n---,,,\n,,,,–,,\nEnd of statement\n , ,\n"))
	if rowsText(rows) != wantOfTable || s.Skipped != 0 {
		t.Errorf("%d skipped, rows\n%s", s.Skipped, rowsText(rows))
	}
}

func TestMPesaTablesAreRead(t *testing.T) {
	for name, file := range mpesaFiles() {
		t.Run(name, func(t *testing.T) {
			if got := statement.Recognise([]byte(file)); got != statement.MPesa {
				t.Errorf("recognised as %q", got)
			}
			rows, s := read(t, statement.MPesa, []byte(file))
			if got := rowsText(rows); got != wantOfTable {
				t.Errorf("rows\n%swant\n%s", got, wantOfTable)
			}
			first := time.Date(2026, 11, 20, 0, 0, 0, 0, nairobi())
			if s.Account != "600000" || !s.From.Equal(first) || !s.To.Equal(first.AddDate(0, 0, 2)) {
				t.Errorf("account %q, days %s to %s", s.Account, s.From, s.To)
			}
		})
	}
}

// TestTheNewerExportOfMPesaIsRead: no preamble, currencies in the headings, and all about a payment in Details.
func TestTheNewerExportOfMPesaIsRead(t *testing.T) {
	row := func(receipt, details, in, out string) string {
		return fmt.Sprintf("%s,04/01/2026 16:15:18,%q,Completed,%q,%q,\"9,000.00\"\n", receipt, details, in, out)
	}
	file := newHead + row("W1", "Agency Withdrawal of funds to Bank", "0.00", "-1,100.00") +
		row("T1", "Pay Bill from 25470****111 - AMINA WANJIRU Acc. 04140001001", "1,100.00", "0.00") +
		row("T2", "Pay Bill Online from 07****222 - Baraka Otieno Acc. 0414 0002 001", "1,900.00", "0.00") +
		row("T3", "Merchant Pay Utility Received from 1234567 - DUKA MOJA  Acc.", "530.00", "0.00") +
		row("T4", "Business Pay Bill via API by 999001 - BANK TO PAYBILL Acc. house 7", "60.00", "0.00")
	rows, _ := read(t, statement.MPesa, []byte(crlf(file)))
	want := "W1 withdrawal -110000 |\n" +
		"T1 payment 110000 04140001001|25470****111 - AMINA WANJIRU\n" +
		"T2 payment 190000 0414 0002 001|07****222 - Baraka Otieno\n" +
		"T3 payment 53000 |1234567 - DUKA MOJA\n" +
		"T4 payment 6000 house 7|999001 - BANK TO PAYBILL\n"
	if got := rowsText(rows); got != want {
		t.Errorf("rows\n%swant\n%s", got, want)
	}
}

// TestDetailsNameReferenceAndPayer reads the texts that stand in the column Details.
func TestDetailsNameReferenceAndPayer(t *testing.T) {
	for _, c := range []struct{ details, reference, payer string }{
		{"Pay Bill from 254712345126 - AMINA Acc. 04140001001", "04140001001", "254712345126 - AMINA"},
		{"Pay Bill from 25470****430 -\nAMINA **** WANJIRU Acc.\n0414 0001 001", "0414 0001 001", "25470****430 - AMINA **** WANJIRU"},
		{"PAY BILL FROM 2547 - AMINA ACC. 0414", "0414", "2547 - AMINA"},
		{"Pay Bill from 2547 - AMINA Acc. Acc. 0414", "Acc. 0414", "2547 - AMINA"}, // the payer typed the second one
		{"FSI to Pay Bill by 999002 - BANK LTD - TO TILL Acc. house 7 via WEB by BANK LTD\\User1", "house 7", "999002 - BANK LTD - TO TILL"},
		{"Pay Bill from 2547 - AMINA Acc. via", "via", "2547 - AMINA"},
		{"Pay Bill Online James Kamau 0712345678 Account Number 04140001001", "04140001001", ""},
		{"Pay Bill from 2547 - AMINA Account No. 0414", "0414", "2547 - AMINA"},
		{"Pay Bill from 2547 - AMINA A/C No. 0414", "0414", "2547 - AMINA"},
		{"Pay Bill from 2547 - ACCRA TRADERS", "", "2547 - ACCRA TRADERS"},
		{"Pay Bill from 2547 - BACC. LTD", "", "2547 - BACC. LTD"},
		{"Pay Bill from 2547 - AMINA Acc.", "", "2547 - AMINA"},
		{"Pay Bill Online", "", ""},
		{"", "", ""},
	} {
		file := "Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,A/C No.\n" +
			"QK1,2026-11-20 11:00:00,\"" + c.details + "\",Completed,5.00,,\n" +
			"QK2,2026-11-20 11:00:00,\"" + c.details + "\",Completed,5.00,,typed\n"
		rows, _ := read(t, statement.MPesa, []byte(file))
		if want := fmt.Sprintf("QK1 payment 500 %s|%s\nQK2 payment 500 typed|%s\n", c.reference, c.payer, c.payer); rowsText(rows) != want {
			t.Errorf("%q:\n%swant\n%s", c.details, rowsText(rows), want)
		}
	}
}

// TestAnotherCurrencyIsRefused: until now a row of 500 dollars was a payment of 500 shillings.
func TestAnotherCurrencyIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ file, why string }{
		"in a row":             {strings.Replace(table, "04140002001,KES", "04140002001,USD", 1), "line 7: the row is in USD, but the account is in KES"},
		"a word of another":    {strings.Replace(table, "04140002001,KES", "04140002001,Tsh", 1), "line 7: the row is in TZS, but the account is in KES"},
		"no currency":          {strings.Replace(table, "04140002001,KES", "04140002001,shells", 1), "line 7: \"SHELLS\" is no currency"},
		"in a heading":         {strings.Replace(newHead, "Paid In (KSHs)", "Paid In (TZS)", 1), "line 1: the column Paid In is in TZS, but the account is in KES"},
		"in another heading":   {strings.Replace(newHead, "Withdrawn (KSHs)", "Withdrawn (USD)", 1), "line 1: the column Withdrawn is in USD, but the account is in KES"},
		"unknown in a heading": {strings.Replace(newHead, "Balance (KSHs)", "Balance (points)", 1), "line 1: \"POINTS\" is no currency"},
	} {
		refused(t, name, c.file, c.why)
	}
	s, err := statement.Read(statement.MPesa, strings.NewReader(strings.ReplaceAll(table, ",KES\n", ",TZS\n")), statement.Options{Currency: "TZS"}, func(r statement.Row) error {
		if r.Currency != "TZS" {
			t.Errorf("row %+v", r)
		}
		return nil
	})
	if err != nil || s.Rows != 3 {
		t.Errorf("%d rows of an account in TZS: %v", s.Rows, err)
	}
	// A payment that failed moved no money, so its currency does not matter.
	rows, _ := read(t, statement.MPesa, []byte(table+"QK3,20-11-2026 12:00:00,,Pay Bill,Failed,80.00,,,,,,,,USD\n"))
	if rowsText(rows) != wantOfTable {
		t.Errorf("rows\n%s", rowsText(rows))
	}
}

// TestTotalsMustAgree: a row of totals shows that rows are missing.
func TestTotalsMustAgree(t *testing.T) {
	for name, c := range map[string]struct{ file, why string }{
		"paid in":                      {table + "Total,,,,,\"1,101.00\",-5.50,,,,,,,\n", "line 8: the totals say 1101.00 paid in, but the rows make 1100.00: rows are missing or changed"},
		"withdrawn":                    {table + "Total,,,,,\"1,100.00\",6.00,,,,,,,\n", "line 8: the totals say 6.00 withdrawn, but the rows make 5.50: rows are missing or changed"},
		"row lost":                     {strings.Replace(table, "QK2,", "QK2,20-11-2026 12:00:00,,,Failed,,,,,,,,,\nx,", 1)[:strings.Index(table, "QK2,")] + "Total,,,,,1100.00,-5.50,,,,,,,\n", "line 7: the totals say 1100.00 paid in, but the rows make 1020.00: rows are missing or changed"},
		"no amount":                    {table + "Total,,,,,many,,,,,,,,\n", "line 8: \"many\" is no amount of KES"},
		"cut off":                      {table + "Totally,,,,,1100.00,,,,,,,,\n", "line 8: the row has no transaction status: it may be cut off"},
		"a total of a row with a time": {table + "Total,20-11-2026 12:00:00,,,,1100.00,,,,,,,,\n", "line 8: the row has no transaction status: it may be cut off"},
		"a state and no receipt":       {table + ",,,Total,Completed,1100.00,,,,,,,,\n", "line 8: the row has no receipt number"},
	} {
		refused(t, name, c.file, c.why)
	}
	// Some exports count payments that failed.
	rows, _ := read(t, statement.MPesa, []byte(table+"QK3,20-11-2026 12:00:00,,Pay Bill,Failed,80.00,,,,,,,,KES\nTotal,,,,,\"1,180.00\",-5.50,,,,,,,\n"))
	if rowsText(rows) != wantOfTable {
		t.Errorf("rows\n%s", rowsText(rows))
	}
}

// TestCommaDecimalsNeedSemicolons: where commas are between the columns, a comma in an amount groups thousands.
func TestCommaDecimalsNeedSemicolons(t *testing.T) {
	for name, c := range map[string]struct{ file, why string }{
		"commas between columns": {strings.Replace(table, ",,-5.50,", ",,\"-5,50\",", 1), "line 6: \"-5,50\" is no amount of KES"},
		"thousands by points":    {separated(strings.Replace(plainTable, "80.00", "1.020", 1), ";"), "line 7: \"1.020\" is no amount of KES"},
		"two commas":             {strings.Replace(separated(plainTable, ";"), "80.00", "8,0,00", 1), "line 7: \"8,0,00\" is no amount of KES"},
		"no digits":              {strings.Replace(separated(plainTable, ";"), "80.00", ",00", 1), "line 7: \",00\" is no amount of KES"},
		"groups of two":          {strings.Replace(separated(plainTable, ";"), "80.00", "10.20,00", 1), "line 7: \"10.20,00\" is no amount of KES"},
	} {
		refused(t, name, c.file, c.why)
	}
	// Three digits after a comma are thousands, also between semicolons.
	rows, _ := read(t, statement.MPesa, []byte(strings.Replace(separated(plainTable, ";"), "80.00", "1,080", 1)))
	if !strings.Contains(rowsText(rows), "QK2 payment 108000 ") {
		t.Errorf("rows\n%s", rowsText(rows))
	}
}

// TestTheDaysOfAPeriod reads the line Time Period. The days of a file are those of its rows too, so the row is of the first day.
func TestTheDaysOfAPeriod(t *testing.T) {
	for _, c := range []struct{ period, to string }{
		{"Time Period:,From 20-11-2026 To 22-11-2026", "2026-11-23"},
		{"Time Period:,From 20-11-2026 00:00:00 To 22-11-2026 00:00:00", "2026-11-22"}, // midnight ends the day before
		{"Time Period:,From 20-11-2026 00:00 To 22-11-2026 00:01", "2026-11-22"},       // within the day
		{"Period,20-11-2026 - 22-11-2026", "2026-11-23"},
		{"Statement Period:,2026-11-20T00:00:00 — 2026-11-22T23:59:59", "2026-11-23"},
		{"Time Period:,From 22-11-2026 To 20-11-2026", "2026-11-21"}, // backwards: not used
		{"Time Period:,-", "2026-11-21"},
		{"Time Period:,From 20-11-2026", "2026-11-21"},
		{"Time Period:,From 20-11-2026 To 31-11-2026", "2026-11-21"}, // no such day
		{"Date of Report:,20-11-2026 - 22-11-2026", "2026-11-21"},
		{"Time Period:,20-11-2026 - 21-11-2026 - 22-11-2026", "2026-11-21"},
	} {
		_, s := read(t, statement.MPesa, []byte(c.period+"\n"+oldHead+"QK1,20-11-2026 11:00:01,,,Completed,5.00,,,,,,,,\n"))
		if got := s.To.In(nairobi()).Format(time.DateOnly); got != c.to {
			t.Errorf("%s: the file ends on %s, want %s", c.period, got, c.to)
		}
	}
}

// refused expects an M-Pesa file to be refused for a reason.
func refused(t *testing.T, name, file, why string) {
	t.Helper()
	_, err := statement.Read(statement.MPesa, strings.NewReader(file), statement.Options{}, func(statement.Row) error { return nil })
	wrong := (*statement.Damaged)(nil)
	if !errors.As(err, &wrong) || wrong.Error() != why {
		t.Errorf("%s: %v, want %s", name, err, why)
	}
}

// TestOtherPeoplesWordsTellNoKind: the names and references in Details are other people's words. Until now the money of a payer called Feeney
// was a fee, and money between two accounts of the organization was a payment.
func TestOtherPeoplesWordsTellNoKind(t *testing.T) {
	for _, c := range []struct{ details, in, out, want string }{
		{"Pay Bill from 25470****126 - LYDIA FEENEY Acc. 0414", "500.00", "", "payment 50000"},
		{"Pay Bill from 25470****126 - CHARGE COMMISSION LTD Acc. 0414", "500.00", "", "payment 50000"},
		{"Pay Bill Online from 25470****126 - AMINA Acc. reversed fee", "500.00", "", "payment 50000"},
		{"Pay Bill Charge", "", "-5.50", "fee -550"},
		{"Pay Bill Charge by 600000 - KISUMU POWER", "", "-5.50", "fee -550"},
		{"Business Payment to 25470****126 - LYDIA FEENEY", "", "-5.50", "withdrawal -550"},
		{"Reversal of QK9 from 25470****126 - AMINA", "", "-5.50", "reversal -550"},
		{"Reversal of a withdrawal", "5.50", "", "other 550"},
		{"Utility Account to Organization Settlement Account", "500.00", "", "other 50000"},
		{"Organization Settlement Account to Organization MMF Account", "500.00", "", "other 50000"},
		{"Utility Account to Organization Settlement Account", "", "-500.00", "withdrawal -50000"},
	} {
		row := fmt.Sprintf("QK1,20-11-2026 11:00:01,,%s,Completed,%s,%s,,,,,,,KES\n", c.details, c.in, c.out)
		rows, _ := read(t, statement.MPesa, []byte(oldHead+row))
		if got := fmt.Sprintf("%s %d", rows[0].Kind, rows[0].Amount); len(rows) != 1 || got != c.want {
			t.Errorf("%s: %s, want %s", c.details, got, c.want)
		}
	}
}
