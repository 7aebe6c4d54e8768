package device_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/sts"
)

// benchDays simulates a household of 500 W for b.N days. It buys 240 kWh every 20 days. The outbox is made durable and
// acknowledged every 64 records.
func benchDays(b *testing.B, c device.Config) {
	d, err := device.Open(c)
	must(b, err)
	load(b, d, 500)
	days, tid := 0, sts.TID(5_871_715)
	for b.Loop() {
		if days%20 == 0 {
			tid++
			if got := enter(b, d, digits(b, tid, 2400)); got != "accept" {
				b.Fatalf("day %d: token: %s", days, got)
			}
		}
		must(b, d.Advance(24*time.Hour, func() error {
			if d.Unflushed() < 64 {
				return nil
			}
			return d.Flush()
		}))
		days++
	}
	must(b, d.Flush())
	if v := d.View(); v.RegisterWh < int64(days-1)*12_000-1 {
		b.Fatalf("%d days used %d Wh", days, v.RegisterWh)
	}
	b.ReportMetric(float64(days)/b.Elapsed().Seconds(), "meter-days/s")
}

func BenchmarkMeterDay(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		c := config(b, newMedium())
		c.Image, c.Log = &memory.RAMImage{}, memory.Nothing{}
		benchDays(b, c)
	})
	b.Run("files", func(b *testing.B) {
		folder, found, err := memory.Open(b.TempDir())
		must(b, err)
		c := config(b, newMedium())
		c.Image, c.Log, c.Found = folder.Image, folder.Log, found
		benchDays(b, c)
		must(b, folder.Close())
	})
}
