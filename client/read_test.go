package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func TestHistoryIsAskedForByNumberSpanAndPage(t *testing.T) {
	var waits []time.Duration
	var asked string
	c, _ := start(t, &waits, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		fmt.Fprint(w, `{"data":[{"seq":7,"register_wh":120433,"reasons":["CREDIT"]}],"next_cursor":"c2"}`)
	})
	from := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	l, err := c.Readings(t.Context(), apiv1.HistoryFilter{Meter: "0414 0001/001", From: from, Page: apiv1.Page{Limit: 10, Cursor: "c1"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "/v1/meters/0414%200001%2F001/readings?cursor=c1&from=2026-11-20T08%3A00%3A00Z&limit=10"; asked != want {
		t.Errorf("got %s, want %s", asked, want)
	}
	if len(l.Data) != 1 || l.Data[0].Seq != 7 || l.Data[0].RegisterWh != 120433 || l.NextCursor != "c2" {
		t.Errorf("got %+v, want the one reading and cursor c2", l)
	}
}

func TestASaleThatWasNotMadeIsSaidSo(t *testing.T) {
	var waits []time.Duration
	c, _ := start(t, &waits, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[],"next_cursor":""}`) })
	_, err := c.VendByRef(t.Context(), "till3-9")
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != "vend-not-found" || p.MoneyMoved != apiv1.MoneyMovedNo {
		t.Errorf("got %v, want the problem vend-not-found, no money moved", err)
	}
}

func TestALockedServerIsAnAnswerOfReady(t *testing.T) {
	var waits []time.Duration
	c, _ := start(t, &waits, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		fmt.Fprint(w, `{"status":503,"code":"keystore-locked","errors":[{"location":"keystore-locked"},{"location":"clock"}]}`)
	})
	r, failing, err := c.Ready(t.Context())
	if err != nil || r.Ready || strings.Join(failing, " ") != "keystore-locked clock" {
		t.Errorf("got %+v, %v, %v, want not ready for keystore-locked and clock", r, failing, err)
	}
}

func TestAPageOfAProxyIsAProblemWithoutACode(t *testing.T) {
	var waits []time.Duration
	c, _ := start(t, &waits, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>bad gateway", http.StatusBadGateway)
	})
	_, err := c.Tariffs(t.Context(), apiv1.Page{})
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 502 || p.Code != "" {
		t.Errorf("got %v, want a problem of status 502 without a code", err)
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	var waits []time.Duration
	c, _ := start(t, &waits, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 9 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := c.Version(t.Context()); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want an error about the length", err)
	}
}

func TestTheTokenDoctorIsAskedWithAndWithoutAMeter(t *testing.T) {
	var waits []time.Duration
	path := ""
	says := func(w http.ResponseWriter, r *http.Request) {
		path = r.Method + " " + r.URL.Path
		fmt.Fprint(w, `{"verdict":"used","findings":[{"code":"used","text":"It is in.","do":"Look at the balance."}],"sold":true,"units_wh":34700,
			"key":{"sgc":"123456","krn":1},"typing":{"tried":199,"one_digit":1,"meant":["12345678901234567890"]},"keys":"not_asked"}`)
	}
	c, script := start(t, &waits, says, says, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(429)
		fmt.Fprint(w, `{"status":429,"code":"rate-limited","detail":"Too many."}`)
	})
	d, err := c.DiagnoseToken(t.Context(), "1234 5678", "04140001001")
	if err != nil || d.Verdict != "used" || len(d.Findings) != 1 || d.Findings[0].Do == "" || !d.Sold || *d.UnitsWh != 34700 || d.Key.SGC != "123456" ||
		d.Typing.Tried != 199 || len(d.Typing.Meant) != 1 || d.Keys != "not_asked" {
		t.Errorf("got %+v, %v", d, err)
	}
	if _, err := c.DiagnoseToken(t.Context(), "1234", ""); err != nil {
		t.Error(err)
	}
	_, bodies := script.asked()
	if got, want := strings.Join(bodies, "|"), `{"digits":"1234 5678","number":"04140001001"}|{"digits":"1234"}`; got != want || path != "POST /v1/token-diagnoses" {
		t.Errorf("asked %s with %s, want %s", path, got, want)
	}
	var p *client.Problem
	if _, err := c.DiagnoseToken(t.Context(), "1234", ""); !errors.As(err, &p) || p.Code != "rate-limited" {
		t.Errorf("got %v, want the problem rate-limited", err)
	}
}

func TestTrustInTheClockThatWaitsIsNoTrust(t *testing.T) {
	var waits []time.Duration
	status, answer := http.StatusAccepted, `{"id":"apr_1","act":"clock.trust","state":"waiting"}`
	c, _ := start(t, &waits, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
	var w *client.Waiting
	if err := c.TrustClock(t.Context(), "compared with the radio"); !errors.As(err, &w) || w.Approval.ID != "apr_1" {
		t.Errorf("got %v, want the approval apr_1, which waits", err)
	}
	status, answer = http.StatusOK, `{"now":"2026-11-20T08:00:00Z","trusted":true}`
	if err := c.TrustClock(t.Context(), "compared with the radio"); err != nil {
		t.Error(err)
	}
}
