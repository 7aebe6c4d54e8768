package e2e

import (
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// TestACancelledTokenIsWorthlessForGood sells two tokens, loads the first and cancels both. For the first token the meter answers that it
// was used, for the second that it is cancelled. The meter answers the same after a kill.
func TestACancelledTokenIsWorthlessForGood(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(1091))
	taken := a.mustVend(t, m.number, 10_000, "cancel-1")
	open := a.mustVend(t, m.number, 10_000, "cancel-2")

	memory := filepath.Join(t.TempDir(), "meter")
	vm := p.meterProcess(t, memory, srv.mqtt, m)
	if s := vm.must(t, "key "+taken.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "accept" {
		t.Fatalf("the first token: %+v", s)
	}
	cancel := func(sale answer) (state, reason string) {
		args := map[string]any{"tid": sale.num(t, "tokens", 0, "tid"), "base_date": sale.num(t, "tokens", 0, "base_date")}
		sent := a.must(t, 202, "POST", "/v1/meters/"+m.number+"/commands", map[string]any{"type": "cancel_token", "reason": "sold by mistake", "args": args})
		var got struct{ State, Reason string }
		await.True(t, "the meter has answered", func() bool {
			vm.must(t, "show")
			c := a.must(t, 200, "GET", "/v1/meters/"+m.number+"/commands/"+sent.text(t, "id"), nil)
			got.State = c.text(t, "state")
			if got.State == "failed" {
				got.Reason = c.text(t, "answer")
			}
			return got.State == "done" || got.State == "failed"
		})
		return got.State, got.Reason
	}
	if state, _ := cancel(open); state != "done" {
		t.Errorf("cancelling a token that was not entered: %s, want done", state)
	}
	if state, reason := cancel(taken); state != "failed" || reason != "used" {
		t.Errorf("cancelling a token that is in the meter: %s %s, want failed, used", state, reason)
	}
	vm.kill()
	vm = p.meterProcess(t, memory, srv.mqtt, m)
	if s := vm.must(t, "key "+open.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "used_error" || s.BalanceWh != 34_700 {
		t.Errorf("the cancelled token after a kill: %+v; want used_error and 34700 Wh", s)
	}
	vm.quit(t)
}
