package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/paywatt/paywatt/internal/access"
)

// send sends a form with a file, as a browser does.
func (g *guest) send(path, name, content string, fields ...string) answer {
	g.w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := m.WriteField(fields[i], fields[i+1]); err != nil {
			g.w.t.Fatal(err)
		}
	}
	if name != "" {
		part, err := m.CreateFormFile("file", name)
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil {
			g.w.t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		g.w.t.Fatal(err)
	}
	return g.raw(http.MethodPost, path, &b, "Content-Type", m.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

const flats = "Meter No;Tenant;Phone;Flat;Floor\n4140001019;Ben Otieno;+254700000002;A2;1\n04140001027;Cara;;A3;2\n04140001002;Dan;;A4;2\n4.14E+10;Eve;;A5;3\n"

// TestFlatsAreImportedFromAFile: checked, imported once, looked at again, and undone except the flat that was sold to.
func TestFlatsAreImportedFromAFile(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	page := g.get("/import").is(200).says("Nothing was imported yet.", "number, mode, tariff, customer_name")
	form := page.value("form")
	g.send("/import", "", "", "form", form, "kind", "meters").is(422).says("No file was chosen")
	g.send("/import", "flats.csv", flats, "form", "x", "kind", "meters").is(422).says("The form is from another session.")
	g.send("/import", "flats.csv", "a,b\n1,2\n", "form", form, "kind", "meters").is(422).says("no column that is named number")
	g.send("/import", "flats.csv", "\x00\x01", "form", form, "kind", "meters").is(422).says("neither CSV nor a workbook")
	g.send("/import", "flats.csv", flats, "form", form, "kind", "meters", "tariff", "domestic").is(200).
		says("Rows 4", "Would be imported 2", "Refused 2", "The check digit of meter number 04140001002 is wrong", `"4.14E+10" is a number that a spreadsheet rounded`,
			"The import does not use these columns: Floor", "paywatt import meters FILE --default tariff=domestic")
	g.get("/meters").is(200).omits("0414 0001 019")
	const rounded, column = "est un nombre qu’un tableur a arrondi", "Colonne A, Meter No :"
	g.post("/language", "language", "fr")
	g.send("/import", "flats.csv", flats, "form", form, "kind", "meters", "tariff", "domestic").is(200).says(rounded, column).omits("Format the column", "Column")
	g.post("/language", "language", "en")
	checked := g.send("/import", "flats.csv", flats, "form", form, "kind", "meters", "tariff", "domestic").is(200)
	g.send("/import", "", "", "form", "console-x", "act", "import").is(422)
	again := g.send("/import", "", "", "form", checked.value("form"), "act", "check", "column_feeder", "Floor").is(200).says("--map feeder=Floor").omits("mean nothing")
	done := g.send("/import", "", "", "form", again.value("form"), "act", "import").is(201).says("The import is done.", "Imported 2", "Refused 2")
	if !strings.Contains(done.body, "04140001019,") || strings.Contains(done.body, "04140001002,") {
		t.Error("the page does not have the secrets of the imported meters")
	}
	g.get("/meters").is(200).says("0414 0001 019", "Ben Otieno", "Cara")
	twice := g.send("/import", "", "", "form", again.value("form"), "act", "import").is(201).says("Imported 2")
	if strings.Contains(twice.body, "mqtt_password") {
		t.Error("secrets were shown twice")
	}
	g.sell("04140001019", "50")
	earlier := g.get("/import").is(200).link(t, `/imports/imp_[a-z0-9]+`)
	shown := g.get(earlier).is(200).says("Imported 2", "paywatt import undo imp_")
	g.post(earlier, "form", "x").is(400)
	g.post(earlier, "form", shown.value("form")).leads(earlier)
	g.get(earlier).is(200).says("Imported 1", "Undone 1", "Meter 04140001019 was used since")
	g.post("/language", "language", "fr")
	g.get(earlier).is(200).says("Le compteur 04140001019 a servi depuis", rounded, column).omits("was used since", "Format the column")
	g.post("/language", "language", "en")
	g.get("/meters").is(200).says("0414 0001 019").omits("0414 0001 027")
	g.get("/customers").is(200).says("Ben Otieno").omits("Cara")
	g.get("/search?q=Cara").is(404)
	g.send("/import", "old.csv", "name;phone\nJos\xe9;+254700000008\n", "form", form, "kind", "customers").is(200).says("Would be imported 1", "They were read as Windows-1252, for example: José")
	second := g.send("/import", "people.csv", "name,phone\nJuma,+254700000009\nJuma,+254700000009\n", "form", form, "kind", "customers").is(200).says("Would be imported 2")
	g.send("/import", "", "", "form", second.value("form"), "act", "import").is(201)
	g.get("/customers?find=juma").is(200).says("+254700000009")
	g.get("/imports/imp_none").is(404)
	w.person("support@example.org", access.Support)
	other := w.enter("support@example.org")
	other.get("/import").is(403)
	other.send("/import", "", "", "form", second.value("form"), "act", "import").is(403)
	if n := w.audited("import.begin"); n != 2 {
		t.Errorf("the audit log has %d imports, want 2", n)
	}
}

// TestAColumnWithoutAHeadingCannotBeChosen: each choice has one empty option, which says that no column is used.
func TestAColumnWithoutAHeadingCannotBeChosen(t *testing.T) {
	g := begin(t).enter(ownerEmail)
	form := g.get("/import").is(200).value("form")
	const people = "name,,phone\nJuma,tall,+254700000009\n"
	page := g.send("/import", "people.csv", people, "form", form, "kind", "customers").is(200).
		says("Would be imported 1")
	choices := strings.Count(page.body, `<select id="column_`)
	empty := strings.Count(page.body, `<option value=""`)
	if choices == 0 || empty != choices {
		t.Errorf("%d choices of a column have %d empty options", choices, empty)
	}
}

// bookOf makes a workbook of sheets of meters and lets a function change it. The first sheet is "Sheet1".
func bookOf(t *testing.T, change func(*excelize.File) error) string {
	t.Helper()
	f := excelize.NewFile()
	if err := change(f); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fillSheet writes rows into a sheet, and makes the sheet if it is not there.
func fillSheet(f *excelize.File, name string, rows ...[]any) error {
	if _, err := f.NewSheet(name); err != nil {
		return err
	}
	for i, row := range rows {
		if err := f.SetSheetRow(name, fmt.Sprintf("A%d", i+1), &row); err != nil {
			return err
		}
	}
	return nil
}

// TestTheSheetOfAWorkbookIsChosen: a workbook with several lists asks for the sheet, without the file being chosen again.
func TestTheSheetOfAWorkbookIsChosen(t *testing.T) {
	g := begin(t).enter(ownerEmail)
	form := g.get("/import").is(200).value("form")
	file := bookOf(t, func(f *excelize.File) error {
		return errors.Join(fillSheet(f, "Sheet1", []any{"Read me"}, []any{"This is a list"}), fillSheet(f, "People", []any{"name"}, []any{"Juma"}, []any{"Asha"}))
	})
	asked := g.send("/import", "people.xlsx", file, "form", form, "kind", "customers").is(422).says(`Several sheets of the workbook have rows: "Sheet1", "People".`, "Sheet", "People")
	wrong := g.send("/import", "", "", "form", asked.value("form"), "act", "check", "sheet", "Sheet1").is(422).says("The file has no column that is named name", "People")
	checked := g.send("/import", "", "", "form", wrong.value("form"), "act", "check", "sheet", "People").is(200).
		says("Sheet People", "Rows 2", "Would be imported 2", "These sheets are not imported: Sheet1", "paywatt import customers FILE --sheet People")
	g.send("/import", "", "", "form", asked.value("form"), "act", "import").is(422) // that form is over
	g.send("/import", "", "", "form", checked.value("form"), "act", "import").is(201).says("Imported 2")
	again := g.send("/import", "people.xlsx", file, "form", form, "kind", "customers").is(422)
	g.send("/import", "", "", "form", again.value("form"), "act", "import").is(422) // nobody has chosen one
}

// TestTheCheckNamesWhatIsHidden: the page says it before anything is imported, and imports it only from there.
func TestTheCheckNamesWhatIsHidden(t *testing.T) {
	g := begin(t).enter(ownerEmail)
	form := g.get("/import").is(200).value("form")
	file := bookOf(t, func(f *excelize.File) error {
		return errors.Join(fillSheet(f, "Sheet1", []any{"name", "phone"}, []any{"Juma", ""}, []any{"Asha", ""}, []any{"Neema", ""}), fillSheet(f, "Old", []any{"name"}, []any{"Dan"}),
			f.SetSheetVisible("Old", false), f.SetRowVisible("Sheet1", 3, false), f.SetRowVisible("Sheet1", 4, false), f.SetColVisible("Sheet1", "B", false))
	})
	checked := g.send("/import", "people.xlsx", file, "form", form, "kind", "customers").is(200).
		says("Would be imported 3", "Hidden sheets, which are not imported: Old", "Hidden rows, which are imported like the others (2 in all): 3–4", "Hidden columns: B (phone)", "--hidden").omits("The workbook hides this sheet.")
	other := g.send("/import", "", "", "form", checked.value("form"), "act", "check", "sheet", "Old").is(200).
		says("The workbook hides this sheet.", "These sheets are not imported: Sheet1", "Would be imported 1").omits("Hidden rows", "--hidden")
	back := g.send("/import", "", "", "form", other.value("form"), "act", "check", "column_phone", "phone").is(422).says("Old (hidden)")
	g.send("/import", "", "", "form", back.value("form"), "act", "import").is(422) // that page did not say what would be imported
	again := g.send("/import", "people.xlsx", file, "form", form, "kind", "customers").is(200)
	g.send("/import", "", "", "form", again.value("form"), "act", "import").is(201).says("Imported 3")
}
