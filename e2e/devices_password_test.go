package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// powers reports a power, if the relay is closed. A device with ESPHome does so again and again without being asked.
func (p *shelfPlug) powers(watts string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on {
		watts = "0.0"
	}
	p.c.Publish(p.name+"/sensor/power/state", 0, false, watts)
}

// TestADeviceWithESPHomeAndAPassword: the shared listener has a password. A device without it, or with another, is not even offered. The one
// with it is offered, adopted once a second person agrees, measured by its power, and switched.
func TestADeviceWithESPHomeAndAPassword(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	addr := freeAddress(t)
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", "--mqtt-devices", addr)
	amina := newAPI(srv.http, p.personKey(t, "amina", "owner"))
	amina.plan(t)
	amina.walletMeter(t, number(6201))
	brian := newAPI(srv.http, p.personKey(t, "brian", "owner")) // from here on, a second person must agree
	secret := amina.must(t, 201, "POST", "/v1/devices/password", map[string]any{})
	user, password := secret.text(t, "user"), secret.text(t, "password")
	plugs := map[string]*shelfPlug{}
	for name, with := range map[string][2]string{"boiler": {user, password}, "stranger": {}, "guesser": {user, password + "x"}} {
		plugs[name] = &shelfPlug{kind: "esphome", name: name, client: name + "-a1b2c3", user: with[0], password: with[1]}
		plugs[name].plugIn(t, addr)
	}
	unknown := func() string { return string(amina.must(t, 200, "GET", "/v1/devices/unknown", nil).body) }
	await.True(t, "the device with the password is offered", func() bool {
		said := unknown()
		return strings.Contains(said, `"boiler"`) && strings.Contains(said, `"esphome"`)
	})

	asked := amina.must(t, 202, "POST", "/v1/devices", map[string]any{"name": "boiler", "meter": number(6201)})
	if said := unknown(); !strings.Contains(said, `"boiler"`) {
		t.Errorf("one person alone adopted the device: %s", said)
	}
	amina.must(t, 403, "POST", "/v1/approvals/"+asked.text(t, "id")+"/approve", map[string]any{})
	brian.must(t, 200, "POST", "/v1/approvals/"+asked.text(t, "id")+"/approve", map[string]any{})
	boiler, began := plugs["boiler"], time.Now()
	await.True(t, "the unpaid device is off, and its power was read: what nobody measures gets no supply", func() bool {
		boiler.powers("0.0")
		d := amina.must(t, 200, "GET", "/v1/meters/"+number(6201)+"/device", nil)
		return !boiler.closed() && d.says(`"relay":"open"`) && d.says(`"wanted":"off"`) && d.says(`"data":`)
	})
	amina.recharge(t, number(6201), 1_00, "esphome-000001")
	await.True(t, "the device is on after a recharge", boiler.closed)
	await.True(t, "the device is off when its 10 Wh are used", func() bool {
		boiler.powers("15000.0")
		return !boiler.closed()
	})
	got, owed := amina.register(t, number(6201)), amina.balance(t, number(6201))
	most := int64(15_000*time.Since(began).Hours()) + 1 // what 15 kW can use in this time, however long the machine took
	if got < 10 || got > most || owed > 0 || owed < 1_00-10*most {
		t.Errorf("the register is %d Wh at a balance of %d, want 10 to %d Wh", got, owed, most)
	}
	if said := unknown(); strings.Contains(said, "stranger") || strings.Contains(said, "guesser") {
		t.Errorf("a device without the password is offered: %s", said)
	}
	srv.stop()
	p.run(t, "", "verify", "--data", p.dir)
}
