package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/wire"
)

// stream is an open event stream.
type stream struct {
	t     *testing.T
	lines chan string
}

// follow opens a stream with the guest's session. It ends with the test.
func (g *guest) follow(path string) *stream {
	g.w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.w.url+path, nil)
	if err != nil {
		g.w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream") // an EventSource sends the same header
	endless := *g.http
	endless.Timeout = 0
	resp, err := endless.Do(req)
	if err != nil {
		g.w.t.Fatal(err)
	}
	s := &stream{g.w.t, make(chan string, 64)}
	g.w.t.Cleanup(func() {
		cancel()
		for range s.lines {
		}
	})
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Encoding": ""} {
		if got := resp.Header.Get(name); got != want {
			g.w.t.Errorf("%s: %s is %q, want %q", path, name, got, want)
		}
	}
	go func() {
		defer close(s.lines)
		defer resp.Body.Close()
		for r := bufio.NewScanner(resp.Body); r.Scan(); {
			s.lines <- r.Text()
		}
	}()
	return s
}

// next returns the next line with this prefix and skips those before it.
func (s *stream) next(prefix string) string {
	s.t.Helper()
	late := time.After(await.Limit)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the stream ended before a line %q", prefix)
			}
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return rest
			}
		case <-late:
			s.t.Fatalf("%s: no line %q", await.NotInTime, prefix)
		}
	}
}

// patch returns the next message with rows.
func (s *stream) patch() map[string]map[string][]string {
	s.t.Helper()
	for {
		var m struct {
			At   string
			Rows map[string]map[string][]string
		}
		if err := json.Unmarshal([]byte(s.next("data: ")), &m); err != nil {
			s.t.Fatal(err)
		}
		if !strings.HasSuffix(m.At, " UTC") {
			s.t.Errorf("a message says %q for its time, want the site's", m.At)
		}
		if m.Rows != nil {
			return m.Rows
		}
	}
}

func TestAStreamSendsWhatChangesAndNothingElse(t *testing.T) {
	w := begin(t)
	w.meter("04140001019", "Kwame M.")
	g := w.enter(ownerEmail)
	w.reading(meterNumber, 1, wire.Reading{RegisterWh: 1000, BalanceWh: 30_000, W: 100, Relay: "closed"})
	list := g.follow("/meters/live?n=" + meterNumber + ",04140001019")
	list.next("event: ping")
	first := list.patch()
	if len(first) != 2 || first["m-"+meterNumber]["balance"][0] != "30.0 kWh" || first["m-"+meterNumber]["state"][0] != "● On" {
		t.Fatalf("at first it sends %v, want all of both meters", first)
	}
	w.reading(meterNumber, 2, wire.Reading{RegisterWh: 1500, BalanceWh: 19_500, W: 100, Relay: "closed"})
	moved := list.patch()
	m := moved["m-"+meterNumber]
	if len(moved) != 1 || m["balance"][0] != "19.5 kWh" || m["state"][0] != "▲ Low credit" || m["state"][1] != "badge warn" || m["load"] != nil {
		t.Errorf("after a reading it sends %v, want balance and state of one meter", moved)
	}

	sale := g.sell(meterNumber, "100")
	tokens := g.follow(strings.TrimPrefix(sale.what, "GET ") + "/live").patch()
	page := g.follow("/meters/" + meterNumber + "/live").patch()
	for element, cells := range tokens {
		if got := page[element]["state"]; cells["state"][0] != "○ Not loaded yet" || len(got) != 2 || got[0] != cells["state"][0] {
			t.Errorf("the token is %v on the sale and %v on the meter's page", cells, got)
		}
	}
	if len(tokens) != 1 || page["m-"+meterNumber]["register"][0] != "1.500 kWh" || page["supply"] != nil {
		t.Errorf("tokens %v, page %v", tokens, page)
	}
	if n := w.audited("token.show"); n != 1 {
		t.Errorf("live pages noted that digits were shown: %d rows, want 1 (the sale's page)", n)
	}
}

// TestAServerStopsWithLivePagesOpen: if the server had to cut the page off, it would end with an error.
func TestAServerStopsWithLivePagesOpen(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	s := g.follow("/meters/live?n=" + meterNumber)
	s.next("event: ping")
	w.stop()
	for range s.lines {
	}
}
