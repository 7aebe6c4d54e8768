package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/exit"
)

// story is one meter's life against the server. Every figure is compared with a figure computed by hand from the
// tariff (2.50 KES per kilowatt-hour, 15 % VAT) and the load (2 kW). So a wrong server cannot agree with itself.
type story struct {
	place *Server
	api   *client.Client
	meter *Scripted
	bus   *bus
	sales [6]client.Sold
}

// sale is a purchase with all its figures, in minor units and watt-hours.
type sale struct {
	tender, units, energy, vat, carryIn, carry int64
}

// The six purchases; the last is paid by telephone. A token holds whole tenths of a kilowatt-hour; what is left over is carried into the next sale.
//
//	100.00          / 1.15 / 2.50 = 34.78 -> 34.7 kWh: 86.75 and 13.01 VAT (13.0125), 0.24 carried
//	 50.00 and 0.24 / 1.15 / 2.50 = 17.47 -> 17.4 kWh: 43.50 and  6.53 VAT ( 6.5250), 0.21 carried
//	 50.00 and 0.21 / 1.15 / 2.50 = 17.46 -> 17.4 kWh: 43.50 and  6.53 VAT ( 6.5250), 0.18 carried
//	100.00 and 0.18 / 1.15 / 2.50 = 34.84 -> 34.8 kWh: 87.00 and 13.05 VAT (13.0500), 0.13 carried
//	 50.00 and 0.13 / 1.15 / 2.50 = 17.43 -> 17.4 kWh: 43.50 and  6.53 VAT ( 6.5250), 0.10 carried
//	 50.00 and 0.10 / 1.15 / 2.50 = 17.42 -> 17.4 kWh: 43.50 and  6.53 VAT ( 6.5250), 0.07 carried
var sales = [6]sale{
	{tender: 10_000, units: 34_700, energy: 8_675, vat: 1_301, carry: 24},
	{tender: 5_000, units: 17_400, energy: 4_350, vat: 653, carryIn: 24, carry: 21},
	{tender: 5_000, units: 17_400, energy: 4_350, vat: 653, carryIn: 21, carry: 18},
	{tender: 10_000, units: 34_800, energy: 8_700, vat: 1_305, carryIn: 18, carry: 13},
	{tender: 5_000, units: 17_400, energy: 4_350, vat: 653, carryIn: 13, carry: 10},
	{tender: 5_000, units: 17_400, energy: 4_350, vat: 653, carryIn: 10, carry: 7},
}

// step is one step. It returns its figures as a line of text, or an error if a check fails.
type step struct {
	name string
	do   func(context.Context) (string, error)
}

func (s *story) steps() []step {
	return []step{
		{"server", s.server}, {"console", s.console}, {"meter", s.join},
		{"buy", s.buy}, {"token", s.token}, {"keypad", s.keypad}, {"again", s.again}, {"push", s.push}, {"sms", s.sms},
		{"server off", s.alone}, {"server on", s.restarted},
		{"use", s.use}, {"warning 1", s.low1}, {"warning 2", s.low2}, {"cut-off", s.cutOff},
		{"recharge", s.recharge}, {"modem", s.modem}, {"telephone", s.telephone}, {"sync", s.sync}, {"history", s.history}, {"page", s.page}, {"ledger", s.ledger},
	}
}

// play runs the steps and prints one numbered line for each. It stops at the first that fails.
func play(ctx context.Context, out io.Writer, steps []step) error {
	for i, step := range steps {
		figures, err := step.do(ctx)
		if err != nil {
			return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("Step %d, %s, failed: %v.", i+1, step.name, err),
				Not: "The later steps did not run.", Try: "Read the log of the server and the meter above. Run it again to see whether it fails again."}
		}
		if _, err := fmt.Fprintf(out, "%2d %-10s %s\n", i+1, step.name, figures); err != nil {
			return err
		}
	}
	return nil
}

// playStory plays the story against a server in p.
func playStory(ctx context.Context, p *Server, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &story{place: p}
	if s.bus, err = p.startBus(ctx, Authority, storySIM()); err != nil {
		return err
	}
	defer func() {
		if s.meter != nil {
			err = errors.Join(err, s.meter.Close())
		}
		err = errors.Join(err, p.Stop(), s.bus.close()) // in this order: a server that runs without its modem warns of that
	}()
	return play(ctx, out, s.steps())
}

// expect compares a figure with the expected one.
func expect[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s is %v, expected %v", what, got, want)
}

// expectState compares what the meter shows with the expected state.
func expectState(v device.View, balance, register int64, relay, led string) error {
	return cmp.Or(expect("balance_wh", v.BalanceWh, balance), expect("register_wh", v.RegisterWh, register),
		expect("relay", v.Relay, relay), expect("led", v.LED, led), expect("overrun_wh", v.OverrunWh, 0))
}

// kwh formats watt-hours as kWh for people, truncated.
func kwh(wh int64) string { return fmt.Sprintf("%d.%d kWh", wh/1000, wh%1000/100) }

// kes formats cents of Kenya shillings for people.
func kes(minor int64) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d KES", sign, minor/100, minor%100)
}

// grouped formats the digits of a token in groups of four.
func grouped(digits string) string {
	var groups []string
	for group := range slices.Chunk([]byte(digits), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}

// server starts the server and publishes the tariff.
func (s *story) server(ctx context.Context) (string, error) {
	p := s.place
	if err := p.Start(); err != nil {
		return "", err
	}
	var err error
	if s.api, err = p.API(); err != nil {
		return "", err
	}
	ready, _, err := s.api.Ready(ctx)
	if err != nil {
		return "", err
	}
	t, err := s.api.CreateTariff(ctx, domestic())
	return fmt.Sprintf("http=%s mqtt=%s ready; tariff %s: 2.50 KES a kWh and 15 %% VAT", p.http, p.mqtt, t.Name),
		cmp.Or(err, expect("ready", ready.Ready, true))
}

// console signs in as the owner, as a browser would.
func (s *story) console(ctx context.Context) (string, error) {
	page, err := s.place.addOwner(ctx)
	if err != nil {
		return "", err
	}
	return owner + " signed in; the page is marked TEST", expect("the page marked TEST", strings.Contains(page, testBar), true)
}

// testBar is the beginning of the bar on every page of the console.
const testBar = "TEST: no real money or supply"

// The meter of the story.
const (
	storyNumber   = "04140001001"
	storyCustomer = "Amina A."
	storyPhone    = "+254700000001"
)

// storySIM returns the number of the SIM in the meter's modem.
func storySIM() string { return simOf(0) }

// join registers the meter and waits until it is connected.
func (s *story) join(ctx context.Context) (string, error) {
	m, err := s.place.Register(ctx, s.api, storyNumber, storyCustomer, storyPhone, storySIM())
	if err != nil {
		return "", err
	}
	s.meter = s.place.Meter(ctx, m, s.place.Port(storySIM()))
	v, err := s.meter.Do("sync")
	if err != nil {
		return "", err
	}
	seen, err := s.api.Meter(ctx, storyNumber)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s of %s connected over MQTT with its password; balance %s, supply off", storyNumber, storyCustomer, kwh(v.BalanceWh)),
		cmp.Or(expectState(v, 0, 0, "open", "fast"), expect("connected at the server", seen.Connected, true),
			expect("state at the server", seen.State, "cut_off"), expect("reasons", strings.Join(v.Reasons, " "), "CREDIT"))
}

// sell makes the n-th purchase and checks every figure of it.
func (s *story) sell(ctx context.Context, n int, deliver ...string) (client.Sold, error) {
	o := s.order(n, deliver...)
	v, err := s.api.Vend(ctx, o, o.ClientRef)
	if err != nil {
		return v, err
	}
	s.sales[n] = v
	return v, sales[n].check(v.Sale)
}

// check compares a sale with the expected figures.
func (d sale) check(v apiv1.Sale) error {
	lines, sum := map[string]int64{}, int64(0)
	for _, l := range v.Lines {
		lines[l.Kind] += l.AmountMinor
		sum += l.AmountMinor
	}
	return cmp.Or(expect("state of the sale", v.State, "completed"), expect("tender", v.Tender, apiv1.Amount{AmountMinor: d.tender, Currency: "KES"}),
		expect("units_wh", v.UnitsWh, d.units), expect("energy", lines["energy"], d.energy), expect("vat", lines["vat"], d.vat),
		expect("carry_in", lines["carry_in"], -d.carryIn), expect("carry", lines["carry"], d.carry),
		expect("sum of the lines", sum, d.tender), expect("tokens", len(v.Tokens), 1), expect("units_wh of the token", unitsOf(v.Tokens), d.units),
		expect("marked TEST", v.Test, true))
}

func unitsOf(tokens []apiv1.Token) (sum int64) {
	for _, t := range tokens {
		sum += t.UnitsWh
	}
	return sum
}

// order returns the n-th order. It is the same each time.
func (s *story) order(n int, deliver ...string) apiv1.NewSale {
	ref := fmt.Sprintf("demo-%06d", n+1)
	return apiv1.NewSale{Meter: storyNumber, Tender: apiv1.Amount{AmountMinor: sales[n].tender, Currency: "KES"}, ClientRef: ref,
		Deliver: deliver}
}

func (s *story) buy(ctx context.Context) (string, error) {
	v, err := s.sell(ctx, 0)
	if err != nil {
		return "", err
	}
	w := sales[0]
	return fmt.Sprintf("%s = %s energy + %s VAT + %s change carried forward; %s", kes(w.tender), kes(w.energy), kes(w.vat), kes(w.carry), kwh(v.UnitsWh)), nil
}

// sumOf adds up a figure of the first n purchases.
func sumOf(n int, figure func(sale) int64) (sum int64) {
	for _, d := range sales[:n] {
		sum += figure(d)
	}
	return sum
}

func bought(d sale) int64 { return d.units }

// eventCodes counts the meter's events at the server by code.
func (s *story) eventCodes(ctx context.Context) (map[int]int, error) {
	codes := map[int]int{}
	for page := (apiv1.Page{Limit: 200}); ; {
		l, err := s.api.Events(ctx, apiv1.HistoryFilter{Meter: storyNumber, Page: page})
		if err != nil {
			return nil, err
		}
		for _, e := range l.Data {
			codes[e.Code]++
		}
		if page.Cursor = l.NextCursor; page.Cursor == "" {
			return codes, nil
		}
	}
}
