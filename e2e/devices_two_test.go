package e2e

// Two plugs at the listener of one meter, through the whole server and with a client of MQTT that others wrote.

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// TestTwoPlugsAtTheListenerOfOneMeter: a bridge carries two plugs to the listener of one meter. Nothing is charged and nothing is switched
// until a person chooses one. From then on only the chosen plug is measured and switched. Messages that cannot be read open one alarm, and the
// other plug's messages none but its claim.
func TestTwoPlugsAtTheListenerOfOneMeter(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	p.expect("another device uses the listener of a meter", "message from a device could not be read", "context canceled") // the plugs speak while the server stops
	p.strongPlugs(t, "tasmota")
	addr, meter := freeAddress(t), number(6121)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-legacy", addr+"="+meter+":tasmota", "--legacy-poll-interval", "250ms")
	q := &story{place: p, srv: srv, key: p.personKey(t, "amina", "owner")}
	a := newAPI(srv.http, q.key)
	a.plan(t)
	a.walletMeter(t, meter)
	a.recharge(t, meter, 50_00, "two-plugs-000001")
	kitchen := &shelfPlug{kind: "tasmota", name: "kitchen", client: "DVES_1", wh: 70_000, silent: true}
	bath := &shelfPlug{kind: "tasmota", name: "bath", client: "DVES_2", wh: 300, silent: true}
	both := []*shelfPlug{kitchen, bath}
	for _, one := range both {
		one.plugIn(t, addr)
	}
	alarms := func() string { return string(a.must(t, 200, "GET", "/v1/alarms", nil).body) }
	await.True(t, "both plugs are connected", func() bool { return kitchen.c.IsConnected() && bath.c.IsConnected() })
	for _, one := range both { // a plug that is read before another one is heard is the meter's, and is switched on
		one.tellState()
	}
	await.True(t, "both plugs are heard", func() bool { return strings.Contains(alarms(), "device-claimed") })
	for range 3 {
		for _, one := range both {
			one.measure(5)
		}
	}
	if n := kitchen.switched() + bath.switched(); n != 0 {
		t.Errorf("%d orders before a person chose", n)
	}
	if got := a.balance(t, meter); got != 50_00 {
		t.Errorf("before a person chose, the balance is %d", got)
	}

	q.till().run(t, "", "device", "replace", meter, "bath", "--reason", "the kitchen has a meter of its own")
	was := bath.wh // before a report that may be charged, or may be the first that others are compared with
	bath.measure(1)
	await.True(t, "the chosen plug is switched on", bath.closed)
	await.True(t, "the chosen plug is measured", func() bool {
		return !strings.Contains(string(a.must(t, 200, "GET", "/v1/meters/"+meter, nil).body), `"register_wh":null`)
	})
	before := a.register(t, meter)
	kitchen.measure(5)
	await.True(t, "the chosen plug is charged", func() bool {
		bath.draws(900, 200) // and says so when the server asks
		return a.register(t, meter) >= before+100
	})
	if n := kitchen.switched(); n != 0 {
		t.Errorf("the plug of another meter got %d orders", n)
	}
	if got := a.register(t, meter); got > before+int64(bath.wh-was) {
		t.Errorf("the register went from %d to %d Wh, and the plug from %.0f to %.0f", before, got, was, bath.wh)
	}
	for _, one := range both {
		one.spoils()
		for range 3 {
			one.measure(1)
		}
	}
	await.True(t, "messages that cannot be read are an alarm", func() bool { return strings.Contains(alarms(), "unreadable-record") })
	if got := strings.Count(alarms(), "unreadable-record"); got != 1 {
		t.Errorf("%d alarms about messages that cannot be read", got)
	}
	srv.stop()
	p.run(t, "", "verify", "--data", p.dir)
}

// tellState reports whether the relay of a plug is closed.
func (p *shelfPlug) tellState() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state()
}

// measure adds energy to the counter of a plug and reports it, whatever its relay does. From now on a silent plug answers too.
func (p *shelfPlug) measure(wh float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = false
	p.wh += wh
	p.report()
}

// spoils lets a plug send only reports that cannot be read.
func (p *shelfPlug) spoils() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoilt = true
}

// switched returns how many orders a plug got.
func (p *shelfPlug) switched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.orders
}
