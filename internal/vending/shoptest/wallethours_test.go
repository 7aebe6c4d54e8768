package shoptest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// TestReadingsRechargesAndTheHourlyWorkAtOnce runs readings, recharges and the hourly work concurrently on two accounts. The books and the
// wallets agree afterwards.
func TestReadingsRechargesAndTheHourlyWorkAtOnce(t *testing.T) {
	tier.Concurrent(t)
	s := openWith(t, true, false)
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 10, Per: tariff.PerDay}}
	domestic := s.publish("domestic", b, monday().AddDate(0, -1, 0))
	meters := []string{s.walletMeter(1, domestic), s.walletMeter(2, domestic)}
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	const rounds = 40
	var all sync.WaitGroup
	for i, m := range meters {
		n := s.number(`SELECT n FROM meter WHERE number = $1`, m)
		all.Go(func() {
			for r := range rounds {
				if err := s.send(n, m, uint64(r+1), int64(r)*300); err != nil {
					t.Errorf("reading %d of %s: %v", r, m, err)
				}
			}
		})
		all.Go(func() {
			for r := range rounds {
				o := order(m, money.Minor(50+r), "recharge-"+string(rune('a'+i))+"-"+strings.Repeat("x", r))
				if sold, err := s.Sell(context.Background(), owner(), o); err != nil || sold.Refused() {
					t.Errorf("recharge %d of %s: %v %s", r, m, err, sold.Detail())
				}
			}
		})
	}
	all.Go(func() {
		by := access.SystemActor(tenant, "wallets")
		for range rounds {
			s.clock.add(time.Hour)
			if err := errors.Join(second(wallets.SettleDue(context.Background(), by)), second(wallets.ChargeDays(context.Background(), by))); err != nil {
				t.Errorf("settle: %v", err)
			}
		}
	})
	all.Wait()
	for _, m := range meters {
		if w, have := s.wallet(m); w.Register != (rounds-1)*300 || w.Total() != w.Register || have.Available() > 0 && !wallet.Wanted(w.State) {
			t.Errorf("meter %s: %d Wh rated of %d, available %d, off %q", m, w.Total(), (rounds-1)*300, have.Available(), w.Off)
		}
	}
	s.audit()
}

// send stores one reading of a meter, half an hour after the reading before it.
func (s *shop) send(n int64, number string, seq uint64, register int64) error {
	head := wire.Head{Seq: seq, At: monday().Add(time.Duration(seq) * 30 * time.Minute).Unix(), Up: seq * 1_800_000, Clock: wire.ClockValid}
	recs := []metering.Record{
		{Tenant: tenant, Meter: n, Number: number, ReceivedAt: monday().AddDate(0, 1, 0), Rec: wire.Boot{Memory: memory, Lowest: 1, Next: seq, Proto: 1}.Record()},
		{Tenant: tenant, Meter: n, Number: number, ReceivedAt: monday().AddDate(0, 1, 0), Memory: memory, Rec: wire.Reading{Head: head, RegisterWh: register, Relay: "closed"}.Record()}}
	done := make(chan error, 1)
	if err := s.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err }); err != nil {
		return err
	}
	return <-done
}

// TestASimulatedMetersDaysAreItsOwn: the clock of a simulated meter runs five days ahead. The meter pays the fixed charges of those five
// days. Its journals are marked TEST.
func TestASimulatedMetersDaysAreItsOwn(t *testing.T) {
	s := open(t, true)
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay, Untaxed: true}}
	m := s.meter(1, place{tariff: s.publish("domestic", b, monday().AddDate(0, -1, 0)), meter: func(m *registry.Meter) {
		m.Mode, m.Simulated = registry.PrepayWallet, true
	}, keys: func([]registry.Key) []registry.Key { return nil }})
	s.sell(order(m, 50_000, "recharge-1"))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	if n, err := wallets.ChargeDays(context.Background(), by); err != nil || n != 1 {
		t.Fatalf("%d charges before it spoke (%v), want today's", n, err)
	}
	n := s.number(`SELECT n FROM meter WHERE number = $1`, m)
	for seq, at := range []time.Time{s.clock.Now(), s.clock.Now().AddDate(0, 0, 5)} {
		head := wire.Head{Seq: uint64(seq) + 1, At: at.Unix(), Up: uint64(seq), Clock: wire.ClockValid}
		done := make(chan error, 1)
		err := s.engine.Ingest([]metering.Record{
			{Tenant: tenant, Meter: n, Number: m, Simulated: true, ReceivedAt: s.clock.Now(), Rec: wire.Boot{Memory: memory, Lowest: 1, Next: 3, Proto: 1}.Record()},
			{Tenant: tenant, Meter: n, Number: m, Simulated: true, ReceivedAt: s.clock.Now(), Memory: memory,
				Rec: wire.Reading{Head: head, RegisterWh: int64(seq) * 40_000, Relay: "closed"}.Record()}},
			func(_ []metering.Outcome, err error) { done <- err })
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := wallets.ChargeDays(context.Background(), by); err != nil || n != 5 {
		t.Errorf("%d charges five days later by its own clock (%v), want 5", n, err)
	}
	s.sell(order(m, 1, "recharge-2"))
	if w, have := s.wallet(m); have.Wallet != 50_001-600-11_500 || w.Total() != 40_000 {
		t.Errorf("the wallet has %d after %d Wh, want 379.01 after 40 kWh and six days", have.Wallet, w.Total())
	}
	if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind IN ('usage', 'charge', 'top_up') AND memo NOT LIKE '%TEST'`); n != 0 {
		t.Errorf("%d journals of a simulated meter are not marked", n)
	}
	used, err := wallets.Use(context.Background(), owner(), wallet.UseAsked{Meter: m})
	if err != nil || len(used.Data) != 6 || used.Data[0].Estimated == 0 {
		t.Errorf("use %+v (%v), want six days, estimated", used.Data, err)
	}
	s.audit()
}
