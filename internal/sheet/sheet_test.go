package sheet_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sheet"
)

// workbook makes an XLSX file with these rows.
func workbook(t *testing.T, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// utf16le writes a text as Windows writes "Unicode text": UTF-16 with a byte-order mark.
func utf16le(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// TestTheSameListInEveryForm: each form that a spreadsheet saves is the same table.
func TestTheSameListInEveryForm(t *testing.T) {
	for name, file := range map[string][]byte{
		"commas":                    []byte("number,name,address\n04140001001,Amina,\"Ngong Road 1, Nairobi\"\n04140001019,José,\n"),
		"byte-order mark and CRLF":  []byte("\ufeffnumber,name,address\r\n04140001001,Amina,\"Ngong Road 1, Nairobi\"\r\n04140001019,José,\r\n"),
		"semicolons":                []byte("number;name;address\n04140001001;Amina;Ngong Road 1, Nairobi\n04140001019;José;\n"),
		"a line that names it":      []byte("sep=;\r\nnumber;name;address\r\n04140001001;Amina;Ngong Road 1, Nairobi\r\n04140001019;José;\r\n"),
		"tabs in UTF-16":            utf16le("number\tname\taddress\r\n04140001001\tAmina\tNgong Road 1, Nairobi\r\n04140001019\tJosé\t\r\n"),
		"blanks and empty lines":    []byte("\n number , name,address ,,\n\n 04140001001,\u00a0Amina ,\"Ngong Road 1, Nairobi\",,\n,,\n04140001019,José\n"),
		"line ends of an old Apple": []byte("number,name,address\r04140001001,Amina,\"Ngong Road 1, Nairobi\"\r04140001019,José,"),
		"a workbook":                workbook(t, []any{"number", "name", "address"}, []any{"04140001001", "Amina", "Ngong Road 1, Nairobi"}, nil, []any{"04140001019", "José"}),
	} {
		table, no := sheet.Read(file)
		if no.Refused() {
			t.Errorf("%s: %s", name, no.Detail())
			continue
		}
		got := fmt.Sprintf("%q %q", table.Header, []any{table.Rows[0].Cells, table.Rows[len(table.Rows)-1].Cells})
		if want := `["number" "name" "address"] [["04140001001" "Amina" "Ngong Road 1, Nairobi"] ["04140001019" "José" ""]]`; got != want || len(table.Rows) != 2 {
			t.Errorf("%s: %s, %d rows", name, got, len(table.Rows))
		}
	}
}

// TestLettersOfWindows reads the code page of Windows, which a file does not name, and says so. What is UTF-8 is never read as that.
func TestLettersOfWindows(t *testing.T) {
	unmarked := utf16le("number\tname\n1\tJosé\n")[2:]
	big := slices.Clone(unmarked)
	for i := 0; i < len(big); i += 2 {
		big[i], big[i+1] = big[i+1], big[i]
	}
	for name, c := range map[string]struct {
		file []byte
		old  string
	}{
		"Windows-1252":             {[]byte("number;name\n1;Jos\xe9\n"), "José"},
		"its quotation marks":      {[]byte("number;name\n1;Jos\xe9\n2;\x93Mama\x94 \x80\n"), "José"},
		"a heading":                {[]byte("number;name;t\xe9l\n1;Jos\xe9;1\n"), "tél"},
		"UTF-8":                    {[]byte("number;name\n1;José\n"), ""},
		"UTF-8 that looks like it": {[]byte("number;name\n1;José\n2;\xc3\xa9\n"), ""},
		"UTF-16 without a mark":    {unmarked, ""},
		"its other order":          {big, ""},
	} {
		table, no := sheet.Read(c.file)
		if no.Refused() || table.Rows[0].Cells[1] != "José" || table.Old != c.old {
			t.Errorf("%s: %v %q %s", name, table.Rows, table.Old, no.Detail())
		}
	}
	table, _ := sheet.Read([]byte("number;name\n1;\x93Mama\x94 \x80\n"))
	if got := table.Rows[0].Cells[1]; got != "“Mama” €" {
		t.Errorf("read %q", got)
	}
}

// TestDamagedFilesSayWhatIsWrong: each file that cannot be read as a table has a message of its own.
func TestDamagedFilesSayWhatIsWrong(t *testing.T) {
	good := workbook(t, []any{"number"}, []any{"04140001001"})
	many := strings.Repeat("x\n", sheet.MaxRows+2)
	wide := strings.TrimSuffix(strings.Repeat("c,", sheet.MaxColumns+1), ",")
	for i := range sheet.MaxColumns + 1 {
		wide = strings.Replace(wide, "c,", fmt.Sprintf("k%d,", i), 1)
	}
	bomb := bytes.Repeat([]byte("x"), sheet.MaxBytes+1)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":                     {nil, "The file is empty."},
		"blanks":                      {[]byte(" \r\n\t\n"), "The file is empty."},
		"only separators":             {[]byte(",,\n,,\n"), "The file is empty."},
		"no rows":                     {[]byte("number,name\n"), "no rows"},
		"too large":                   {bomb, "larger than 8 MB"},
		"too many rows":               {[]byte(many), "more than 20000 rows"},
		"too many columns":            {[]byte(wide + "\n1\n"), "more than 100 columns"},
		"two encodings":               {[]byte("number,name\n1,José\n2,Jos\xe9\n"), "Line 3 has letters in another encoding"},
		"half of a letter":            {[]byte("number,name\n1,Jos\xc3"), "Line 2 has letters in another encoding"},
		"a byte that is no letter":    {[]byte("number,name\n1,Jos\x81 A\n"), "Line 2 has letters in another encoding"},
		"an open quotation mark":      {[]byte("number,name\n1,\"Amina\n2,Joy\n"), "quotation marks that begin in line 2"},
		"a quotation mark in a value": {[]byte("number,name\n1,Amina \"the boss\" A.\n"), "quotation marks that begin in line 2"},
		"a null character":            {[]byte("number,name\n1,A\x00\n"), "Line 2 has a null character"},
		"a picture":                   {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), "neither CSV nor a workbook"},
		"UTF-16 cut in a letter":      {append(utf16le("number\n1\n"), 'x'), "neither CSV nor a workbook"},
		"an old workbook":             {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more"), "old format of Excel"},
		"half a workbook":             {good[:len(good)/2], "not a workbook that can be read"},
		"a workbook with changed bytes": {bytes.Replace(good, []byte("xl/workbook.xml"), []byte("xl/workboox.xml"), -1),
			"not a workbook that can be read"},
		"another ZIP":        {[]byte("PK\x03\x04 and nothing else"), "not a workbook that can be read"},
		"an empty workbook":  {workbook(t), "The file is empty."},
		"a column twice":     {[]byte("number,Name,name\n1,A,B\n"), `Two columns have the name "name".`},
		"a very long value":  {[]byte("number,name\n1," + strings.Repeat("x", 1001) + "\n"), "Line 2 has a value of more than 1000 characters."},
		"a header of blanks": {[]byte("\u00a0;\u200b\n\n"), "The file is empty."},
	} {
		_, no := sheet.Read(c.file)
		if no.Code != refusal.ImportUnreadable || !strings.Contains(no.Detail(), c.want) || !strings.Contains(no.Detail(), "Nothing was imported.") || no.Try == "" {
			t.Errorf("%s: %q, want %q", name, no.Detail(), c.want)
		}
	}
}

func TestARowWiderThanItsHeaderIsMarked(t *testing.T) {
	table, no := sheet.Read([]byte("number,address\n1,Ngong Road 1, Nairobi\n2,Road,,\n"))
	if no.Refused() || !table.Rows[0].Wide || table.Rows[1].Wide || table.Rows[0].Line != 2 {
		t.Errorf("%+v %s", table, no.Detail())
	}
}

func TestDigitsThatSpreadsheetsChanged(t *testing.T) {
	for cell, want := range map[string]string{"04140001001": "04140001001", "'04140001001": "04140001001", `="0414"`: "0414", "4140001001.0": "4140001001",
		"4140001001,00": "4140001001", "": "", "+254 700": "+254 700", "1.5": "1.5", "E": "E", "ELM 1": "ELM 1"} {
		if got, no := sheet.Digits(cell); got != want || no.Refused() {
			t.Errorf("Digits(%q) = %q %s", cell, got, no.Detail())
		}
	}
	for _, cell := range []string{"1.2E+12", "4,14E+10", "4E10", "2.547e+11", "1.0E-3"} {
		if _, no := sheet.Digits(cell); no.Code != refusal.ImportRow {
			t.Errorf("Digits(%q) was read", cell)
		}
	}
}

func TestAmountsThatSpreadsheetsWrite(t *testing.T) {
	for _, c := range []struct {
		column string
		comma  bool
	}{{"1250 12.5 1,234", false}, {"12,5 1000", true}, {"1.234,50 17", true}, {"1,234.50 12,5", false}, {"1.234 5", false}, {"1,234 5", false},
		{"1.234.567 5", true}, {"KES_12,50", true}, {"1,234,567", false}} {
		if got := sheet.CommaDecimals(strings.Fields(strings.ReplaceAll(c.column, "_", ""))); got != c.comma {
			t.Errorf("%q has commas before decimals: %t", c.column, got)
		}
	}
	for _, c := range []struct {
		cell  string
		comma bool
		want  string
	}{{"1234,50", true, "1234.50"}, {"1.234,50", true, "1,234.50"}, {"1234.0999999999999", false, "1234.1"}, {"0.30000000000000004", false, "0.3"},
		{"1234.123456789", false, "1234.123456789"}, {"12.5", false, "12.5"}, {"100.0", false, "100"}} {
		if got, no := sheet.Amount(c.cell, c.comma); got != c.want || no.Refused() {
			t.Errorf("Amount(%q, %t) = %q %s, want %q", c.cell, c.comma, got, no.Detail(), c.want)
		}
	}
	if _, no := sheet.Amount("1.2E+12", false); no.Code != refusal.ImportRow {
		t.Error("an amount with lost digits was read")
	}
}

func TestDatesThatSpreadsheetsWrite(t *testing.T) {
	for cell, want := range map[string]string{"": "", "2026-10-31": "2026-10-31", "31.10.2026": "2026-10-31", "1.2.2026": "2026-02-01", "31/10/2026": "2026-10-31",
		"10/31/2026": "2026-10-31", "5/5/2026": "2026-05-05", "46326": "2026-10-31", "46326.0": "2026-10-31", "2026-10-31 00:00:00": "2026-10-31", "2026-10-31T10:00": "2026-10-31"} {
		if got, no := sheet.Date(cell); got != want || no.Refused() {
			t.Errorf("Date(%q) = %q %s, want %q", cell, got, no.Detail(), want)
		}
	}
	for _, cell := range []string{"3/4/2026", "31.2.2026", "soon", "12", "2026-13-01", "99999"} {
		if got, no := sheet.Date(cell); no.Code != refusal.ImportRow {
			t.Errorf("Date(%q) was read as %q", cell, got)
		}
	}
}

func TestFormulasAreNoValues(t *testing.T) {
	for cell, bad := range map[string]bool{"=A1+B1": true, "#REF!": true, "#n/a": true, "####": true, `="0414"`: false, "": false, "#1": false, "12": false,
		`="a"&B2&"c"`: true} {
		if no := sheet.Fault(cell); no.Refused() != bad {
			t.Errorf("Fault(%q): %s", cell, no.Detail())
		}
	}
}
