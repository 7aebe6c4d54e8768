package statement_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/statement"
)

// The fields of MT940 one by one: what each of them says about a row or a statement.

// swiftOf reads a file and writes its rows, its balances and its days, or why it is refused.
func swiftOf(file string) string {
	var out []string
	s, err := statement.Read(statement.Swift, strings.NewReader(file), statement.Options{Zone: nairobi()}, func(r statement.Row) error {
		out = append(out, fmt.Sprintf("%s %s %d %s|%s line %d", r.At.Format("060102"), r.Kind, r.Amount, r.Payer, r.Reference, r.Line))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	for _, p := range s.Pages {
		out = append(out, fmt.Sprintf("%s %s %d to %d, %s to %s", p.Account, p.Currency, p.Opening, p.Closing, p.From.Format("060102"), p.To.Format("060102")))
	}
	return strings.Join(append(out, fmt.Sprintf("%d to %d, %s to %s", s.Opening, s.Closing, s.From.Format("060102"), s.To.Format("060102"))), "\n")
}

// messageOf is a message with one line of field 61, and the balance after it.
func messageOf(line, closing string) string {
	return ":20:X\n:25:A1\n:60F:C261119KES100,\n:61:" + line + "\n:62F:" + closing + "\n-\n"
}

func TestField61(t *testing.T) {
	const closed = "\nA1 KES 10000 to %s, %s\n10000 to %[1]s, %[2]s"
	after := func(closing, days string) string { return fmt.Sprintf(closed, closing, days) }
	const twentieth = "261120 to 261121"
	for _, c := range []struct{ line, closing, want string }{
		// The mark and the type say why money moved.
		{"261120C5,NTRFNONREF", "C261120KES105,", "261120 payment 500 | line 4" + after("10500", twentieth)},
		{"261120CR5,NTRFNONREF", "C261120KES105,", "261120 payment 500 | line 4" + after("10500", twentieth)},
		{"261120D5,NTRFNONREF", "C261120KES95,", "261120 withdrawal -500 | line 4" + after("9500", twentieth)},
		{"261120DR5,NTRFNONREF", "C261120KES95,", "261120 withdrawal -500 | line 4" + after("9500", twentieth)},
		{"261120RC5,NTRFNONREF", "C261120KES95,", "261120 reversal -500 | line 4" + after("9500", twentieth)},
		{"261120RD5,NTRFNONREF", "C261120KES105,", "261120 other 500 | line 4" + after("10500", twentieth)},
		{"261120D5,NRTINONREF", "C261120KES95,", "261120 reversal -500 | line 4" + after("9500", twentieth)},
		{"261120C5,NRTINONREF", "C261120KES105,", "261120 payment 500 | line 4" + after("10500", twentieth)},
		{"261120D5,NCHGNONREF", "C261120KES95,", "261120 fee -500 | line 4" + after("9500", twentieth)},
		{"261120D5,NCOMNONREF", "C261120KES95,", "261120 fee -500 | line 4" + after("9500", twentieth)},
		{"261120D5,NFEENONREF", "C261120KES95,", "261120 fee -500 | line 4" + after("9500", twentieth)},
		{"261120C5,NINTNONREF", "C261120KES105,", "261120 fee 500 | line 4" + after("10500", twentieth)},
		{"261120RC5,NCHGNONREF", "C261120KES95,", "261120 fee -500 | line 4" + after("9500", twentieth)},
		// The date of booking is the nearest one with this month and day.
		{"2611201121C5,NTRFNONREF", "C261121KES105,", "261121 payment 500 | line 4" + after("10500", "261121 to 261122")},
		{"2612310101C5,NTRFNONREF", "C270101KES105,", "270101 payment 500 | line 4" + after("10500", "270101 to 270102")},
		{"2701011231C5,NTRFNONREF", "C261231KES105,", "261231 payment 500 | line 4" + after("10500", "261231 to 270101")},
		{"2803010229C5,NTRFNONREF", "C280229KES105,", "280229 payment 500 | line 4" + after("10500", "280229 to 280301")},
		{"2703010229C5,NTRFNONREF", "C280229KES105,", "280229 payment 500 | line 4" + after("10500", "280229 to 280301")},
		{"2601010229C5,NTRFNONREF", "C280229KES105,", `line 4: "0229" is no date`},
		// The closing balance extends the days.
		{"261120C5,NTRFNONREF", "C261123KES105,", "261120 payment 500 | line 4" + after("10500", "261120 to 261124")},
		{"261120C5,NTRFNONREF", "C261118KES105,", "261120 payment 500 | line 4" + after("10500", "261118 to 261121")},
		// A debit balance is negative.
		{"261120D105,NTRFNONREF", "D261120KES5,", "261120 withdrawal -10500 | line 4" + after("-500", twentieth)},
		{"261120C0,01NTRFNONREF", "C261120KES100,01", "261120 payment 1 | line 4" + after("10001", twentieth)},
		{"261120D0,01NTRFNONREF", "C261120KES99,99", "261120 withdrawal -1 | line 4" + after("9999", twentieth)},
		// What follows the line is a remark.
		{"261120C5,NTRFNONREF\nTHE BANK SAYS", "C261120KES105,", "261120 payment 500 | line 4" + after("10500", twentieth)},
		// Damaged lines.
		{"26112", "C261120KES105,", "line 4: field 61 is too short"},
		{"261120", "C261120KES105,", `line 4: field 61 has no mark C, D, RC or RD, no amount or no type: "261120"`},
		{"261120CNTRFNONREF", "C261120KES105,", `line 4: field 61 has no mark C, D, RC or RD, no amount or no type: "261120CNTRFNONREF"`},
		{"261120C5,", "C261120KES105,", `line 4: field 61 has no mark C, D, RC or RD, no amount or no type: "261120C5,"`},
		{"261120C5,NTR", "C261120KES105,", `line 4: field 61 has no mark C, D, RC or RD, no amount or no type: "261120C5,NTR"`},
		{"261120C5,NTRF", "C261120KES105,", "261120 payment 500 | line 4" + after("10500", twentieth)},
		{"261120EC5,NTRFNONREF", "C261120KES105,", `line 4: field 61 has no mark C, D, RC or RD, no amount or no type: "261120EC5,NTRFNONREF"`},
		{"261120C5NTRFNONREF", "C261120KES105,", `line 4: "5" is no amount of KES: decimals follow a comma`},
		{"261120C5,555NTRFNONREF", "C261120KES105,", `line 4: "5,555" is no amount of KES: decimals follow a comma`},
		{"261120C5,5,NTRFNONREF", "C261120KES105,", `line 4: "5,5," is no amount of KES: decimals follow a comma`},
		{"26112xC5,NTRFNONREF", "C261120KES105,", `line 4: "26112x" is no date`},
	} {
		if got := swiftOf(messageOf(c.line, c.closing)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.line, got, c.want)
		}
	}
}

func TestField86(t *testing.T) {
	for text, want := range map[string]string{
		"METER 0414":                   "|METER 0414",
		"METER \n0414":                 "|METER 0414",
		"/NAME/AMINA/REMI/0414":        "AMINA|0414",
		"/REMI/0414/NAME/AMINA":        "AMINA|0414",
		"/NAME/AMINA/K/REMI/04/14":     "AMINA/K|04/14",
		"/NAME/AMINA/BIC/X/REMI/0414":  "AMINA|0414",
		"/NAME/AMINA/IBANS/X":          "AMINA|",
		"/NAME/AMINA/ACCOUN/X":         "AMINA/ACCOUN/X|",
		"/NAME/AMINA/ID/X":             "AMINA/ID/X|",
		"/NAME/AMINA/bic/X":            "AMINA/bic/X|",
		"/NAME/AMINA/BIC":              "AMINA/BIC|",
		"/EREF/1//":                    "|",
		"NAME/AMINA/REMI/0414":         "|NAME/AMINA/REMI/0414",
		"?20METER?21 0414?32AMI?33NA":  "AMINA|METER 0414",
		"166?00X?20A?29B?30no?31no?32": "|AB",
		"166?20A?60B?63C?64D?61E?34no": "|ABCE",
		"166?20A?1Xno?2Xno":            "|A",
		"166?20A?59no?3?":              "|A",
		"what?20":                      "|",
		"what?19":                      "|what?19",
		"what? no":                     "|what? no",
	} {
		file := messageOf("261120C5,NTRFNONREF\n:86:"+text, "C261120KES105,")
		first, _, _ := strings.Cut(swiftOf(file), "\n")
		if first != "261120 payment 500 "+want+" line 4" {
			t.Errorf("%q: %s, want %s", text, first, want)
		}
	}
	alone := messageOf("261120C5,NTRFNONREF\n:86:METER 0414\n:86:of the statement", "C261120KES105,\n:86:the end")
	if got, _, _ := strings.Cut(swiftOf(alone), "\n"); got != "261120 payment 500 |METER 0414 line 4" {
		t.Errorf("a second field 86: %s", got)
	}
}

func TestBalancesOfMT940(t *testing.T) {
	const line = ":61:261120C5,NTRFNONREF\n"
	for name, c := range map[string]struct{ file, want string }{
		"pages of a long statement": {":25P:A1\nBIC\n:60F:C261119KES100,\n" + line + ":62M:C261120KES105,\n-\n:25P:A1\n:60M:C261120KES105,\n" + line + ":62F:C261120KES110,\n",
			"261120 payment 500 | line 4\n261120 payment 500 | line 9\nA1 KES 10000 to 10500, 261120 to 261120\nA1 KES 10500 to 11000, 261120 to 261121\n10000 to 11000, 261120 to 261121"},
		"the second page alone": {":25:A1\n:60M:C261119KES100,\n" + line + ":62F:C261120KES105,\n", "261120 payment 500 | line 3\nA1 KES 10000 to 10500, 261119 to 261121\n0 to 10500, 261119 to 261121"},
		"two days":              {":25:A1\n:60F:C261119KES100,\n" + line + ":62F:C261120KES105,\n:60F:C261120KES200,\n:62F:C261121KES200,\n", "261120 payment 500 | line 3\nA1 KES 10000 to 10500, 261120 to 261121\nA1 KES 20000 to 20000, 261121 to 261122\n10000 to 20000, 261120 to 261122"},
		"no rows":               {":25:A1\n:60F:C261119KES100,\n:62F:C261120KES100,\n", "A1 KES 10000 to 10000, 261120 to 261121\n10000 to 10000, 261120 to 261121"},
		"two currencies":        {":25:A1\n:60F:C261119KES100,\n" + line + ":62F:C261120KES105,\n:60F:C261119UGX100,\n:62F:C261120UGX100,\n", "line 5: the file has accounts in KES and UGX: upload one file for each"},
		"without decimals":      {":25:A1\n:60F:C261119UGX100,\n:61:261120C5,NTRFNONREF\n:62F:C261120UGX105,\n", "261120 payment 5 | line 3\nA1 UGX 100 to 105, 261120 to 261121\n100 to 105, 261120 to 261121"},
		"a debit balance":       {":25:A1\n:60F:D261119KES100,\n" + line + ":62F:D261120KES95,\n", "261120 payment 500 | line 3\nA1 KES -10000 to -9500, 261120 to 261121\n-10000 to -9500, 261120 to 261121"},
		"neither":               {":60F:X261119KES100,\n", `line 1: "X261119KES100," is no balance: it begins with C or D, a date and a currency`},
		"no amount":             {":60F:C261119KES\n", `line 1: "C261119KES" is no balance: it begins with C or D, a date and a currency`},
		"no date":               {":60F:C269919KES1,\n", `line 1: "269919" is no date`},
		"closed first":          {":62F:C261119KES1,\n", "line 1: a closing balance comes without an opening balance"},
		"other fields":          {":20:X\n:25:A1\n:60F:C261119KES100,\n" + line + ":NS:22X\n:62F:C261120KES105,\n:64:C261120KES105,\n:65:C261121KES105,\n", "261120 payment 500 | line 4\nA1 KES 10000 to 10500, 261120 to 261121\n10000 to 10500, 261120 to 261121"},
	} {
		if got := swiftOf(c.file); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestALongField86IsCutOff keeps a field whose lines have no end from filling the memory. Lines that do not fit any more are refused.
func TestALongField86IsCutOff(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 1000)+"\n", 70)
	got := swiftOf(messageOf("261120C5,NTRFNONREF\n:86:"+long[:65*1001-1], "C261120KES105,"))
	if !strings.HasPrefix(got, "261120 payment 500 |xxx") {
		t.Errorf("65 kB: %.80s", got)
	}
	if got := swiftOf(messageOf("261120C5,NTRFNONREF\n:86:"+long, "C261120KES105,")); !strings.HasSuffix(got, "belongs to no field") {
		t.Errorf("70 kB: %.80s", got)
	}
}

// TestRowsOfAnotherZone have the day of the options.
func TestRowsOfAnotherZone(t *testing.T) {
	file := messageOf("261120C5,NTRFNONREF", "C261120KES105,")
	for name, zone := range map[string]*time.Location{"none": nil, "Nairobi": nairobi()} {
		_, err := statement.Read(statement.Swift, strings.NewReader(file), statement.Options{Zone: zone}, func(r statement.Row) error {
			want := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
			if zone != nil {
				want = time.Date(2026, 11, 20, 0, 0, 0, 0, zone)
			}
			if !r.At.Equal(want) || !r.DateOnly {
				t.Errorf("%s: the row is of %s", name, r.At)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
