package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/meterdoc"
)

// meterValuesOf writes values as the API shows them. Both sides have the same names.
func meterValuesOf(v meterdoc.Values) (out apiv1.MeterValues) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return apiv1.MeterValues{}
	}
	return out
}

// valuesOf reads values from the API.
func valuesOf(v apiv1.MeterValues) (meterdoc.Values, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out meterdoc.Values
	if err := json.Unmarshal(text, &out); err != nil || len(out) == 0 {
		return nil, err
	}
	return out, nil
}

func meterConfigOf(v meterconfig.View) apiv1.MeterConfig {
	b := apiv1.MeterConfig{Meter: v.Number, State: string(v.State), Answer: v.Answer, Own: meterValuesOf(v.Own), Utility: meterValuesOf(v.Utility), Compared: v.Compared,
		Differences: []apiv1.ConfigDifference{}}
	version := func(h meterconfig.Has) *apiv1.ConfigVersion {
		if h.Since.IsZero() {
			return nil
		}
		return &apiv1.ConfigVersion{Version: h.Version, Hash: h.Hash, Since: h.Since.UTC()}
	}
	b.Asked, b.Has = version(v.Asked), version(v.Has)
	for _, d := range v.Differences {
		b.Differences = append(b.Differences, apiv1.ConfigDifference{Key: d.Key, Has: valueText(d.Was), Asked: valueText(d.Is)})
	}
	return b
}

// valueText writes a value of a document; a missing one is empty.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			list[i] = fmt.Sprint(e)
		}
		return strings.Join(list, "; ")
	}
	return fmt.Sprint(v)
}

func (a *API) meterConfigRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "meter-config", Path: "/v1/meters/{meter}/config", Tags: []string{"meters"},
		Summary: "Show the configuration of a meter that keeps its credit itself, and whether the meter has it",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.MeterConfig], error) {
		v, err := a.c.Configs.Show(ctx, by, in.Meter)
		return replyOf(v.Refusal, err, func() apiv1.MeterConfig { return meterConfigOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "set-meter-config", Path: "/v1/meters/{meter}/config", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary:     "Configure a meter: emergency credit, friendly hours, limits, lifeline, texts",
		Description: "The whole document is sent to the meter, signed, until the meter reports it. If a second person must approve it, the answer is 202 with the approval.",
		Responses:   eitherOr(r, "200", of[apiv1.MeterConfig](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.MeterConfigChange) (*sent, error) {
		set, err := valuesOf(body.Set)
		if err != nil {
			return nil, err
		}
		v, err := a.c.Configs.Set(ctx, by, in.Meter, meterconfig.Change{Set: set, Clear: body.Clear, Reason: body.Reason})
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return meterConfigOf(v) })
	})
}
