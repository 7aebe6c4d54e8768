package api

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/internal/refusal"
)

// TestWhatTheMetricsCount: each request counts once by route and status, with its time, and each sale by its outcome.
func TestWhatTheMetricsCount(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	m.request("GET /v1/meters", 200, 30*time.Millisecond)
	m.request("GET /v1/meters", 404, 2*time.Second)
	m.request("", 404, time.Millisecond)
	m.sold(false)
	m.sold(true)
	m.sold(false)
	m.refused(refusal.VendTooSmall)
	w := httptest.NewRecorder()
	metricsHandler(reg).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, want := range []string{
		`paywatt_http_requests_total{route="GET /v1/meters",status="200"} 1`, `paywatt_http_requests_total{route="GET /v1/meters",status="404"} 1`,
		`paywatt_http_requests_total{route="none",status="404"} 1`, `paywatt_http_request_seconds_count{route="GET /v1/meters"} 2`,
		`paywatt_http_request_seconds_sum{route="GET /v1/meters"} 2.03`, `paywatt_http_request_seconds_count{route="none"} 1`,
		`paywatt_vends_total{result="sold"} 2`, `paywatt_vends_total{result="repeated"} 1`, `paywatt_vends_total{result="vend-too-small"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if _, err := newMetrics(reg); err == nil {
		t.Error("the same metrics were registered twice")
	}
}

// TestHowADocumentNamesAType: the page names one of our schemas by its name with a link, a list by its elements, and an
// enumeration by its words.
func TestHowADocumentNamesAType(t *testing.T) {
	ours := &huma.Schema{Ref: "#/components/schemas/Meter"}
	for _, c := range []struct {
		s          *huma.Schema
		kind, link string
	}{
		{ours, "Meter", "Meter"}, {&huma.Schema{Type: huma.TypeArray, Items: ours}, "list of Meter", "Meter"},
		{&huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}, "list of string", ""},
		{&huma.Schema{Type: huma.TypeInteger, Format: "int64"}, "integer (int64)", ""}, {&huma.Schema{Type: huma.TypeBoolean}, "boolean", ""},
		{&huma.Schema{Type: huma.TypeString, Enum: []any{"on", "off"}}, "on | off", ""},
	} {
		if kind, link := kindOfSchema(c.s); kind != c.kind || link != c.link {
			t.Errorf("got %q with link %q, want %q with %q", kind, link, c.kind, c.link)
		}
	}
}
