package wallet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestAnAccountThatWasClosedMeanwhileIsNotCharged closes an account, or removes its meter, after it was listed and before its transaction.
func TestAnAccountThatWasClosedMeanwhileIsNotCharged(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*rig)
		want int
		to   string
	}{
		"active":         {func(*rig) {}, 3, "2026-11-18"},
		"closed":         {func(d *rig) { d.rows[0].Meter.Active = false }, 0, ""},
		"without meters": {func(d *rig) { d.rows = nil }, 0, ""},
	} {
		d := newTill(t, 100_000, 1)
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
		c.do(d.rig)
		got, err := d.wallets().ChargeDays(t.Context(), system())
		if err != nil || got != c.want || d.charged != c.to {
			t.Errorf("%s: %d days charged up to %q, %v; want %d up to %q", name, got, d.charged, err, c.want, c.to)
		}
	}
}

// TestOneDayThatTakesTheLastMoneyCuts: a single day's charges are enough for a decision about the supply, and a day without charges is not.
func TestOneDayThatTakesTheLastMoneyCuts(t *testing.T) {
	for _, c := range []struct {
		amount money.Minor
		vat    money.Bps
		want   string
	}{{100, 1500, "disconnect m1; supply-off m1"}, {100, 10_000, "disconnect m1; supply-off m1"}, {0, 1500, ""}} {
		d := newTill(t, 100, 1)
		d.version.Body.VATBps = c.vat
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: c.amount, Per: tariff.PerDay}}
		d.charged = "2026-11-17"
		d.settles()
		d.says()
		if _, err := d.wallets().ChargeDays(t.Context(), system()); err != nil || d.charged != "2026-11-18" {
			t.Errorf("charged up to %q, %v", d.charged, err)
		}
		d.want(fmt.Sprintf("a day at %d and %d", c.amount, c.vat), c.want)
	}
}

// TestASimulatedMeterIsChargedForItsOwnDays: by the meter's own clock it is the 3rd of March, and its account was opened on the 1st of
// March.
func TestASimulatedMeterIsChargedForItsOwnDays(t *testing.T) {
	d := newTill(t, 100_000, 1)
	d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	its := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	d.uncharged = []wallet.ChargeAccount{{OpenedAt: its.AddDate(0, 0, -2),
		Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Active: true, Simulated: true, LastSeen: d.now, NewestAt: its.UnixMicro()}}}
	if n, err := d.wallets().ChargeDays(t.Context(), system()); n != 3 || err != nil || d.charged != "2026-03-03" {
		t.Errorf("%d days charged up to %q, %v; want 3 up to its own today", n, d.charged, err)
	}
}

// TestAMonthOfAnAccountIsOneTransaction: one transaction charges at most 31 days, however far behind the account is.
func TestAMonthOfAnAccountIsOneTransaction(t *testing.T) {
	for _, days := range []int{31, 32, 62, 63} {
		d := newTill(t, 100_000, 1)
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 1, Per: tariff.PerDay}}
		d.uncharged = []wallet.ChargeAccount{{Meter: wallet.MeterFacts{N: 1, Account: id.ID{15: 1}, Active: true}, OpenedAt: d.now.AddDate(0, 0, 1-days)}}
		d.chargedTo = nil
		n, err := d.wallets().ChargeDays(t.Context(), system())
		var want []string
		for done := 31; done < days; done += 31 {
			want = append(want, d.now.AddDate(0, 0, done-days).Format(time.DateOnly))
		}
		if want = append(want, "2026-11-18"); n != days || err != nil || !slices.Equal(d.chargedTo, want) {
			t.Errorf("%d of %d days charged, up to %q, %v; want %q", n, days, d.chargedTo, err, want)
		}
	}
}
