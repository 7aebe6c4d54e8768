package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestNinetyDaysWithoutANetwork runs a meter for a quarter of a year before its first contact with the server. Credit,
// cut-off and tokens work. The meter stores every half-hour record, and all of them arrive once there is a network.
func TestNinetyDaysWithoutANetwork(t *testing.T) {
	t.Parallel()
	days := min(tier.E2EOfflineDays.N(), 90) // a meter keeps no more
	records := days * 48
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(1090))
	sales := make([]string, 3)
	for i := range sales {
		sales[i] = a.mustVend(t, m.number, 100_000, fmt.Sprintf("quarter-%d", i)).text(t, "tokens", 0, "digits")
	}

	memory := filepath.Join(t.TempDir(), "meter")
	vm := p.meterProcess(t, memory, "", m)
	vm.must(t, "load 400")
	for i, digits := range sales {
		if s := vm.must(t, "key "+digits+"#"); s.LastToken != "accept" || s.Relay != "closed" {
			t.Fatalf("token %d without a network: %+v", i, s)
		}
		if s := vm.must(t, fmt.Sprintf("run %dd", days/len(sales))); i < len(sales)-1 && s.RegisterWh < int64(days)*1_100 {
			t.Fatalf("%d days at 400 W: %+v", days/len(sales), s)
		}
	}
	last := vm.must(t, "show")
	vm.quit(t)

	began := time.Now()
	vm = p.meterProcess(t, memory, srv.mqtt, m)
	s, err := vm.send("sync", await.Limit)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if s.RegisterWh != last.RegisterWh || s.BalanceWh != last.BalanceWh {
		t.Errorf("after the quarter: register %d, credit %d; before the network %d, %d", s.RegisterWh, s.BalanceWh, last.RegisterWh, last.BalanceWh)
	}
	readings, newest := countReadings(t, a, m.number)
	if readings < records || newest != s.RegisterWh {
		t.Errorf("the server has %d readings up to %d Wh, want at least %d up to %d", readings, newest, records, s.RegisterWh)
	}
	view := a.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	if view.num(t, "register_wh") != s.RegisterWh || view.num(t, "balance_wh") != s.BalanceWh {
		t.Errorf("the server shows register %d and credit %d, the meter %d and %d",
			view.num(t, "register_wh"), view.num(t, "balance_wh"), s.RegisterWh, s.BalanceWh)
	}
	vm.quit(t)
	p.run(t, "", "verify", "--data", p.dir)
	t.Logf("figures: %d days without a network: %d readings kept and uploaded in %.1f s, none lost", days, readings, took.Seconds())
}

// countReadings pages through all readings of a meter. It returns their number and the newest register, and it fails if a reading comes
// twice.
func countReadings(t *testing.T, a *api, number string) (n int, newest int64) {
	t.Helper()
	seen := map[int64]bool{}
	for cursor := ""; ; {
		q := url.Values{"limit": {"200"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page struct {
			Data []struct {
				Seq      int64 `json:"seq"`
				Register int64 `json:"register_wh"`
			} `json:"data"`
			Next string `json:"next_cursor"`
		}
		got := a.must(t, 200, "GET", "/v1/meters/"+number+"/readings?"+q.Encode(), nil)
		if err := json.Unmarshal(got.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Data {
			if seen[r.Seq] {
				t.Fatalf("reading %d came twice", r.Seq)
			}
			seen[r.Seq] = true
			newest = max(newest, r.Register)
		}
		if cursor = page.Next; cursor == "" {
			return len(seen), newest
		}
	}
}
