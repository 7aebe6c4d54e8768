package bench

import (
	"context"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
)

// overHTTP measures the same sales through an ordinary server on the shop's folder. The figures include routing,
// authentication, JSON and idempotency (docs/reference/http.md#repetition).
func (b *Vend) overHTTP(ctx context.Context, s *shop, long time.Duration) (d drive, err error) {
	err = s.served(ctx, b.Version, access.Operator, func(url, key string) error {
		lines := &http.Transport{MaxIdleConnsPerHost: b.Callers}
		defer lines.CloseIdleConnections()
		c, err := client.New(url, key, client.Config{HTTP: &http.Client{Transport: lines}})
		if err != nil {
			return err
		}
		d, err = b.drive(ctx, long, 0, func(ctx context.Context, w saleRequest) error {
			_, err := c.Vend(ctx, apiv1.NewSale{Meter: s.numbers[w.meter], Tender: apiv1.Amount{AmountMinor: int64(w.tender), Currency: "KES"},
				Deliver: []string{"mqtt"}}, w.key)
			return err
		})
		return err
	})
	return d, err
}
