package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/tier"
)

const pgbenchReport = `pgbench (15.14 (Debian 15.14-0+deb12u1))
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 20
query mode: simple
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 30 s
number of transactions actually processed: 26011
number of failed transactions: 0 (0.000%)
latency average = 9.224 ms
initial connection time = 12.345 ms
tps = 867.291234 (without initial connection time)
`

func TestThePgbenchReportIsRead(t *testing.T) {
	f, err := readPgbench(pgbenchReport)
	if err != nil || f.rate != 867.291234 || f.latency != 9.224 || f.transactions != 26011 {
		t.Errorf("figures %+v, %v; want 867.291234 9.224 26011", f, err)
	}
	for _, cut := range []string{"tps = ", "latency average", "actually processed"} {
		if f, err := readPgbench(strings.Replace(pgbenchReport, cut, "x", 1)); err == nil {
			t.Errorf("a report without %q gave %+v", cut, f)
		}
	}
}

func TestBenchVendSellsForReal(t *testing.T) {
	tier.Slow(t)
	b := &Vend{Callers: 4, Meters: 20, Scale: 1, Seconds: 1, Dir: t.TempDir(), Baseline: noBaseline}
	shop, err := b.open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.compare(context.Background(), t.Logf, pgbench{}, shop)
	if err == nil {
		r.Others.Keyed.drive, err = b.drive(context.Background(), time.Second/2, 0, shop.sellKeyed)
	}
	if err == nil {
		r.Others.HTTP, err = b.overHTTP(context.Background(), shop, time.Second/2)
	}
	shop.close()
	if err != nil || r.Others.Sales < 1 || r.Rate <= 0 || r.Ratio != 0 || len(r.Others.Rounds) != vendRounds || r.P50 <= 0 || r.P99 < r.P50 ||
		r.Others.HTTP.Sales < 1 || r.Others.Keyed.Sales < 1 || r.Others.PerCommit <= 0 {
		t.Errorf("result %+v, %v", r, err)
	}
	if left, err := os.ReadDir(b.Dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left (%v)", len(left), err)
	}
}

func TestTheMedianOfTheTurnsIsTold(t *testing.T) {
	var got turns
	for _, d := range []struct{ rate, base float64 }{{300, 100}, {90, 100}, {200, 400}, {100, 100}, {1000, 100}} {
		got.add(drive{Rate: d.rate, Sales: int(d.rate), Seconds: 1, P50: d.rate, P99: 2 * d.rate, CPU: 0.25}, d.base)
	}
	b := &Vend{}
	r := b.result(got, pgFigures{name: "pgbench", rate: 100, transactions: 100, cpu: 50 * time.Millisecond}, 169)
	if r.Rate != 200 || r.Ratio != 1 || r.P50 != 200 || r.P99 != 400 || r.Others.Sales != 1690 || r.Others.PerCommit != 10 || r.CPURatio != 2 ||
		len(r.Others.Rounds) != 5 || r.Others.Rounds[2].Ratio != 0.5 {
		t.Errorf("result %+v, want the medians: rate 200, ratio 1", r)
	}
}

func TestBenchVendNeedsItsBaselineFirst(t *testing.T) {
	for _, b := range []*Vend{
		{Callers: 0, Meters: 1, Scale: 1, Seconds: 1}, {Callers: 1, Meters: 1, Scale: 1, Seconds: 100_000},
		{Callers: 1, Meters: 1, Scale: 1, Seconds: 1, Baseline: "mysql://x"},
	} {
		var f *exit.Failure
		if _, err := b.Run(t.Context(), t.Logf); !errors.As(err, &f) || f.Code != exit.Usage || f.Try == "" {
			t.Errorf("%d callers, %d s, baseline %q: %v, want a usage failure that says what to do", b.Callers, b.Seconds, b.Baseline, err)
		}
	}
}
