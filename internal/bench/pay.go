package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

// Pay configures `bench pay`. It measures how many calls of a payment provider a server makes durable each second, and how long a confirmed payment of
// each kind of provider waits for its sale.
type Pay struct {
	Callers int
	Meters  int
	Seconds int
	Dir     string
	Version apiv1.Version
}

// payRounds is the number of rounds in which calls and baseline are measured.
const payRounds = 5

// payFloor is how much of the rate of the bare server the server must reach.
const payFloor = 0.5

// settleTime is how long the bench waits until the payments of its last round have their sales.
const settleTime = 10 * time.Minute

// Run measures calls and baseline in rounds, and then waits until every payment has its sale.
func (b *Pay) Run(ctx context.Context, say Say) (Measured, error) {
	if b.Callers < 1 || b.Callers > 1000 || b.Meters < 1 || b.Meters > 1_000_000 || b.Seconds < payRounds || b.Seconds > 3600 {
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 1 to 1000 callers, 1 to 1000000 meters and 5 to 3600 seconds."}
	}
	say("registering %d meters", b.Meters)
	shop, err := (&Vend{Meters: b.Meters, Dir: b.Dir}).open(ctx)
	if err != nil {
		return Measured{}, err
	}
	defer shop.close()
	floor, err := serveAppends(shop.dir)
	if err != nil {
		return Measured{}, err
	}
	defer floor.close()
	door, err := openDoor()
	if err != nil {
		return Measured{}, err
	}
	defer door.close()
	var m Measured
	err = shop.servedAs(ctx, app.Config{Version: b.Version, PublicURL: door.url}, access.Owner, func(url, key string) error {
		door.to.Store(&url)
		if m, err = b.measure(ctx, say, shop, floor, url, key); err != nil {
			return err
		}
		waits, err := b.measureWaits(ctx, say, shop, url, key)
		m.Others["confirmed_to_sold"] = waits
		m.Others["confirmed_to_sold_met"] = soonEnough(waits)
		return err
	})
	return m, err
}

// paid is a round of one side.
type paid struct {
	calls     int
	wall, cpu float64
	took      []time.Duration
}

func (b *Pay) measure(ctx context.Context, say Say, s *shop, floor *bareStore, url, key string) (Measured, error) {
	lines := &http.Transport{MaxIdleConnsPerHost: b.Callers}
	defer lines.CloseIdleConnections()
	web := &http.Client{Transport: lines}
	api, err := client.New(url, key, client.Config{HTTP: web})
	if err != nil {
		return Measured{}, err
	}
	p, err := api.AddPaymentProvider(ctx, apiv1.NewPaymentProvider{Name: "bench", Kind: webhook.Kind, Secrets: map[string]any{"signing": "whsec_" + base64.StdEncoding.EncodeToString([]byte(benchKey))},
		MaxSingleMinor: 1_000_000_000, MaxDailyMinor: 1_000_000_000_000})
	if err != nil {
		return Measured{}, err
	}
	round := time.Duration(b.Seconds) * time.Second / (2 * payRounds)
	say("%d rounds of %s for each side, with %d callers", payRounds, round, b.Callers)
	var ours, theirs []paid
	var count atomic.Int64
	began := time.Now()
	for range payRounds {
		for _, side := range []struct {
			url string
			all *[]paid
		}{{url + p.Path + "in", &ours}, {floor.url, &theirs}} {
			r, err := b.drive(ctx, round, func() error { return b.call(ctx, web, side.url, s.numbers, count.Add(1)) })
			if err != nil {
				return Measured{}, err
			}
			*side.all = append(*side.all, r)
		}
	}
	heard := sum(ours, func(r paid) float64 { return float64(r.calls) })
	say("waiting until %.0f payments have their sales", heard)
	settled, err := s.settled(ctx, began)
	if err != nil {
		return Measured{}, err
	}
	return b.result(ours, theirs, heard/settled), nil
}

// drive lets every caller call until the round ends.
func (b *Pay) drive(ctx context.Context, long time.Duration, call func() error) (paid, error) {
	took := make([][]time.Duration, b.Callers)
	stop, end := spent(), time.Now().Add(long)
	err := inParallel(b.Callers, b.Callers, func(caller int) error {
		for time.Now().Before(end) {
			began := time.Now()
			if err := errors.Join(call(), ctx.Err()); err != nil {
				return err
			}
			took[caller] = append(took[caller], time.Since(began))
		}
		return nil
	})
	var r paid
	r.wall, r.cpu = stop()
	for _, some := range took {
		r.took = append(r.took, some...)
	}
	r.calls = len(r.took)
	return r, err
}

// benchKey signs the calls of the bench.
const benchKey = "a bench's key of no worth, 32 bytes"

// call sends one signed call about a payment for a meter.
func (b *Pay) call(ctx context.Context, web *http.Client, url string, meters []string, n int64) error {
	name := "TX" + strconv.FormatInt(n, 10)
	body, err := json.Marshal(map[string]any{"type": "payment.taken", "data": map[string]any{"id": name, "amount_minor": 1000 + n%50_000, "currency": "KES",
		"reference": meters[int(n)%len(meters)], "payer": "+254711000001", "status": "taken"}})
	if err != nil {
		return err
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Webhook-Id", name)
	r.Header.Set("Webhook-Timestamp", stamp)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(webhook.Sign([]byte(benchKey), name, stamp, body)))
	a, err := web.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, a.Body)
	if err = errors.Join(err, a.Body.Close()); err == nil && a.StatusCode/100 != 2 {
		err = fmt.Errorf("the call of a payment was answered with %s", a.Status)
	}
	return err
}

// settled waits until no step of a payment waits, and returns the seconds since a time.
func (s *shop) settled(ctx context.Context, began time.Time) (seconds float64, err error) {
	c, err := sqlite.OpenConn(filepath.Join(s.dir, "paywatt.db"), sqlite.OpenReadOnly)
	if err != nil {
		return 0, fmt.Errorf("open the database to read: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for limit := time.Now().Add(settleTime); ; {
		waiting, err := sqlitex.ResultInt64(c.Prep(`SELECT EXISTS (SELECT 1 FROM outbox WHERE lane = 'payment' AND dead_at IS NULL)`))
		if err != nil || waiting == 0 {
			return time.Since(began).Seconds(), err
		}
		if time.Now().After(limit) {
			return 0, fmt.Errorf("bench pay: payments still wait for their sales after %s", settleTime)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sum adds up one figure of rounds.
func sum(rounds []paid, of func(paid) float64) (n float64) {
	for _, r := range rounds {
		n += of(r)
	}
	return n
}

// result takes the medians of the rounds.
func (b *Pay) result(ours, theirs []paid, settled float64) Measured {
	rate := func(r paid) float64 { return float64(r.calls) / r.wall }
	cpu := func(r paid) float64 { return r.cpu / float64(max(1, r.calls)) }
	var all []time.Duration
	ratios := make([]float64, len(ours))
	for i := range ours {
		all = append(all, ours[i].took...)
		ratios[i] = rounded(rate(ours[i]) / rate(theirs[i]))
	}
	m := Measured{Bench: "pay", Unit: "durable calls a second", Baseline: "a bare HTTP server that appends each call to a file and waits for fdatasync, one for all who wait",
		Rate: medianOf(ours, rate), BaselineRate: medianOf(theirs, rate), P50: percentile(all, 50), P99: percentile(all, 99),
		Others: map[string]any{"callers": b.Callers, "meters": b.Meters, "seconds": b.Seconds, "store": "sqlite", "calls": len(all), "ratios": ratios, "floor": payFloor, "floor_met": median(ratios) >= payFloor,
			"sales_a_second": rounded(settled), "load": loadOf()}}
	return m.with(medianOf(ours, cpu), medianOf(theirs, cpu))
}
