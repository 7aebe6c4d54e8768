package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
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
		"relay unknown":                              {with(func(r *report) { r.relay, r.noReading = "", true }), registry.On},
		"tampered":                                   {with(func(r *report) { r.tamper = true }), registry.TamperState},
		"tampered by its reasons":                    {with(func(r *report) { r.relay, r.reasons = "open", "CREDIT,TAMPER" }), registry.TamperState},
		"tampered and silent":                        {with(func(r *report) { r.tamper, r.silent = true, 100*interval }), registry.TamperState},
		"silent just under three":                    {with(func(r *report) { r.silent = 3*interval - time.Microsecond }), registry.On},
		"silent for three intervals":                 {with(func(r *report) { r.silent = 3 * interval }), registry.Offline},
		"silent but connected":                       {with(func(r *report) { r.silent, r.connected = 100*interval, true }), registry.On},
		"silent and out of credit":                   {with(func(r *report) { r.silent, r.relay = 3*interval, "open" }), registry.Offline},
		"never heard of":                             {report{silent: -1}, registry.Offline},
		"connected, nothing said so far":             {report{silent: -1, connected: true}, registry.On},
		"booted, but no reading so far":              {report{noReading: true}, registry.On},
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
		listed := w.listed(t, registry.MeterFilter{Find: number, State: string(c.want)}) // the list decides from fewer columns
		w.now = seen
		if listed != number {
			t.Errorf("%s: the list of meters in the state %s has %q", name, c.want, listed)
		}
		if v.State != c.want || v.Relay != c.relay || v.Connected != c.connected || (v.Figures == nil) != (c.silent < 0 || c.noReading) {
			t.Errorf("%s: got %s, relay %q, connected %t, figures %+v, want %s", name, v.State, v.Relay, v.Connected, v.Figures, c.want)
		}
	}
}

// listed are the numbers of the meters that a filter names.
func (w *world) listed(t *testing.T, f registry.MeterFilter) string {
	t.Helper()
	l, err := w.Meters(t.Context(), boss(), f, registry.Page{Limit: registry.MaxLimit})
	if err != nil || l.Refused() {
		t.Fatalf("%+v: %v %s", f, err, l.Detail())
	}
	var out []string
	for _, m := range l.Data {
		out = append(out, m.Meter.Number)
	}
	return strings.Join(out, " ")
}

// TestMetersAreFoundAndCounted: each field of a filter narrows the list, and the counts are those of the whole list.
func TestMetersAreFoundAndCounted(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	var all []string
	for i, n := range numbers(t, 4) {
		m := tokenMeter(n)
		m.Address, m.Feeder, m.Customer = fmt.Sprintf("Plot %d, Ngong Road", i+1), []string{"North", "South"}[i%2], &registry.NewCustomer{Name: []string{"Amina A.", "Bakari José"}[i/2], Phone: fmt.Sprintf("+25470000000%d", i)}
		w.now = w.now.Add(time.Millisecond)
		made := w.add(t, m).Meter.Meter
		if all = append(all, n); i > 0 {
			w.live(t, made.N, "last_seen,relay,as_of,received_at,balance_wh", w.now, "closed", w.now, w.now, int64(i)*10_001)
		}
	}
	list := func(at ...int) string {
		var out []string
		for _, i := range at {
			out = append(out, all[i])
		}
		return strings.Join(out, " ")
	}
	for name, c := range map[string]struct {
		f    registry.MeterFilter
		want string
	}{
		"all":                  {registry.MeterFilter{}, list(0, 1, 2, 3)},
		"a name":               {registry.MeterFilter{Find: "jose"}, list(2, 3)},
		"a name and a plot":    {registry.MeterFilter{Find: "amina plot 2"}, list(1)},
		"a telephone number":   {registry.MeterFilter{Find: "0700 000 003"}, list(3)},
		"a number":             {registry.MeterFilter{Find: all[2]}, list(2)},
		"a feeder":             {registry.MeterFilter{Feeder: "South"}, list(1, 3)},
		"a tariff":             {registry.MeterFilter{Tariff: "domestic"}, list(0, 1, 2, 3)},
		"on":                   {registry.MeterFilter{State: "on"}, list(2, 3)},
		"offline":              {registry.MeterFilter{State: "offline"}, list(0)},
		"low":                  {registry.MeterFilter{Low: true}, list(1)},
		"low, in the north":    {registry.MeterFilter{Low: true, Feeder: "North"}, ""},
		"on, south, of José":   {registry.MeterFilter{State: "on", Feeder: "South", Find: "josé"}, list(3)},
		"nothing has the name": {registry.MeterFilter{Find: "%"}, ""},
	} {
		if got := w.listed(t, c.f); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for _, f := range []registry.MeterFilter{{State: "happy"}, {Tariff: "nothing"}, {Find: strings.Repeat("x", 65)}} {
		if l, err := w.Meters(t.Context(), boss(), f, registry.Page{}); err != nil || !l.Refused() {
			t.Errorf("%+v: %v, want a refusal", f, err)
		}
	}
	c, err := w.CountMeters(t.Context(), boss(), registry.MeterFilter{State: "on", Low: true, Find: "ngong"})
	if err != nil || c.All != 4 || fmt.Sprint(c.By) != "map[low:1 offline:1 on:2]" {
		t.Errorf("counts %+v %v", c, err)
	}
	first, err := w.Meters(t.Context(), boss(), registry.MeterFilter{State: "on"}, registry.Page{Limit: 1})
	if err != nil || len(first.Data) != 1 || first.Next == "" {
		t.Fatalf("%v: the first page %+v", err, first)
	}
	second, err := w.Meters(t.Context(), boss(), registry.MeterFilter{State: "on"}, registry.Page{Limit: 1, Cursor: first.Next})
	if err != nil || len(second.Data) != 1 || second.Data[0].Meter.Number != all[3] || second.Next != "" {
		t.Errorf("%v: the second page %+v", err, second)
	}
	other, err := w.Meters(t.Context(), boss(), registry.MeterFilter{State: "offline"}, registry.Page{Cursor: first.Next})
	refused(t, "the cursor of another filter", other.Refusal, err, refusal.InvalidRequest)
	some, err := w.MetersNumbered(t.Context(), boss(), []string{all[3], "x", all[1]})
	if err != nil || len(some.Data) != 2 || some.Data[0].Meter.Number != all[1] {
		t.Errorf("%v: meters by number %+v", err, some)
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
