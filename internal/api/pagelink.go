package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
)

func (a *API) pageLinkRoutes(r router) {
	const path = "/v1/meters/{meter}/page-link"
	query(r, huma.Operation{
		OperationID: "page-link", Path: path, Tags: []string{"customers"}, Summary: "Show the link to a customer's page, without its address",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.PageLink], error) {
		v, err := a.c.PageLinks.Show(ctx, by, in.Meter)
		return replyOf(v.Refusal, err, func() apiv1.PageLink { return pageLinkOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "make-page-link", Path: path, DefaultStatus: http.StatusCreated, Tags: []string{"customers"}, Summary: "Make, send or show the link to a customer's page",
		Description: "An account has one link, which works for more than a year. Only if it ends soon, or was revoked, a new one is made. The link opens the page " +
			"of the account that the meter supplies now, and no other. The answer to a repeated request lacks the address.",
		Responses: map[string]*huma.Response{"201": bodyOf[apiv1.PageLink](r, "The link.")},
	}, a.makePageLink)
	order(r, huma.Operation{
		OperationID: "revoke-page-link", Path: path + "/revoke", DefaultStatus: http.StatusOK, Tags: []string{"customers"}, Summary: "End all links to a customer's page at once",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, _ apiv1.PageLinkChange) (*reply[apiv1.PageLink], error) {
		v, err := a.c.PageLinks.Revoke(ctx, by, in.Meter)
		return replyOf(v.Refusal, err, func() apiv1.PageLink { return pageLinkOf(v) })
	})
}

func (a *API) makePageLink(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewPageLink) (*sent, error) {
	v, err := a.c.PageLinks.Make(ctx, by, pagelink.Request{Meter: in.Meter, Show: body.Show})
	if err != nil || v.Refused() {
		return doneOrWaits(http.StatusCreated, v.Refusal, nil, err, nil)
	}
	out := pageLinkOf(v)
	if body.Send {
		queued, err := a.c.Messages.SendPage(ctx, by, in.Meter)
		if err != nil || queued.Refused() {
			return doneOrWaits(http.StatusCreated, queued.Refusal, nil, err, nil)
		}
		out.Message = queued.Messages[0].ID.Text(id.Message)
	}
	exchangeOf(ctx).again = out
	out.Address = v.Address.Reveal()
	return sentBytes(http.StatusCreated, encoded(out)), nil
}

func pageLinkOf(v pagelink.View) apiv1.PageLink {
	l := v.Link
	out := apiv1.PageLink{Meter: v.Meter, State: cmp.Or(string(v.State), "none"), MadeBy: access.PlainName(l.MadeBy), MadeAt: at(l.CreatedAt), EndsAt: at(l.EndsAt),
		RevokedAt: at(l.RevokedAt), RevokedBy: access.PlainName(l.RevokedBy)}
	if v.State != "" {
		out.ID = l.ID.Text(id.PageLink)
	}
	return out
}
