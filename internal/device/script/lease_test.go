package script_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/wire"
)

// walletMeter is a new meter in wallet mode.
func walletMeter(t *testing.T) (*device.Device, wire.LinkKey) {
	t.Helper()
	key, err := wire.NewLinkKey(bytes.Repeat([]byte{7}, wire.LinkKeySize))
	if err != nil {
		t.Fatal(err)
	}
	d, err := device.Open(device.Config{
		Number: "12345678903", Image: &memory.RAMImage{}, Log: memory.NewRAM(), Rand: strings.NewReader("1234567812345678"),
		Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), LinkKey: key, HasLink: true,
		Document: map[string]any{"payment_mode": "prepay_wallet"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, key
}

// renews grants leases of 20 kWh. The parameter most is the greatest number of leases. Each lease is granted within a second
// of real time after a reading shows that half of the previous lease is used.
func (n *net) renews(ctx context.Context, t *testing.T, key wire.LinkKey, most uint64) {
	const limit, topic = 20_000, "m/12345678903/down/lease"
	for seq, granted := uint64(1), int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		for _, e := range n.box.Next(0) {
			n.box.Ack(wire.Ack{Seq: e.Seq})
			good, _, err := wire.DecodeUp(e.Kind, e.Data)
			if err != nil || len(good) != 1 || good[0].Reading == nil || granted-good[0].Reading.RegisterWh > limit/2 || seq > most {
				continue
			}
			r := good[0].Reading
			b, err := wire.EncodeBody(wire.Lease{
				SignedHeader: wire.SignedHeader{ID: "lea_" + strconv.FormatUint(seq, 10), Counter: seq, ExpiresAt: r.At + 3600},
				Seq:          seq, MaxRegisterWh: r.RegisterWh + limit, TTLs: 259_200,
			})
			if err == nil {
				b, err = wire.Sign(wire.JSON, key, topic, b)
			}
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case n.inbox <- link.Message{Down: wire.DownLease, Topic: topic, Payload: b}:
				seq, granted = seq+1, r.RegisterWh+limit
			case <-ctx.Done():
				return
			}
		}
	}
}

// TestARunWaitsForItsLease simulates a household that uses 2 kW for five days. With a server that takes a second of real time
// to answer, supply never fails. With a server that stops granting leases, the run continues after 10 s and uses the last
// lease to its end.
func TestARunWaitsForItsLease(t *testing.T) {
	for _, c := range []struct {
		name string
		most uint64
		wh   int64 // the least energy used; up to 500 Wh more is right, because the run checks its lease every 100 Wh
		// least and longest bound how long the run pauses, in real time.
		least, longest time.Duration
		relay          string
	}{
		{"a server that answers", 1000, 240_000, 20 * time.Second, 60 * time.Second, "closed"},
		{"a server that has given three", 3, 40_000, 10 * time.Second, 30 * time.Second, "open"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, key := walletMeter(t)
			n := &net{inbox: make(chan link.Message), box: d.Box()}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go n.renews(ctx, t, key, c.most)
			start := time.Now()
			got, _ := play(t, d, n, "load 2000", "run 1s", "run 5d", "quit")
			v := got[2]
			if v.RegisterWh < c.wh || v.RegisterWh > c.wh+500 || v.Relay != c.relay || v.OverrunWh != 0 {
				t.Errorf("%s: register %d, relay %s, %d Wh beyond the lease; want %d, %s, none", c.name, v.RegisterWh, v.Relay, v.OverrunWh, c.wh, c.relay)
			}
			if took := time.Since(start); took < c.least || took > c.longest {
				t.Errorf("%s: held back for %v, want %v to %v", c.name, took, c.least, c.longest)
			}
		})
	}
}
