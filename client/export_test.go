package client_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/client"
)

// TestAnExportMayBeLongerThanAnAnswer reads an export that is longer than every other answer may be and takes longer than a request may
// take. Its parts are written out while they arrive. An export that breaks off is an error, and so are a refusal and a server that falls silent.
func TestAnExportMayBeLongerThanAnAnswer(t *testing.T) {
	part := strings.Repeat("0123456789abcde\n", 64<<10)
	parts, breaks, hangs := client.MaxAnswer/len(part)+2, false, make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("format") {
		case "refused":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"code":"forbidden","status":403}`))
			return
		case "silent":
			<-hangs
			return
		}
		for range parts {
			_, _ = w.Write([]byte(part))
			time.Sleep(time.Second / 20)
		}
		if breaks {
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	defer close(hangs)
	api, err := client.New(server.URL, "pk_x", client.Config{Timeout: time.Second / 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := api.ExportLedger(t.Context(), client.LedgerExport{}, &out); err != nil || out.Len() != parts*len(part) {
		t.Errorf("%d bytes of %d, %v", out.Len(), parts*len(part), err)
	}
	breaks = true
	if err := api.ExportLedger(t.Context(), client.LedgerExport{}, &out); !errors.Is(err, client.ErrNoAnswer) {
		t.Errorf("an export that broke off: %v", err)
	}
	var p *client.Problem
	if err := api.ExportLedger(t.Context(), client.LedgerExport{Format: "refused"}, &out); !errors.As(err, &p) || p.Status != 403 {
		t.Errorf("a refused export: %v", err)
	}
	if err := api.ExportLedger(t.Context(), client.LedgerExport{Format: "silent"}, &out); !errors.Is(err, client.ErrNoAnswer) {
		t.Errorf("a silent server: %v", err)
	}
}
