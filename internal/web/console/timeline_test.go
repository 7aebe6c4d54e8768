package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/wire"
)

// moments asks the API for the timeline of a meter, two rows at a time.
func (w *world) moments(meter, query string) (all []apiv1.Moment) {
	w.t.Helper()
	for cursor := ""; ; {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/meters/"+meter+"/timeline?limit=2&cursor="+cursor+query, http.NoBody)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		var page apiv1.List[apiv1.Moment]
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(all) > 500 {
			w.t.Fatalf("timeline of %s: status %d, %v, %d rows so far", meter, resp.StatusCode, err, len(all))
		}
		all = append(all, page.Data...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

// sortedBy is the time by which the list sorts a moment, in whole milliseconds: that of its identity, which the server makes a little after
// the message arrived. A sale sorts by its own time, and an event, which has no identity, by the time at which it arrived.
func sortedBy(t *testing.T, m apiv1.Moment) time.Time {
	t.Helper()
	prefix, _, named := strings.Cut(m.ID, "_")
	if m.Kind == "sale" || !named {
		return m.At.Truncate(time.Millisecond)
	}
	identity, err := id.Parse(prefix+"_", m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if late := identity.Time().Sub(m.At); late < -time.Millisecond || late > time.Minute {
		t.Errorf("the identity of %+v was made %v after its time", m, late)
	}
	return identity.Time()
}

// TestATimelineHasEverythingOnce: one list has the sales, orders, doubtful readings and alarms of a meter, newest first and each once, whatever the
// size of a page. Its pages work without scripts, and a role sees no kinds that it may not read.
func TestATimelineHasEverythingOnce(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	for i := range 30 {
		w.api("/v1/vends", fmt.Sprintf(`{"meter":%q,"tender":{"amount_minor":%d,"currency":"KES"},"client_ref":"timeline-%d"}`, walletNumber, 1000+i, i))
		if i%2 == 0 {
			form := g.get("/meters/" + walletNumber).value("form")
			g.post("/meters/"+walletNumber+"/commands", "form", form, "type", []string{"disconnect", "connect"}[i/2%2], "reason", fmt.Sprintf("reason %d", i)).leads("/meters/")
		}
	}
	for i, register := range []int64{1000, 1500, 0, 20} {
		w.reading(walletNumber, uint64(i+1), wire.Reading{RegisterWh: register, W: 5, Relay: "closed"})
	}
	all := w.moments(walletNumber, "")
	seen, kinds := map[string]int{}, map[string]int{}
	for _, m := range all {
		seen[m.Kind+m.ID]++
		kinds[m.Kind]++
	}
	for i := 1; i < len(all); i++ {
		if sortedBy(t, all[i]).After(sortedBy(t, all[i-1])) {
			t.Errorf("the list is not sorted by time: %+v is before %+v", all[i-1], all[i])
		}
	}
	if kinds["sale"] != 30 || kinds["order"] == 0 || kinds["doubt"] == 0 || kinds["alarm"] == 0 || len(seen) != len(all) {
		t.Errorf("kinds %v, %d rows, %d different ones", kinds, len(all), len(seen))
	}
	if orders := w.moments(walletNumber, "&kind=order"); len(orders) != kinds["order"] || orders[0].Note != "reason 28" {
		t.Errorf("the orders are %+v", orders)
	}
	shown, path := 0, "/meters/"+walletNumber+"/timeline"
	for path != "" {
		page := g.get(path).is(200)
		shown += strings.Count(page.body, "<li>")
		_, next, more := strings.Cut(page.body, `rel="next" href="`)
		if path, _, _ = strings.Cut(next, `"`); !more {
			path = ""
		}
		path = strings.ReplaceAll(path, "&amp;", "&")
	}
	if shown != len(all) {
		t.Errorf("the pages show %d moments, the API has %d", shown, len(all))
	}
	g.get("/meters/"+walletNumber+"/timeline?kind=doubt").is(200).says("Doubtful reading", "The register").omits("Sale for")
	g.get("/meters/" + walletNumber + "/timeline?kind=weather").is(400)
	w.person("installer@example.org", access.Installer)
	i := w.enter("installer@example.org")
	i.get("/meters/" + walletNumber + "/timeline").is(200).says("reason 28").omits("Sale for")
	i.get("/meters/" + walletNumber + "/timeline?kind=sale").is(403)
}
