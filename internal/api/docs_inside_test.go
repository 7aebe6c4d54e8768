package api

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// TestAPageIsMadeOnce: a page for everybody is rendered once and compressed once, however often strangers ask for it.
func TestAPageIsMadeOnce(t *testing.T) {
	made := 0
	h := new(API).page("text/html", func() ([]byte, error) { made++; return []byte("a long page"), nil })
	for accepts, packed := range map[string]bool{"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false, "deflate": false} {
		r := httptest.NewRequest("GET", "/docs", nil)
		r.Header.Set("Accept-Encoding", accepts)
		w := httptest.NewRecorder()
		h(w, r)
		body := io.Reader(w.Body)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("Accept-Encoding %q: compressed %t, want %t", accepts, got, packed)
			continue
		}
		if packed {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		if text, err := io.ReadAll(body); err != nil || string(text) != "a long page" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %q, %v, %v", accepts, text, err, w.Header())
		}
	}
	if made != 1 {
		t.Errorf("the page was made %d times, want once", made)
	}
}

// library is the pages below /docs of a document with many operations.
func library(operations int) *http.ServeMux {
	spec := &huma.OpenAPI{Info: &huma.Info{Title: "Test", Version: "1"}, Paths: map[string]*huma.PathItem{},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)}}
	for n := range operations {
		spec.Paths[fmt.Sprintf("/v1/things/%d", n)] = &huma.PathItem{Get: &huma.Operation{OperationID: fmt.Sprintf("thing-%d", n),
			Method: "GET", Summary: "Read a <thing>", Tags: []string{"things"}}}
	}
	mux := http.NewServeMux()
	new(API).docsRoutes(mux, spec)
	return mux
}

func searchIn(mux *http.ServeMux, query string) string {
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/docs?q="+url.QueryEscape(query), nil))
	return w.Body.String()
}

// TestASearchFindsWhatHoldsAllItsWords: and it shows no heading without results.
func TestASearchFindsWhatHoldsAllItsWords(t *testing.T) {
	mux := library(20)
	for _, c := range []struct {
		query             string
		operations, codes int
		holds             string
	}{
		{"thing-7", 1, 0, `<a href="/docs/topic/things#thing-7"><code>GET /v1/things/7</code></a> Read a &lt;thing&gt;</li>`},
		{"THINGS read", 20, 0, `<h2 id="topic-things">`},
		{"meter-not-found", 0, 1, `<h2 id="codes">`},
		{"thing-7 thing-8", 0, 0, "Nothing in the documentation"},
		{"<b>", 0, 0, "Found for “&lt;b&gt;”"},
	} {
		page := searchIn(mux, c.query)
		operations, codes := strings.Count(page, "<li>"), strings.Count(page, "<tr id=")
		headings, topics := strings.Count(page, "<h2"), 0
		if operations > 0 {
			topics = 1
		}
		if operations != c.operations || codes != c.codes || headings != topics+min(1, codes) || !strings.Contains(page, c.holds) || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%q: %d operations, %d codes, %d headings, want %d and %d, and %s in\n%s", c.query, operations, codes, headings, c.operations, c.codes, c.holds, page)
		}
	}
	if page := searchIn(mux, ""); strings.Count(page, "<li>") != 20 || strings.Count(page, "<tr id=") != len(codes) {
		t.Errorf("the whole page is not whole:\n%s", page)
	}
}

// TestASearchRendersNoResults: anybody may search, so the work of a search must not grow with what it finds.
func TestASearchRendersNoResults(t *testing.T) {
	const operations = 2000
	mux := library(operations)
	if page := searchIn(mux, "thing"); strings.Count(page, "<li>") != operations {
		t.Fatalf("the search finds\n%s", page)
	}
	r := httptest.NewRequest("GET", "/docs?q=thing", nil)
	if allocated := testing.AllocsPerRun(10, func() { mux.ServeHTTP(nobody{}, r) }); allocated > operations/4 {
		t.Errorf("a search that finds %d operations allocates %.0f times, so it renders them", operations, allocated)
	}
}

// nobody is the writer of an answer that goes nowhere.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) Write(b []byte) (int, error) { return len(b), nil }
func (nobody) WriteHeader(int)             {}
