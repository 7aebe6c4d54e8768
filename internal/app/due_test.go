package app_test

import (
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/wire"
)

// TestAReadingCutsOffAtOnce: a cut-off that follows from a reading wakes the outbox worker. Here the worker polls once an hour, so an order
// that comes was not found by a poll.
func TestAReadingCutsOffAtOnce(t *testing.T) {
	dir := t.TempDir()
	with := config(dir)
	with.OutboxEvery = time.Hour
	a := start(t, with)
	run(t, a)
	c := connect(t, a, dir)
	rate := int64(1_000_000)
	if _, err := c.CreateTariff(t.Context(), apiv1.NewTariff{Name: "flat", Price: apiv1.Price{Currency: "KES", FlatMicro: &rate}}); err != nil {
		t.Fatal(err)
	}
	const number = "04140001001"
	added, err := c.AddMeter(t.Context(), apiv1.NewMeter{Number: number, Mode: "prepay_wallet", Tariff: "flat", Customer: &apiv1.Customer{Name: "Amina A."}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Vend(t.Context(), apiv1.NewSale{Meter: number, Tender: apiv1.Amount{AmountMinor: 100, Currency: "KES"}}, "payment-1"); err != nil {
		t.Fatal(err)
	}
	_, addr := a.Ready()
	meter := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(number).SetUsername(number).SetPassword(added.MQTTPassword))
	did := func(token paho.Token) {
		t.Helper()
		if await.Receive(t, "the answer of the server", token.Done()); token.Error() != nil {
			t.Fatal(token.Error())
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
	says(reading(2, 0, 1500))
	await.Receive(t, "the order to cut off", cut)
}
