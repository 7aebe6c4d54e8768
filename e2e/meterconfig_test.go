package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// TestAMeterIsConfiguredFromTheServer sets values for all meters and for one, over the real binary. The meter applies them, its customer uses
// emergency credit, and it keeps all of it over a kill. Whatever is killed while a configuration is under way, the meter ends with the newest
// one, also after it has lost its memory.
func TestAMeterIsConfiguredFromTheServer(t *testing.T) {
	t.Parallel()
	c := &configured{place: newPlace(t, paywatt(t)), http: freeAddress(t), mqtt: freeAddress(t), memory: filepath.Join(t.TempDir(), "meter")}
	srv := c.serve(t, c.http, c.mqtt)
	c.api = newAPI(srv.http, c.run(t, "", "apikey", "create", "--role", "owner", "--data", c.dir))
	c.tariff(t)
	c.meter = c.api.meter(t, number(1377))
	c.start(t)
	if s := c.shown(t).text(t, "state"); s != "none" {
		t.Errorf("a meter that nobody has configured: %s", s)
	}
	c.must(t, 200, "POST", "/v1/settings", map[string]any{"meter_config": map[string]any{"help_text": "Call 0800 123", "low2_wh": 1000}})
	c.applied(t, "the values of all meters have arrived", 1)
	c.applied(t, "the values of one meter have arrived", c.set(t, map[string]any{"ec_limit_wh": 5000, "ec_threshold_wh": 2000, "low1_wh": 3000}))
	c.borrow(t)

	next := c.set(t, map[string]any{"lifeline_w": 200})
	srv.kill() // the meter may have it or not
	c.serve(t, c.http, c.mqtt)
	c.applied(t, "after a kill of the server", next)
	next = c.set(t, map[string]any{"power_limit_w": 4000})
	c.vm.kill() // likewise
	c.start(t)
	c.applied(t, "after a kill of the meter", next)
	c.vm.must(t, "load 2000")
	c.vm.must(t, "run 4h") // the emergency credit ends, and the lifeline begins
	if s := c.vm.must(t, "load 100"); s.ECUsedWh != 5000 {
		t.Errorf("emergency credit of 5000 Wh: %+v", s)
	}
	if s := c.vm.must(t, "run 30m"); s.Relay != "closed" {
		t.Errorf("a load below the lifeline is cut: %+v", s)
	}
	c.vm.kill()
	c.memory = filepath.Join(t.TempDir(), "new")
	c.start(t)
	await.True(t, "the server has heard that the meter's memory is lost", func() bool {
		c.vm.must(t, "show")
		v := c.shown(t)
		return v.text(t, "state") == "failed" && v.num(t, "has", "version") == 0 // sent again half an hour after the meter's answer
	})
	if no := c.must(t, 400, "POST", c.path(), map[string]any{"set": map[string]any{"low2_wh": 9000}, "reason": "test"}); !strings.Contains(no.text(t, "detail"), "low2_wh") {
		t.Errorf("values that contradict each other: %v", no)
	}
	c.vm.quit(t)
}

// configured is a meter that a server configures.
type configured struct {
	*place
	*api
	http, mqtt, memory string
	meter              secrets
	vm                 *vmeter
}

func (c *configured) start(t *testing.T) {
	t.Helper()
	c.vm = c.meterProcess(t, c.memory, c.mqtt, c.meter)
}

func (c *configured) path() string { return "/v1/meters/" + c.meter.number + "/config" }

func (c *configured) shown(t *testing.T) answer { return c.must(t, 200, "GET", c.path(), nil) }

// set sets values of the meter's own, and returns the version of its new configuration.
func (c *configured) set(t *testing.T, values map[string]any) int64 {
	t.Helper()
	return c.must(t, 200, "POST", c.path(), map[string]any{"set": values, "reason": "test"}).num(t, "asked", "version")
}

// applied waits until the meter reports the newest configuration.
func (c *configured) applied(t *testing.T, what string, atLeast int64) {
	t.Helper()
	await.True(t, what, func() bool {
		c.vm.must(t, "show")
		v := c.shown(t)
		return v.text(t, "state") == "applied" && v.num(t, "has", "version") >= atLeast && v.text(t, "has", "hash") == v.text(t, "asked", "hash")
	})
}

// borrow has the customer use emergency credit. The meter keeps it over a kill and reports it.
func (c *configured) borrow(t *testing.T) {
	t.Helper()
	sold := c.mustVend(t, c.meter.number, 10_000, "config-1")
	if s := c.vm.must(t, "key "+sold.text(t, "tokens", 0, "digits")+"#"); s.LastToken != "accept" || s.BalanceWh != 34_700 {
		t.Fatalf("the token: %+v", s)
	}
	c.vm.must(t, "load 2000")
	c.vm.must(t, "run 17h")
	if s := c.vm.must(t, "key 03##"); !strings.HasPrefix(s.LCD[0], "EMERGENCY ON") {
		t.Fatalf("emergency credit at %d Wh: %q", s.BalanceWh, s.LCD)
	}
	used := c.vm.must(t, "run 1h")
	if used.Relay != "closed" || used.ECUsedWh == 0 || used.BalanceWh != 0 {
		t.Fatalf("emergency credit is not used: %+v", used)
	}
	c.vm.must(t, "sync")
	c.vm.kill()
	c.start(t)
	if s := c.vm.must(t, "key 15#"); s.Relay != "closed" || s.ECUsedWh != used.ECUsedWh || !strings.HasPrefix(s.LCD[0], "Call 0800 123") {
		t.Errorf("after a kill: %+v, want the same emergency credit %d and the help text", s, used.ECUsedWh)
	}
	if got := c.must(t, 200, "GET", "/v1/meters/"+c.meter.number+"/readings?limit=1", nil).num(t, "data", 0, "ec_used_wh"); got == 0 {
		t.Error("the server does not know that emergency credit is used")
	}
}
