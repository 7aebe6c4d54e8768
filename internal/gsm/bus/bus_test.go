package bus_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

const (
	modem = "+255700000100"
	alice = "+255711000001"
	bob   = "+255711000002"
)

// serve runs a network with one modem and its handler.
func serve(t *testing.T) *bus.Client {
	t.Helper()
	n := network.New(1, network.Weather{}, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	m, err := sim900.New(sim900.Config{Number: modem, Network: n, Slots: 2})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(bus.NewHandler(n, []*sim900.Modem{m}, []string{"/dev/pts/9"}))
	t.Cleanup(func() {
		web.Close()
		m.Close()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return bus.NewClient(strings.TrimPrefix(web.URL, "http://"))
}

func TestPhonesTalkFromOtherProcesses(t *testing.T) {
	c, ctx := serve(t), t.Context()
	if got, err := c.Messages(ctx, bob, 0, 0); err != nil || len(got) != 0 {
		t.Fatalf("a new phone has %+v, %v", got, err)
	}
	if err := c.Send(ctx, alice, bob, "habari"); err != nil {
		t.Fatal(err)
	}
	got, err := c.Messages(ctx, bob, 0, await.Limit)
	if err != nil || len(got) != 1 || got[0].From != alice || got[0].Text != "habari" || got[0].N != 1 {
		t.Errorf("bob got %+v, %v", got, err)
	}
	report, err := c.Messages(ctx, alice, 0, await.Limit)
	if err != nil || len(report) != 1 || report[0].Report != "delivered" || report[0].From != bob {
		t.Errorf("alice got %+v, %v", report, err)
	}
	if got, err = c.Messages(ctx, bob, 1, 10*time.Millisecond); err != nil || len(got) != 0 {
		t.Errorf("nothing more: %+v, %v", got, err)
	}
	var events []network.Event
	await.True(t, "the report is among the events", func() bool { // alice has it before
		events = nil
		err = c.Do(ctx, http.MethodGet, "/events?after=0&wait=1s", nil, &events)
		return err != nil || len(events) >= 3
	})
	if err != nil || len(events) != 3 || events[0].Kind != network.Submitted || events[0].Text != "habari" || events[2].Kind != network.Reported {
		t.Errorf("events %+v, %v", events, err)
	}
	if err := c.Send(ctx, alice, "nobody at all", "x"); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("to no number: %v", err)
	}
}

func TestModemsAreMadeToFail(t *testing.T) {
	c, ctx := serve(t), t.Context()
	for i := range 3 {
		if err := c.Send(ctx, alice, modem, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	want := bus.Modem{Number: modem, PTY: "/dev/pts/9", Used: 2, Slots: 2}
	await.True(t, fmt.Sprintf("the only modem is %+v", want), func() bool {
		all, err := c.Modems(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(all) == 1 && all[0] == want
	})
	away := 2
	if err := c.Do(ctx, http.MethodPost, "/modems/"+url.PathEscape(modem), bus.Change{Reset: true, Fail: []int{38}, Registration: &away}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(ctx, http.MethodPost, "/modems/"+url.PathEscape(bob), bus.Change{Reset: true}, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a number without a modem: %v", err)
	}
	if err := c.Do(ctx, http.MethodPut, "/weather", bus.Weather{Loss: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(ctx, alice, bob, "lost"); err != nil {
		t.Fatal(err)
	}
	var events []network.Event
	err := c.Do(ctx, http.MethodGet, "/events?after=0&wait=0s", nil, &events)
	lost := func(e network.Event) bool { return e.Kind == network.Lost && "+"+e.To == bob }
	if err != nil || !slices.ContainsFunc(events, lost) { // events of the modem, which was reset, may come after it
		t.Errorf("events %+v, %v: no message to %s was lost", events, err, bob)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	c := serve(t)
	for _, r := range []struct {
		method, path, host, kind, body string
		want                           int
	}{
		{"GET", "/modems", "evil.example", "", "", http.StatusForbidden}, // a page whose own name resolves to this server (DNS rebinding)
		{"GET", "/modems", "localhost:80", "", "", http.StatusOK},
		{"GET", "/modems", "127.0.0.1", "", "", http.StatusOK},
		{"POST", "/phones/" + alice + "/messages", "", "text/plain", `{"to":"+1","text":"x"}`, http.StatusUnsupportedMediaType}, // a form
		{"POST", "/phones/" + alice + "/messages", "", "application/json", `{"to":`, http.StatusBadRequest},
		{"POST", "/phones/" + alice + "/messages", "", "application/json", `{"unknown":1}`, http.StatusBadRequest},
		{"POST", "/phones/" + alice + "/messages", "", "application/json", `{"text":"` + strings.Repeat("x", 70_000) + `"}`, http.StatusBadRequest},
		{"GET", "/phones/" + alice + "/messages?after=x", "", "", "", http.StatusBadRequest},
		{"GET", "/phones/" + modem + "/messages", "", "", "", http.StatusConflict}, // the modem's number is no phone
		{"GET", "/events?wait=x", "", "", "", http.StatusBadRequest},
		{"DELETE", "/modems", "", "", "", http.StatusMethodNotAllowed},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, c.URL+r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = r.host
		req.Header.Set("Content-Type", r.kind)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != r.want {
			t.Errorf("%s %s as %q with %.30q: %d, want %d", r.method, r.path, r.host, r.body, resp.StatusCode, r.want)
		}
	}
}
