package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// UploadStatement uploads a statement file of a payment provider (right: payment.decide): M-Pesa's CSV, CAMT.053 or MT940. The same file again is
// the same answer. The format is mpesa, camt053 or mt940; if it is empty, the beginning of the file tells it.
func (c *Client) UploadStatement(ctx context.Context, provider string, file []byte, format string) (apiv1.StatementFile, error) {
	upload := call{method: http.MethodPost, path: "/v1/payment-providers/" + url.PathEscape(provider) + "/statements", file: file}
	if format != "" {
		upload.query = url.Values{"format": {format}}
	}
	return ask[apiv1.StatementFile](ctx, c, upload)
}

// StatementFiles lists the statement files of payment providers, newest first (right: payment.read).
func (c *Client) StatementFiles(ctx context.Context, f apiv1.StatementFileFilter) (apiv1.List[apiv1.StatementFile], error) {
	return list(ctx, c, apiv1.StatementFiles, f)
}

// Reconciliations lists the reconciliations of providers, newest first (right: payment.read).
func (c *Client) Reconciliations(ctx context.Context, f apiv1.ReconciliationFilter) (apiv1.List[apiv1.Reconciliation], error) {
	return list(ctx, c, apiv1.Reconciliations, f)
}

// Reconcile reconciles a day of a provider now (right: payment.decide).
func (c *Client) Reconcile(ctx context.Context, r apiv1.Reconcile) (apiv1.Reconciliation, error) {
	return ask[apiv1.Reconciliation](ctx, c, post("/v1/reconciliations", r))
}

// Differences lists what does not agree between statements, payments and books (right: payment.read).
func (c *Client) Differences(ctx context.Context, f apiv1.DifferenceFilter) (apiv1.List[apiv1.Difference], error) {
	return list(ctx, c, apiv1.Differences, f)
}

// CloseDifference settles a difference with a reason (right: payment.decide).
func (c *Client) CloseDifference(ctx context.Context, difference string, d apiv1.CloseDifference) (apiv1.Difference, error) {
	return ask[apiv1.Difference](ctx, c, post("/v1/differences/"+url.PathEscape(difference)+"/close", d))
}

// AssignDifference names who looks after a difference (right: payment.decide).
func (c *Client) AssignDifference(ctx context.Context, difference string, d apiv1.AssignDifference) (apiv1.Difference, error) {
	return ask[apiv1.Difference](ctx, c, post("/v1/differences/"+url.PathEscape(difference)+"/assign", d))
}

// DifferenceCall shows a call of a payment provider that could not be read (right: payment.decide).
func (c *Client) DifferenceCall(ctx context.Context, difference string) (apiv1.DifferenceCall, error) {
	return ask[apiv1.DifferenceCall](ctx, c, get("/v1/differences/"+url.PathEscape(difference)+"/call", nil))
}

// ReadDifferenceCall reads a call of a payment provider again that could not be read (right: payment.decide).
func (c *Client) ReadDifferenceCall(ctx context.Context, difference string) (apiv1.Difference, error) {
	return ask[apiv1.Difference](ctx, c, post("/v1/differences/"+url.PathEscape(difference)+"/read", apiv1.ProviderChange{}))
}
