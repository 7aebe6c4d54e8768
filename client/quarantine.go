package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Quarantine lists entries of a meter (empty: of all), newest first. The filter All includes decided entries.
func (c *Client) Quarantine(ctx context.Context, f apiv1.QuarantineFilter) (apiv1.List[apiv1.Quarantined], error) {
	return list(ctx, c, apiv1.Quarantine, f)
}

// DecideQuarantined decides about an entry: accept, rebase or discard (right: reading.decide). Only a rebase takes a
// register. If the decision waits for a second person, the error is a *Waiting.
func (c *Client) DecideQuarantined(ctx context.Context, entry, choice string, d apiv1.Rebase) (apiv1.QuarantineResult, error) {
	return ask[apiv1.QuarantineResult](ctx, c, post("/v1/quarantine/"+url.PathEscape(entry)+"/"+url.PathEscape(choice), d))
}

// RebaseMeter continues counting from a register after a wallet meter was changed (right: reading.decide).
func (c *Client) RebaseMeter(ctx context.Context, meter string, registerWh int64, reason string) (apiv1.QuarantineResult, error) {
	return ask[apiv1.QuarantineResult](ctx, c, post(meterPath(meter, "/rebase"), apiv1.Rebase{RegisterWh: &registerWh, Reason: reason}))
}
