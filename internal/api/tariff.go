package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
)

// newTariff is a tariff to publish.
type newTariff struct {
	Name string `json:"name" example:"domestic"`
	tariff.Document
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"Default: at once"`
}

// tariffBody is a published version of a tariff.
type tariffBody struct {
	ID        string `json:"id"`
	VersionID string `json:"version_id"`
	Name      string `json:"name"`
	Version   int    `json:"version"`
	tariff.Document
	EffectiveFrom time.Time `json:"effective_from"`
	Words         []string  `json:"words" doc:"What the tariff says, in sentences"`
	Standing      string    `json:"standing,omitempty" enum:"in force,to come,past" doc:"In a list of versions: where it stands now"`
}

// newVersion is a further version of a tariff to publish.
type newVersion struct {
	tariff.Document
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"Default: at once"`
}

// TariffPath names a tariff in a path.
type TariffPath struct {
	Tariff string `path:"tariff" maxLength:"128" doc:"Name or identity of a tariff"`
}

// clamp keeps what does not fit the narrower type outside every valid range, so that the rule refuses it.
func clamp(n int64) int64 {
	const far = 1 << 30
	return min(max(n, -far), far)
}

func tariffOf(v tariff.Version) tariffBody {
	return tariffBody{ID: v.TariffID.Text(id.Tariff), VersionID: v.ID.Text(id.Version), Name: v.Name, Version: v.N,
		Document: v.Body.Document(), EffectiveFrom: v.EffectiveFrom.UTC(), Words: v.Body.Words()}
}

func (a *API) tariffRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "publish-tariff", Path: "/v1/tariffs", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary: "Publish a tariff", Description: "A published tariff is never edited. The first one names the tenant's currency.",
		Responses: publishedResponses(r),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body newTariff) (*sent, error) {
		price, no := body.Document.Body()
		// Who may not publish is not told what is wrong with the tariff.
		if no.Refused() && by.May(access.WriteTariffs) {
			return nil, refuse(no)
		}
		n := registry.NewTariff{Name: body.Name, Body: price}
		if body.EffectiveFrom != nil {
			n.EffectiveFrom = *body.EffectiveFrom
		}
		added, err := a.c.Registry.AddTariff(ctx, by, n)
		if err != nil {
			return nil, err
		}
		if added.Refused() {
			return nil, refuse(added.Refusal)
		}
		return publishedAnswer(added), nil
	})
	query(r, huma.Operation{
		OperationID: "tariffs", Path: "/v1/tariffs", Tags: []string{"tariffs"}, Summary: "List the tariffs in force",
	}, func(ctx context.Context, by access.Actor, in *Page) (*listed[tariffBody], error) {
		page, err := a.c.Registry.Tariffs(ctx, by, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Data, page.Next, tariffOf), nil
	})
	a.versionRoutes(r)
	a.simulationRoutes(r)
}

// publishedResponses are the answers to publishing: done, or written down for a second person.
func publishedResponses(r router) map[string]*huma.Response {
	return map[string]*huma.Response{
		"201": {Description: "Published.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[tariffBody](r)}}},
		"202": {Description: "Waits for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}}
}

func publishedAnswer(t registry.AddedTariff) *sent {
	if t.Waits != nil {
		return sentBytes(encodeWaits(*t.Waits))
	}
	return sentBytes(http.StatusCreated, encode("a tariff", tariffOf(t.Version)))
}

func (a *API) versionRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "publish-tariff-version", Path: "/v1/tariffs/{tariff}/versions", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary:     "Publish a further version of a tariff",
		Description: "It holds from effective_from until the next version begins. No published version is ever changed.",
		Responses:   publishedResponses(r),
	}, func(ctx context.Context, by access.Actor, in *TariffPath, body newVersion) (*sent, error) {
		price, no := body.Document.Body()
		if no.Refused() && by.May(access.WriteTariffs) {
			return nil, refuse(no)
		}
		n := registry.NewVersion{Tariff: in.Tariff, Body: price}
		if body.EffectiveFrom != nil {
			n.EffectiveFrom = *body.EffectiveFrom
		}
		added, err := a.c.Registry.AddVersion(ctx, by, n)
		if err != nil {
			return nil, err
		}
		if added.Refused() {
			return nil, refuse(added.Refusal)
		}
		return publishedAnswer(added), nil
	})
	query(r, huma.Operation{
		OperationID: "tariff-versions", Path: "/v1/tariffs/{tariff}/versions", Tags: []string{"tariffs"}, Summary: "List the versions of a tariff, the newest first",
	}, func(ctx context.Context, by access.Actor, in *struct {
		TariffPath
		Page
	}) (*listed[tariffBody], error) {
		page, err := a.c.Registry.TariffVersions(ctx, by, in.Tariff, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Data, page.Next, func(v tariff.Version) tariffBody {
			b := tariffOf(v)
			b.Standing = page.Standing(v)
			return b
		}), nil
	})
}
