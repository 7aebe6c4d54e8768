package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/panelweb"
)

// Times of the fleet.
const (
	// fleetHistory is how much virtual time each meter has behind it when the demonstration begins.
	fleetHistory = 72 * time.Hour
	// fleetHour is the hour of the meters' day at which the demonstration begins, whatever the real time is, so that the
	// same seed gives the same figures. In the evening there is most to see.
	fleetHour = 18 * time.Hour
	// readEvery is how often a live meter is read, in virtual time, besides its own readings every half hour.
	readEvery = 2 * time.Minute
	// answerTime bounds how long a page waits for its meter, and a living meter for a purchase.
	answerTime = 10 * time.Second
	// shapeNoise is how much, in percent, an hour's load may differ from its usual value.
	shapeNoise = 20
	// tickEvery is the real time between two advances of a meter.
	tickEvery = 200 * time.Millisecond
	// fleetSpeed is how many times faster than real time the meters run.
	fleetSpeed = 60
)

// fleet is the meters of the demonstration. Each runs on its own goroutine.
type fleet struct {
	place  *Server
	bus    *bus // nil without emulated modems
	api    *client.Client
	seed   uint64
	meters []*fleetMeter
	failed chan error // the error of the first meter that has stopped
	wg     sync.WaitGroup
}

// fleetMeter is a running virtual meter. Only the goroutine that runs live uses its device; before that goroutine starts, only
// prepare does.
type fleetMeter struct {
	house household
	sim   string // number of its modem; empty for none
	fleet *fleet
	rnd   *rand.Rand // random numbers for the load; not used for secrets
	dev   *device.Device
	modem *link.Modem
	panel *panelweb.Panel
	acts  chan panelAct
	mean  int64     // watts over the day
	watts int64     // what the household has switched on
	hour  time.Time // the hour for which the field watts was chosen
	read  time.Time
	sales int
	// bought says that a token was bought and has not arrived yet.
	bought bool
}

// newFleet registers every household, starts its meter, sells to it and simulates its time until now. The caller must
// close the fleet, also after an error.
func newFleet(ctx context.Context, p *Server, bus *bus, seed uint64) (*fleet, error) {
	f := &fleet{place: p, bus: bus, seed: seed, meters: make([]*fleetMeter, len(households)), failed: make(chan error, 1)}
	var err error
	if f.api, err = p.API(); err != nil {
		return f, err
	}
	if _, err := f.api.CreateTariff(ctx, domestic()); err != nil {
		return f, err
	}
	const day = 24 * time.Hour
	began := time.Now().UTC().Add(-fleetHour).Truncate(day).Add(fleetHour - fleetHistory)
	errs := make([]error, len(households))
	for i, h := range households {
		secret, err := p.Register(ctx, f.api, h.number, h.name, h.phone, f.sim(i))
		if err != nil {
			return f, err
		}
		f.wg.Go(func() { errs[i] = f.prepare(ctx, i, secret, began) })
	}
	f.wg.Wait()
	return f, errors.Join(errs...)
}

// prepare starts the i-th meter and simulates its history.
func (f *fleet) prepare(ctx context.Context, i int, secret apiv1.AddedMeter, began time.Time) error {
	h, p := households[i], f.place
	m := &fleetMeter{house: h, fleet: f, rnd: rand.New(rand.NewPCG(f.seed, uint64(i))), read: began, acts: make(chan panelAct)}
	m.sim = f.sim(i)
	if err := m.open(ctx, secret, began); err != nil {
		return fmt.Errorf("meter %s: %w", h.number, err)
	}
	f.meters[i] = m
	sold, err := m.load(ctx, i%2 == 1)
	if err != nil {
		return err
	}
	m.mean = (sold - h.left) / int64(fleetHistory/time.Hour)
	for range fleetHistory / time.Hour {
		if err := errors.Join(m.act(), m.dev.Advance(time.Hour, nil), m.dev.Flush()); err != nil {
			return err
		}
	}
	told := func() bool { k := m.dev.Box().Marks(); return k.Acked+1 == k.Next }
	if err := m.await(ctx, "the server did not take all of the past", told); err != nil {
		return err
	}
	m.panel = panelweb.New(panelweb.Config{Device: m.dev, Net: m.modem, Log: p.logger, OwnTime: true, Phone: m.phone(), Name: h.name, Note: simulated(), Console: p.URL() + "/meters/" + h.number, Back: "../"})
	return nil
}

// phone returns the page of the customer's telephone, empty if the meter has no modem that could receive messages.
func (m *fleetMeter) phone() string {
	if m.sim == "" {
		return ""
	}
	return m.fleet.bus.phonePage(m.house.phone, m.sim)
}

// sim returns the number of the i-th meter's modem, empty for none.
func (f *fleet) sim(i int) string {
	if f.bus == nil {
		return ""
	}
	return simOf(i)
}

// open makes the meter as `paywatt vmeter` does, with its memory in RAM and its calendar in the past.
func (m *fleetMeter) open(ctx context.Context, secret apiv1.AddedMeter, began time.Time) error {
	p := m.fleet.place
	cfg, broker, err := p.program.Device(VirtualMeter{Secret: secret, Broker: p.mqtt, Phones: []string{m.house.phone, Authority}})
	if err != nil {
		return err
	}
	cfg.Now, cfg.Logger = began, p.logger
	if m.dev, err = device.Open(cfg); err != nil {
		return err
	}
	m.modem = link.NewModem(ctx, link.New(link.Config{Number: cfg.Number, Box: m.dev.Box(), Log: p.logger},
		link.MQTT(broker, cfg.Number, link.Password(secret.MQTTPassword))))
	return nil
}

// buy makes a sale to the meter. The reference counts the completed sales, so that a failed sale is requested again but
// never made twice.
func (m *fleetMeter) buy(ctx context.Context, tender int64, deliver ...string) (client.Sold, error) {
	v, err := m.fleet.api.Vend(ctx, apiv1.NewSale{Meter: m.house.number, Tender: apiv1.Amount{AmountMinor: tender, Currency: "KES"},
		ClientRef: fmt.Sprintf("%s-%d", m.house.number, m.sales+1), Deliver: deliver}, "")
	if err != nil {
		return v, fmt.Errorf("sell to meter %s: %w", m.house.number, err)
	}
	m.sales++
	return v, nil
}

// load makes the household's first purchase and loads the token, by a push or at the keypad.
func (m *fleetMeter) load(ctx context.Context, push bool) (units int64, err error) {
	if push {
		v, err := m.buy(ctx, m.house.tender, "mqtt")
		if err != nil {
			return 0, err
		}
		return v.UnitsWh, m.await(ctx, "the pushed token did not come", func() bool { return m.dev.View().BalanceWh == v.UnitsWh })
	}
	v, err := m.buy(ctx, m.house.tender)
	if err != nil {
		return 0, err
	}
	return v.UnitsWh, errors.Join(m.dev.Keys(v.Tokens[0].Digits+"#"), m.dev.Flush())
}

// await handles messages of the server until the condition holds.
func (m *fleetMeter) await(ctx context.Context, what string, is func() bool) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	changed := m.dev.Box().Listen()
	for !is() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return fmt.Errorf("meter %s: %s within %v", m.house.number, what, patience)
		case <-changed:
		case msg := <-m.modem.Messages():
			if err := m.receive(msg); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive handles a message. A message that comes while the mains is off is lost; the server sends it again.
func (m *fleetMeter) receive(msg link.Message) error {
	err := m.dev.Receive(msg.Down, msg.Topic, msg.Payload)
	if errors.Is(err, device.ErrOff) {
		err = nil
	}
	return errors.Join(err, m.dev.Flush())
}

// setLoad sets a load in watts, whatever integer type the device uses.
func setLoad[Power ~int32 | ~int64](set func(Power) error, watts int64) error {
	return set(Power(watts))
}

// act does what the household does at a time: it changes its load every hour, unless somebody has set a load by hand.
// It also reads the meter from time to time.
func (m *fleetMeter) act() error {
	now := m.dev.Now()
	if hour := now.Truncate(time.Hour); hour != m.hour {
		m.hour = hour
		if int64(m.dev.Load()) == m.watts {
			noise := m.rnd.Int64N(2*shapeNoise+1) - shapeNoise
			m.watts = m.mean * dayShape[now.Hour()] * (100 + noise) / 100 / 100
			if err := setLoad(m.dev.SetLoad, m.watts); err != nil {
				return err
			}
		}
	}
	if m.dev.On() && now.Sub(m.read) >= readEvery {
		m.read = now
		return m.dev.Read()
	}
	return nil
}

// run runs all meters until ctx ends.
func (f *fleet) run(ctx context.Context) {
	for _, m := range f.meters {
		f.wg.Go(func() {
			if err := m.live(ctx); err != nil {
				select {
				case f.failed <- fmt.Errorf("meter %s: %w", m.house.number, err):
				default: // another meter failed first
				}
			}
		})
	}
}

// live runs a meter: time, messages of the server, actions on its page, and its household.
func (m *fleetMeter) live(ctx context.Context) error {
	if m.sim != "" { // no network while its history was simulated
		p := m.fleet.place
		shut, err := p.program.Modem(ctx, m.dev, p.Port(m.sim), p.logger)
		if err != nil {
			return err
		}
		defer shut()
	}
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg := <-m.modem.Messages():
			if err := m.receive(msg); err != nil {
				return err
			}
		case t := <-m.dev.Tasks():
			if err := errors.Join(t(m.dev), m.dev.Flush()); err != nil {
				return err
			}
		case a := <-m.acts:
			err := errors.Join(a.do(), m.dev.Flush())
			m.panel.Look() // whoever waits may read the page at once
			a.done <- err
		case <-ticker.C:
			m.shop(ctx)
			if err := errors.Join(m.act(), m.dev.Advance(fleetSpeed*tickEvery, nil), m.dev.Flush()); err != nil {
				return err
			}
		}
		m.panel.Look()
	}
}

// panelAct is a function that a page wants to run on the goroutine of the meter.
type panelAct struct {
	do   func() error
	done chan error
}

// do runs f for a page and returns when its effects are durable.
func (m *fleetMeter) do(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errMeterBusy)
	defer cancel()
	a := panelAct{do: f, done: make(chan error, 1)}
	select {
	case m.acts <- a:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errMeterBusy is returned to a page whose meter does not answer in time.
var errMeterBusy = errors.New("the meter is busy")

// shop buys when the household's credit has fallen to buysAt, and then not again until the token has arrived. A sale
// that fails is tried again at the next tick.
func (m *fleetMeter) shop(ctx context.Context) {
	low := m.house.buysAt >= 0 && m.dev.On() && m.dev.View().BalanceWh <= m.house.buysAt
	if !low || m.bought {
		m.bought = m.bought && low
		return
	}
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := m.buy(bounded, m.house.tender, "mqtt")
	if m.bought = err == nil; !m.bought && ctx.Err() == nil {
		m.fleet.place.logger.Warn("purchase failed", slog.String("meter", m.house.number), slog.String("error", err.Error()))
	}
}

// close closes the meters after run's context has ended.
func (f *fleet) close() error {
	f.wg.Wait()
	errs := make([]error, 0, len(f.meters))
	for _, m := range f.meters {
		if m != nil { // this meter was started
			m.modem.Power(false)
			errs = append(errs, m.dev.Close())
		}
	}
	return errors.Join(errs...)
}
