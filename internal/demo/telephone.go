package demo

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// playedProvider is `paywatt provider simulate`: payment providers that move no money.
type playedProvider struct {
	http  string
	stop  context.CancelFunc
	ended chan error
}

// simulate starts the providers, and makes one of them a payment provider of the server.
func (p *Server) simulate(ctx context.Context) (_ *playedProvider, err error) {
	ctx, stop := context.WithCancel(ctx)
	sim := &playedProvider{stop: stop, ended: make(chan error, 1)}
	out, lines := io.Pipe()
	go func() {
		err := p.program.Run(ctx, p.own(strings.NewReader(""), lines), "provider", "simulate")
		lines.CloseWithError(errors.Join(io.EOF, err))
		sim.ended <- err
	}()
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("start the simulated payment provider: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the command
	sim.http = "http://" + strings.TrimPrefix(strings.TrimSpace(first), "http=")
	api, err := p.API()
	if err == nil {
		_, err = api.AddPaymentProvider(ctx, apiv1.NewPaymentProvider{Name: "momo", Kind: "momo", Config: map[string]any{"allow_private": true, "url": sim.http + "/momo", "environment": "mtnuganda"},
			Secrets: map[string]any{"api_user": "6f9b4f0e-5f0a-4a52-9d0e-7f0f5c1f2a10", "api_key": "api-key", "subscription_key": "subscription-key"}})
	}
	if err != nil {
		return nil, errors.Join(err, sim.close())
	}
	return sim, nil
}

func (sim *playedProvider) close() error {
	sim.stop()
	return <-sim.ended
}

// agrees makes the owner of a telephone agree to pay as soon as it asks.
func (sim *playedProvider) agrees(ctx context.Context, phone string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, sim.http+"/control/payers", strings.NewReader(fmt.Sprintf(`{"provider":"momo","payer":%q,"do":"pay","after":"1s"}`, phone)))
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return errors.Join(expect("status", a.StatusCode, http.StatusOK), a.Body.Close())
}

// telephone asks the customer's telephone to pay. The customer agrees, and the token reaches the meter by itself.
func (s *story) telephone(ctx context.Context) (_ string, err error) {
	sim, err := s.place.simulate(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, sim.close()) }()
	const n = len(sales) - 1
	if err := sim.agrees(ctx, strings.TrimPrefix(s.meter.Phone, "+")); err != nil {
		return "", err
	}
	began := time.Now()
	r, err := s.api.RequestPayment(ctx, apiv1.PaymentRequestBody{Meter: storyNumber, AmountMinor: sales[n].tender, Phone: s.meter.Phone}, "demo-telephone")
	if err != nil {
		return "", err
	}
	paid, err := s.paid(ctx, r.ID)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	if s.sales[n].Sale, err = s.api.VendByID(ctx, *paid.Vend); err != nil {
		return "", err
	}
	balance := sumOf(n+1, bought) - sumOf(3, bought) - 2_000
	v, err := s.meter.Do(fmt.Sprintf("wait balance_wh=%d %v", balance, patience))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s asked %s for %s and got it after %.1f s; %s by MQTT: %s", r.Provider, s.meter.Phone, kes(sales[n].tender), took.Seconds(), kwh(sales[n].units), v.LastToken),
		cmp.Or(expect("provider's state of the payment", paid.State, "applied"), sales[n].check(s.sales[n].Sale), expect("result", v.LastToken, "accept"),
			expectState(v, balance, sumOf(3, bought)+2_000, "closed", "off"))
}

// paid waits until a request is paid and the payment has its sale.
func (s *story) paid(ctx context.Context, request string) (apiv1.Payment, error) {
	for {
		r, err := s.api.PaymentRequest(ctx, request)
		if err != nil {
			return apiv1.Payment{}, err
		}
		if r.Payment != nil {
			if p, err := s.api.Payment(ctx, *r.Payment); err != nil || p.State == "applied" || p.State == "parked" {
				return p, err
			}
		}
		if r.State == "failed" {
			return apiv1.Payment{}, errors.New("the telephone does not pay: " + r.Reason)
		}
		select {
		case <-ctx.Done():
			return apiv1.Payment{}, fmt.Errorf("the payment of request %s, which is %s, did not come: %w", request, r.State, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
