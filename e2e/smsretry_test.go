package e2e

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/gsm/bus"
)

// attempts lists the outcome of each attempt to send a message: "route outcome".
func attempts(t *testing.T, a *api, message string) (state string, tries []string) {
	t.Helper()
	m := a.must(t, 200, "GET", "/v1/messages/"+message, nil)
	for i := range int(m.num(t, "tries")) {
		tries = append(tries, m.text(t, "attempts", i, "route")+" "+m.text(t, "attempts", i, "outcome"))
	}
	return m.text(t, "state"), tries
}

// This test has two real routes: a modem and a signed gateway. The modem is first on a network that loses everything, and then without a
// network. The modem sends two messages in vain. A person sends both again by the gateway: the first through the API, the second with the
// command paywatt message retry. Messages that a dead modem cannot send go by the gateway automatically. Every attempt is listed with its
// route.
func TestAMessageGoesByAnotherRouteWhenTheModemDies(t *testing.T) {
	t.Parallel()
	const ours = "+255700000270"
	r := startRadio(t, "--number", ours)
	g := &httpGateway{secret: "0123456789abcdef0123456789abcdef"}
	site := httptest.NewServer(g)
	defer site.Close()
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	write(t, dir+"/secret", g.secret+"\n", 0o600)
	p, srv, a := smsPlace(t, port, fmt.Sprintf("[[sms_route]]\nname = \"modem1\"\nkind = \"modem\"\nport = %q\nnumber = %q\ncost_micro = 500000\n\n"+
		"[[sms_route]]\nname = \"phone1\"\nkind = \"http\"\nurl = \"%s/send\"\nsecret_file = \"%s/secret\"\ncost_micro = 800000\n", r.ptys[ours], ours, site.URL, dir))
	p.expect("modem lost", "route went down")
	p.env = append(p.env, "PAYWATT_URL=http://"+srv.http, "PAYWATT_KEY="+strings.TrimSpace(a.key))
	m := a.meter(t, number(1402))
	has := func(n int, digits string) bool { // the gateway's n-th message contains this token
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.got) == n && strings.Contains(strings.ReplaceAll(fmt.Sprint(g.got[n-1]["text"]), " ", ""), digits)
	}
	until := func(message, state string, want ...string) {
		t.Helper()
		var is string
		var tries []string
		defer func() { // the wait may end the test
			if t.Failed() {
				t.Logf("the message is %s after %q", is, tries)
			}
		}()
		await.True(t, fmt.Sprintf("the message is %s after %q", state, want), func() bool {
			is, tries = attempts(t, a, message)
			return is == state && strings.Join(tries, ", ") == strings.Join(want, ", ")
		})
	}
	sell := func(ref string) (message, digits string) {
		t.Helper()
		sale := a.mustVend(t, m.number, 10_000, ref, "sms")
		list := a.must(t, 200, "GET", "/v1/messages?sale="+sale.text(t, "id"), nil)
		return list.text(t, "data", 0, "id"), sale.text(t, "tokens", 0, "digits")
	}

	r.weather(t, bus.Weather{Loss: 1})
	first, digits := sell("retry-000001")
	until(first, "sent", "modem1 accepted")
	again := map[string]any{"route": "phone1"}
	for range 2 { // a repeated request sends one message
		a.must(t, 202, "POST", "/v1/messages/"+first+"/retry", again, "Idempotency-Key", "retry-message-1")
	}
	until(first, "sent", "modem1 accepted", "phone1 accepted")
	if !has(1, digits) {
		t.Errorf("the gateway has not the token: %v", g.wrong)
	}
	second, digits := sell("retry-000002")
	until(second, "sent", "modem1 accepted")
	p.run(t, "", "message", "retry", second, "--route", "phone1")
	until(second, "sent", "modem1 accepted", "phone1 accepted")
	shown := p.run(t, "", "message", "show", second)
	for _, want := range []string{"by modem1: accepted", "by phone1: accepted", "1.300000"} {
		if !strings.Contains(shown, want) {
			t.Errorf("message show does not say %q:\n%s", want, shown)
		}
	}
	if !has(2, digits) || strings.Contains(shown, digits) {
		t.Error("the gateway has not the second token, or the program shows its digits")
	}
	if out, errOut, code := p.try("", "message", "retry", second, "--route", "nobody"); code == 0 || !strings.Contains(errOut, "modem1, phone1") {
		t.Errorf("by a route that is not there: exit %d, %s%s", code, out, errOut)
	}

	r.stop()
	third, digits := sell("retry-000003")
	until(third, "sent", "modem1 not_sent", "phone1 accepted")
	if !has(3, digits) {
		t.Error("the gateway has not the third token")
	}
	routeDown(t, p, a)
}

// routeDown expects the modem's route to be shown as down, and an alarm about it.
func routeDown(t *testing.T, p *place, a *api) {
	t.Helper()
	if routes := p.run(t, "", "message", "routes"); !strings.Contains(routes, "down") {
		t.Errorf("message routes:\n%s", routes)
	}
	if alarms := a.must(t, 200, "GET", "/v1/alarms", nil); !strings.Contains(string(alarms.body), "sms-route-down") {
		t.Errorf("alarms: %s", alarms.body)
	}
}
