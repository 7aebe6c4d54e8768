package meter_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// walletConfig returns a configuration of wallet mode with lease_grace_wh, and with windows that delay the end of a
// lease.
func walletConfig(t testing.TB, grace unit.Energy) meter.Config {
	t.Helper()
	c, bad := meter.NewConfig(meter.DefaultConfig(), 1, map[string]any{
		"payment_mode": "prepay_wallet", "lease_grace_wh": int64(grace), "low2_wh": 400, "reading_s": 420,
		"friendly": []any{"all 08:00-09:15", "fri 13:00-13:30"},
	})
	if bad != "" {
		t.Fatalf("refused for %q", bad)
	}
	return c
}

// newWallet returns a rig with a new meter in wallet mode.
func newWallet(t testing.TB, grace unit.Energy) *rig {
	t.Helper()
	r := newRig(t)
	r.cfg = walletConfig(t, grace)
	r.cfg.Number = testNumber
	r.state = meter.New(testFacts(), &r.cfg, 0)
	return r
}

// lease gives a lease and returns the answer.
func (r *rig) lease(n uint32, limit unit.Energy, ttl time.Duration) meter.Answer {
	r.tb.Helper()
	id := fmt.Sprintf("lea_%d_%d", n, r.state.Counter)
	r.command(id, r.state.Counter+1, meter.Event{Command: meter.CommandLease, Lease: meter.Lease{
		Seq: n, Max: limit, TTL: uint32(ttl.Seconds()),
	}})
	return r.answer(id)
}

func TestANewWalletMeterWaitsForItsFirstLease(t *testing.T) {
	r := newWallet(t, meter.LeaseStay)
	if s := &r.state; !s.Wallet() || s.Reasons != supply.Of(supply.Lease) || s.Relay != supply.Open {
		t.Fatalf("new: wallet %t, %q, relay %s; want LEASE, open", s.Wallet(), s.Reasons, s.Relay)
	}
	if a := r.lease(1, 500, time.Hour); a != meter.AnswerDone || r.state.Relay != supply.Closed {
		t.Errorf("the first lease: %s %s, relay %s", a.State(), a.Reason(), r.state.Relay)
	}
}

// TestTheCustomerConfirmsAfterALongTimeWithoutALease tries a day, just over a day, and a minute with confirm_after set.
func TestTheCustomerConfirmsAfterALongTimeWithoutALease(t *testing.T) {
	for _, c := range []struct {
		off    time.Duration
		always bool
		want   supply.Relay
	}{
		{24 * time.Hour, false, supply.Closed}, {24*time.Hour + 2*time.Second, false, supply.Armed}, {time.Minute, true, supply.Armed},
	} {
		r := newWallet(t, meter.LeaseStay)
		if c.always {
			r.cfg.ConfirmAfter = r.cfg.ConfirmAfter.With(supply.Lease)
		}
		r.lease(1, 1000, time.Hour)
		r.load = 1000
		r.run(time.Hour)
		if r.state.Relay != supply.Open {
			t.Fatalf("used up: relay %s", r.state.Relay)
		}
		r.load = 0
		r.run(c.off)
		if r.lease(2, 2000, time.Hour); r.state.Relay != c.want {
			t.Errorf("off for %v, always confirm %t: relay %s, want %s", c.off, c.always, r.state.Relay, c.want)
		}
	}
}

// leased plays hours of a wallet meter: a changing load, leases of all kinds, keys, the clock. Between those inputs it
// gives time and energy in the largest pieces that Wake and Headroom allow. If the parameter cut is not nil, the pieces
// are smaller, of random size.
func leased(t *testing.T, seed uint64, cut *rand.Rand) life {
	t.Helper()
	inputs := rand.New(rand.NewPCG(seed, 7))
	c := walletConfig(t, unit.Energy(inputs.IntN(3)*300)-1)
	s := meter.New(testFacts(), &c, 0)
	var l life
	give := func(ev meter.Event) {
		ev.At, ev.Clock, ev.Ms = testStart().Unix()+int64(ev.Up/1000), meter.ClockValid, uint16(ev.Up%1000)
		l.effects = append(l.effects, meter.Step(&c, &s, ev, nil)...)
		for i := len(l.effects) - 1; i >= 0 && s.Busy(); i-- {
			if e := l.effects[i]; e.Kind == meter.EffectPersist {
				done := ev
				done.Kind, done.Energy, done.Record, done.OK = meter.EventPersisted, 0, e.Record, true
				l.effects = append(l.effects, meter.Step(&c, &s, done, nil)...)
			}
		}
	}
	give(meter.Event{Kind: meter.EventWake})
	var up, work uint64 // ms; W·ms not yet given
	for n := range 40 {
		load, end := uint64(inputs.IntN(3000)), up+uint64(inputs.IntN(3_600_000))
		for up < end {
			to := max(min(end, meter.Wake(&c, &s)), up+1)
			room := uint64(meter.Headroom(&c, &s))*3_600_000 - work
			if load > 0 {
				to = min(to, up+(room+load-1)/load)
			}
			if cut != nil {
				to = up + 1 + cut.Uint64N(to-up)
			}
			work += load * (to - up)
			up = to
			give(meter.Event{Kind: meter.EventEnergy, Up: up, Energy: unit.Energy(work / 3_600_000)})
			work %= 3_600_000
		}
		switch inputs.IntN(4) {
		case 0, 1:
			give(meter.Event{Kind: meter.EventCommand, Up: up, Command: meter.CommandLease, Counter: uint64(n + 1), Lease: meter.Lease{
				Seq: uint32(n + 2 - inputs.IntN(3)), TTL: uint32(inputs.IntN(7200)), Max: s.Register + unit.Energy(inputs.IntN(3000)-300),
			}})
		case 2:
			give(meter.Event{Kind: meter.EventKey, Up: up})
		case 3:
			give(meter.Event{Kind: meter.EventLocal, Up: up})
		}
	}
	l.state = s
	return l
}

func TestAnySplittingOfALeaseGivesTheSame(t *testing.T) {
	base := tier.Seed(t)
	ended := 0
	for i := range uint64(tier.MeterLives.N()) {
		seed := base + i
		whole := leased(t, seed, nil)
		for _, e := range whole.effects {
			if e.Report.Code == meter.CodeLease && e.Report.Args()["lease"] == "expired" {
				ended++
			}
		}
		for j := range uint64(3) {
			parts := leased(t, seed, rand.New(rand.NewPCG(seed, 2+j)))
			if d := differ(whole.effects, parts.effects); d != "" {
				t.Fatalf("seed %d: %s", seed, d)
			}
			if meter.Hash(&whole.state) != meter.Hash(&parts.state) {
				t.Fatalf("seed %d: states differ:\n whole %+v\n parts %+v", seed, whole.state, parts.state)
			}
		}
	}
	if ended == 0 {
		t.Error("the time of no lease ran out")
	}
}

func TestNothingHappensToALeaseBeforeWakeAndHeadroom(t *testing.T) {
	r := newWallet(t, 100)
	for i := range 2000 {
		if i%40 == 0 {
			r.lease(r.state.LeaseSeq+1, r.state.Register+900, 47*time.Minute)
		}
		s := r.state
		wake, room := meter.Wake(&r.cfg, &s), meter.Headroom(&r.cfg, &s)
		if wake <= s.Up || room < 1 {
			t.Fatalf("at %d: wake %d, headroom %d", s.Up, wake, room)
		}
		if wake-1 > s.Up {
			r.up = wake - 1
			early := meter.Event{
				Kind: meter.EventEnergy, Up: r.up, At: r.now().Unix(), Ms: uint16(r.up % 1000), Clock: r.clock, Energy: room - 1,
			}
			if out := meter.Step(&r.cfg, &s, early, nil); len(out) > 0 {
				t.Fatalf("at %d, before wake %d and headroom %d: %+v", early.Up, wake, room, out)
			}
		}
		r.up = wake
		r.step(meter.Event{Kind: meter.EventEnergy, Energy: room / 2})
	}
}

// TestRandomEventsKeepTheLease gives a wallet meter any events, sensible or not. The register and the rest of the lease
// always add up to the limit in the last report of the lease.
func TestRandomEventsKeepTheLease(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 3))
	out := make([]meter.Effect, 0, meter.MaxEffects)
	for range tier.MeterEvents.N() {
		r := newWallet(t, unit.Energy(rnd.IntN(3)*50)-1)
		s := &r.state
		limit, newest := unit.Energy(0), uint32(0)
		var under *meter.Record
		for range 200 {
			ev := randomEvent(t, rnd, r)
			if rnd.IntN(4) == 0 {
				ev.Kind, ev.Command, ev.Counter = meter.EventCommand, meter.CommandLease, s.Counter+1
				ev.Lease = meter.Lease{Seq: newest + uint32(rnd.IntN(3)), TTL: uint32(rnd.IntN(4000)), Max: s.Register + unit.Energy(rnd.IntN(3000)-500)}
			}
			ev.Wallet = true
			switch {
			case ev.Kind == meter.EventReplay, ev.Kind == meter.EventPersisted && under == nil:
				continue
			case ev.Kind == meter.EventPersisted:
				ev.Record, under = *under, nil
			}
			// The outbox is empty here; otherwise the register would be raised to the highest register in it.
			ev.Register = 0
			out = meter.Step(&r.cfg, s, ev, out[:0])
			if cap(out) != meter.MaxEffects {
				t.Fatalf("event %d has more than %d effects", ev.Kind, meter.MaxEffects)
			}
			for i := range out {
				e := &out[i]
				if e.Kind == meter.EffectPersist {
					record := e.Record
					under = &record
				}
				if e.Report.Code == meter.CodeLease {
					seq := uint32(e.Report.A >> 1)
					if e.Report.Args()["lease"] == "applied" && seq <= newest {
						t.Fatalf("lease %d after %d", seq, newest)
					}
					limit, newest = unit.Energy(e.Report.B), seq
				}
			}
			if got := s.Register + s.Shown(); got != limit {
				t.Fatalf("event %d: register %s with %s left goes to %s, want %s", ev.Kind, s.Register, s.Shown(), got, limit)
			}
			if off := s.Reasons.Has(supply.Lease); off != (s.Balance == 0) || s.Relay == supply.Closed && off {
				t.Fatalf("event %d: %s left, reasons %q, relay %s", ev.Kind, s.Balance, s.Reasons, s.Relay)
			}
		}
	}
}

// BenchmarkStepLease measures a step of a meter in wallet mode that counts energy and has nothing else to do.
func BenchmarkStepLease(b *testing.B) {
	c := walletConfig(b, meter.LeaseStay)
	c.ReadingEvery, c.Friendly = 0, meter.DefaultConfig().Friendly
	s := meter.New(testFacts(), &c, 0)
	s.Balance, s.Reasons, s.Relay, s.LED, s.LeaseSeq, s.LeaseAt = 1<<60, 0, supply.Closed, meter.LEDOff, 1, 1<<31
	s.Low1, s.Low2 = supply.Crossing{}, supply.Crossing{}
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev := meter.Event{Kind: meter.EventEnergy, Energy: 1, At: testStart().Unix(), Clock: meter.ClockValid}
	b.ReportAllocs()
	for b.Loop() {
		benchPass(&ev, 100)
		out = meter.Step(&c, &s, ev, out[:0])
	}
}
