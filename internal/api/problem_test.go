package api_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/store"
)

func TestWhatTheRouterRefusesIsAProblemToo(t *testing.T) {
	w := begin(t)
	for _, c := range []struct {
		method, path, body, contentType string
		status                          int
		code                            string
	}{
		{"GET", "/v1/nothing-here", "", "", 404, "not-found"},
		{"POST", "/v1/vends/vnd_x/refund", "{}", "", 404, "not-found"},
		{"GET", "/v1/vends/vnd_x/nothing", "", "", 404, "not-found"},
		{"DELETE", "/v1/vends", "", "", 405, "method-not-allowed"},
		{"PUT", "/v1/meters/" + meterNumber, "{}", "", 405, "method-not-allowed"},
		{"POST", "/livez", "{}", "", 405, "method-not-allowed"},
		{"POST", "/v1/tariffs", "{}", "text/plain", 415, "unsupported-media-type"},
		{"POST", "/v1/tariffs", "name=x", "application/x-www-form-urlencoded", 415, "unsupported-media-type"},
		{"POST", "/v1/tariffs", strings.Repeat(" ", api.MaxBody) + "{}", "", 413, "too-large"},
		{"POST", "/v1/tariffs", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters?limit=0", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters?limit=201", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters?limit=ten", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters?cursor=forged", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters?colour=red", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters/" + meterNumber + "/readings?from=yesterday", "", "", 400, "invalid-request"},
		{"GET", "/v1/vends?client_ref=a&idempotency_key=b", "", "", 400, "invalid-request"},
		{"GET", "/v1/meters/04140001019", "", "", 404, "meter-not-found"},
		{"GET", "/v1/meters/no-number", "", "", 404, "meter-not-found"},
		{"GET", "/v1/meters/mtr_x", "", "", 404, "meter-not-found"},
		{"GET", "/v1/vends/vnd_x", "", "", 404, "vend-not-found"},
		{"POST", "/v1/meters/" + meterNumber + "/commands", `{"type":"disconnect"}`, "", 400, "invalid-request"},
		{"POST", "/v1/meters/" + meterNumber + "/commands", `{"type":"explode","reason":"x"}`, "", 400, "invalid-request"},
		{"POST", "/v1/meters", strings.Replace(newMeter("04140001019"), `"krn":1`, `"krn":1.5`, 1), "", 400, "invalid-request"},
		{"POST", "/v1/meters", strings.Replace(newMeter("04140001019"), "domestic", "nowhere", 1), "", 409, "tariff-missing"},
		{"POST", "/v1/tariffs", `{"name":"x","currency":"KES","vat_bps":1500}`, "", 422, "tariff-invalid"},
		{"POST", "/v1/tariffs", `{"name":"x","currency":"KES","vat_bps":99999999999,"flat_micro":1}`, "", 422, "tariff-invalid"},
		{"POST", "/v1/tariffs", `{"name":"x","currency":"ZAR","vat_bps":1500,"flat_micro":2500000}`, "", 409, "currency-mismatch"},
	} {
		var headers []string
		if c.contentType != "" {
			headers = []string{"Content-Type", c.contentType}
		}
		a := w.ask(c.method, c.path, w.key, c.body, headers...)
		if code, moved := w.problem(a); a.status != c.status || code != c.code || moved != "" {
			t.Errorf("%s %s: got %d %s (money moved %q), want %d %s: %.300s", c.method, c.path, a.status, code, moved, c.status, c.code, a.body)
		}
		if c.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", c.method, c.path)
		}
	}
}

// TestALockedServerDoesEverythingButSell also checks that a restart with the passphrase makes it ready.
func TestALockedServerDoesEverythingButSell(t *testing.T) {
	w := folder(t)
	w.serve(false, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(200, w.ask("GET", "/livez", "", ""))
	if code, _ := w.problem(w.want(503, w.ask("GET", "/readyz", "", ""))); code != "keystore-locked" {
		t.Errorf("got %s, want keystore-locked", code)
	}
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", newMeter(meterNumber)))
	w.want(200, w.get("/v1/meters/"+meterNumber))
	w.want(202, w.post("/v1/meters/"+meterNumber+"/commands", `{"type":"read","reason":"look"}`))
	a := w.want(503, w.sell("sale-0001", order("10000")))
	if code, moved := w.problem(a); code != "keystore-locked" || moved != "no" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %s, money moved %s, Retry-After %q, want keystore-locked, no, a time", code, moved, a.header.Get("Retry-After"))
	}
	w.stop()
	w.serve(true, api.Limits{})
	if a := w.want(200, w.ask("GET", "/readyz", "", "")); string(a.body) != "{\"ready\":true}\n" {
		t.Errorf("got %s, want ready", a.body)
	}
}

// TestAnUnknownTimeZoneIsNamed: what would be dated in a zone that nobody knows here is refused with its name, and somebody can set another one.
func TestAnUnknownTimeZoneIsNamed(t *testing.T) {
	w := begin(t)
	w.inStore(func(tx *store.Tx) error {
		set, err := tx.TenantSettings()
		if err != nil {
			return err
		}
		set.TZ = "Africa/Nowhere"
		return tx.PutTenantSettings(set)
	})
	named := func(moved string, a answer) {
		t.Helper()
		if code, got := w.problem(w.want(503, a)); code != "time-zone-unknown" || got != moved || !strings.Contains(string(a.body), "Africa/Nowhere") {
			t.Errorf("got %s, money moved %q, want time-zone-unknown, %q and the zone: %s", code, got, moved, a.body)
		}
	}
	named("no", w.sell("sale-0001", order("10000")))
	named("", w.get("/v1/reports/daily"))
	if code, _ := w.problem(w.post("/v1/settings", `{"tz":"Africa/Elsewhere"}`)); code != "invalid-request" {
		t.Errorf("another unknown zone: %s, want invalid-request", code)
	}
	w.want(200, w.post("/v1/settings", `{"tz":"Africa/Nairobi"}`))
	w.want(201, w.sell("sale-0001", order("10000")))
	w.want(200, w.get("/v1/reports/daily"))
}

func TestTooManyRequestsAreRefusedBeforeTheKeyIsLookedUp(t *testing.T) {
	w := folder(t)
	w.serve(true, api.Limits{PerSecond: 0.001, Burst: 3, LimitLoopback: true})
	for i := range 3 {
		if a := w.ask("GET", "/v1/meters", "", ""); a.status != 401 {
			t.Errorf("request %d: got %d, want 401", i+1, a.status)
		}
	}
	a := w.ask("GET", "/v1/meters", "", "")
	if code, _ := w.problem(a); a.status != 429 || code != "rate-limited" || a.header.Get("Retry-After") == "" {
		t.Errorf("request 4: got %d %s, Retry-After %q, want 429 rate-limited", a.status, code, a.header.Get("Retry-After"))
	}
	if a := w.ask("GET", "/livez", "", ""); a.status != 200 {
		t.Errorf("a probe is limited too: got %d", a.status)
	}
}

// TestALongHeaderIsRefused: a client cannot hold the server up with a long header, or by being silent for longer than the time-outs.
func TestALongHeaderIsRefused(t *testing.T) {
	w := begin(t)
	if a := w.ask("GET", "/v1/version", "", "", "X-Long", strings.Repeat("x", 64<<10)); a.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d, want 431", a.status)
	}
	s := api.NewServer(nil, api.Network{}, slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.MaxHeaderBytes != 32<<10 || s.WriteTimeout != 0 {
		t.Errorf("got %v %v %d %v, want 5 s, 15 s, 32 KiB and no server-wide write timeout", s.ReadHeaderTimeout, s.ReadTimeout, s.MaxHeaderBytes, s.WriteTimeout)
	}
}

func TestLongAnswersAreCompressed(t *testing.T) {
	w := begin(t)
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/v1/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("got Content-Encoding %q, want gzip", resp.Header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !strings.HasPrefix(string(b), "{") {
		t.Errorf("got %.20s, %v, want the document", b, err)
	}
}

// TestMetricsNameOnlyWhatIsOurs: the path of a request to an unknown route does not become a label of a metric.
func TestMetricsNameOnlyWhatIsOurs(t *testing.T) {
	w := begin(t)
	w.want(201, w.sell("sale-0001", order("10000")))
	w.sell("sale-0002", order("1"))
	w.ask("GET", "/v1/made-up-by-a-stranger", "", "")
	text := string(w.want(200, w.get("/metrics")).body)
	for _, want := range []string{
		`paywatt_vends_total{result="sold"} 1`, `paywatt_vends_total{result="vend-too-small"} 1`,
		`paywatt_http_requests_total{route="POST /v1/vends",status="201"} 1`, `paywatt_http_requests_total{route="none",status="404"} 1`,
		"paywatt_ready 1", "paywatt_keystore_locked 0", "paywatt_mqtt_meters 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, bad := range []string{"made-up", meterNumber} {
		if strings.Contains(text, bad) {
			t.Errorf("the metrics contain %q, which came from outside", bad)
		}
	}
}

// TestMetricsNeedAKeyThatMayReadThem: they show how much a utility sells.
func TestMetricsNeedAKeyThatMayReadThem(t *testing.T) {
	w := begin(t)
	for _, c := range []struct {
		key  string
		want int
	}{{"", 401}, {w.newKey(access.Support), 403}, {w.newKey(access.Auditor), 200}} {
		if a := w.ask("GET", "/metrics", c.key, ""); a.status != c.want || c.want == 200 && !strings.Contains(string(a.body), "paywatt_ready") {
			t.Errorf("got %d, want %d: %.80s", a.status, c.want, a.body)
		}
	}
}

// TestAListIsPagedToItsEnd follows cursors over more rows than one page.
func TestAListIsPagedToItsEnd(t *testing.T) {
	w := begin(t)
	for i := range 4 {
		w.want(201, w.sell(fmt.Sprintf("sale-000%d", i), order("10000")))
	}
	type page struct {
		Data       []struct{ ID string }
		NextCursor string `json:"next_cursor"`
	}
	seen, path := map[string]bool{}, "/v1/meters/"+meterNumber+"/tokens?limit=3"
	for pages := 0; path != "" && pages < 10; pages++ {
		p := decode[page](t, w.want(200, w.get(path)))
		for _, d := range p.Data {
			seen[d.ID] = true
		}
		path = ""
		if p.NextCursor != "" {
			path = "/v1/meters/" + meterNumber + "/tokens?limit=3&cursor=" + p.NextCursor
		}
	}
	if len(seen) != 4 {
		t.Errorf("got %d tokens over all pages, want 4", len(seen))
	}
}

// TestTheServerStopsInTime: the server stops although a silent client stays. If it had to cut the client off, it would end with an error.
func TestTheServerStopsInTime(t *testing.T) {
	w := begin(t)
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /v1/meters HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	w.stop()
}

// TestARefusalTellsWhatWasNotDone: a client that may not see a sale is never told that the sale was not made, because it would
// then make the sale again. A refusal of anything but a sale does not speak of sales.
func TestARefusalTellsWhatWasNotDone(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"shop1"}`))
	other := w.vendorKey("SHOP1")
	s := decode[sale](t, w.want(201, w.sell("sale-0001", order("10000"))))
	for _, c := range []struct{ method, path, key, body, says, never string }{
		{"GET", "/v1/vends/" + s.ID, other, "", "A vendor sees only its own sales", "nothing was sold"},
		{"GET", "/v1/vends/" + s.ID + "/receipt", other, "", "A vendor sees only its own sales", "nothing was sold"},
		{"POST", "/v1/vends/" + s.ID + "/reversal", other, `{"reason":"x"}`, "A vendor sees only its own sales", "nothing was sold"},
		{"POST", "/v1/vends", w.key, "{", "No token was sold", "changes"},
		{"POST", "/v1/debts", w.key, "{", "no money moved", "sold"},
		{"POST", "/v1/vendors/SHOP1/deposits", w.key, `{"x":1}`, "no money moved", "sold"},
		{"POST", "/v1/settings", w.key, "{", "No changes were made", "money"},
	} {
		a := w.ask(c.method, c.path, c.key, c.body, "Idempotency-Key", "refused-0001")
		told := decode[struct{ Detail string }](t, a).Detail
		if a.status < 400 || a.status > 499 || !strings.Contains(told, c.says) || strings.Contains(told, c.never) {
			t.Errorf("%s %s: status %d, %q; want %q and nothing of %q", c.method, c.path, a.status, told, c.says, c.never)
		}
	}
}

// TestWhatIsNoTextIsRefused: PostgreSQL stores only UTF-8 without zero bytes, so nothing else may reach a database. An
// unreadable parameter is an error, not silently left out.
func TestWhatIsNoTextIsRefused(t *testing.T) {
	w := begin(t)
	meter := "/v1/meters/" + meterNumber
	for _, path := range []string{"/v1/customers?find=%00", "/v1/customers?find=%ff", "/v1/customers?%00=1", "/v1/tariffs/%00/versions", "/v1/tariffs/%ff/versions",
		"/v1/meters/%00/events", "/v1/meters?limit=%zz", "/v1/meters?limit=1;cursor=x", "/v1/events?after=%00"} {
		if code, _ := w.problem(w.want(400, w.get(path))); code != "invalid-request" {
			t.Errorf("%s: %s", path, code)
		}
	}
	for path, body := range map[string]string{
		"/v1/clock/trust": `{"reason":"a\u0000b"}`, meter + "/commands": `{"type":"read","reason":"\u0000"}`, "/v1/settings": `{"vat_no":"\u0000"}`,
		"/v1/tariffs": `{"name":"\u0000","currency":"KES","vat_bps":1500,"flat_micro":2500000}`, meter: `{"\u0000":1}`,
		"/v1/vendors": `{"code":"V007","name":"Duka \u202e7 akuD"}`, "/v1/customers/" + "cus_01jd00000000000000000000000": "{\"name\":\"A\u200fB\"}",
		"/v1/messages": `{"phone":"+254700000001","text":"a\u001b[2J"}`, meter + "/cut": `{"reason":"rent\napproved by amina"}`,
		"/v1/quarantine/q/accept": strings.Repeat(`{"a":[`, 9) + strings.Repeat(`]}`, 9),
	} {
		if code, _ := w.problem(w.want(400, w.post(path, body))); code != "invalid-request" {
			t.Errorf("%s: %s", path, code)
		}
	}
	// A reason with a backslash and five characters is valid text. The server refuses the request only because the clock is not in doubt.
	if code, _ := w.problem(w.want(409, w.post("/v1/clock/trust", `{"reason":"what \\u0000 means"}`))); code != "clock-trusted" {
		t.Errorf("a reason with a backslash: %s", code)
	}
}
