package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// home is a virtual wallet meter in this process, with its own TCP connection.
type home struct {
	t          *testing.T
	number     string
	deaf       atomic.Bool // the meter drops leases without reading them
	mu         sync.Mutex
	dev        *device.Device
	pressesKey bool           // somebody presses the key # as soon as the relay waits for it
	closed     chan time.Time // when the meter's relay closed
}

// newHome registers a wallet meter and connects it.
func newHome(t *testing.T, a *api, mqtt string, n int) *home {
	t.Helper()
	h := &home{t: t, number: number(n), closed: make(chan time.Time, 100)}
	made := a.must(t, 201, "POST", "/v1/meters", map[string]any{"number": h.number, "mode": "prepay_wallet", "tariff": "domestic", "simulated": true})
	secret, err := hex.DecodeString(made.text(t, "link_key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := wire.NewLinkKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	h.dev, err = device.Open(device.Config{Number: h.number, LinkKey: key, HasLink: true, Image: &memory.RAMImage{}, Log: memory.NewRAM(),
		Rand: bytes.NewReader([]byte(h.number + h.number)), Now: time.Now(), Document: map[string]any{"payment_mode": "prepay_wallet"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := link.New(link.Config{Number: h.number, Box: h.dev.Box(), Format: wire.JSON}, link.MQTT(mqtt, h.number, link.Password(made.text(t, "mqtt_password"))))
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-l.Messages():
				if m.Down != wire.DownLease || !h.deaf.Load() {
					h.does(func(d *device.Device) error { return d.Receive(m.Down, m.Topic, m.Payload) })
				}
			}
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	h.does(func(d *device.Device) error { return d.Read() })
	h.heard(t)
	return h
}

// does makes something happen at the meter and records when the relay closed.
func (h *home) does(do func(*device.Device) error) supply.Relay {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.dev.State().Relay
	if err := do(h.dev); err != nil {
		h.t.Error(err)
	}
	if h.pressesKey && h.dev.State().Relay == supply.Armed {
		if err := h.dev.Keys("#"); err != nil {
			h.t.Error(err)
		}
	}
	if err := h.dev.Flush(); err != nil {
		h.t.Error(err)
	}
	now := h.dev.State().Relay
	if now == supply.Closed && was != supply.Closed {
		h.closed <- time.Now()
	}
	return now
}

// uses makes the meter use energy, faster than a house could in real time, and waits until the server has received it.
func (h *home) uses(t *testing.T, load unit.Power, in time.Duration) {
	t.Helper()
	h.does(func(d *device.Device) error {
		if err := d.SetLoad(load); err != nil {
			return err
		}
		return d.Advance(in, nil)
	})
	h.does(func(d *device.Device) error { return d.Read() })
	h.heard(t)
}

func (h *home) heard(t *testing.T) {
	t.Helper()
	await.True(t, "the server has acknowledged everything", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.dev.Box().Marks().Waiting() == 0
	})
}

func (h *home) relay() supply.Relay { return h.does(func(*device.Device) error { return nil }) }

// paid recharges and waits until the relay has closed. It returns the time since the request and since its answer.
func (h *home) paid(t *testing.T, a *api, minor int64, ref string) (asked, answered time.Duration) {
	t.Helper()
	for len(h.closed) > 0 {
		<-h.closed
	}
	began := time.Now()
	a.recharge(t, h.number, minor, ref)
	told := time.Now()
	at := await.Receive(t, "the relay closes after the payment", h.closed)
	return at.Sub(began), max(0, at.Sub(told))
}

// TestARechargeClosesTheRelay pays for meters whose supply is off, over real TCP. In one case a used-up lease keeps the
// supply off. In the other case a command keeps it off, and the meter never answers a lease that comes before the connect.
// The test prints how long the relays took. The simulator asserts the limit of five seconds after the commit in virtual time.
func TestARechargeClosesTheRelay(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	var mu sync.Mutex
	var asked, answered []time.Duration
	note := func(q, r time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		asked, answered = append(asked, q), append(answered, r)
	}
	const houses = 18
	homes := make([]*home, houses)
	for i := range homes {
		homes[i] = newHome(t, a, srv.mqtt, 1501+i)
	}
	all := func(name string, do func(*testing.T, *home)) {
		t.Run(name, func(t *testing.T) {
			for _, h := range homes {
				t.Run(h.number, func(t *testing.T) {
					t.Parallel()
					do(t, h)
				})
			}
		})
	}
	for round := range 2 {
		all("used up", func(t *testing.T, h *home) {
			note(h.paid(t, a, 1000, fmt.Sprintf("lease-%s-%d", h.number, round)))
			h.heard(t)
			h.uses(t, 18_000, 15*time.Minute) // 10.00 pay for 3.5 kWh
			if got := h.relay(); got != supply.Open {
				t.Fatalf("the relay is %s after the lease, want open", got)
			}
		})
	}
	all("on", func(t *testing.T, h *home) {
		h.paid(t, a, 2000, "first-"+h.number)
		h.heard(t)
		h.deaf.Store(true)
		a.recharge(t, h.number, 1000, "more-"+h.number)
	})
	a.cutOff(t, 1_000_000)
	all("cut off", func(t *testing.T, h *home) {
		h.uses(t, 1000, time.Minute)
		await.True(t, "the supply is cut off", func() bool { return h.relay() == supply.Open })
		h.heard(t)
		a.must(t, 202, "POST", "/v1/meters/"+h.number+"/commands", map[string]any{"type": "read", "reason": "something more to wait for"})
	})
	all("restored", func(t *testing.T, h *home) {
		h.does(func(*device.Device) error { h.pressesKey = true; return nil })
		note(h.paid(t, a, 1_000_000, "again-"+h.number))
	})
	slices.Sort(asked)
	slices.Sort(answered)
	at := func(d []time.Duration, percent int) string {
		return d[(len(d)*percent-1)/100].Round(100 * time.Microsecond).String()
	}
	t.Logf("figures: %d recharges over TCP: relay closed after the answer of POST /v1/vends p50 %s p99 %s, after its request p50 %s p99 %s",
		len(asked), at(answered, 50), at(answered, 99), at(asked, 50), at(asked, 99))
}

// cutOff sets the level of the cut-off.
func (c *api) cutOff(t *testing.T, minor int64) {
	t.Helper()
	c.must(t, 200, "POST", "/v1/settings", map[string]any{"wallet_cutoff_minor": minor})
}
