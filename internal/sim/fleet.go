package sim

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Fleet is a set of virtual meters on a running server. Each meter is registered at the server, buys from it and sends
// all records to it.
type Fleet struct {
	// API is the client of the server at URL. Broker is the host:port of the server's MQTT listener.
	API         *client.Client
	URL, Broker string
	// Meters, Days, Seed and Start have the same meaning as in Options.
	Meters, Days int
	Seed         uint64
	Start        time.Time
	// Meter holds the data that all meters have in common: tariff, supply group, key revision and so on. The supply group
	// needs a vending key for tests, because the server discloses decoder keys only for simulated meters.
	Meter apiv1.NewMeter
	// Tender is the payment of a household for each purchase.
	Tender apiv1.Amount
	// Rand is the source of the random names of the meters' memories.
	Rand io.Reader
}

// MaxFleet is the largest number of meters that one process connects.
const MaxFleet = 5000

// patience is how long, in real time, a meter waits for its server to acknowledge a day's records.
const patience = 60 * time.Second

// FleetResult is the outcome of a fleet. Trace is a hash over every meter's registers at each midnight. The same seed on
// a fresh server gives the same hash.
type FleetResult struct {
	MeterDays int     `json:"meter_days"`
	Records   uint64  `json:"records"`
	Sales     int     `json:"sales"`
	UnitsWh   int64   `json:"units_wh"`
	UsedWh    int64   `json:"used_wh"`
	Seconds   float64 `json:"seconds"`
	Trace     string  `json:"trace"`
	Replay    string  `json:"replay"`
}

// Run runs the fleet. If one meter fails, Run ends.
func (f Fleet) Run(ctx context.Context) (FleetResult, error) {
	if f.Meters < 1 || f.Meters > MaxFleet || f.Days < 1 || f.Days > MaxDays {
		return FleetResult{}, fmt.Errorf("a fleet has 1 to %d meters and 1 to %d days", MaxFleet, MaxDays)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	lives := make([]fleetLife, f.Meters)
	var wg sync.WaitGroup
	turn := make(chan struct{}, 8*runtime.GOMAXPROCS(0))
	for i := range lives {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if err := f.live(ctx, i, &lives[i]); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return FleetResult{}, err
	}
	r := FleetResult{MeterDays: f.Meters * f.Days, Seconds: time.Since(began).Seconds(), Replay: f.Line()}
	all := fnv.New64a()
	for _, l := range lives {
		r.Records, r.Sales, r.UnitsWh, r.UsedWh = r.Records+l.records, r.Sales+l.sales, r.UnitsWh+l.units, r.UsedWh+l.used
		_, _ = fmt.Fprintln(all, l.trace) // writing to a hash never fails
	}
	r.Trace = hex.EncodeToString(all.Sum(nil))
	return r, nil
}

// Line returns the command that repeats the fleet on a fresh server. The caller must add the options for Meter and Tender.
func (f Fleet) Line() string {
	return fmt.Sprintf("paywatt sim --url %s --mqtt %s --meters %d --days %d --seed %d", f.URL, f.Broker, f.Meters, f.Days, f.Seed) +
		startOption(f.Start)
}

// fleetLife is the outcome of one meter.
type fleetLife struct {
	records     uint64
	sales       int
	units, used int64
	trace       string
}

// live runs one meter from its registration to its last day.
func (f Fleet) live(ctx context.Context, i int, out *fleetLife) error {
	rnd := rand.New(rand.NewPCG(f.Seed, uint64(i)))
	body := fmt.Sprintf("07%08d", (f.Seed*MaxFleet+uint64(i))%100_000_000)
	digit, err := sts.Luhn(body)
	if err != nil {
		return fmt.Errorf("number of meter %d: %w", i, err)
	}
	m := f.Meter
	m.Number, m.Simulated = body+string(digit), true
	added, err := f.API.AddMeter(ctx, m)
	if err != nil {
		return fmt.Errorf("register meter %s: %w", m.Number, err)
	}
	dev, err := f.open(added, m)
	if err != nil {
		return fmt.Errorf("meter %s: %w", m.Number, err)
	}
	modem := link.NewModem(ctx, link.New(link.Config{Number: m.Number, Box: dev.Box()}, link.MQTT(f.Broker, m.Number, link.Password(added.MQTTPassword))))
	defer modem.Power(false)
	l := &fleetMeter{fleet: f, number: m.Number, dev: dev, modem: modem, out: out, size: 40 + rnd.Int64N(140)}
	for d := range f.Days {
		if err := l.day(ctx, d, rnd); err != nil {
			return fmt.Errorf("meter %s, day %d: %w", m.Number, d+1, err)
		}
	}
	out.records, out.used = dev.Box().Marks().Acked, dev.View().RegisterWh
	return dev.Close()
}

// open makes the virtual meter with the keys that the server returned at its registration.
func (f Fleet) open(added apiv1.AddedMeter, m apiv1.NewMeter) (*device.Device, error) {
	b, err := hex.DecodeString(added.DecoderKey)
	if err != nil || len(b) == 0 {
		return nil, errors.New("the server has given no decoder key: the meters' vending key must be one for tests")
	}
	ea := sts.EA07
	if m.EA == "11" {
		ea = sts.EA11
	}
	k, err := sts.NewKey(ea, b)
	if err != nil {
		return nil, err
	}
	lk, err := wire.ParseLinkKey(added.LinkKey)
	if err != nil {
		return nil, err
	}
	base := sts.Base2014
	if m.BaseDate != nil {
		base = sts.BaseDate(*m.BaseDate)
	}
	keys := meter.NewKeys(k, meter.KeyInfo{Base: base, Type: sts.DUTK, KEN: 255})
	return device.Open(device.Config{Number: m.Number, Keys: &keys, LinkKey: lk, HasLink: true, Image: &memory.RAMImage{}, Log: memory.Nothing{},
		Rand: f.Rand, Now: f.Start})
}

// fleetMeter is one meter of a fleet, on its own goroutine.
type fleetMeter struct {
	fleet  Fleet
	number string
	dev    *device.Device
	modem  *link.Modem
	out    *fleetLife
	size   int64
}

// day lets the meter run for a day, buys when necessary, and waits until the server has all records.
func (l *fleetMeter) day(ctx context.Context, d int, rnd *rand.Rand) error {
	for h := range int64(24) {
		if l.dev.View().BalanceWh < 5000 {
			if err := l.buy(ctx); err != nil {
				return err
			}
		}
		watts := meanLoad * l.size / 100 * shape[h] / 100
		err := errors.Join(l.dev.SetLoad(unit.Power(watts/2+rnd.Int64N(watts+1))), l.dev.Advance(time.Hour, nil), l.dev.Flush())
		if err != nil {
			return err
		}
	}
	v := l.dev.View()
	l.out.trace += fmt.Sprintf("%s %d %d %d %s\n", l.number, d, v.RegisterWh, v.BalanceWh, v.Relay)
	return l.told(ctx)
}

// buy buys a token from the server and enters it at the keypad.
func (l *fleetMeter) buy(ctx context.Context) error {
	v, err := l.fleet.API.Vend(ctx, apiv1.NewSale{Meter: l.number, Tender: l.fleet.Tender, ClientRef: fmt.Sprintf("sim-%s-%d", l.number, l.out.sales+1)}, "")
	if err != nil {
		return fmt.Errorf("buy: %w", err)
	}
	if len(v.Tokens) == 0 {
		return fmt.Errorf("buy: sale %s is %s and has no token", v.ID, v.State)
	}
	l.out.sales++
	for _, t := range v.Tokens {
		if err := errors.Join(l.dev.Keys("**"+t.Digits+"#"), l.dev.Flush()); err != nil {
			return err
		}
		if got := l.dev.View().LastToken; got != sts.Accept.String() && got != sts.KCT1st.String() && got != sts.KCTNth.String() {
			return fmt.Errorf("the meter has answered the token of sale %s with %s", v.ID, got)
		}
	}
	l.out.units += v.UnitsWh
	return nil
}

// told waits until the server has acknowledged all records. It handles the server's messages meanwhile.
func (l *fleetMeter) told(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for changed := l.dev.Box().Listen(); ; {
		if m := l.dev.Box().Marks(); m.Acked+1 == m.Next {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			if why := l.modem.Status().Err; why != nil {
				return fmt.Errorf("%w within %v: %w", ErrSilent, patience, why)
			}
			return fmt.Errorf("%w within %v", ErrSilent, patience)
		case <-changed:
		case msg := <-l.modem.Messages():
			if err := errors.Join(l.dev.Receive(msg.Down, msg.Topic, msg.Payload), l.dev.Flush()); err != nil {
				return err
			}
		}
	}
}

// ErrSilent is wrapped by the error of a fleet whose server does not acknowledge all records.
var ErrSilent = errors.New("the server has not acknowledged everything")
