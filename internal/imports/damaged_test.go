package imports_test

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sheet"
)

// update writes the damaged files and what an import says about them anew. Read the difference.
var update = flag.Bool("update", false, "write testdata/damaged anew")

const damagedFolder = "testdata/damaged"

// inUTF16 writes a text as Windows writes "Unicode text".
func inUTF16(text string, mark bool) string {
	var b strings.Builder
	if mark {
		b.WriteString("\xff\xfe")
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	return b.String()
}

// book makes a workbook and lets a function change it.
func book(t *testing.T, change func(*excelize.File) error, rows ...[]any) string {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		if err := change(f); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// asNumber is a meter number as a spreadsheet stores it.
func asNumber(t *testing.T, meter string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(meter, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bomb is a workbook whose sheet unpacks to 100 MB.
func bomb(t *testing.T) string {
	t.Helper()
	good := book(t, nil, []any{"number"}, []any{meterNumber(1)})
	in, err := zip.NewReader(strings.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, part := range in.File {
		w, err := out.Create(part.Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if part.Name == "xl/worksheets/sheet1.xml" {
			content = bytes.Replace(content, []byte("</sheetData>"), append(bytes.Repeat([]byte(" "), 100<<20), "</sheetData>"...), 1)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// large are the damaged files that are made for each run, because they are too large to keep.
func large(t *testing.T) map[string]string {
	return map[string]string{
		"meters-bomb.xlsx":         bomb(t),
		"meters-too-large.csv":     "number\n" + strings.Repeat("x", sheet.MaxBytes),
		"meters-too-many-rows.csv": "number\n" + strings.Repeat("04140000017\n", sheet.MaxRows+1),
	}
}

// damaged are files as people send them. The beginning of each name is the kind of import.
func damaged(t *testing.T) map[string]string {
	a, b := meterNumber(1), meterNumber(2) // they are registered
	c, d, e := meterNumber(11), meterNumber(12), meterNumber(13)
	whole := book(t, nil, []any{"number", "name"}, []any{c, "Amina"})
	return map[string]string{
		"meters-byte-order-mark.csv":     "\ufeffnumber,name\r\n" + c + ",Amina\r\n",
		"meters-utf16.csv":               inUTF16("number\tname\r\n"+c+"\tJosé\r\n", true),
		"meters-utf16-unmarked.csv":      inUTF16("number\tname\r\n"+c+"\tJosé\r\n", false),
		"meters-windows-1252.csv":        "number;name;address\r\n" + c + ";Amina;Flat 1\r\n" + d + ";Jos\xe9 \x96 caf\xe9;Flat 2\r\n",
		"meters-two-encodings.csv":       "number,name\n" + c + ",José\n" + d + ",Jos\xe9\n",
		"meters-cut-off.csv":             "number,name\n" + c + ",José\n" + d + ",Jos\xc3",
		"meters-semicolons.csv":          "number;name;phone\n" + c + ";Otieno, Ben;+254700000001\n",
		"meters-tabs.csv":                "number\tname\n" + c + "\tAmina\n",
		"meters-commas-in-values.csv":    "number,address\n" + c + ",Ngong Road 1, Nairobi\n",
		"meters-lost-zeros.csv":          "number,name\n" + strings.TrimPrefix(c, "0") + ",Amina\n" + strings.TrimPrefix(d, "0") + ".0,Ben\n",
		"meters-rounded.csv":             "Meter No,Tenant,Phone\n4.14E+10,Amina,\n" + d + ",Ben,\"2,547E+11\"\n",
		"meters-check-digit.csv":         "number,name\n" + c[:10] + string('0'+(c[10]-'0'+1)%10) + ",Amina\n",
		"meters-open-quote.csv":          "number,name\n" + c + ",\"Amina\n" + d + ",Ben\n",
		"meters-quote-in-value.csv":      "number,name\n" + c + ",Amina \"Mama\" A.\n",
		"meters-null-bytes.csv":          "number,name\n" + c + ",Ami\x00na\n",
		"meters-picture.csv":             "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
		"meters-empty.csv":               "\r\n \r\n",
		"meters-headings-only.csv":       "number,name,phone\n",
		"meters-no-headings.csv":         c + ",Amina\n" + d + ",Ben\n",
		"meters-duplicate-headings.csv":  "number,Name,name\n" + c + ",Amina,Ben\n",
		"meters-mixed-line-ends.csv":     "number,name\r\n" + c + ",Amina\n" + d + ",Ben\r" + e + ",Joy\r\n",
		"meters-direction-marks.csv":     "number,name\n\u200e" + c + "\u200f,\u200fأمينة\u200e\n\u202a" + d + "\u202c,Ben\n",
		"meters-twice.csv":               "number,name\n" + c + ",Amina\n" + c[:4] + " " + c[4:8] + " " + c[8:] + ",Amina\n",
		"meters-formula-errors.csv":      "number,name\n#REF!,Amina\n" + d + ",=A2&B2\n#######,Joy\n",
		"meters-old.xls":                 "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 100),
		"meters-truncated.xlsx":          whole[:len(whole)*2/3],
		"meters-merged.xlsx":             book(t, func(f *excelize.File) error { return f.MergeCell("Sheet1", "B2", "B3") }, []any{"number", "name"}, []any{c, "Amina"}, []any{d}, []any{e, "Joy"}),
		"meters-formula.xlsx":            book(t, func(f *excelize.File) error { return f.SetCellFormula("Sheet1", "A2", `CONCATENATE("0414",B2)`) }, []any{"number", "name"}, []any{nil, "Amina"}, []any{d, "Ben"}),
		"meters-numbers.xlsx":            book(t, nil, []any{"number", "name"}, []any{414*10_000_000 + 110, "Amina"}, []any{asNumber(t, d), "Ben"}),
		"balances-dates-as-numbers.xlsx": book(t, nil, []any{"account", "amount", "as_of"}, []any{a, 100, 46326}, []any{b, 0.1 + 0.2, 12}),
		"balances-decimal-commas.csv":    "account;amount\n" + a + ";1.250,50\n" + b + ";12,5\n",
		"balances-points-and-commas.csv": "account;amount\n" + a + ";1.250,50\n" + b + ";12.5\n",
		"balances-thousands.csv":         "account,amount\n" + a + ",\"1,250\"\n" + b + ",\"KES 1 250.50\"\n",
		"balances-unclear-dates.csv":     "account,amount,Date\n" + a + ",100,3/4/2026\n" + b + ",100,31.2.2026\n",
		"balances-total.csv":             "account,amount\n" + a + ",100\nTotal,100\n,\n",
		"balances-other-currency.csv":    "account,amount,currency\n" + a + ",100,USD\n" + b + ",100,kes\n",
		"balances-nobody.csv":            "account,amount\n" + meterNumber(900) + ",100\n,50\n",
		"debts-amounts.csv":              "account,amount,percent\n" + a + ",-5,\n" + a + ",zero,\n" + b + ",1.005,\n" + b + ",10,200%\n",
		"customers-telephones.csv":       "name,phone\nAmina,0700\nBen,call me\nJoy,\"=\"\"+254700000001\"\"\"\n,\n" + strings.Repeat("x", 300) + ",\n",
	}
}

// said is what an import says about a file.
func (w *world) said(name string, file []byte) string {
	kind, _, _ := strings.Cut(name, "-")
	out, err := w.Apply(w.t.Context(), w.by, imports.Request{Kind: imports.Kind(kind), File: file, DryRun: true,
		Defaults: map[string]map[string]string{"meters": {"tariff": "domestic"}}[kind]})
	switch {
	case err != nil:
		w.t.Errorf("%s: %v", name, err)
	case out.Refused():
		return "  " + out.Refusal.Detail() + "\n"
	}
	var b strings.Builder
	if out.Old != "" {
		fmt.Fprintf(&b, "  read as Windows-1252: %s\n", out.Old)
	}
	if len(out.Ignored) > 0 {
		fmt.Fprintf(&b, "  ignored: %s\n", strings.Join(out.Ignored, ", "))
	}
	for _, l := range out.Lines {
		fmt.Fprintf(&b, "  row %d: %s", l.Line, l.State)
		for _, more := range []string{l.Number, l.Detail()} {
			if more != "" {
				b.WriteString(" " + more)
			}
		}
		if l.Amount != 0 {
			fmt.Fprintf(&b, " %s", money.Amount{Minor: l.Amount, Currency: "KES"})
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestDamagedFilesAreUnderstoodOrExplained compares what the check of each damaged file says with testdata/damaged.txt: what happened, in which
// row and column, and what to do.
func TestDamagedFilesAreUnderstoodOrExplained(t *testing.T) {
	w := newWorld(t, false)
	w.meters(1, 2)
	if *update {
		if err := os.RemoveAll(damagedFolder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(damagedFolder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, file := range damaged(t) {
			if err := os.WriteFile(filepath.Join(damagedFolder, name), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var said strings.Builder
	kept, err := os.ReadDir(damagedFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range kept {
		file, err := os.ReadFile(filepath.Join(damagedFolder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		said.WriteString(entry.Name() + "\n" + w.said(entry.Name(), file))
	}
	made := large(t)
	for _, name := range []string{"meters-bomb.xlsx", "meters-too-large.csv", "meters-too-many-rows.csv"} {
		said.WriteString(name + " (made)\n" + w.said(name, []byte(made[name])))
	}
	if len(kept) < 20 {
		t.Errorf("there are %d damaged files", len(kept))
	}
	const golden = "testdata/damaged.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(said.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if said.String() != string(want) {
		t.Errorf("the messages are not those of %s:\n%s", golden, said.String())
	}
}
