package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/e2e/cluster"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// safety returns what /readyz says about the standbys: full, reduced, or stopped if it is not ready for want of one.
func (a *api) safety() string {
	got, err := a.do("GET", "/readyz", nil)
	switch {
	case err != nil:
		return err.Error()
	case got.status == 503 && strings.Contains(string(got.body), "No synchronous standby"):
		return "stopped"
	}
	for _, is := range []string{"full", "reduced"} {
		if got.status == 200 && strings.Contains(string(got.body), `"safety":"`+is+`"`) {
			return is
		}
	}
	return string(got.body)
}

// TestAClusterSaysWhatItLost takes one standby away and then the other. The server says so everywhere, before the loss that ends
// the sales. A sale without a standby is answered, and repeated with its key when a standby is back. A primary that has written more
// than its log keeps between two checkpoints, was cut off and comes back, follows again.
func TestAClusterSaysWhatItLost(t *testing.T) {
	tier.Long(t)
	c := cluster.Start(t)
	p := newPlace(t, paywatt(t))
	p.expect(databaseIsAway...)
	p.expect(standbyIsAway...)
	p.env = append(p.env, "PAYWATT_STORE="+c.URL(), "PAYWATT_STANDBYS=2")
	key := p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir)
	p.run(t, "", "store", "standby", c.URL(), "synchronous")
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, key)
	a.tariff(t)
	m := a.meter(t, number(8101))
	a.mustVend(t, m.number, 1000, "before-000001")
	says := func(want string) {
		t.Helper()
		began := time.Now()
		await.True(t, "/readyz says "+want, func() bool { return a.safety() == want })
		t.Logf("figures: cluster: /readyz says %s after %v", want, time.Since(began).Round(100*time.Millisecond))
	}
	shows := func(metric string) {
		t.Helper()
		if got := a.must(t, 200, "GET", "/metrics", nil); !strings.Contains(string(got.body), metric) {
			t.Errorf("the metrics have no %q", metric)
		}
	}
	says("full")
	shows("paywatt_standbys_following 2")

	sync, standbys := c.Standby(), c.Standbys()
	for _, n := range standbys {
		if n != sync {
			n.Kill()
		}
	}
	says("reduced")
	shows("paywatt_standbys_following 1")
	await.True(t, "an alarm and the overview say so", func() bool {
		alarms, err := a.do("GET", "/v1/alarms", nil)
		overview, more := a.do("GET", "/v1/overview", nil)
		return err == nil && more == nil && strings.Contains(string(alarms.body), "standby-missing") && strings.Contains(string(overview.body), `"safety":"reduced"`)
	})
	if out, _, _ := p.try("", "doctor", "--data", p.dir); !strings.Contains(out, "1 of 2 follow the database") {
		t.Errorf("doctor with one of two standbys: %s", out)
	}
	a.mustVend(t, m.number, 1000, "with-one-standby")

	sync.Kill()
	began := time.Now()
	got, err := a.vend(m.number, 1000, "without-a-standby")
	took := time.Since(began)
	if err != nil || got.status != 503 || got.text(t, "code") != "outcome-unknown" || got.text(t, "money_moved") != "unknown" {
		t.Errorf("a sale without a standby: %v, %d %s after %v; want 503 outcome-unknown", err, got.status, got.body, took)
	}
	t.Logf("figures: cluster: a sale without a standby is answered after %v", took.Round(100*time.Millisecond))
	says("stopped")
	if out, _, code := p.try("", "doctor", "--data", p.dir); code != 1 || !strings.Contains(out, "none follows") {
		t.Errorf("doctor without a standby: exit %d: %s", code, out)
	}
	for _, n := range standbys {
		n.Start(t)
	}
	c.Whole()
	says("full")
	await.True(t, "the sale is answered under its key", func() bool {
		got, err = a.vend(m.number, 1000, "without-a-standby")
		return err == nil && got.status == 201
	})
	await.True(t, "the alarm has ended", func() bool {
		alarms, err := a.do("GET", "/v1/alarms?open=true", nil)
		return err == nil && !strings.Contains(string(alarms.body), "standby-missing")
	})

	was := c.Primary()
	c.Admin("CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 200000) n")
	was.Isolate(true)
	await.True(t, "another node is the primary", func() bool { n := c.Primary(); return n != nil && n != was })
	c.Admin("DROP TABLE ballast")
	a.until(t, m.number, "after-the-promotion")
	was.Isolate(false)
	back := time.Now()
	c.Whole()
	says("full")
	t.Logf("figures: cluster: a former primary with 200 MB since its checkpoint follows again after %v", time.Since(back).Round(time.Second))
}

// until sells with one key until the sale is answered.
func (a *api) until(t *testing.T, meter, key string) {
	t.Helper()
	began := time.Now()
	await.True(t, "a sale is answered", func() bool {
		got, err := a.vend(meter, 1000, key)
		return err == nil && got.status == 201
	})
	t.Logf("figures: cluster: sales go on %v after the promotion", time.Since(began).Round(100*time.Millisecond))
}
