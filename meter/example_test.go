package meter_test

import (
	"fmt"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// A meter with 1 kWh left and a minimal host: it has a load of 600 W and prints the relay's position.
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

// A key change by two tokens. The host keeps the keys that Take returns until the record that Step asks for is durable;
// here no write can fail.
func ExampleKeys_Take() {
	old, _ := sts.NewKey(sts.EA07, []byte("8 bytes."))
	next, _ := sts.NewKey(sts.EA07, []byte("8 others"))
	set, _ := sts.EncodeKeyChange(old, sts.KeyChange{Key: next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "07"})

	keys := meter.NewKeys(old, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, KRN: 1, TI: 7})
	config := meter.DefaultConfig()
	state := meter.New(keys.Info(), &config, 0)
	for _, token := range set {
		digits := token.Reveal()
		change, after := keys.Take(&state, digits)
		event := meter.Event{Kind: meter.EventToken, Source: meter.Keypad, Opened: keys.Open(digits), Change: change}
		for _, effect := range meter.Step(&config, &state, event, nil) {
			if effect.Kind != meter.EffectPersist {
				continue
			}
			keys = after // a real host makes the keys and the record durable together
			done := meter.Event{Kind: meter.EventPersisted, Record: effect.Record, OK: true}
			for _, effect := range meter.Step(&config, &state, done, nil) {
				if effect.Kind == meter.EffectResult {
					fmt.Println(effect.Result.Code, "key revision", state.Key.KRN)
				}
			}
		}
	}
	fmt.Println(keys.Reveal().Equal(next), keys)
	// Output:
	// kct_1st key revision 1
	// accept key revision 2
	// true meter.Keys(masked)
}
