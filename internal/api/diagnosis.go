package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

func diagnosisOf(d diagnosis.Diagnosis) apiv1.Diagnosis {
	out := apiv1.Diagnosis{Verdict: string(d.Verdict()), Findings: make([]apiv1.Finding, len(d.Findings)), Meter: d.Number, Test: d.Test,
		Keys: string(d.Keys), Sold: d.Sold != nil}
	for i, f := range d.Findings {
		out.Findings[i] = apiv1.Finding{Code: string(f.Code), Text: f.Text.English, Do: f.Do.English}
	}
	if d.Token != (sts.Token{}) {
		out.Token = d.Token.String()
	}
	contents(&out, d.Contents)
	if k := d.Key; k != nil {
		out.Key = keyOf(*k, d.Registered)
	}
	if s := d.Sold; s != nil {
		out.ID, out.State, out.Result, out.IssuedAt, out.Vend = s.Token.Text(id.Token), string(s.State), s.Result, at(s.IssuedAt), refOf(s.Sale, id.Vend)
	}
	for _, r := range d.Reports {
		out.Reports = append(out.Reports, saidOf(r))
	}
	if t := d.Typing; t != nil {
		out.Typing = &apiv1.Typing{Tried: t.Tried, OneDigit: t.OneDigit, Swapped: t.Swapped, Sold: t.Sold, Meant: make([]string, len(t.Meant))}
		for i, meant := range t.Meant {
			out.Typing.Meant[i] = meant.Reveal()
		}
	}
	return out
}

// contents adds the content of the token to a diagnosis.
func contents(b *apiv1.Diagnosis, c *diagnosis.Contents) {
	if c == nil {
		return
	}
	class, sub := int(c.Class), int(c.SubClass)
	b.Class, b.SubClass, b.Kind, b.Section, b.Tests = &class, &sub, c.Kind, int(c.Section), c.Tests
	if c.HasTID {
		b.TID, b.BaseDate, b.IssuedAt = whole(int64(c.TID)), int(c.BaseDate), at(c.IssuedAt())
	}
	if c.Class == 0 && c.SubClass == sts.CreditElectricity {
		b.UnitsWh = whole(c.Units)
	}
}

func keyOf(k registry.Key, registered bool) *apiv1.FittingKey {
	return &apiv1.FittingKey{SGC: k.SGC, KRN: int(k.KRN), KT: int(k.KT), TI: k.TI, KEN: int(k.KEN), EA: k.EA.String(), DKGA: k.DKGA.String(),
		BaseDate: int(k.BaseDate), State: k.State, Registered: registered}
}

func saidOf(r metering.StoredToken) apiv1.TokenReport {
	s := apiv1.TokenReport{Result: r.Result, At: r.At.UTC(), ReceivedAt: r.ReceivedAt.UTC(), Source: r.Source}
	if result, ok := sts.ParseResult(r.Result); ok {
		if n, shown := result.Status(); shown {
			s.Status = new(int(n))
		}
	}
	return s
}

func (a *API) diagnosisRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "diagnose-token", Path: "/v1/token-diagnoses", DefaultStatus: http.StatusOK, Tags: []string{"tokens"},
		Summary: "Explain what is wrong with a token",
		Description: "Says whether the digits were sold here, which meter and key they fit, what the meter reported about them, and whether they " +
			"look like a typing error. Each finding says what to do next. Only an audit row is stored. Questions about digits that were not sold " +
			"here are limited per caller and per meter and day: 429 with Retry-After.",
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewDiagnosis) (*reply[apiv1.Diagnosis], error) {
		d, err := a.c.Diagnoses.Diagnose(ctx, by, diagnosis.Question{Digits: body.Digits, Meter: body.Number})
		if err != nil {
			return nil, err
		}
		if d.Refused() {
			p := problemOf(d.Refusal)
			if d.RetryAfter > 0 {
				p.retryAfter = int(d.RetryAfter/time.Second) + 1
			}
			return nil, p
		}
		return &reply[apiv1.Diagnosis]{diagnosisOf(d)}, nil
	})
}
