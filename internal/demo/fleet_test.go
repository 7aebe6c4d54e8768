package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
)

var errDisk = errors.New("the disk has failed")

// failingLog is the log of a meter. Once it is broken, nothing becomes durable.
type failingLog struct {
	memory.Nothing
	broken bool
}

func (l *failingLog) Commit(memory.Frame) error {
	if l.broken {
		return errDisk
	}
	return nil
}

// TestAMeterThatCannotTakeAMessageEndsTheWait: what the demonstration waits for never comes then.
func TestAMeterThatCannotTakeAMessageEndsTheWait(t *testing.T) {
	const number = "04140001001"
	log := &failingLog{}
	dev, err := device.Open(device.Config{Number: number, Image: &memory.RAMImage{}, Log: log, Rand: rand.Reader,
		Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Document: map[string]any{"payment_mode": "prepay_wallet"}})
	if err != nil {
		t.Fatal(err)
	}
	log.broken = true
	if err := dev.Read(); err != nil { // the record waits to become durable
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := link.New(link.Config{Number: number, Box: dev.Box()},
		func(_ context.Context, onMessage func(string, []byte), _ func(error)) (link.Session, error) {
			onMessage("m/"+number+"/down/token", nil)
			cancel()
			return nil, context.Canceled
		})
	l.Run(ctx)
	m := &fleetMeter{house: household{number: number}, dev: dev, modem: &link.Modem{Link: l}}
	err = m.await(t.Context(), "the pushed token did not come", func() bool { return false })
	if !errors.Is(err, errDisk) {
		t.Errorf("the wait for a token ended with %v, want %v", err, errDisk)
	}
}
