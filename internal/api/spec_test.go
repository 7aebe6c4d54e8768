package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

var update = flag.Bool("update", false, "write openapi.json anew")

const specFile = "openapi.json"

// document is what the tests read of the OpenAPI document.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]json.RawMessage }
}

func bare(t *testing.T) *api.API {
	t.Helper()
	a, err := api.New(api.Config{Languages: wordstest.Languages(t), Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: zeros{}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// served is the OpenAPI document as the server serves it.
func served(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	bare(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/openapi.json", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

var _ io.Reader = zeros{}

func spec(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(served(t), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheCommittedDocumentIsTheServedOne: the committed document must equal the document that the server serves. Run the test with -update
// after a change of the interface, and read the diff.
func TestTheCommittedDocumentIsTheServedOne(t *testing.T) {
	var got bytes.Buffer
	if err := json.Indent(&got, served(t), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(specFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs from the document that is served; run go test ./internal/api -update and read the diff", specFile)
	}
}

func TestTheDocumentDescribesWhatIsSent(t *testing.T) {
	d := spec(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("got OpenAPI %s, want 3.1.0", d.OpenAPI)
	}
	for name, fields := range map[string][]string{
		"NewMeter":     {"number", "mode", "tariff", "sgc", "ken", "imp_per_kwh", "simulated", "customer"},
		"AddedMeter":   {"number", "state", "as_of", "balance", "mqtt_password", "link_key", "decoder_key"},
		"NewTariff":    {"name", "currency", "vat_bps", "flat_micro", "blocks"},
		"NewSale":      {"meter", "tender", "client_ref", "deliver"},
		"Sale":         {"units_wh", "lines", "tokens", "receipt_url"},
		"NewDiagnosis": {"digits", "number"},
		"Diagnosis":    {"verdict", "findings", "typing", "key", "sold", "keys"},
		"MeterToken":   {"digits", "tid", "state", "result"},
		"Problem":      {"type", "title", "status", "detail", "code", "request_id", "retryable", "money_moved"},
	} {
		schema := string(d.Components.Schemas[name])
		for _, f := range fields {
			if !strings.Contains(schema, `"`+f+`"`) {
				t.Errorf("schema %s has no field %s: %s", name, f, schema)
			}
		}
	}
	if _, ok := d.Components.Schemas["ErrorModel"]; ok {
		t.Error("the document describes an error model that nobody sends")
	}
	if list := string(d.Paths["/v1/meters/{meter}/readings"]["get"]); !strings.Contains(list, `"cursor"`) || !strings.Contains(list, `"from"`) {
		t.Errorf("the history has no page or span: %s", list)
	}
}

// TestTheDocumentDescribesEveryField: each field of a body and each parameter has a description.
func TestTheDocumentDescribesEveryField(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, Description string }
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	if err := json.Unmarshal(served(t), &d); err != nil {
		t.Fatal(err)
	}
	fields := 0
	for name, schema := range d.Components.Schemas {
		for field, is := range schema.Properties {
			if fields++; strings.TrimSpace(is.Description) == "" {
				t.Errorf("%s.%s has no description; give the field in api/apiv1 its tag doc", name, field)
			}
		}
	}
	for path, item := range d.Paths {
		for method, op := range item {
			for _, p := range op.Parameters {
				if strings.TrimSpace(p.Description) == "" {
					t.Errorf("parameter %s of %s %s has no description", p.Name, method, path)
				}
			}
		}
	}
	settings := d.Components.Schemas["Settings"].Properties
	for field, is := range d.Components.Schemas["SettingsChange"].Properties {
		own := field == "currency" || field == "four_eyes" || field == "four_eyes_alone" || field == "reversal_value_per_day_minor" || field == "meter_config_clear" // described differently in a change
		if is.Description != settings[field].Description && !own {
			t.Errorf("SettingsChange.%s is described as %q, and Settings.%s as %q", field, is.Description, field, settings[field].Description)
		}
	}
	if fields < 900 {
		t.Errorf("only %d fields were looked at: the test reads the document wrong", fields)
	}
}

// TestTheDocsPageNeedsNobodyElse: the page has no script and no inline style, uses no other host, and every link leads somewhere.
func TestTheDocsPageNeedsNobodyElse(t *testing.T) {
	tier.Slow(t)
	w := begin(t)
	a := w.want(200, w.ask("GET", "/docs", "", ""))
	html := string(a.body)
	for _, bad := range []string{"<script", "style=", "http://", "https://", "javascript:"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	csp := a.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'self'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("the policy %q lacks %q", csp, part)
		}
	}
	for _, m := range regexp.MustCompile(`href="(#[^"]*|/[^"]*)"`).FindAllStringSubmatch(html, -1) {
		if id, inner := strings.CutPrefix(m[1], "#"); inner {
			if !strings.Contains(html, `id="`+id+`"`) {
				t.Errorf("the link %s leads nowhere", m[1])
			}
			continue
		}
		w.want(200, w.ask("GET", m[1], "", ""))
	}
	if !strings.Contains(html, `id="meter-not-found"`) {
		t.Error("the type of a problem leads nowhere: /docs#meter-not-found")
	}
}

// TestTheDocumentSaysWhichLanguagesAreDrafts: a caller who chooses a customer's language learns which languages have texts that no native
// speaker has read.
func TestTheDocumentSaysWhichLanguagesAreDrafts(t *testing.T) {
	if got := strings.Count(string(served(t)), notify.LanguageChoices()); got != 3 {
		t.Errorf("%q stands %d times in the document, want at a customer, in the list of customers and at a change of a customer", notify.LanguageChoices(), got)
	}
}
