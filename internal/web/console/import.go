package console

import (
	"cmp"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sheet"
	"github.com/paywatt/paywatt/internal/web/input"
	"github.com/paywatt/paywatt/internal/words"
)

// An import takes two steps: the check of a file, which changes nothing, and the import. Between the two the server keeps the file in memory.

const importPath = "/import"

// Limits of what pages of imports show and keep.
const (
	maxChecked   = 8 // files
	checkedLife  = 30 * time.Minute
	shownLines   = 100
	shownImports = 20
)

// checkedFile is a file between its check and its import.
type checkedFile struct {
	form, session string // form is the id of the form that sends it on
	request       imports.Request
	isChecked     bool // a page has shown what the import would do
	at            time.Time
}

// checkedFiles are the files that somebody checked, the newest last.
type checkedFiles struct {
	mu  sync.Mutex
	all []checkedFile
}

// keep keeps a file, and forgets old ones.
func (c *checkedFiles) keep(f checkedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(c.all, func(old checkedFile) bool { return f.at.Sub(old.at) > checkedLife || old.session == f.session })
	if len(c.all) >= maxChecked {
		c.all = slices.Delete(c.all, 0, len(c.all)-maxChecked+1)
	}
	c.all = append(c.all, f)
}

// findFile returns a file of a session.
func (c *checkedFiles) findFile(form, session string) (checkedFile, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.all {
		if f.form == form && f.session == session {
			return f, true
		}
	}
	return checkedFile{}, false
}

// importForm is the first step.
type importForm struct {
	FormID, Error, Kind, Tariff string
	Kinds, Tariffs              []choice
	Columns                     []kindColumns
	Earlier                     []importLine
}

// kindColumns are the names of the columns of a kind of file.
type kindColumns struct{ Kind, Names string }

// importLine is an earlier import.
type importLine struct{ Path, Kind, At, By, Rows, Undone string }

// importTotal is a count of rows.
type importTotal struct{ Name, Count string }

// importResult is what became of a file, or what would become of it.
type importResult struct {
	FormID, Error, Kind string
	Totals              []importTotal
	Problems            []problemLine
	More                string
	Columns             []columnChoice
	Ignored             string
	OtherSheets         string // of the workbook, which are not imported
	HiddenSheets        string // neither are these
	HiddenSheet         bool   // the sheet that is imported is hidden
	HiddenRows          string
	HiddenRowsName      string
	HiddenColumns       string
	Old                 string // a value whose letters may be wrong
	OK                  bool
	Undoable            bool
	Secrets             string
	Command             string
	Path, Notice        string
	Rows                string // heading of the rows
	Approval            string // address of the approval that the file waits for
	Money               bool
}

// sheetChoice lets somebody choose a sheet of a workbook.
type sheetChoice struct {
	FormID, Error, Sheet string
	From                 []choice
}

type problemLine struct{ Line, Detail string }

// columnChoice is a column of the import with the headings to choose from.
type columnChoice struct {
	Name, Label, Heading string
	From                 []choice
}

// importPage shows the form and the earlier imports.
func (s *Console) importPage(w http.ResponseWriter, r *http.Request, v visit) {
	s.showImport(w, r, v, http.StatusOK, importForm{Kind: r.URL.Query().Get("kind")})
}

func (s *Console) showImport(w http.ResponseWriter, r *http.Request, v visit, status int, d importForm) {
	kinds := imports.KindsOf(v.by)
	if len(kinds) == 0 {
		s.refuse(w, r, v, v.by.Needs(access.WriteMeters))
		return
	}
	t, ctx := v.site.say, r.Context()
	tariffs, err := s.c.Registry.Tariffs(ctx, v.by, registry.Page{Limit: 200})
	if s.stopped(w, r, v, err, tariffs.Refusal) {
		return
	}
	earlier, err := s.c.Imports.List(ctx, v.by, registry.Page{Limit: shownImports})
	if s.stopped(w, r, v, err, earlier.Refusal) {
		return
	}
	d.Tariffs = []choice{{"", t.ImportNoTariff()}}
	for _, k := range kinds {
		d.Kinds = append(d.Kinds, choice{string(k), kindWord(t, k)})
		d.Columns = append(d.Columns, kindColumns{kindWord(t, k), strings.Join(k.Columns(), ", ")})
	}
	for _, version := range tariffs.Data {
		d.Tariffs = append(d.Tariffs, choice{version.Name, version.Name})
	}
	for _, i := range earlier.Data {
		line := importLine{Path: importOf(i), Kind: kindWord(t, i.Kind), At: v.site.clock(i.CreatedAt), By: v.site.actor(i.By), Rows: itoa(i.Lines)}
		if !i.UndoneAt.IsZero() {
			line.Undone = v.site.clock(i.UndoneAt)
		}
		d.Earlier = append(d.Earlier, line)
	}
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, importView(s.page(r, v, t.ImportTitle()), d))
}

func importOf(i imports.Import) string { return "/imports/" + i.ID.Text(id.Import) }

func kindWord(t *words.Texts, k imports.Kind) string {
	switch k {
	case imports.Customers:
		return t.ImportCustomers()
	case imports.Debts:
		return t.ImportDebts()
	case imports.Balances:
		return t.ImportBalances()
	case imports.Tariffs:
		return t.ImportTariffs()
	}
	return t.ImportMeters()
}

// withFile answers a form with a file of somebody who may send one, if there is room for it. It asks for the right first: whoever may not send a
// file must not keep others from sending theirs.
func (s *Console) withFile(may func(access.Actor) refusal.Refusal, next func(w http.ResponseWriter, r *http.Request, v visit)) func(w http.ResponseWriter, r *http.Request, v visit) {
	return func(w http.ResponseWriter, r *http.Request, v visit) {
		if no := may(v.by); no.Refused() {
			s.refuse(w, r, v, no)
			return
		}
		release, no := s.c.Uploads.Hold(access.Self(v.by))
		if no.Refused() {
			s.refuse(w, r, v, no)
			return
		}
		defer release()
		next(w, r, v)
	}
}

// readFile reads the form of a file of at most some bytes. The file is nil if the form names one that was checked before.
func readFile(w http.ResponseWriter, r *http.Request, most int64) ([]byte, refusal.Refusal) {
	r.Body = http.MaxBytesReader(w, r.Body, most+maxForm)
	no := refuse.ImportWithoutFile(most >> 20)
	if err := r.ParseMultipartForm(most); err != nil || !input.Parsed(r) {
		return nil, no
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	if r.PostFormValue("act") != "" {
		return nil, refusal.Refusal{}
	}
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, no
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, no
	}
	return content, refusal.Refusal{}
}

// importFile checks a file, checks it again with other columns, or imports it.
func (s *Console) importFile(w http.ResponseWriter, r *http.Request, v visit) {
	content, no := readFile(w, r, sheet.MaxBytes)
	form := importForm{Kind: r.PostFormValue("kind"), Tariff: r.PostFormValue("tariff")}
	again := func(no refusal.Refusal) {
		form.Error = v.site.say.Refusal(no).Detail()
		s.showImport(w, r, v, http.StatusUnprocessableEntity, form)
	}
	if !no.Refused() && !v.owns(r.PostFormValue("form")) {
		no = refuse.OfficeFormOfOtherSession()
	}
	if no.Refused() {
		again(no)
		return
	}
	request := imports.Request{Kind: imports.Kind(form.Kind), File: content, DryRun: true}
	if form.Tariff != "" && request.Kind == imports.Meters {
		request.Defaults = map[string]string{"tariff": form.Tariff}
	}
	if act := r.PostFormValue("act"); act != "" {
		kept, found := s.checked.findFile(r.PostFormValue("form"), v.session)
		if !found || act == "import" && !kept.isChecked {
			again(refuse.ImportFileGone())
			return
		}
		if request = kept.request; act == "import" {
			s.importNow(w, r, v, request)
			return
		}
		request.Mapping = chosenColumns(r, request.Kind)
		request.Sheet = cmp.Or(r.PostFormValue("sheet"), request.Sheet)
		request.Hidden = false // until a page names what is hidden there
	}
	out, err := s.c.Imports.Apply(r.Context(), v.by, request)
	switch {
	case err != nil:
		s.broken(w, r, v, err)
	case out.Refused() && len(out.Book.Sheets) > 1:
		s.askSheet(w, r, v, request, out)
	case out.Refused():
		again(out.Refusal)
	default:
		s.showChecked(w, r, v, request, out)
	}
}

// chosenColumns reads which heading somebody chose for each column.
func chosenColumns(r *http.Request, k imports.Kind) map[string]string {
	out := map[string]string{}
	for _, name := range k.Columns() {
		if heading := r.PostFormValue("column_" + name); heading != "" {
			out[name] = heading
		}
	}
	return out
}

// showChecked shows what would happen, and keeps the file for the next step.
func (s *Console) showChecked(w http.ResponseWriter, r *http.Request, v visit, request imports.Request, out imports.Result) {
	t := v.site.say
	d := s.result(v, out)
	d.Ignored, d.Old, d.Command = strings.Join(out.Ignored, ", "), out.Old, importCommand(request, len(out.Book.HiddenRows)+len(out.Hidden) > 0)
	d.Totals = slices.Insert(d.Totals, 0, importTotal{t.ImportRows(), itoa(out.Import.Lines)})
	if out.Book.Sheet != "" {
		d.Totals = slices.Insert(d.Totals, 0, importTotal{t.ImportSheet(), out.Book.Sheet})
	}
	d.OtherSheets = strings.Join(out.Book.Others, ", ")
	d.showHidden(t, out)
	request.Hidden = true // the page names what is hidden
	for _, c := range out.Columns {
		one := columnChoice{Name: c.Name, Label: t.Name("import-column", c.Name), Heading: c.Heading, From: []choice{{"", t.ImportNone()}}}
		for _, heading := range out.Header {
			if heading != "" {
				one.From = append(one.From, choice{heading, heading})
			}
		}
		d.Columns = append(d.Columns, one)
	}
	var err error
	if d.FormID, err = s.keepFile(v, checkedFile{request: request, isChecked: true}); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusOK, importCheckView(s.page(r, v, t.ImportTitle()), d))
}

// showHidden takes what the workbook hides.
func (d *importResult) showHidden(t *words.Texts, out imports.Result) {
	d.HiddenSheet, d.HiddenSheets = out.Book.IsHidden, strings.Join(out.Book.HiddenSheets(), ", ")
	d.HiddenRows, d.HiddenRowsName = sheet.Spans(out.Book.HiddenRows), t.ImportHiddenRows(itoa(len(out.Book.HiddenRows)))
	var columns []string
	for _, c := range out.Hidden {
		columns = append(columns, c.String())
	}
	d.HiddenColumns = strings.Join(columns, ", ")
}

// keepFile keeps a file for the next step, and returns the id of the form that sends it on.
func (s *Console) keepFile(v visit, f checkedFile) (form string, err error) {
	form, err = s.formID(v)
	if err != nil {
		return "", err
	}
	f.form, f.session, f.at = form, v.session, s.c.Now()
	s.checked.keep(f)
	return form, nil
}

// askSheet says why no sheet of a workbook, or not this one, can be imported, and lets somebody choose another one.
func (s *Console) askSheet(w http.ResponseWriter, r *http.Request, v visit, request imports.Request, out imports.Result) {
	t := v.site.say
	d := sheetChoice{Error: t.Refusal(out.Refusal).Detail(), Sheet: request.Sheet}
	for _, one := range out.Book.Sheets {
		label := one.Name
		if one.IsHidden {
			label = t.ImportSheetHidden(one.Name)
		}
		d.From = append(d.From, choice{one.Name, label})
	}
	request.Mapping = nil // another sheet has other columns
	var err error
	if d.FormID, err = s.keepFile(v, checkedFile{request: request}); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, http.StatusUnprocessableEntity, importSheetView(s.page(r, v, t.ImportTitle()), d))
}

// importCommand is the command that imports the same file.
func importCommand(w imports.Request, hidden bool) string {
	options := []string{}
	if w.Sheet != "" {
		options = append(options, "--sheet", w.Sheet)
	}
	for _, name := range w.Kind.Columns() {
		if heading := w.Mapping[name]; heading != "" {
			options = append(options, "--map", name+"="+heading)
		}
	}
	if tariff := w.Defaults["tariff"]; tariff != "" {
		options = append(options, "--default", "tariff="+tariff)
	}
	command := "paywatt import " + string(w.Kind) + " FILE"
	if hidden {
		command += " --hidden"
	}
	return commandLine(command, options...)
}

// result words the totals of an import and the rows that need somebody.
func (s *Console) result(v visit, out imports.Result) importResult {
	t := v.site.say
	n := out.Totals()
	d := importResult{Kind: string(out.Import.Kind), OK: n[imports.Done] > 0, Rows: t.ImportProblems(), Money: out.Import.Kind.Money()}
	if n[imports.Waiting] > 0 {
		d.Rows = t.ImportWaitingRows()
	}
	ok := t.ImportOk()
	if out.Import.ID.IsZero() {
		ok = t.ImportWould()
	}
	for _, total := range []struct {
		name  string
		state imports.State
	}{{ok, imports.Done}, {t.ImportRefused(), imports.Failed}, {t.ImportDuplicate(), imports.Duplicate}, {t.ImportUndone(), imports.Undone}, {t.ImportWaiting(), imports.Waiting}} {
		if n[total.state] > 0 || total.state == imports.Done {
			d.Totals = append(d.Totals, importTotal{total.name, itoa(n[total.state])})
		}
	}
	if d.Money && out.Total.Minor != 0 {
		d.Totals = append(d.Totals, importTotal{t.ImportTotal(), t.Sum(out.Total)})
	}
	for _, l := range out.Lines {
		text := t.Refusal(l.Refusal).Detail()
		if l.State == imports.Waiting {
			text = strings.TrimSpace(l.Account + " " + t.Sum(money.Amount{Minor: l.Amount, Currency: out.Total.Currency}) + " " + l.For)
		}
		if text == "" {
			continue
		}
		if len(d.Problems) == shownLines {
			d.More = t.ImportMore(strconv.Itoa(shownLines))
			break
		}
		d.Problems = append(d.Problems, problemLine{itoa(l.Line), text})
	}
	return d
}

// importNow imports a checked file. The form's id is the idempotency key.
func (s *Console) importNow(w http.ResponseWriter, r *http.Request, v visit, request imports.Request) {
	request.DryRun, request.Key = false, r.PostFormValue("form")
	out, err := s.c.Imports.Apply(r.Context(), v.by, request)
	if s.stopped(w, r, v, err, out.Refusal) {
		return
	}
	s.showImported(w, r, v, http.StatusCreated, out, secretList(out))
}

// secretList lists the secrets of the meters that were registered, as CSV. Only meters with a connection of their own need them.
func secretList(out imports.Result) string {
	var b strings.Builder
	for _, l := range out.Lines {
		password := l.Password.Reveal()
		if password == "" {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("number,mqtt_password,link_key\n")
		}
		b.WriteString(l.Number + "," + password + "," + hex.EncodeToString(l.LinkKey.Reveal()) + "\n")
	}
	return b.String()
}

// imported shows an earlier import.
func (s *Console) imported(w http.ResponseWriter, r *http.Request, v visit) {
	out, err := s.c.Imports.Show(r.Context(), v.by, r.PathValue("import"))
	if s.stopped(w, r, v, err, out.Refusal) {
		return
	}
	s.showImported(w, r, v, http.StatusOK, out, "")
}

func (s *Console) showImported(w http.ResponseWriter, r *http.Request, v visit, status int, out imports.Result, secrets string) {
	d := s.result(v, out)
	d.Path, d.Secrets, d.Undoable, d.Command = importOf(out.Import), secrets, d.OK && imports.MayUndo(v.by, out.Import.Kind), "paywatt import undo "+out.Import.ID.Text(id.Import)
	d.Notice = v.site.say.ImportDone()
	switch {
	case out.Waits != nil || !out.Import.Approval.IsZero() && !out.Import.Approved:
		d.Notice, d.Approval = v.site.say.ImportWaits(), "/approvals/"+out.Import.Approval.Text(id.Approval)
	case out.Import.DoneAt.IsZero():
		d.Notice = v.site.say.ImportUnfinished()
	}
	var err error
	if d.FormID, err = s.formID(v); err != nil {
		s.broken(w, r, v, err)
		return
	}
	s.show(w, r, status, importedView(s.page(r, v, cmp.Or(kindWord(v.site.say, out.Import.Kind), d.Kind)), d))
}

// undoImport takes back what an import made.
func (s *Console) undoImport(w http.ResponseWriter, r *http.Request, v visit) {
	if !v.owns(r.PostFormValue("form")) {
		s.refuse(w, r, v, refuse.OfficeFormOfOtherSession())
		return
	}
	out, err := s.c.Imports.Undo(r.Context(), v.by, r.PathValue("import"))
	if s.stopped(w, r, v, err, out.Refusal) {
		return
	}
	if out.Waits != nil {
		s.showWaits(w, r, v, *out.Waits)
		return
	}
	http.Redirect(w, r, importOf(out.Import), http.StatusSeeOther)
}
