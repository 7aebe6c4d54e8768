package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// importRoute is the pattern of the route that takes a file instead of JSON.
const importRoute = http.MethodPost + " /v1/imports"

// Content types of a file.
const (
	workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	bytesType    = "application/octet-stream"
)

// takesFile reports whether a content type is one of a file to import.
func takesFile(kind string) bool { return kind == csvType || kind == workbookType || kind == bytesType }

// ImportFile says what a file is and how to read it.
type ImportFile struct {
	Kind    string   `query:"kind" required:"true" doc:"What the rows are: meters, customers, debts or balances"`
	Mode    string   `query:"mode" doc:"apply (default), or dry_run to see what would happen"`
	Map     []string `query:"map,explode" doc:"Heading of a column that has another one than usual: number=Meter No; repeatable"`
	Sheet   string   `query:"sheet" doc:"Name of the workbook's sheet to read, in capitals or not. It is needed if several visible sheets have rows"`
	Hidden  bool     `query:"hidden" doc:"Also import hidden rows and hidden columns of the sheet. Without it a sheet that has some is refused, except in a dry run"`
	Default []string `query:"default,explode" doc:"Value of cells that are empty: tariff=domestic; repeatable"`
}

// ImportPath is the import in a path.
type ImportPath struct {
	Import string `path:"id" maxLength:"64" doc:"Id of the import"`
}

func (a *API) importRoutes(r router) {
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op := huma.Operation{
		OperationID: "import", Method: http.MethodPost, Path: "/v1/imports", DefaultStatus: http.StatusCreated, Tags: []string{"imports"},
		Summary:    "Import meters, customers, debts or opening balances from a file",
		Parameters: keyParam(),
		Description: "The body is CSV or XLSX; the first row names the columns. Of a workbook one visible sheet is read; if several have rows, sheet " +
			"names it. Hidden rows and columns are imported only with hidden=true. Each row is imported as a whole or not at all, and only once. Needs " +
			"the header Idempotency-Key. If the answer was lost, send the file again: rows that were imported are not imported a second time. " +
			"Meters that need a second person are refused. A file of debts or balances may need one as a whole: then all rows are waiting, and " +
			"the answer names the approval. The secrets of registered meters are in the answer, and only once.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{csvType: {Schema: file}, workbookType: {Schema: file}}},
	}
	huma.Register(r.huma, r.described(op), func(ctx context.Context, in *ImportFile) (*reply[apiv1.Import], error) {
		x := exchangeOf(ctx)
		out, err := a.imported(ctx, x, in)
		if err != nil {
			return nil, r.a.problemFor(ctx, err)
		}
		return out, nil
	})
	listRoute(r, apiv1.Imports, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.ImportSummary], error) {
		l, err := a.c.Imports.List(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Data, l.Next, importSummaryOf)
	})
	query(r, huma.Operation{
		OperationID: "import-result", Path: "/v1/imports/{id}", Tags: []string{"imports"}, Summary: "Show an import with its rows",
	}, func(ctx context.Context, by access.Actor, in *ImportPath) (*reply[apiv1.Import], error) {
		out, err := a.c.Imports.Show(ctx, by, in.Import)
		return replyOf(out.Refusal, err, func() apiv1.Import { return importOf(out) })
	})
	order(r, huma.Operation{
		OperationID: "undo-import", Path: "/v1/imports/{id}/undo", DefaultStatus: http.StatusOK, Tags: []string{"imports"}, Summary: "Undo an import",
		Description: "Takes back what each row made. A row that was used since stays, and its detail says why. Debts and balances are taken back " +
			"with mirrored journals, and that may need a second person.",
	}, func(ctx context.Context, by access.Actor, in *ImportPath, _ apiv1.ImportNothing) (*reply[apiv1.Import], error) {
		out, err := a.c.Imports.Undo(ctx, by, in.Import)
		return replyOf(out.Refusal, err, func() apiv1.Import { return importOf(out) })
	})
}

func (a *API) imported(ctx context.Context, x *exchange, in *ImportFile) (*reply[apiv1.Import], error) {
	w := imports.Request{Kind: imports.Kind(in.Kind), File: x.body, Sheet: in.Sheet, Hidden: in.Hidden, DryRun: in.Mode == "dry_run", Key: x.once.Key}
	if in.Mode != "" && in.Mode != "apply" && !w.DryRun {
		return nil, problemOf(refuse.ImportModeUnknown(refusal.Echo(in.Mode)))
	}
	w.Mapping, w.Defaults = pairs(in.Map), pairs(in.Default)
	out, err := a.c.Imports.Apply(ctx, x.actor, w)
	return replyOf(out.Refusal, err, func() apiv1.Import { return importOf(out) })
}

// pairs reads texts such as number=Meter No.
func pairs(texts []string) map[string]string {
	out := map[string]string{}
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return out
}

func importSummaryOf(i imports.Import) apiv1.ImportSummary {
	s := apiv1.ImportSummary{Kind: string(i.Kind), By: access.PlainName(i.By), Lines: i.Lines, CreatedAt: i.CreatedAt.UTC(), DoneAt: at(i.DoneAt), UndoneAt: at(i.UndoneAt)}
	if !i.ID.IsZero() {
		s.ID = i.ID.Text(id.Import)
	}
	return s
}

// hiddenOf says what a workbook hides, or nil if it hides nothing.
func hiddenOf(out imports.Result) *apiv1.ImportHidden {
	h := apiv1.ImportHidden{Sheet: out.Book.IsHidden, Sheets: out.Book.HiddenSheets(), RowCount: len(out.Book.HiddenRows), Rows: out.Book.HiddenRows}
	for _, c := range out.Hidden {
		h.Columns = append(h.Columns, c.String())
	}
	if !h.Sheet && h.Sheets == nil && h.Rows == nil && h.Columns == nil {
		return nil
	}
	return &h
}

func importOf(out imports.Result) apiv1.Import {
	n := out.Totals()
	b := apiv1.Import{ImportSummary: importSummaryOf(out.Import), Rows: make([]apiv1.ImportResult, len(out.Lines)), Ignored: out.Ignored, Old: out.Old,
		Sheet: out.Book.Sheet, Others: out.Book.Others, Hidden: hiddenOf(out),
		Totals: apiv1.ImportTotals{OK: n[imports.Done], Error: n[imports.Failed], Duplicate: n[imports.Duplicate], Undone: n[imports.Undone], Waiting: n[imports.Waiting]}}
	if out.Import.Kind.Money() {
		sum := amountOf(out.Total)
		b.Total = &sum
	}
	if out.Waits != nil {
		b.Waits = out.Waits.ID.Text(id.Approval)
	}
	prefix := map[imports.Kind]string{imports.Meters: id.Meter, imports.Customers: id.Customer, imports.Debts: id.Debt,
		imports.Balances: id.Journal, imports.Tariffs: id.TariffChange}[out.Import.Kind]
	for i, l := range out.Lines {
		b.Rows[i] = apiv1.ImportResult{Row: l.Line, State: string(l.State), Code: string(l.Code), Detail: l.Detail()}
		if l.State == imports.Waiting {
			b.Rows[i].Detail = strings.TrimSpace(l.Account + " " + money.Amount{Minor: l.Amount, Currency: out.Total.Currency}.String() + " " + l.For)
		}
		if out.Import.ID.IsZero() {
			continue // a dry run made nothing
		}
		if !l.Object.IsZero() {
			b.Rows[i].Object = l.Object.Text(prefix)
		}
		if password := l.Password.Reveal(); password != "" {
			b.Rows[i].Password, b.Rows[i].LinkKey = password, hex.EncodeToString(l.LinkKey.Reveal())
		}
	}
	return b
}
