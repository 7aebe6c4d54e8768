package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/report"
)

// happening is one event as a reader gets it.
type happening struct {
	id, kind string
	data     struct {
		Type, Vend, Meter string
		ClientRef         string `json:"client_ref"`
	}
}

// follow opens the event stream and delivers its events until the test ends or stop is called.
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
	for {
		switch h := await.Receive(w.t, "an event of the kind "+kind, events); h.kind {
		case kind:
			return h
		case "":
			w.t.Fatalf("the stream ended before %s", kind)
		}
	}
}

// TestAReaderOfTheFeedMissesNothing: sales arrive in order, and a reader that returns with the last id gets exactly the
// events after it.
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

// TestTheFeedShowsWhatTheReaderMaySee: a key of the role support gets the events of sales, but neither other journals nor the audit log.
func TestTheFeedShowsWhatTheReaderMaySee(t *testing.T) {
	w := begin(t)
	w.want(http.StatusCreated, w.sell("feed-0001", order("10000")))
	events, stop := w.follow(w.newKey(access.Support), "?after=-1")
	defer stop()
	w.next(events, "vend.completed")
	w.want(http.StatusCreated, w.sell("feed-0002", order("10000")))
	if h := await.Receive(t, "the second sale", events); h.kind != "vend.completed" || h.data.ClientRef != "feed-0002" {
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

// TestAStreamEndsWithTheServer: the server stops although a reader stays. If it had to cut the reader off, it would end with an error.
func TestAStreamEndsWithTheServer(t *testing.T) {
	w := begin(t)
	events, stop := w.follow(w.key, "")
	defer stop()
	w.stop()
	for range events {
		t.Error("an event after the end")
	}
}

// TestHeadersOfTheStreamEndTheAnswer: a HEAD has no body. If its answer did not end, the reader would wait on the same connection without
// end.
func TestHeadersOfTheStreamEndTheAnswer(t *testing.T) {
	w := begin(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(await.Limit)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for _, ask := range []string{"HEAD /v1/events", "GET /v1/version"} {
		if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", ask, w.key); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(ask, " ")
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%s: %v", ask, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, %v", ask, resp.StatusCode, err)
		}
	}
}

// TestAReaderThatLeavesMakesRoomForAnother: when the readers of a key are at their limit, another one is refused, and a reader with another
// key is not. A reader that leaves makes room for the next, even if its answer had no body.
func TestAReaderThatLeavesMakesRoomForAnother(t *testing.T) {
	w := begin(t)
	const room = access.MaxOfKey
	for n := range 2 * room {
		if got := w.ask("HEAD", "/v1/events", w.key, ""); got.status != http.StatusOK {
			t.Fatalf("request %d for headers: status %d", n+1, got.status)
		}
	}
	var stops []func()
	for range room {
		_, stop := w.follow(w.key, "")
		stops = append(stops, stop)
		defer stop()
	}
	full := w.want(http.StatusTooManyRequests, w.ask("GET", "/v1/events", w.key, ""))
	if code, _ := w.problem(full); code != "rate-limited" || full.header.Get("Retry-After") == "" {
		t.Errorf("a reader too many: %s, retry after %q", code, full.header.Get("Retry-After"))
	}
	w.want(http.StatusOK, w.ask("HEAD", "/v1/events", w.newKey(access.Auditor), ""))
	stops[0]()
	await.True(t, "a reader who went has made room", func() bool { return w.ask("HEAD", "/v1/events", w.key, "").status == http.StatusOK })
}

// TestAReaderFromBeyondTheEndIsTold: after a restore the log may be shorter than the part that a reader has seen. A reader that waited
// until the log had its old length again would miss all events in between.
func TestAReaderFromBeyondTheEndIsTold(t *testing.T) {
	w := begin(t)
	events, stop := w.follow(w.key, "?after=-1")
	last := w.next(events, "audit.meter.add")
	stop()
	at, err := strconv.Atoi(last.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int{at + 100, 1 << 60} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.key)
		req.Header.Set("Last-Event-ID", strconv.Itoa(id))
		resp, err := (&http.Client{Timeout: await.Limit}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body) // a stream would not end
		if resp.Body.Close(); err != nil {
			t.Fatalf("Last-Event-ID %d: status %d, %v", id, resp.StatusCode, err)
		}
		if code, _ := w.problem(w.want(400, answer{resp.StatusCode, resp.Header, body})); code != "invalid-request" {
			t.Errorf("Last-Event-ID %d: %s", id, code)
		}
	}
	_, stop = w.follow(w.key, "", "Last-Event-ID", last.id)
	stop()
}

// TestAReaderGetsWhatComesAfterRowsItMayNotSee: a vendor's key gets its own sale, although more than a page of rows that it may not see come
// before.
func TestAReaderGetsWhatComesAfterRowsItMayNotSee(t *testing.T) {
	w := begin(t)
	w.want(201, w.post("/v1/vendors", `{"name":"Corner shop","code":"shop1"}`))
	key := w.vendorKey("SHOP1")
	w.want(201, w.ask("POST", "/v1/vendors/SHOP1/deposits", w.key, `{"amount":{"amount_minor":15000,"currency":"KES"},"reference":"BANK-1"}`, "Idempotency-Key", "deposit-1"))
	for n := range report.MaxFeed + 1 {
		w.want(200, w.post("/v1/settings", fmt.Sprintf(`{"vat_no":"P%d"}`, n)))
	}
	w.want(201, w.ask("POST", "/v1/vends", key, order("10000"), "Idempotency-Key", "sale-0001"))
	events, stop := w.follow(key, "?after=-1")
	defer stop()
	if got := w.next(events, "vend.completed"); got.data.ClientRef != "sale-0001" {
		t.Errorf("the sale %q", got.data.ClientRef)
	}
}
