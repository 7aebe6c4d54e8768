package api_test

import (
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
)

// TestTheOverviewHasTheListsOfTheirPages: each list counts what its own page lists, and the asker gets only the lists that they may see.
func TestTheOverviewHasTheListsOfTheirPages(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", `{"number":"`+meterNumber+`","mode":"prepay_wallet","tariff":"domestic"}`))
	overview := func(key string) (apiv1.Overview, map[string]apiv1.OverviewList) {
		o, lists := decode[apiv1.Overview](t, w.want(200, w.ask("GET", "/v1/overview", key, ""))), map[string]apiv1.OverviewList{}
		for _, l := range o.Lists {
			lists[l.Kind] = l
		}
		return o, lists
	}
	o, lists := overview(w.key)
	offline := lists["offline"]
	if o.Meters != 1 || len(o.Lists) != 11 || offline.Count != 1 || len(offline.First) != 1 || offline.First[0].Title != meterNumber || offline.First[0].Since != nil {
		t.Errorf("a meter that was never heard: %+v", o)
	}
	w.reads(1, 1000, 2000, 0, 300)
	_, lists = overview(w.key)
	if d := lists["doubtful_readings"]; d.Count != 1 || d.First[0].Meter != meterNumber || lists["alarms"].Count != 0 {
		t.Errorf("a reading in doubt: %+v, alarms %+v", d, lists["alarms"])
	}
	w.fourEyes(true)
	asked := decode[apiv1.Approval](t, w.want(202, w.post("/v1/meters/"+meterNumber+"/supply", `{"protected":true,"reason":"a clinic"}`)))
	_, lists = overview(w.key)
	if a := lists["approvals"]; a.Count != 1 || a.First[0].ID != asked.ID {
		t.Errorf("a request that waits: %+v", a)
	}
	_, lists = overview(w.newKey(access.Support))
	if a := lists["approvals"]; a.Count != 0 {
		t.Errorf("support sees a request that it may not decide: %+v", a)
	}
	w.want(403, w.ask("GET", "/v1/overview", w.newKey(access.TariffManager), ""))
}
