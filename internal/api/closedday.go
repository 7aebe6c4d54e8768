package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/sheet"
)

// closedDayFormats are the formats of a closed day.
var closedDayFormats = []string{"json", "csv", "pdf"}

func (a *API) closedDayRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "close-day", Path: "/v1/days", DefaultStatus: http.StatusOK, Tags: []string{"days"}, Summary: "Close a local day of the books",
		Description: "Days are closed in order. The figures are stored once and never change: a later entry of the day is posted in the first open day and keeps its own time. " +
			"It may be repeated: the answer for a closed day is what was stored.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.CloseDay) (*reply[apiv1.ClosedDay], error) {
		d, err := a.c.Days.Close(ctx, by, dayclose.Closing{Date: body.Date, Accept: body.Accept, Note: body.Note})
		return replyOf(d.Refusal, err, func() apiv1.ClosedDay { return dayWithSellers(d.Closed, d.NoShift) })
	})
	listRoute(r, apiv1.ClosedDays, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.ClosedDay], error) {
		l, err := a.c.Days.List(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Days, l.Next, closedDayOf)
	})
	query(r, huma.Operation{
		OperationID: "open-day", Path: "/v1/days/next", Tags: []string{"days"}, Summary: "Show the first open day and what is pending at its end",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*reply[apiv1.OpenDay], error) {
		o, err := a.c.Days.ToClose(ctx, by)
		return replyOf(o.Refusal, err, func() apiv1.OpenDay { return openDayOf(o) })
	})
	query(r, huma.Operation{
		OperationID: "closed-day", Path: "/v1/days/{date}", Tags: []string{"days"}, Summary: "Show the stored figures of a closed day",
		Responses: papered[apiv1.ClosedDay](r, "The closed day.", closedDayFormats),
	}, a.closedDay)
}

func (a *API) closedDay(ctx context.Context, by access.Actor, in *struct {
	Date   string `path:"date" maxLength:"10" example:"2026-11-20" doc:"Local day"`
	Format string `query:"format" maxLength:"16" doc:"json (default), csv or pdf (A4)"`
	paperLanguage
}) (*paper, error) {
	d, err := a.c.Office.ClosedDay(ctx, by, in.Date)
	if err != nil {
		return nil, err
	}
	if in.Format == "csv" && !d.Refused() {
		b, err := closedDayCSV(d.Closed)
		return &paper{ContentType: "text/csv; charset=utf-8", Body: b}, err
	}
	return a.paperAt(d.Report, in.Format, in.Accept, closedDayFormats, func() any { return dayWithSellers(d.Closed, d.NoShift) })
}

func pendingOf(all []dayclose.Pending) []apiv1.DayPending {
	out := make([]apiv1.DayPending, len(all))
	for i, p := range all {
		out[i] = apiv1.DayPending{Kind: string(p.Kind), ID: p.ID, Title: p.Title, Since: p.Since.UTC(), Stops: p.Kind.Stops()}
	}
	return out
}

func openDayOf(o dayclose.Open) apiv1.OpenDay {
	return apiv1.OpenDay{Date: o.Date, TZ: o.Zone, From: at(o.From), To: at(o.To), Currency: o.Currency, Over: o.Over, Days: o.Days, Pending: pendingOf(o.Pending), SoldWithoutShift: cashSellersOf(o.NoShift)}
}

func cashSellersOf(all []dayclose.CashSeller) []apiv1.DayCashSeller {
	out := make([]apiv1.DayCashSeller, len(all))
	for i, s := range all {
		out[i] = apiv1.DayCashSeller{Seller: access.PlainName(s.Seller), Sales: s.Sales, SoldMinor: int64(s.Sold), ReversedMinor: int64(s.Reversed)}
	}
	return out
}

// dayWithSellers is the answer for one closed day.
func dayWithSellers(d dayclose.Closed, sellers []dayclose.CashSeller) apiv1.ClosedDay {
	out := closedDayOf(d)
	out.SoldWithoutShift = cashSellersOf(sellers)
	return out
}

func pathOf(c ledger.Code) string {
	line, _ := ledger.Find(c)
	return line.Path
}

func closedDayOf(d dayclose.Closed) apiv1.ClosedDay {
	f := d.Figures
	out := apiv1.ClosedDay{ID: d.ID.Text(id.Day), Date: d.Date, TZ: d.Zone, From: d.From.UTC(), To: d.To.UTC(), Currency: d.Currency, Journals: f.Journals, DebitsMinor: int64(f.Debits),
		Kinds: []apiv1.DayKind{}, Sellers: []apiv1.DaySeller{}, Accounts: []apiv1.DayAccount{}, Pending: pendingOf(d.Pending), ClosedAt: d.ClosedAt.UTC(),
		ClosedBy: access.PlainName(d.ClosedBy), Note: d.Note, Epoch: d.Epoch, Seal: d.Seal, Head: d.Head}
	for _, k := range f.Kinds {
		out.Kinds = append(out.Kinds, apiv1.DayKind{Kind: string(k.Kind), Journals: k.Journals, DebitsMinor: int64(k.Debits)})
	}
	for _, s := range f.Sellers {
		out.Sellers = append(out.Sellers, apiv1.DaySeller{Code: int64(s.Code), Path: pathOf(s.Code), Subject: s.Subject, Sales: s.Sales, SoldMinor: int64(s.Sold),
			Reversals: s.Reversals, PaidBackMinor: int64(s.PaidBack)})
	}
	for _, l := range f.Lines {
		out.Accounts = append(out.Accounts, apiv1.DayAccount{Code: int64(l.Code), Path: pathOf(l.Code), Subject: l.Subject, OpeningMinor: int64(l.Opening),
			DebitMinor: int64(l.Debit), CreditMinor: int64(l.Credit), ClosingMinor: int64(l.Closing)})
	}
	return out
}

// closedDayCSV writes a row for each account of a closed day. The same day always gives the same bytes.
func closedDayCSV(d dayclose.Closed) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(byteOrderMark)
	w := sheet.NewWriter(&out)
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	rows := [][]string{{"date", "account", "account_name", "subject", "opening_minor", "debit_minor", "credit_minor", "closing_minor", "currency", "closed_at"}}
	for _, l := range d.Figures.Lines {
		rows = append(rows, []string{d.Date, number(int64(l.Code)), pathOf(l.Code), sheet.Harmless(l.Subject), number(int64(l.Opening)), number(int64(l.Debit)), number(int64(l.Credit)),
			number(int64(l.Closing)), d.Currency, d.ClosedAt.UTC().Format(time.RFC3339)})
	}
	err := w.WriteAll(rows)
	return out.Bytes(), fault.Wrap(err, "write a closed day")
}
