package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// blockBody is one step of a price within a month.
type blockBody struct {
	UpToWh    *int64 `json:"up_to_wh" doc:"Units of the month up to which it holds, a multiple of 100 Wh; null on the last"`
	RateMicro int64  `json:"rate_micro" example:"2500000" doc:"Millionths of the major unit per kWh, without tax"`
}

// Price is what a tariff says, in requests and answers.
type Price struct {
	Currency     string      `json:"currency" example:"KES" doc:"ISO 4217; the tenant's, once it has one"`
	VATBps       int64       `json:"vat_bps" example:"1500" doc:"Tax in basis points: 1500 is 15 %"`
	FlatMicro    *int64      `json:"flat_micro,omitempty" example:"2500000" doc:"One price for all: millionths of the major unit per kWh, without tax"`
	Blocks       []blockBody `json:"blocks,omitempty" doc:"Steps by the month's units, instead of flat_micro"`
	Rounding     string      `json:"rounding,omitempty" enum:"carry,nearest,income" doc:"What happens to money that buys no whole 0.1 kWh; default carry"`
	MinVendMinor int64       `json:"min_vend_minor,omitempty"`
	MaxVendMinor int64       `json:"max_vend_minor,omitempty" doc:"0 for none"`
}

// newTariff is a tariff to publish.
type newTariff struct {
	Name string `json:"name" example:"domestic"`
	Price
	EffectiveFrom *time.Time `json:"effective_from,omitempty" doc:"Default: at once"`
}

// tariffBody is a published version of a tariff.
type tariffBody struct {
	ID        string `json:"id"`
	VersionID string `json:"version_id"`
	Name      string `json:"name"`
	Version   int    `json:"version"`
	Price
	EffectiveFrom time.Time `json:"effective_from"`
}

func (p Price) document() tariff.Document {
	d := tariff.Document{Currency: p.Currency, VATBps: money.Bps(clamp(p.VATBps)), Rounding: tariff.Rounding(p.Rounding),
		MinVendMinor: money.Minor(p.MinVendMinor), MaxVendMinor: money.Minor(p.MaxVendMinor)}
	if p.FlatMicro != nil {
		rate := money.MicroRate(*p.FlatMicro)
		d.FlatMicro = &rate
	}
	for _, b := range p.Blocks {
		block := tariff.BlockDocument{RateMicro: money.MicroRate(b.RateMicro)}
		if b.UpToWh != nil {
			limit := unit.Energy(*b.UpToWh)
			block.UpToWh = &limit
		}
		d.Blocks = append(d.Blocks, block)
	}
	return d
}

// clamp keeps what does not fit the narrower type outside every valid range, so that the rule refuses it.
func clamp(n int64) int64 {
	const far = 1 << 30
	return min(max(n, -far), far)
}

func priceOf(b tariff.Body) Price {
	d := b.Document()
	p := Price{Currency: d.Currency, VATBps: int64(d.VATBps), Rounding: string(d.Rounding),
		MinVendMinor: int64(d.MinVendMinor), MaxVendMinor: int64(d.MaxVendMinor)}
	if d.FlatMicro != nil {
		rate := int64(*d.FlatMicro)
		p.FlatMicro = &rate
	}
	for _, k := range d.Blocks {
		block := blockBody{RateMicro: int64(k.RateMicro)}
		if k.UpToWh != nil {
			limit := int64(*k.UpToWh)
			block.UpToWh = &limit
		}
		p.Blocks = append(p.Blocks, block)
	}
	return p
}

func tariffOf(v tariff.Version) tariffBody {
	return tariffBody{ID: v.TariffID.Text(id.Tariff), VersionID: v.ID.Text(id.Version), Name: v.Name, Version: v.N,
		Price: priceOf(v.Body), EffectiveFrom: v.EffectiveFrom.UTC()}
}

func (a *API) tariffRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "publish-tariff", Path: "/v1/tariffs", DefaultStatus: http.StatusCreated, Tags: []string{"tariffs"},
		Summary: "Publish a tariff", Description: "A published tariff is never edited. The first one names the tenant's currency.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body newTariff) (*struct{ Body tariffBody }, error) {
		price, no := body.document().Body()
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
		return &struct{ Body tariffBody }{tariffOf(added.Version)}, nil
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
}
