package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/paywatt/paywatt/internal/await"
)

// shelfPlug plays an unmodified device with the paho client: a relay, and a counter that grows while the relay is closed.
type shelfPlug struct {
	kind, name, client string
	user, password     string

	mu     sync.Mutex
	wh     float64
	on     bool
	orders int  // messages that switch
	spoilt bool // its reports cannot be read
	silent bool // it does not answer when it is asked for its counter
	drewAt time.Time
	drawn  float64 // Wh, by draws
	c      mqtt.Client
}

// command and birth are the topic to which a kind of device listens, and its first message.
func (p *shelfPlug) command() string {
	return map[string]string{"tasmota": "cmnd/" + p.name + "/#", "shelly": p.name + "/command/#", "shelly-gen1": "shellies/" + p.name + "/#",
		"esphome": p.name + "/switch/relay/command"}[p.kind]
}

func (p *shelfPlug) birth() (topic, payload string) {
	switch p.kind {
	case "tasmota":
		return "tele/" + p.name + "/LWT", "Online"
	case "shelly":
		return p.name + "/online", "true"
	case "esphome":
		return p.name + "/status", "online"
	}
	return "shellies/" + p.name + "/online", "true"
}

func (p *shelfPlug) plugIn(t *testing.T, addr string) {
	t.Helper()
	o := mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(p.client).SetProtocolVersion(4).SetKeepAlive(30 * time.Second).
		SetAutoReconnect(true).SetMaxReconnectInterval(300 * time.Millisecond).SetConnectRetry(true)
	o.SetUsername(p.user).SetPassword(p.password)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { p.ordered(m.Topic(), string(m.Payload())) })
	o.SetOnConnectHandler(func(c mqtt.Client) {
		topic, payload := p.birth()
		c.Publish(topic, 0, false, payload)
		c.Subscribe(p.command(), 0, nil)
	})
	p.c = mqtt.NewClient(o)
	p.c.Connect()
	t.Cleanup(func() { p.c.Disconnect(0) })
}

// ordered does what a message asks for: switch, or report the counter.
func (p *shelfPlug) ordered(topic, payload string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch word := strings.ToLower(payload); {
	case word == "on" || word == "off":
		p.on = word == "on"
		p.orders++
		p.state()
	case !p.silent && (payload == "10" || payload == "update" || payload == "status_update"):
		p.report()
	}
}

func (p *shelfPlug) state() {
	word := map[bool]string{true: "on", false: "off"}[p.on]
	switch p.kind {
	case "tasmota":
		p.c.Publish("stat/"+p.name+"/POWER", 0, false, strings.ToUpper(word))
	case "shelly":
		p.report()
	case "esphome":
		p.c.Publish(p.name+"/switch/relay/state", 0, false, strings.ToUpper(word))
	default:
		p.c.Publish("shellies/"+p.name+"/relay/0", 0, false, word)
	}
}

func (p *shelfPlug) report() {
	if p.spoilt {
		p.c.Publish("tele/"+p.name+"/SENSOR", 0, false, `{"ENERGY":`)
		return
	}
	switch p.kind {
	case "tasmota":
		p.c.Publish("stat/"+p.name+"/STATUS10", 0, false, fmt.Sprintf(`{"StatusSNS":{"ENERGY":{"Power":1000,"Total":%.5f}}}`, p.wh/1000))
	case "shelly":
		p.c.Publish(p.name+"/status/switch:0", 0, false, fmt.Sprintf(`{"apower":1000,"output":%t,"aenergy":{"total":%.3f}}`, p.on, p.wh))
	default:
		p.c.Publish("shellies/"+p.name+"/relay/0/energy", 0, false, fmt.Sprint(int64(p.wh*60)))
	}
}

// draws adds to the counter what a load has used since the last call, if the relay is closed, up to an amount in all.
func (p *shelfPlug) draws(kilowatts, mostWh float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.on && !p.drewAt.IsZero() {
		wh := min(kilowatts*1000*now.Sub(p.drewAt).Hours(), mostWh-p.drawn)
		p.wh, p.drawn = p.wh+wh, p.drawn+wh
	}
	p.drewAt = now
}

func (p *shelfPlug) closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.on
}

// strongPlugs puts profiles into the data folder by which plugs can measure a megawatt, so that a test may use a kilowatt-hour in seconds.
func (p *place) strongPlugs(t *testing.T, names ...string) {
	t.Helper()
	folder := filepath.Join(p.dir, "profiles")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile("../profiles/" + name + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(b), "max_w = 16000", "max_w = 1000000", 1)
		if err := os.WriteFile(filepath.Join(folder, name+".toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyDevicesAtOneListener adopts three devices while the server runs: they are off while unpaid, on after a recharge, charged, and off
// again. Another client of the same name, and a flood of names, change nothing. A released device is unknown again.
func TestManyDevicesAtOneListener(t *testing.T) {
	t.Parallel()
	needed(t, "mosquitto_pub")
	p := newPlace(t, paywatt(t))
	p.expect("another client uses the name of a device", "context canceled") // the devices speak while the server stops
	p.strongPlugs(t, "tasmota", "shelly", "shelly-gen1")
	addr := freeAddress(t)
	more := []string{"--mqtt-devices", addr, "--legacy-poll-interval", "250ms"}
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", more...)
	q := &story{place: p, srv: srv, key: p.personKey(t, "amina", "owner")}
	a := newAPI(srv.http, q.key)
	a.plan(t)
	plugs := []*shelfPlug{{kind: "tasmota", name: "kitchen", client: "DVES_8A3F21", wh: 70_000}, {kind: "shelly", name: "shellyplus1pm-a8032ab1", client: "shellyplus1pm-a8032ab1", wh: 12},
		{kind: "shelly-gen1", name: "shelly1pm-3C61", client: "shelly1pm-3C61", wh: 400}}
	for i, one := range plugs {
		a.walletMeter(t, number(6101+i))
		one.plugIn(t, addr)
	}
	await.True(t, "three devices are unknown", func() bool { return unknownDevices(t, a) == 3 })
	for i, one := range plugs {
		q.till().run(t, "", "device", "adopt", one.name, number(6101+i))
	}
	for i, one := range plugs {
		await.True(t, one.name+" is off and measured", func() bool {
			d := a.must(t, 200, "GET", "/v1/meters/"+number(6101+i)+"/device", nil)
			return !one.closed() && one.orders > 0 && d.says(`"relay":"open"`) && d.says(`"wanted":"off"`)
		})
		a.recharge(t, number(6101+i), 50_00, fmt.Sprintf("devices-%06d", i))
		await.True(t, one.name+" is on after a recharge", one.closed)
	}
	await.True(t, "all are off when 500 Wh are used", func() bool {
		off := true
		for _, one := range plugs {
			one.draws(700, 520)
			off = off && !one.closed()
		}
		return off
	})
	for i, one := range plugs {
		if owed := a.balance(t, number(6101+i)); owed > 0 || owed < -2_10 {
			t.Errorf("%s is off at a balance of %d", one.name, owed)
		}
		if got := a.register(t, number(6101+i)); got < 500 || got > 521 {
			t.Errorf("%s: the register is %d Wh, want the use since the adoption", one.name, got)
		}
	}
	a.recharge(t, number(6101), 50_00, "devices-again")
	await.True(t, "the first is on again", plugs[0].closed)

	before := a.register(t, number(6101))
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.Command("mosquitto_pub", "-h", host, "-p", port, "-i", "intruder", "-t", "tele/kitchen/SENSOR", "-m", `{"ENERGY":{"Power":1,"Total":99}}`).CombinedOutput()
	await.True(t, "the claim is shown", func() bool {
		return strings.Contains(string(a.must(t, 200, "GET", "/v1/devices", nil).body), `"client_id":"intruder"`) &&
			strings.Contains(string(a.must(t, 200, "GET", "/v1/alarms", nil).body), "device-claimed")
	})
	// The plug may report a last watt-hour in between; the other client's counter stands 28 kWh higher.
	if now := a.register(t, number(6101)); now < before || now > 521 {
		t.Errorf("another client moved the register from %d to %d Wh (%v %s)", before, now, err, out)
	}
	a.must(t, 200, "POST", "/v1/devices/kitchen/release", map[string]any{"reason": "moved"})
	await.True(t, "a released device is unknown", func() bool {
		return strings.Contains(string(a.must(t, 200, "GET", "/v1/devices/unknown", nil).body), `"kitchen"`)
	})
	hostile(t, a, addr)
	a.recharge(t, number(6102), 50_00, "after-the-flood")
	await.True(t, "an adopted device does not notice the flood", plugs[1].closed)
	a.must(t, 201, "POST", "/v1/meters", map[string]any{"number": number(6110), "mode": "prepay_wallet", "tariff": "plan", "status": "stock"})
	a.must(t, 201, "POST", "/v1/meters/"+number(6102)+"/swap", map[string]any{"new_meter": number(6110), "reason": "replaced"}, "Idempotency-Key", "devices-swap")
	await.True(t, "the device of a replaced meter is off", func() bool { return !plugs[1].closed() })
	srv.stop()
	p.run(t, "", "verify", "--data", p.dir)
}

func unknownDevices(t *testing.T, a *api) int {
	t.Helper()
	return len(a.must(t, 200, "GET", "/v1/devices/unknown?limit=200", nil).field(t, "data").([]any))
}

// hostile connects with many names, and with names that are not accepted.
func hostile(t *testing.T, a *api, addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	var all sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range 90 {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			name := fmt.Sprintf("n%d", i)
			if i%9 == 0 {
				name = "kit\u202echen\x07"
			}
			_ = exec.Command("mosquitto_pub", "-h", host, "-p", port, "-i", fmt.Sprintf("c%d", i), "-t", "tele/"+name+"/LWT", "-m", "Online").Run()
		})
	}
	all.Wait()
	got := a.must(t, 200, "GET", "/v1/devices/unknown?limit=200", nil)
	if n := unknownDevices(t, a); n < 20 || n > 64 || strings.Contains(string(got.body), `202e`) || strings.Contains(string(got.body), "\u202e") {
		t.Errorf("%d unknown devices after a flood: %s", n, got.body)
	}
}
