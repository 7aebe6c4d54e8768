package app_test

import (
	"fmt"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/wire"
)

// TestAReadingCutsOffAtOnce: in a running server the outbox worker polls once a second, but a cut-off that follows from a reading wakes it
// at once. The worker polled just before the reading, when the meter connected.
func TestAReadingCutsOffAtOnce(t *testing.T) {
	dir := t.TempDir()
	a := start(t, config(dir))
	run(t, a)
	c := connect(t, a, dir)
	rate := int64(1_000_000)
	if _, err := c.CreateTariff(t.Context(), apiv1.NewTariff{Name: "flat", Price: apiv1.Price{Currency: "KES", FlatMicro: &rate}}); err != nil {
		t.Fatal(err)
	}
	const within = 500 * time.Millisecond
	best := time.Hour
	for n := 1; n <= 3 && best > within; n++ { // a busy machine may need another attempt
		took := cutOff(t, a, c, n)
		t.Logf("the order came %s after the reading", took)
		best = min(best, took)
	}
	if best > within {
		t.Errorf("a cut-off came %s after its reading, want at most %s", best, within)
	}
}

// cutOff uses up the wallet of a new meter, and returns how long after its reading the command came.
func cutOff(t *testing.T, a *app.App, c *client.Client, n int) time.Duration {
	t.Helper()
	number := []string{"04140001001", "04140001019", "04140001027"}[n-1]
	added, err := c.AddMeter(t.Context(), apiv1.NewMeter{Number: number, Mode: "prepay_wallet", Tariff: "flat", Customer: &apiv1.Customer{Name: "Amina A."}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Vend(t.Context(), apiv1.NewSale{Meter: number, Tender: apiv1.Amount{AmountMinor: 100, Currency: "KES"}}, fmt.Sprintf("payment-%d", n)); err != nil {
		t.Fatal(err)
	}
	_, addr := a.Ready()
	meter := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(number).SetUsername(number).SetPassword(added.MQTTPassword))
	did := func(token paho.Token) {
		t.Helper()
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("the server did not answer: %v", token.Error())
		}
	}
	did(meter.Connect())
	defer meter.Disconnect(0)
	says := func(r wire.Record) {
		t.Helper()
		payload, err := wire.EncodeUp(wire.JSON, r)
		if err != nil {
			t.Fatal(err)
		}
		did(meter.Publish(wire.UpTopic(number, r.Kind), 1, false, payload))
	}
	const memory = "00112233aabbccdd"
	says(wire.Boot{Memory: memory, Lowest: 1, Next: 1, Boot: 1, Proto: 1, FW: "1.0"}.Record())
	reading := func(seq uint64, ago time.Duration, register int64) wire.Record {
		head := wire.Head{Seq: seq, At: time.Now().Add(-ago).Unix(), Up: uint64((2*time.Hour - ago).Milliseconds()), Clock: wire.ClockValid}
		return wire.Reading{Head: head, RegisterWh: register, Relay: "closed"}.Record()
	}
	says(reading(1, time.Hour, 0))
	cut := make(chan struct{}, 10)
	did(meter.Subscribe(wire.DownTopic(number, wire.DownCommand), 1, func(paho.Client, paho.Message) { cut <- struct{}{} }))
	began := time.Now()
	says(reading(2, 0, 1500))
	select {
	case <-cut:
	case <-time.After(10 * time.Second):
		t.Fatal("no cut-off was sent")
	}
	return time.Since(began)
}
