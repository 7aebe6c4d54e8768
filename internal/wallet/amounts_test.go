package wallet_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// TestAnAmountThatCannotBeCountedDecidesNothing: an amount too large to count is an error for the caller; no command is given and no money
// leaves.
func TestAnAmountThatCannotBeCountedDecidesNothing(t *testing.T) {
	huge := unit.Energy(1 << 62)
	allows := func(d *rig) { d.tenant.Supply.Allowance, d.tenant.Supply.Windows = &huge, []string{"all 00:00-24:00"} }
	lends := func(d *rig) {
		k := d.kept[2]
		k.InMeter.Max = huge
		d.kept[2] = k
	}
	for _, c := range []struct {
		name   string
		meters int
		do     func(*rig)
	}{
		{"a tariff without a currency", 2, func(d *rig) { d.version.Body.Currency = "" }},
		{"an allowance", 2, allows}, {"an allowance for the only meter", 1, allows},
		{"the lease of the other meter", 2, lends},
		{"the lease of the other meter, which alone gets another one", 2, func(d *rig) {
			lends(d)
			d.seen[1].Memory = "another"
		}},
		{"the lease of the other meter, which cannot be told", 2, func(d *rig) {
			lends(d)
			d.seen[2].Commands = false
		}},
		{"a price", 2, func(d *rig) {
			d.version.Body.Levies = []tariff.Levy{{Name: "rural", Percent: 1 << 30}}
			d.version.Body.Blocks[0].Rate = 1 << 60
		}},
	} {
		d := newRig(t, 100_000, c.meters)
		d.passes(36 * time.Hour)
		for i := range d.rows {
			d.rows[i].At, d.seen[int64(i+1)].ReceivedAt = d.now, d.now
		}
		d.version.Body.Blocks = []tariff.Block{{Rate: 100_000_000}}
		c.do(d)
		if got, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, true); err == nil || len(d.log)+len(got.Rows) > 0 {
			t.Errorf("%s: settled %+v and said %q, %v", c.name, got, d.log, err)
		}
		if most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now); err == nil {
			t.Errorf("%s: the meter may count to %d Wh", c.name, most)
		}
		if ok, err := wallet.Covers(d, id.ID{15: 1}, 0, d.now); err == nil || ok {
			t.Errorf("%s: money may leave: %t, %v", c.name, ok, err)
		}
	}
	for _, policy := range []registry.WalletPolicy{{}, {Warn1: 1}, {Warn1: 1, Warn2: 1}} {
		if l, err := wallet.LevelsOf(policy, tariff.Body{Blocks: flat().Blocks}); err == nil || l != (wallet.Levels{}) {
			t.Errorf("levels %+v, %v", l, err)
		}
	}
	s := wallet.State{Accrued: 1, Parts: []wallet.Part{{Debit: 1}}}
	if _, j, err := wallet.Entry(s, wallet.MeterFacts{}, func(id.ID) (tariff.Version, error) { return tariff.Version{}, nil }, time.Time{}); err == nil || len(j.Postings) > 0 {
		t.Errorf("use in no currency was posted: %+v, %v", j, err)
	}
}

// TestAFixedChargeThatCannotBeCountedIsNotTaken: the day is not recorded as charged, and no number of days left is shown.
func TestAFixedChargeThatCannotBeCountedIsNotTaken(t *testing.T) {
	for name, body := range map[string]tariff.Body{
		"beyond every amount": {Currency: "KES", VATBps: 30_000, Fixed: []tariff.FixedCharge{{Name: "rent", Amount: 1 << 62, Per: tariff.PerMonth}}},
		"a negative tax":      {Currency: "KES", VATBps: -1, Fixed: []tariff.FixedCharge{{Name: "rent", Amount: 100, Per: tariff.PerMonth}}},
	} {
		d := newTill(t, 100_000, 1)
		d.usage = []wallet.DayUse{used("2026-11-17", 1000, 500)}
		d.version.Body = body
		if n, err := d.wallets().ChargeDays(t.Context(), system()); err == nil || n != 0 || d.charged != "" || len(d.booked) > 0 {
			t.Errorf("%s: %d days charged up to %q, %v", name, n, d.charged, err)
		}
		if v, err := d.wallets().Supply(t.Context(), system(), tillNumber); err == nil || v.Number != "" {
			t.Errorf("%s: shown %+v, %v", name, v, err)
		}
	}
	d := newTill(t, 100_000, 1)
	d.usage = []wallet.DayUse{used("2026-11-1", 1000, 500)}
	if v, err := d.wallets().Supply(t.Context(), system(), tillNumber); err == nil || v.Number != "" {
		t.Errorf("use of a day that is none: %+v, %v", v, err)
	}
}

// TestWhatAMeterShowsOfItsWallet adds up the use of all meters of its account.
func TestWhatAMeterShowsOfItsWallet(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	rows := []wallet.Row{
		{State: wallet.State{Accrued: 30, Register: 500, Base: 100, At: at}, Meter: wallet.MeterFacts{N: 4}},
		{State: wallet.State{Accrued: 5, Off: supply.Of(supply.Credit, supply.Remote), Low1: supply.Crossing{Below: true}, Held: wallet.Held{Reason: wallet.HoldSpan}}, Meter: wallet.MeterFacts{N: 6}},
	}
	books := wallet.Money{Wallet: 1000, Held: 200}
	first, second := wallet.ViewOf(4, rows, books, "KES"), wallet.ViewOf(6, rows, books, "KES")
	kes := func(m money.Minor) money.Amount { return money.Amount{Minor: m, Currency: "KES"} }
	want := registry.WalletMoney{Settled: kes(1000), Unbooked: kes(35), Available: kes(765), AsOf: at}
	if *first.Money != want || first.Total != 400 || !first.Supply || len(first.Off) > 0 || first.Held != "" {
		t.Errorf("the first: %+v with %+v, want %+v", first, first.Money, want)
	}
	want.AsOf, want.Low = time.Time{}, true
	if *second.Money != want || second.Supply || !slices.Equal(second.Off, supply.Of(supply.Credit, supply.Remote).Names()) || second.Held != "span" {
		t.Errorf("the second: %+v with %+v, want %+v", second, second.Money, want)
	}
	rows[0].ClosedAt = at
	if replaced := wallet.ViewOf(4, rows, books, "KES"); replaced.Money != nil || replaced.Total != 400 {
		t.Errorf("a meter that was replaced: %+v with %+v, want its energy and no money", replaced, replaced.Money)
	}
	if other := wallet.ViewOf(5, rows, books, "KES"); other != nil {
		t.Errorf("a meter without a wallet shows %+v", other)
	}
}
