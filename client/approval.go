package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Approvals lists actions in a state (empty: all), newest first. It shows the actions that the caller requested or could
// approve, and all actions to a caller that may read the audit log. A page may hold fewer rows than requested and still have a NextCursor.
func (c *Client) Approvals(ctx context.Context, f apiv1.ApprovalFilter) (apiv1.List[apiv1.Approval], error) {
	return list(ctx, c, apiv1.Approvals, f)
}

// Approval returns one action with what it does if it is approved now. It shows an action that the caller requested or could approve, and any to a
// caller that may read the audit log.
func (c *Client) Approval(ctx context.Context, approval string) (apiv1.Approval, error) {
	return ask[apiv1.Approval](ctx, c, get("/v1/approvals/"+url.PathEscape(approval), nil))
}

// Decide approves or rejects an action. An approved action is done at once.
func (c *Client) Decide(ctx context.Context, approval string, allow bool, reason string) (apiv1.Approval, error) {
	if allow {
		return c.Approve(ctx, approval, apiv1.Decision{Reason: reason})
	}
	return ask[apiv1.Approval](ctx, c, post("/v1/approvals/"+url.PathEscape(approval)+"/reject", apiv1.Rejection{Reason: reason}))
}

// Approve approves an action, which is done at once. A program that shows it to a person sends the field Shown of the approval that it showed. Secrets
// are those that only the second person enters, such as those that a payment provider gave.
func (c *Client) Approve(ctx context.Context, approval string, d apiv1.Decision) (apiv1.Approval, error) {
	return ask[apiv1.Approval](ctx, c, post("/v1/approvals/"+url.PathEscape(approval)+"/approve", d))
}

// TrustClock confirms that the server's clock is right (right: settings.write). If a second person must approve, it returns *Waiting, and
// the clock is still in doubt. If the clock is not in doubt, the answer is the refusal clock-trusted.
func (c *Client) TrustClock(ctx context.Context, reason string) error {
	_, err := ask[apiv1.Clock](ctx, c, post("/v1/clock/trust", apiv1.ClockTrust{Reason: reason}))
	return err
}

// Waiting is the answer to an action that a second person has to approve first. The request is stored, and nothing was done.
type Waiting struct {
	Approval apiv1.Approval
}

// Error says that nothing has been done yet.
func (w *Waiting) Error() string {
	return fmt.Sprintf("%s waits for a second person as %s", w.Approval.Act, w.Approval.ID)
}

// waits returns the *Waiting in an answer, or nil. It checks the id, because a command to a meter and a reversal on its way are also
// accepted with 202.
func waits(a answer) error {
	var w Waiting
	if a.status != http.StatusAccepted || json.Unmarshal(a.body, &w.Approval) != nil || !strings.HasPrefix(w.Approval.ID, "apr_") {
		return nil
	}
	return &w
}
