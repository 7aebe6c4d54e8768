package api

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/office"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sheet"
)

// reportFormats are the formats of a paper of the office, and statementFormats those of a statement.
var (
	reportFormats    = []string{"json", "pdf", "text32", "text48", "escpos58", "escpos80"}
	statementFormats = []string{"json", "pdf", "csv"}
)

// papered describes the answers of a paper whose JSON has the type T.
func papered[T any](r router, text string, formats []string) map[string]*huma.Response {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	all := map[string]*huma.MediaType{jsonType: {Schema: of[T](r)}, "application/pdf": binary}
	if slices.Contains(formats, "csv") {
		all["text/csv"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	} else {
		all["text/plain"], all["application/octet-stream"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}, binary
	}
	return map[string]*huma.Response{"200": {Description: text, Content: all}}
}

// pdfAnswer describes the answer of a route that writes a PDF file.
func pdfAnswer(text string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: text, Content: map[string]*huma.MediaType{
		"application/pdf": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
}

// paperAt lays out a report in a format. The body of the format json is made by show.
func (a *API) paperAt(r office.Report, format, accept string, formats []string, show func() any) (*paper, error) {
	if format != "" && !slices.Contains(formats, format) {
		return nil, problemOf(refuse.ReceiptFormatUnknown(refusal.Echo(format), strings.Join(formats, ", ")))
	}
	if r.Refused() {
		return nil, problemOf(r.Refusal)
	}
	sheet := func() print.Sheet { return r.Sheet(a.c.Languages.For(accept)) }
	out, err := &paper{ContentType: jsonType}, error(nil)
	switch format {
	case "", "json":
		out.Body = encoded(show())
	case "pdf":
		out.ContentType = "application/pdf"
		out.Body, err = print.PDF(sheet(), r.House.At)
	case "text32", "text48":
		out.ContentType, out.Body = "text/plain; charset=utf-8", []byte(sheet().Text(map[string]int{"text32": 32, "text48": 48}[format]))
	default:
		out.ContentType = "application/octet-stream"
		out.Body, err = print.ESCPOS(sheet(), print.Roll{Columns: map[string]int{"escpos58": 32, "escpos80": 48}[format], CodePage: print.CP858})
	}
	return out, err
}

func (a *API) shiftReport(ctx context.Context, by access.Actor, in *struct {
	ShiftPath
	Format string `query:"format" maxLength:"16" doc:"json (default), pdf, text32 or text48 (columns), escpos58 or escpos80 (commands of a receipt printer)"`
	paperLanguage
}) (*paper, error) {
	v, err := a.c.Tills.Show(ctx, by, in.Shift)
	if err != nil {
		return nil, err
	}
	if v.Refused() {
		return nil, problemOf(v.Refusal)
	}
	r, err := a.c.Office.Shift(ctx, by, v.Shift.Name())
	if err != nil {
		return nil, err
	}
	return a.paperAt(r, in.Format, in.Accept, reportFormats, func() any { return shiftReportOf(v) })
}

// StatementPath is the account and the month of a statement.
type StatementPath struct {
	Account string `path:"id" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
	Month   string `path:"month" maxLength:"16" example:"2026-11" doc:"Local month"`
}

func (a *API) statementRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "statement", Path: "/v1/accounts/{id}/statements/{month}", Tags: []string{"accounts"}, Summary: "Show the statement of an account for a month",
		Description: "Opening balance and lines sum to the closing balance, and all of them come from the books. For a wallet the balance is its money. " +
			"For a token meter it is the change carried forward, and the lines are the purchases.",
		Responses: papered[apiv1.Statement](r, "The statement.", statementFormats),
	}, a.statement)
}

func (a *API) statement(ctx context.Context, by access.Actor, in *struct {
	StatementPath
	Format string `query:"format" maxLength:"16" doc:"json (default), csv or pdf (A4)"`
	paperLanguage
}) (*paper, error) {
	st, err := a.c.Office.Statement(ctx, by, in.Account, in.Month)
	if err != nil {
		return nil, err
	}
	if in.Format == "csv" && !st.Refused() {
		b, err := statementCSV(st)
		return &paper{ContentType: "text/csv; charset=utf-8", Body: b}, err
	}
	return a.paperAt(st.Report, in.Format, in.Accept, statementFormats, func() any { return statementOf(st) })
}

func statementOf(st office.Statement) apiv1.Statement {
	out := apiv1.Statement{Account: st.Account, Name: st.Customer, Address: st.Place, Meters: append([]string{}, st.Meters...), Month: st.Month, Zone: st.House.Zone.String(),
		AsOf: st.House.At.UTC().Truncate(time.Second), Balance: "carry", Currency: st.Currency.Code, OpeningMinor: int64(st.Opening), ClosingMinor: int64(st.Closing),
		Today: st.House.Today, Erased: st.Erased, PaidMinor: int64(st.Paid), UnitsWh: int64(st.Units), Lines: []apiv1.StatementLine{}}
	if st.Wallet {
		out.Balance = "wallet"
	}
	for _, c := range st.Credits {
		stated := &apiv1.StatedCredit{At: c.At.UTC(), Credit: apiv1.Credit{CreditUnknown: c.Unknown}}
		if !c.Unknown {
			stated.CreditWh = new(int64(c.Units))
		}
		if c.Out {
			out.CreditOut = stated
		} else {
			out.CreditIn = stated
		}
	}
	for _, l := range st.Lines {
		out.Lines = append(out.Lines, apiv1.StatementLine{At: l.At.UTC(), Kind: l.Value, ReceiptNo: l.Receipt, Meter: l.Meter, Ref: l.Ref, Reversed: l.Reversed,
			PaidMinor: int64(l.Paid), UnitsWh: int64(l.Units), ChangeMinor: int64(l.Change), BalanceMinor: int64(l.Balance)})
	}
	return out
}

// statementCSV writes a statement with its opening and closing balance as rows for a spreadsheet.
func statementCSV(st office.Statement) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(byteOrderMark)
	w := sheet.NewWriter(&out)
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	rows := [][]string{{"at", "kind", "receipt_no", "meter", "ref", "reversed", "paid_minor", "units_wh", "change_minor", "balance_minor", "currency"},
		{st.From, "opening", "", "", "", "", "", "", "", number(int64(st.Opening)), st.Currency.Code}}
	for _, l := range st.Lines {
		rows = append(rows, []string{l.At.In(st.House.Zone).Format(time.RFC3339), l.Value, l.Receipt, l.Meter, sheet.Harmless(l.Ref), strconv.FormatBool(l.Reversed),
			number(int64(l.Paid)), number(int64(l.Units)), number(int64(l.Change)), number(int64(l.Balance)), st.Currency.Code})
	}
	for _, c := range st.Credits { // not among the energy that was bought
		units := number(int64(c.Units))
		if c.Unknown {
			units = ""
		}
		rows = append(rows, []string{c.At.In(st.House.Zone).Format(time.RFC3339), c.Name(), "", "", "", "", "", units, "", "", st.Currency.Code})
	}
	rows = append(rows, []string{st.To, "closing", "", "", "", "", number(int64(st.Paid)), number(int64(st.Units)), "", number(int64(st.Closing)), st.Currency.Code})
	err := w.WriteAll(rows)
	return out.Bytes(), fault.Wrap(err, "write a statement")
}
