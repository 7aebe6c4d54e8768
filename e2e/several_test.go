package e2e

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
)

// TestTwoServersShareOneDatabase: a meter that is connected to one server gets the tokens that the other server sells. During a sale either
// server can be asked. When one server loses power, the meter continues at the other server.
func TestTwoServersShareOneDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	p := newPlace(t, paywatt(t))
	p.env = append(p.env, "PAYWATT_STORE="+url)
	left := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	right := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	a, b := newAPI(left.http, key), newAPI(right.http, key)
	a.tariff(t)
	m := b.meter(t, number(1001))

	memory := filepath.Join(t.TempDir(), "meter")
	vm := p.meterProcess(t, memory, left.mqtt, m)
	vm.must(t, "sync")
	await.True(t, "the other server knows that the meter is connected", func() bool {
		return b.must(t, 200, "GET", "/v1/meters/"+m.number, nil).text(t, "connected") == "true"
	})
	began := time.Now()
	sold := b.mustVend(t, m.number, 10_000, "right-0001", "mqtt")
	await.True(t, "the token sold at one server is in the meter at the other", func() bool {
		return vm.must(t, "show").BalanceWh == sold.num(t, "units_wh")
	})
	took := time.Since(began)
	vm.must(t, "sync")
	if got := b.must(t, 200, "GET", "/v1/vends/"+sold.text(t, "id"), nil).text(t, "tokens", 0, "state"); got != "accepted" {
		t.Errorf("the token is %q at the server that sold it, want accepted", got)
	}

	oneSale(t, [2]*api{a, b}, m.number)
	if out, _, _ := p.try("", "doctor", "--data", p.dir, "-o", "csv"); strings.Count(out, "server: ") < 10 || strings.Contains(out, "bad,") {
		t.Errorf("doctor says of the database's server:\n%s", out)
	}

	// The meter's server loses power. The meter connects to the other server and continues.
	left.kill()
	vm.kill()
	vm = p.meterProcess(t, memory, right.mqtt, m)
	before := vm.must(t, "sync").BalanceWh
	again := b.mustVend(t, m.number, 10_000, "right-0002", "mqtt")
	await.True(t, "the token reaches the meter at its new server", func() bool {
		return vm.must(t, "show").BalanceWh == before+again.num(t, "units_wh")
	})
	vm.must(t, "sync")
	vm.quit(t)
	p.serve(t, left.http, left.mqtt)
	if got := a.must(t, 200, "GET", "/v1/vends/"+again.text(t, "id"), nil).text(t, "tokens", 0, "state"); got != "accepted" {
		t.Errorf("the token is %q at the server that came back, want accepted", got)
	}
	var report answer
	awaitProgram(t, "the server that is left seals what the other one had not", func() bool {
		report.body = []byte(p.run(t, "", "verify", "--data", p.dir, "-o", "json")) // exit 0: no finding
		return report.num(t, "figures", "rows_waiting_for_their_seal") == 0
	})
	for what, want := range map[string]int64{"sales": 3, "tokens": 3, "receipts": 3, "journals": 3} {
		if got := report.num(t, "figures", what); got != want {
			t.Errorf("%d %s, want %d", got, what, want)
		}
	}
	t.Logf("figures: token sold at one server was in the meter at the other after %d ms", took.Milliseconds())
}

// oneSale sends both servers the same sale many times at once.
func oneSale(t *testing.T, servers [2]*api, meter string) {
	t.Helper()
	const callers = 30
	answers := make([]answer, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			deadline := time.Now().Add(await.Limit)
			for time.Now().Before(deadline) {
				got, err := servers[c%2].do("POST", "/v1/vends", map[string]any{"meter": meter, "tender": map[string]any{"amount_minor": 5000, "currency": "KES"}},
					"Idempotency-Key", "both-00000001")
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				if answers[c] = got; got.status != 409 { // 409: the same request is running
					return
				}
				<-time.After(20 * time.Millisecond)
			}
			t.Errorf("%s: caller %d of one sale has no answer but 409", await.NotInTime, c)
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for c, got := range answers {
		if got.status != 201 || string(got.body) != string(answers[0].body) {
			t.Errorf("caller %d of one sale: status %d\n%s\nwant 201 and\n%s", c, got.status, got.body, answers[0].body)
		}
	}
}
