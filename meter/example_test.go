package meter_test

import (
	"fmt"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// A meter with 1 kWh left, and the smallest of hosts: a load of 600 W, and a relay that is printed.
func ExampleStep() {
	config := meter.DefaultConfig()
	state := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255}, &config, 0)
	state.Balance, state.Reasons, state.Relay = 1000, 0, supply.Closed

	out := make([]meter.Effect, 0, meter.MaxEffects)
	for minute := uint64(1); state.Relay == supply.Closed; minute++ {
		out = meter.Step(&config, &state, meter.Event{
			Kind: meter.EventEnergy, Energy: 10 * unit.WattHour, Up: minute * 60_000,
		}, out[:0])
		for _, effect := range out {
			if effect.Kind == meter.EffectRelay {
				fmt.Printf("after %d minutes the relay is %s for %s\n", minute, state.Relay, state.Reasons)
			}
		}
	}
	fmt.Println("register", state.Register, "credit", state.Shown())
	// Output:
	// after 100 minutes the relay is open for CREDIT
	// register 1.000 kWh credit 0.000 kWh
}
