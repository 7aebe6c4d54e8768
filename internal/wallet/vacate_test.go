package wallet_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// TestWhatAMeterMaySupplyAfterItsCustomerHasGone follows what the meters of an account may still supply without another order.
func TestWhatAMeterMaySupplyAfterItsCustomerHasGone(t *testing.T) {
	d := newRig(t, 28_750, 2) // buys 100 kWh, and so a whole lease for each meter
	want := func(after string, want unit.Energy) {
		t.Helper()
		if got, err := wallet.PlanLastUse(d, id.ID{}, d.now); err != nil || got.Allowed != want {
			t.Errorf("%s: %d Wh, %v, want %d Wh", after, got.Allowed, err, want)
		}
	}
	want("two leases", 40_000)
	d.passes(30*time.Minute).reads(1, 4000, supply.Closed)
	want("some energy used", 36_000)
	if _, err := wallet.Switch(d, 1, true, "usr_x", "moves out", d.now); err != nil {
		t.Fatal(err)
	}
	d.signs(1, wallet.CommandCut)
	want("a cut-off is under way", 36_000)
	d.does(1, wallet.CommandCut)
	want("carried out, and no reading since", 36_000)
	d.passes(time.Minute).reads(1, 4000, supply.Open, supply.Remote)
	want("the meter says that it is off", 20_000)
	d.seen[2].Leases = false
	want("a meter without leases", wallet.Tenant{}.Supply.LeaseCap())
	d.seen[2].ReceivedAt = time.Time{}
	want("a meter that never reported", 0)
	if _, err := wallet.Switch(d, 1, false, "usr_x", "stays", d.now); err != nil {
		t.Fatal(err)
	}
	want("a connect is under way", 16_000)
}

// TestTheLastUseIsPostedAsPlanned: to plan it writes nothing, and what is posted then is what was planned.
func TestTheLastUseIsPostedAsPlanned(t *testing.T) {
	d := newTill(t, 100_000, 2)
	for i := range d.rows {
		d.rows[i].Meter.Advanced = 50 // the tax of one posting is 37
	}
	d.takes(d.reading(10, 1, 1000, false))
	d.says()
	before, orders := slices.Clone(d.rows), len(d.wrote)
	plan, err := wallet.PlanLastUse(d, id.ID{15: 1}, d.now)
	if err != nil || plan.Money.Wallet != 100_000-287 || plan.Advanced != 13 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if !reflect.DeepEqual(d.rows, before) || len(d.booked) > 0 || len(d.wrote) > orders {
		t.Errorf("planning booked %d journals and wrote %q", len(d.booked), d.wrote[orders:])
	}
	if err := plan.Post(d); err != nil || d.money != plan.Money.Wallet || len(d.booked) != 1 || d.rows[0].Accrued != 0 {
		t.Errorf("posted: %v, %d in the wallet, %d journals, %d accrued", err, d.money, len(d.booked), d.rows[0].Accrued)
	}
}
