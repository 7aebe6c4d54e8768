package registry_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// report is the last report of a meter, and whether it is connected.
type report struct {
	mode      registry.Mode
	silent    time.Duration // time since the last message; negative if the meter has never sent one
	connected bool
	relay     string
	reasons   string
	balance   int64
	tamper    bool
	noReading bool
}

func TestStateOfAMeter(t *testing.T) {
	const interval = 30 * time.Minute
	w := newWorld(t)
	w.domestic(t)
	free := numbers(t, 50)
	on := report{relay: "closed", balance: 20_001}
	with := func(change func(*report)) report { r := on; change(&r); return r }
	for name, c := range map[string]struct {
		report
		want registry.State
	}{
		"supplied":                                   {on, registry.On},
		"20 kWh left":                                {with(func(r *report) { r.balance = 20_000 }), registry.Low},
		"overdrawn in friendly hours":                {with(func(r *report) { r.balance = 0 }), registry.Low},
		"a wallet with nothing in it":                {with(func(r *report) { r.balance, r.mode = 0, registry.PrepayWallet }), registry.Low},
		"a wallet's device is off, without a reason": {with(func(r *report) { r.balance, r.relay, r.mode = 0, "open", registry.PrepayWallet }), registry.CutOff},
		"out of credit":                              {with(func(r *report) { r.balance, r.relay, r.reasons = 0, "open", "CREDIT" }), registry.CutOff},
		"switched off from afar":                     {with(func(r *report) { r.relay, r.reasons = "open", "REMOTE" }), registry.CutOff},
		"waits for a key press":                      {with(func(r *report) { r.relay = "armed" }), registry.CutOff},
		"waits to close after a power cut":           {with(func(r *report) { r.relay = "open" }), registry.On},
		"relay unknown":                              {with(func(r *report) { r.relay, r.noReading = "", true }), registry.CutOff},
		"tampered":                                   {with(func(r *report) { r.tamper = true }), registry.TamperState},
		"tampered by its reasons":                    {with(func(r *report) { r.relay, r.reasons = "open", "CREDIT,TAMPER" }), registry.TamperState},
		"tampered and silent":                        {with(func(r *report) { r.tamper, r.silent = true, 100*interval }), registry.TamperState},
		"silent just under three":                    {with(func(r *report) { r.silent = 3*interval - time.Microsecond }), registry.On},
		"silent for three intervals":                 {with(func(r *report) { r.silent = 3 * interval }), registry.Offline},
		"silent but connected":                       {with(func(r *report) { r.silent, r.connected = 100*interval, true }), registry.On},
		"silent and out of credit":                   {with(func(r *report) { r.silent, r.relay = 3*interval, "open" }), registry.Offline},
		"never heard of":                             {report{silent: -1}, registry.Offline},
		"connected, nothing said so far":             {report{silent: -1, connected: true}, registry.CutOff},
		"booted, but no reading so far":              {report{noReading: true}, registry.CutOff},
		"switched by an event, no reading":           {report{noReading: true, relay: "closed"}, registry.On},
	} {
		// Every case has a new meter. Only the clock keeps running from case to case.
		number := free[0]
		free = free[1:]
		n := tokenMeter(number)
		if c.mode != "" {
			n.Mode = c.mode
		}
		m := w.add(t, n).Meter.Meter
		w.connected[number] = c.connected
		seen := w.now
		if c.silent >= 0 {
			w.live(t, m.N, "last_seen,relay,reasons,tamper", seen, c.relay, c.reasons, c.tamper)
			if !c.noReading {
				w.live(t, m.N, "as_of,received_at,balance_wh", seen, seen, c.balance)
			}
			w.now = seen.Add(c.silent)
		}
		v := w.show(t, number)
		w.now = seen
		if v.State != c.want || v.Relay != c.relay || v.Connected != c.connected || (v.Figures == nil) != (c.silent < 0 || c.noReading) {
			t.Errorf("%s: got %s, relay %q, connected %t, figures %+v, want %s", name, v.State, v.Relay, v.Connected, v.Figures, c.want)
		}
	}
}

func TestViewShowsTheFiguresAndTheirAge(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	m := w.add(t, tokenMeter(number)).Meter.Meter
	at, received := w.now.Add(-time.Hour), w.now.Add(-time.Minute)
	w.live(t, m.N, "last_seen,newest_at,as_of,received_at,register_wh,balance_wh,ec_used_wh,overrun_wh,w,mv,relay,reasons",
		w.now, at, at, received, int64(120_433), int64(8_120), int64(7), int64(9), int64(381), int64(230_400), "closed", "LOCAL,REMOTE")
	v := w.show(t, number)
	want := registry.Figures{AsOf: at, ReceivedAt: received, Register: 120_433, Balance: 8_120, ECUsed: 7, Overrun: 9, Watts: 381, Millivolts: 230_400}
	if v.Figures == nil || *v.Figures != want {
		t.Errorf("figures %+v, want %+v", v.Figures, want)
	}
	if !slices.Equal(v.Reasons, []string{"LOCAL", "REMOTE"}) || !v.LastSeen.Equal(w.now) || !v.Clock.Equal(w.now) {
		t.Errorf("reasons %v, last seen %s, clock %s", v.Reasons, v.LastSeen, v.Clock)
	}
	if v.Figures.Balance > registry.LowCredit || registry.LowCredit != 20*unit.KilowattHour || v.State != registry.Low {
		t.Errorf("state %s at %s", v.State, v.Figures.Balance)
	}
}

func TestSimulatedMeterLivesInItsOwnTime(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	n := tokenMeter(number)
	n.Simulated = true
	m := w.add(t, n).Meter.Meter
	far := w.now.Add(10 * 365 * 24 * time.Hour)
	w.live(t, m.N, "last_seen,newest_at,as_of,received_at,balance_wh,relay", w.now, far, far.Add(-time.Minute), w.now, int64(99_000), "closed")
	w.now = w.now.Add(10 * time.Minute)
	v := w.show(t, number)
	if want := far.Add(10 * time.Minute); !v.Clock.Equal(want) {
		t.Errorf("meter time %s, want %s", v.Clock, want)
	}
	if !v.Figures.AsOf.Equal(far.Add(-time.Minute)) || v.LastSeen.After(w.now) || v.State != registry.On {
		t.Errorf("as of %s, last seen %s, state %s: as_of is the meter's time, last_seen the server's", v.Figures.AsOf, v.LastSeen, v.State)
	}
}

func TestCustomerIsHiddenFromWhoMayNotReadCustomers(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	n := tokenMeter(number)
	n.Customer = &registry.NewCustomer{Name: "Amina A.", Phone: "+254700000001"}
	w.add(t, n)
	for _, role := range access.Roles() {
		if !role.May(access.ReadMeters) {
			continue
		}
		v, err := w.Meter(t.Context(), as(role), number)
		if err != nil || v.Refused() {
			t.Fatalf("%s: %v %s", role, err, v.Detail())
		}
		if shown := v.Customer.Name != "" || v.Customer.Phone != ""; shown != role.May(access.ReadCustomers) || v.Customer.ID.IsZero() {
			t.Errorf("%s sees the customer %+v", role, v.Customer)
		}
	}
}
