package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// overHTTP measures the same sales through an ordinary server on the shop's folder. The figures include routing,
// authentication, JSON and idempotency (docs/reference/http.md#repetition). Client and server run in this process and
// use a loopback connection. overHTTP closes the shop's own engine first.
func (b *Vend) overHTTP(ctx context.Context, s *shop, long time.Duration) (d drive, err error) {
	err = s.engine.Close()
	s.engine = nil
	if err != nil {
		return drive{}, err
	}
	key, err := s.apiKey(ctx)
	if err != nil {
		return drive{}, err
	}
	a, err := app.New(app.Config{Data: s.dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte(passphrase), Version: b.Version,
		Test: true})
	if err != nil {
		return drive{}, fmt.Errorf("start the bench's server: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	address, _ := a.Ready()
	lines := &http.Transport{MaxIdleConnsPerHost: b.Callers}
	defer lines.CloseIdleConnections()
	c, err := client.New("http://"+address, key, client.Config{HTTP: &http.Client{Transport: lines}})
	if err != nil {
		return drive{}, err
	}
	return b.drive(ctx, long, 0, func(ctx context.Context, w saleRequest) error {
		_, err := c.Vend(ctx, apiv1.NewSale{Meter: s.numbers[w.meter], Tender: apiv1.Amount{AmountMinor: int64(w.tender), Currency: "KES"},
			Deliver: []string{"mqtt"}}, w.key)
		return err
	})
}

// apiKey makes an API key that may sell.
func (s *shop) apiKey(ctx context.Context) (string, error) {
	f, err := app.OpenFolder(ctx, s.dir, "", nil)
	if err != nil {
		return "", err
	}
	made, err := f.Access.CreateAPIKey(ctx, app.Clerk(), access.NewKey{Role: access.Operator, Name: "bench"})
	if err == nil && made.Refused() {
		err = errors.New(made.Detail())
	}
	return made.Secret.Reveal(), errors.Join(err, f.Close())
}
