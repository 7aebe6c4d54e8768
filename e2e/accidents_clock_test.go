package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// clockTower is a server that is restarted repeatedly on a machine with a wrong clock.
type clockTower struct {
	*testing.T
	p     *place
	env   []string
	owner string
	srv   *server
	a     *api
}

func newClockTower(t *testing.T) *clockTower {
	w := &clockTower{T: t, p: newPlace(t, buildOnce(t, "faultinject"))}
	w.p.expect(clockIsWrong...)
	w.env = w.p.env
	w.owner = strings.TrimSpace(w.p.run(t, "", "apikey", "create", "--role", "owner", "--data", w.p.dir))
	return w
}

// start restarts the server with faults of its clock.
func (w *clockTower) start(faults ...string) {
	w.Helper()
	w.stop()
	w.p.env = append(slices.Clone(w.env), "FAULT_INJECT="+strings.Join(faults, ","))
	w.srv = w.p.serve(w, "127.0.0.1:0", "127.0.0.1:0")
	w.p.env = w.env
	w.a = newAPI(w.srv.http, w.owner)
}

func (w *clockTower) stop() {
	if w.srv != nil {
		w.srv.stop()
	}
}

// refuses expects a sale to be refused with a code, without money moving.
func (w *clockTower) refuses(when, meter, key, code string) {
	w.Helper()
	got, err := w.a.vend(meter, 1000, key)
	if err != nil {
		w.Fatal(err)
	}
	if got.status != 409 || got.text(w, "code") != code || got.text(w, "money_moved") != "no" {
		w.Fatalf("%s a sale is answered %d %s\nwant 409 %s, money_moved no", when, got.status, got.body, code)
	}
}

// ready expects a code from /readyz; "" means that the server must be ready.
func (w *clockTower) ready(when, code string) {
	w.Helper()
	got, err := w.a.do("GET", "/readyz", nil)
	if err != nil {
		w.Fatal(err)
	}
	if code == "" && got.status != 200 || code != "" && (got.status != 503 || got.text(w, "code") != code) {
		w.Errorf("%s /readyz is %d %s, want %q", when, got.status, got.body, code)
	}
	w.a.must(w, 200, "GET", "/livez", nil)
}

func (w *clockTower) trust(status int) answer {
	w.Helper()
	return w.a.must(w, status, "POST", "/v1/clock/trust", `{"reason":"compared with the radio"}`)
}

func (w *clockTower) sound() {
	w.Helper()
	w.stop()
	w.p.run(w, "", "verify", "--data", w.p.dir)
}

// TestAClockFarAheadAtTheStart: the server starts with its clock a year ahead, and the clock is corrected. Then somebody
// confirms a wrong clock. Afterwards the server can sell to every meter except the one with a token of the next year.
func TestAClockFarAheadAtTheStart(t *testing.T) {
	t.Parallel()
	const year = "clock=8760h"
	w := newClockTower(t)
	w.start()
	w.a.tariff(w)
	one, other, third := w.a.meter(w, number(6001)), w.a.meter(w, number(6002)), w.a.meter(w, number(6004))
	first := w.a.mustVend(w, one.number, 1000, "before-1")
	for n := range 2 { // a restart does not make the server trust its clock
		w.start(year)
		w.refuses("with the clock a year ahead", one.number, fmt.Sprintf("a-year-ahead-%d", n), "clock-untrusted")
		w.ready("with the clock a year ahead", "clock-untrusted")
		if got, err := w.a.do("POST", "/v1/vend-quotes", map[string]any{"meter": one.number, "tender": kes(1000)}); err != nil || got.status != 409 {
			t.Errorf("a quote: %v %d %s", err, got.status, got.body)
		}
		vm := w.p.meterProcess(w, filepath.Join(t.TempDir(), "meter"), w.srv.mqtt, one)
		vm.must(w, "sync") // the server still accepts readings
		vm.quit(w)
	}
	w.start()
	w.ready("set right", "")
	again := w.a.mustVend(w, one.number, 1000, "set-right")
	if was, now := first.num(w, "tokens", 0, "tid"), again.num(w, "tokens", 0, "tid"); now <= was || now > was+60 {
		t.Errorf("set right the TID is %d, after %d", now, was)
	}
	if got := w.trust(409).text(w, "code"); got != "clock-trusted" {
		t.Errorf("trusting a clock that is not in doubt: %s", got)
	}

	w.start("clock=192h", "time-service")
	w.ready("a week off, the time kept by a service", "")
	w.a.mustVend(w, third.number, 1000, "a-week-off")

	w.start(year)
	w.refuses("a year ahead", one.number, "insists-1", "clock-untrusted")
	if out, errOut, code := w.p.try("", "doctor", "--http", w.srv.http, "--mqtt", w.srv.mqtt, "--data", w.p.dir); code != 0 || !strings.Contains(out, "clock-untrusted") {
		t.Errorf("doctor: exit %d\n%s%s", code, out, errOut)
	}
	w.trust(200)
	w.ready("trusted", "")
	w.a.mustVend(w, one.number, 1000, "insists-1")
	w.sound()

	w.start()
	w.refuses("with a token of the next year", other.number, "this-year-1", "clock-untrusted")
	w.ready("with a token of the next year", "clock-untrusted")
	w.trust(200)
	w.ready("trusted", "")
	w.a.mustVend(w, other.number, 1000, "this-year-1")
	w.refuses("where the meter has a token of the next year", one.number, "this-year-2", "too-many-tokens")
	w.start()
	w.ready("started again", "")
	w.a.mustVend(w, other.number, 1000, "this-year-3")
	w.sound()
}

// TestARestoreAfterALongRowOfSales: the disk is lost, the backup is more than a day old, and since the backup 70 tokens in a row were sold
// to one meter. The meter has loaded all 70. Tokens sold after the restore load and are reported as accepted, and sales whose tokens were
// not loaded can be reversed.
func TestARestoreAfterALongRowOfSales(t *testing.T) {
	t.Parallel()
	w := newClockTower(t)
	w.start("clock=-26h")
	w.a.tariff(w)
	m := w.a.meter(w, number(6003))
	copyAt := filepath.Join(t.TempDir(), "backup")
	w.p.run(t, "", "backup", "create", copyAt, "--data", w.p.dir)
	w.start("time-service")
	memory := filepath.Join(t.TempDir(), "meter")
	vm := w.p.meterProcess(w, memory, "", m)
	for n := range 70 {
		sold := w.a.mustVend(w, m.number, 1000, fmt.Sprintf("lost-%04d", n))
		if s := vm.must(w, "key "+sold.text(w, "tokens", 0, "digits")+"#"); s.LastToken != "accept" {
			t.Fatalf("token %d: %s", n, s.LastToken)
		}
	}
	vm.quit(w)
	w.stop()
	w.p.dir = filepath.Join(t.TempDir(), "anew") // the old folder is lost completely
	w.p.run(t, "", "backup", "restore", copyAt, "--data", w.p.dir, "--without-head")

	w.start("time-service")
	vm = w.p.meterProcess(w, memory, w.srv.mqtt, m)
	vm.must(w, "sync")
	for n := range 3 {
		sold := w.a.mustVend(w, m.number, 1000, fmt.Sprintf("after-%04d", n))
		if s := vm.must(w, "key "+sold.text(w, "tokens", 0, "digits")+"#"); s.LastToken != "accept" {
			t.Fatalf("after the restore token %d of TID %d: %s, want accept", n, sold.num(w, "tokens", 0, "tid"), s.LastToken)
		}
		vm.must(w, "sync")
		await.True(w, "the server has heard that the token was loaded", func() bool {
			return w.a.must(w, 200, "GET", "/v1/vends/"+sold.text(w, "id"), nil).text(w, "tokens", 0, "state") == "accepted"
		})
	}
	vm.quit(w)
	kept := w.a.mustVend(w, m.number, 1000, "not-loaded")
	w.a.must(w, 201, "POST", "/v1/vends/"+kept.text(w, "id")+"/reversal", map[string]any{"reason": "wrong meter"}, "Idempotency-Key", "not-loaded-back")
	w.sound()
}
