package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/statement"
)

// uploadRoute is the pattern of the route that takes a statement file.
const uploadRoute = http.MethodPost + " /v1/payment-providers/{id}/statements"

// DifferencePath is the difference in a path.
type DifferencePath struct {
	Difference string `path:"id" maxLength:"64" doc:"Id of the difference"`
}

// StatementUpload is the provider of a statement file, and its format.
type StatementUpload struct {
	ProviderPath
	Format string `query:"format" enum:"mpesa,camt053,mt940" doc:"Format of the file; without it, the beginning of the file tells it"`
}

func (a *API) reconciliationRoutes(r router) {
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op := huma.Operation{
		OperationID: "upload-statement", Method: http.MethodPost, Path: "/v1/payment-providers/{id}/statements", DefaultStatus: http.StatusCreated, Tags: []string{"payments"},
		Summary: "Upload a statement file of a payment provider",
		Description: "The body is M-Pesa's CSV, CAMT.053 or MT940. A damaged file is refused whole, with the format that was tried, the line and the reason. Payments of the file become known, " +
			"and the days that it covers are reconciled. The same file again is the same answer. If a second person must approve it, the answer is 202 with the approval.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{csvType: {Schema: file}, bytesType: {Schema: file}}},
		Responses:   eitherOr(r, "201", of[apiv1.StatementFile](r)),
	}
	huma.Register(r.huma, r.described(op), func(ctx context.Context, in *StatementUpload) (*sent, error) {
		x := exchangeOf(ctx)
		out, err := a.c.Reconciliations.Upload(ctx, x.actor, in.Provider, x.body, statement.Format(in.Format))
		answer, err := doneOrWaits(http.StatusCreated, out.Refusal, out.Waits, err, func() any { return statementFileOf(out.File) })
		if err != nil {
			return nil, r.a.problemFor(ctx, err)
		}
		return answer, nil
	})
	listRoute(r, apiv1.StatementFiles, func(ctx context.Context, by access.Actor, in *apiv1.StatementFileFilter) (*listed[apiv1.StatementFile], error) {
		l, err := a.c.Reconciliations.Files(ctx, by, in.Provider, pageAt(in.Page))
		return pageOf(l.Refusal, err, l.Files, l.Next, statementFileOf)
	})
	listRoute(r, apiv1.Reconciliations, func(ctx context.Context, by access.Actor, in *apiv1.ReconciliationFilter) (*listed[apiv1.Reconciliation], error) {
		l, err := a.c.Reconciliations.List(ctx, by, reconcile.Filter{Provider: in.Provider, Date: in.Date}, pageAt(in.Page))
		return pageOf(l.Refusal, err, l.Days, l.Next, reconciliationOf)
	})
	order(r, huma.Operation{
		OperationID: "reconcile", Path: "/v1/reconciliations", DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: "Reconcile a day of a payment provider now",
		Description: "The server does it by itself every few minutes.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.Reconcile) (*reply[apiv1.Reconciliation], error) {
		ran, err := a.c.Reconciliations.Run(ctx, by, body.Provider, body.Date)
		return replyOf(ran.Refusal, err, func() apiv1.Reconciliation { return reconciliationOf(ran.Reconciliation) })
	})
	listRoute(r, apiv1.Differences, func(ctx context.Context, by access.Actor, in *apiv1.DifferenceFilter) (*listed[apiv1.Difference], error) {
		l, err := a.c.Reconciliations.Items(ctx, by, reconcile.Filter{Provider: in.Provider, Date: in.Date, Kind: reconcile.Kind(in.Kind), Open: in.Open}, pageAt(in.Page))
		return pageOf(l.Refusal, err, l.Items, l.Next, differenceOf)
	})
	order(r, huma.Operation{
		OperationID: "close-difference", Path: "/v1/differences/{id}/close", DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: "Settle a difference with a reason",
		Description: "It posts nothing. A settled difference is not found again. A row that is perhaps the same as an older one is the same then, unless you say that it is another payment.", Responses: eitherOr(r, "200", of[apiv1.Difference](r)),
	}, func(ctx context.Context, by access.Actor, in *DifferencePath, body apiv1.CloseDifference) (*sent, error) {
		out, err := a.c.Reconciliations.Close(ctx, by, in.Difference, reconcile.Settlement{Why: body.Why, Payment: body.Payment, Another: body.AnotherPayment})
		return doneOrWaits(http.StatusOK, out.Refusal, out.Waits, err, func() any { return differenceOf(out.Item) })
	})
	order(r, huma.Operation{
		OperationID: "assign-difference", Path: "/v1/differences/{id}/assign", DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: "Name who looks after a difference",
	}, func(ctx context.Context, by access.Actor, in *DifferencePath, body apiv1.AssignDifference) (*reply[apiv1.Difference], error) {
		out, err := a.c.Reconciliations.Assign(ctx, by, in.Difference, body.Owner)
		return replyOf(out.Refusal, err, func() apiv1.Difference { return differenceOf(out.Item) })
	})
	a.unreadCallRoutes(r)
}

// unreadCallRoutes are about calls of providers that could not be read.
func (a *API) unreadCallRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "difference-call", Path: "/v1/differences/{id}/call", Tags: []string{"payments"}, Summary: "Show a call of a payment provider that could not be read",
	}, func(ctx context.Context, by access.Actor, in *DifferencePath) (*reply[apiv1.DifferenceCall], error) {
		c, err := a.c.Reconciliations.ShowCall(ctx, by, in.Difference)
		return replyOf(c.Refusal, err, func() apiv1.DifferenceCall {
			return apiv1.DifferenceCall{Difference: c.Item.Name(), Provider: c.Item.Provider, What: c.What, From: c.From, ReceivedAt: c.Item.At.UTC(), Why: c.Why, Body: c.Body}
		})
	})
	order(r, huma.Operation{
		OperationID: "read-difference-call", Path: "/v1/differences/{id}/read", DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: "Read a call of a payment provider again",
		Description: "A newer program may understand what an older one could not read. If it does, the difference is settled, and the payments of the call take the usual way.",
	}, func(ctx context.Context, by access.Actor, in *DifferencePath, _ apiv1.ProviderChange) (*reply[apiv1.Difference], error) {
		out, err := a.c.Reconciliations.ReadAgain(ctx, by, in.Difference)
		return replyOf(out.Refusal, err, func() apiv1.Difference { return differenceOf(out.Item) })
	})
}

func statementFileOf(f reconcile.File) apiv1.StatementFile {
	return apiv1.StatementFile{ID: f.Name(), Provider: f.Provider, Format: string(f.Format), From: f.From.UTC(), To: f.To.UTC(), Rows: f.Rows, NewRows: f.New, DoubtfulRows: f.Doubtful, Skipped: f.Skipped,
		State: string(f.State), UploadedBy: access.PlainName(f.By), UploadedAt: f.AddedAt.UTC(), ReadAt: at(f.ReadAt)}
}

// notCompared splits a list that is stored as one text.
func notCompared(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func reconciliationOf(r reconcile.Reconciliation) apiv1.Reconciliation {
	return apiv1.Reconciliation{ID: r.ID.Text(id.Reconciliation), Provider: r.Provider, Date: r.Date, State: string(r.State), OpenDifferences: r.Unsettled, Rows: r.Rows,
		StatedMinor: int64(r.Stated), FeesMinor: int64(r.Fees), Payments: r.Payments, PaidMinor: int64(r.Paid), BookedMinor: int64(r.Booked), Currency: r.Currency,
		Unknown: notCompared(r.Unknown), RanAt: r.RanAt.UTC(), ClosedAt: at(r.ClosedAt)}
}

func differenceOf(i reconcile.Item) apiv1.Difference {
	return apiv1.Difference{ID: i.Name(), Provider: i.Provider, Date: i.Date, Kind: string(i.Kind), Act: string(i.Kind.Act()), Owner: i.Owner, Open: i.Open, ProviderTxn: i.Txn,
		Payment: i.Payment, StatedMinor: int64(i.Stated), PaidMinor: int64(i.Paid), BookedMinor: int64(i.Booked), Currency: i.Currency, Count: i.Count, Note: i.Note,
		At: i.At.UTC(), FoundAt: i.FoundAt.UTC(), ClosedAt: at(i.ClosedAt), ClosedBy: access.PlainName(i.ClosedBy), Why: i.Why}
}
