package e2e

import (
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// TestTheWholeLoop does the main job from outside, with the real binary: buy, load, use, warn, cut, recharge. The server is killed in
// between.
func TestTheWholeLoop(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	a := newAPI(srv.http, key)
	a.tariff(t)
	m := a.meter(t, number(1001))

	first := a.mustVend(t, m.number, 10_000, "till3-000001")
	checkFirstSale(t, first)
	digits := first.text(t, "tokens", 0, "digits")
	derived := decoderKey02(t, "abababababababab", m.number, "123456", "01", 1, 2)
	said := readToken(t, derived, digits)
	if !said.crcOK || said.class != 0 || said.subclass != 0 || said.tenths != 347 || int64(said.tid) != first.num(t, "tokens", 0, "tid") {
		t.Fatalf("an independent reading of %s says %+v, want class 0/0, 347 tenths, tid %d", digits, said, first.num(t, "tokens", 0, "tid"))
	}

	memory := filepath.Join(t.TempDir(), "meter")
	vm := p.meterProcess(t, memory, srv.mqtt, m)
	if s := vm.must(t, "key "+digits+"#"); s.LastToken != "accept" || s.BalanceWh != 34_700 || s.Relay != "closed" {
		t.Fatalf("first entry: %+v", s)
	}
	if s := vm.must(t, "key "+digits+"#"); s.LastToken != "used_error" || s.BalanceWh != 34_700 {
		t.Fatalf("second entry of the same token: %+v", s)
	}

	// The server loses power and comes back on the same addresses; the second sale's token is pushed.
	srv.kill()
	p.serve(t, srv.http, srv.mqtt)
	second := a.mustVend(t, m.number, 10_000, "till3-000002", "mqtt")
	if got := second.num(t, "units_wh"); got != 34_800 {
		t.Fatalf("second sale: %d Wh, want 34800 (100.00 and the carry of 0.24 buy one tenth more): %s", got, second.body)
	}
	var s state
	await.True(t, "the pushed token is in the meter", func() bool {
		s = vm.must(t, "show")
		return s.BalanceWh == 34_700+second.num(t, "units_wh")
	})

	drain(t, vm)

	third := a.mustVend(t, m.number, 10_000, "till3-000003")
	if s = vm.must(t, "key "+third.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "accept" || s.Relay != "closed" {
		t.Fatalf("third token: %+v", s)
	}
	s = vm.must(t, "sync")
	view := a.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	if view.num(t, "register_wh") != s.RegisterWh || view.num(t, "balance_wh") != s.BalanceWh {
		t.Errorf("after sync the server shows register %d balance %d, the meter %d and %d",
			view.num(t, "register_wh"), view.num(t, "balance_wh"), s.RegisterWh, s.BalanceWh)
	}
	for _, sale := range []answer{first, second, third} {
		again := a.must(t, 200, "GET", "/v1/vends/"+sale.text(t, "id"), nil)
		if got := again.text(t, "tokens", 0, "state"); got != "accepted" {
			t.Errorf("token of sale %s is %q, want accepted", sale.text(t, "client_ref"), got)
		}
	}
	p.run(t, "", "verify", "--data", p.dir) // exit 0 means: no finding
	vm.quit(t)
}

// checkFirstSale: 100.00 at 2.50 a unit and 15 % VAT is 34.7 kWh, net 86.75, VAT 13.01, carry 0.24.
func checkFirstSale(t *testing.T, a answer) {
	t.Helper()
	if a.num(t, "units_wh") != 34_700 || a.text(t, "state") != "completed" {
		t.Fatalf("first sale: %s", a.body)
	}
	got := map[string]int64{}
	sum := int64(0)
	for i := range 3 {
		got[a.text(t, "lines", i, "kind")] = a.num(t, "lines", i, "amount_minor")
		sum += a.num(t, "lines", i, "amount_minor")
	}
	if got["energy"] != 8675 || got["vat"] != 1301 || got["carry"] != 24 || sum != 10_000 {
		t.Fatalf("lines = %v (sum %d), want energy 8675, vat 1301, carry 24, sum 10000", got, sum)
	}
}

// drain runs 2 kW through both warnings to the cut-off.
func drain(t *testing.T, vm *vmeter) {
	t.Helper()
	vm.must(t, "load 2000")
	var slow, fast bool
	var s state
	for range 200 {
		s = vm.must(t, "run 15m")
		slow = slow || s.LED == "slow"
		fast = fast || s.LED == "fast"
		if s.Relay != "closed" {
			break
		}
	}
	if !slow || !fast {
		t.Errorf("warnings seen: slow %v, fast %v; want both before the cut-off", slow, fast)
	}
	if s.Relay != "open" || !has(s.Reasons, "CREDIT") || s.BalanceWh != 0 {
		t.Fatalf("after the credit ran out: %+v", s)
	}
	// 69.5 kWh were loaded. The relay opened in the same step, so no energy was given away.
	if s.RegisterWh != 69_500 || s.OverrunWh != 0 {
		t.Errorf("register %d Wh and overrun %d Wh at the cut-off, want 69500 and 0", s.RegisterWh, s.OverrunWh)
	}
}
