package api

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"testing"
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
