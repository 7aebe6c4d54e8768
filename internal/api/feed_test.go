package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// happening is one event as a reader gets it.
type happening struct {
	id, kind string
	data     struct {
		Type, Vend, Meter string
		ClientRef         string `json:"client_ref"`
	}
}

// follow opens the event stream and gives its events until the test ends or close is called.
func (w *world) follow(key, query string, headers ...string) (events <-chan happening, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v1/events"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || ct != "text/event-stream" {
		w.t.Fatalf("status %d, content type %q", resp.StatusCode, ct)
	}
	out := make(chan happening, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		var h happening
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				h.id = value
			case "event":
				h.kind = value
			case "data":
				if json.Unmarshal([]byte(value), &h.data) != nil {
					return
				}
			case "":
				if h.kind != "" {
					out <- h
				}
				h = happening{}
			}
		}
	}()
	return out, cancel
}

// next waits for an event of a kind and skips others.
func (w *world) next(events <-chan happening, kind string) happening {
	w.t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case h, ok := <-events:
			if !ok {
				w.t.Fatalf("the stream ended before %s", kind)
			}
			if h.kind == kind {
				return h
			}
		case <-late:
			w.t.Fatalf("no %s within 10 s", kind)
		}
	}
}

// TestAReaderOfTheFeedMissesNothing: sales arrive in order; who comes back with the last id gets exactly what followed.
func TestAReaderOfTheFeedMissesNothing(t *testing.T) {
	w := begin(t)
	events, stop := w.follow(w.key, "")
	sell := func(n int) { w.want(http.StatusCreated, w.sell(fmt.Sprintf("feed-%04d", n), order("10000"))) }
	sell(1)
	first := w.next(events, "vend.completed")
	if first.data.ClientRef != "feed-0001" || first.data.Meter != meterNumber || first.data.Type != "vend.completed" {
		t.Errorf("got %+v", first)
	}
	w.want(http.StatusOK, w.get("/v1/vends/"+first.data.Vend))
	stop()
	for n := 2; n <= 4; n++ {
		sell(n)
	}
	events, stop = w.follow(w.key, "", "Last-Event-ID", first.id)
	defer stop()
	for n := 2; n <= 4; n++ {
		if h := w.next(events, "vend.completed"); h.data.ClientRef != fmt.Sprintf("feed-%04d", n) {
			t.Errorf("event %s is %s, want feed-%04d", h.id, h.data.ClientRef, n)
		}
	}
	all, stopAll := w.follow(w.key, "?after=-1")
	defer stopAll()
	if h := w.next(all, "vend.completed"); h != first {
		t.Errorf("from the beginning the first sale is %+v, want %+v", h, first)
	}
}

// TestTheFeedShowsWhatTheReaderMaySee: support reads sales but neither other journals nor the audit log.
func TestTheFeedShowsWhatTheReaderMaySee(t *testing.T) {
	w := begin(t)
	w.want(http.StatusCreated, w.sell("feed-0001", order("10000")))
	events, stop := w.follow(w.newKey(access.Support), "?after=-1")
	defer stop()
	w.next(events, "vend.completed")
	w.want(http.StatusCreated, w.sell("feed-0002", order("10000")))
	if h := <-events; h.kind != "vend.completed" || h.data.ClientRef != "feed-0002" {
		t.Errorf("after the first sale came %+v, want the second", h)
	}
	owner, stopOwner := w.follow(w.key, "?after=-1")
	defer stopOwner()
	w.next(owner, "audit.vend.sell")
	refused := w.ask("GET", "/v1/events", w.newKey(access.Installer), "")
	if code, _ := w.problem(w.want(http.StatusForbidden, refused)); code != "forbidden" {
		t.Errorf("code %q", code)
	}
	bad := w.want(http.StatusBadRequest, w.ask("GET", "/v1/events", w.key, "", "Last-Event-ID", "yesterday"))
	if code, _ := w.problem(bad); code != "invalid-request" {
		t.Errorf("code %q", code)
	}
}

// TestAStreamEndsWithTheServer: an open reader does not hold the end up.
func TestAStreamEndsWithTheServer(t *testing.T) {
	w := begin(t)
	events, stop := w.follow(w.key, "")
	defer stop()
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %s with a reader of the feed", took)
	}
	for range events {
		t.Error("an event after the end")
	}
}
