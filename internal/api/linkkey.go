package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
)

func linkKeyOf(c registry.LinkKeyChange) apiv1.LinkKey {
	b := apiv1.LinkKey{Meter: c.Meter.Number, TwoKeys: at(c.Meter.NextLinkAt)}
	if c.Key != nil {
		b.Secret = fmt.Sprintf("%x", c.Key.Reveal())
	}
	return b
}

// linkKeyAgain is the answer to a repetition of the request, which has no key, so that none is stored.
func linkKeyAgain(c registry.LinkKeyChange) apiv1.LinkKey {
	b := apiv1.LinkKey{Meter: c.Meter.Number, TwoKeys: at(c.Meter.NextLinkAt)}
	if c.Key != nil {
		b.SecretGone = "The next link key was shown in the first answer to this request. If that answer was lost, start again: it makes another next key."
	}
	return b
}

// linkKeyStep is the handler of a step.
func (a *API) linkKeyStep(ctx context.Context, by access.Actor, meter string, step registry.LinkKeyStep) (*sent, error) {
	c, err := a.c.Registry.ReplaceLinkKey(ctx, by, meter, step)
	status := http.StatusOK
	if step == registry.StartLinkKey {
		status = http.StatusCreated
	}
	return doneOrWaits(status, c.Refusal, c.Waits, err, func() any {
		exchangeOf(ctx).again = linkKeyAgain(c)
		return linkKeyOf(c)
	})
}

func (a *API) linkKeyRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "start-link-key", Path: "/v1/meters/{meter}/link-key", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary: "Make a next link key for a meter",
		Description: "The answer has the next link key, which is shown only once: the answer to a repeated request lacks it. From now on, each message to the " +
			"meter is signed with both keys, so it does not matter when the installer enters the next one. If there is a next key already, another " +
			"replaces it. A meter that has the replaced key then ignores every message, so a second person may have to approve: the answer is 202 " +
			"with the approval, and the answer to that approval carries the key.",
		Responses: eitherOr(r, "201", of[apiv1.LinkKey](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, _ apiv1.LinkKeyStep) (*sent, error) {
		return a.linkKeyStep(ctx, by, in.Meter, registry.StartLinkKey)
	})
	order(r, huma.Operation{
		OperationID: "finish-link-key", Path: "/v1/meters/{meter}/link-key/finish", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "End the use of a meter's old link key",
		Description: "The next link key becomes the only one. A meter that does not have it ignores every message from then on, also a cut-off, until an " +
			"installer enters a new key. If a second person must approve, the answer is 202 with the approval.",
		Responses: eitherOr(r, "200", of[apiv1.LinkKey](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, _ apiv1.LinkKeyStep) (*sent, error) {
		return a.linkKeyStep(ctx, by, in.Meter, registry.FinishLinkKey)
	})
	remove(r, huma.Operation{
		OperationID: "cancel-link-key", Path: "/v1/meters/{meter}/link-key", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "Drop a meter's next link key",
		Description: "The old link key is the only one again. A meter that has the next key already ignores every message from then on, also a cut-off, until " +
			"an installer enters another. If a second person must approve, the answer is 202 with the approval.",
		Responses: eitherOr(r, "200", of[apiv1.LinkKey](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*sent, error) {
		return a.linkKeyStep(ctx, by, in.Meter, registry.CancelLinkKey)
	})
}
